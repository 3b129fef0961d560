#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "state/clock.h"
#include "state/compact.h"
#include "workflows/erase_account.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

Json Names(const auto& ids) {
  Json names = Json::array();
  for (const auto& id : ids) names.push_back(id.str());
  return names;
}

// The provider's customers that an id stands for; one that is not known may still be named in events.
Result<std::vector<AccountId>> AccountsOf(Ledger& ledger, const std::string& any_id) {
  Result<std::vector<AccountId>> accounts = ledger.ResolveAccount(any_id);
  if (accounts && accounts->empty()) accounts->emplace_back(any_id);
  return accounts;
}

void Add(Json& sums, const AccountErased& erased) {
  const auto add = [&](const char* name, std::int64_t count) {
    sums[name] = sums.value(name, std::int64_t{0}) + count;
  };
  add("invoices", erased.invoices);
  add("bodies", erased.dropped.bodies);
  add("messages", erased.dropped.messages);
  add("aliases", erased.dropped.aliases);
  add("texts", erased.dropped.texts);
}

}  // namespace

int RunAccountsErase(const LedgerArguments& on, const std::string& id, bool force) {
  const Result<std::string> location = ChosenLocation(on);
  if (!location) return Complain(location.error());
  Result<std::unique_ptr<Ledger>> ledger = OpenLedger(*location, {.mode = LedgerOptions::Mode::kOpenExisting});
  if (!ledger) return Complain(ledger.error());
  const Result<std::vector<AccountId>> accounts = AccountsOf(**ledger, id);
  if (!accounts) return Complain(accounts.error());
  Json view = {{"accounts", Names(*accounts)}, {"subscriptions", Json::array()}, {"erased", Json::object()}};
  const Timestamp now = SystemClock().Now();
  for (const AccountId& account : *accounts) {
    Unit along;
    along.jobs.push_back(EraseAgainJob(account, now));
    const StillRunning running = force ? StillRunning::kEraseToo : StillRunning::kRefuse;
    const Result<AccountErased> erased = EraseAccount(**ledger, account, running, now, along);
    if (!erased && erased.error().code == Errc::kConflict)
      return Complain(erased.error().detail + ", or erase it all the same with --force", kExitNo);
    if (!erased) return Complain(erased.error());
    for (const SubscriptionId& subscription : erased->subscriptions)
      view["subscriptions"].push_back(subscription.str());
    Add(view["erased"], *erased);
  }
  ledger->reset();
  if (const Status compacted = CompactLedger(*location); !compacted) {
    return Complain("it is erased, but freed bytes are still in the ledger's files; run `accounts erase " +
                        accounts->front().str() + "` again: " + compacted.error().detail,
                    kExitNo);
  }
  if (on.json) {
    PrintJson(view);
  } else {
    PrintFields(view);
  }
  return kExitOk;
}

}  // namespace dunlin
