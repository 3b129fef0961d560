#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "app/views.h"
#include "state/clock.h"
#include "workflows/retry_request.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kPageMax = 1000;

// A ledger with what showing its subscriptions needs.
struct Desk {
  std::unique_ptr<Ledger> ledger;
  PolicyBook policies;
  Timestamp now;
};

Result<Desk> OpenDesk(const LedgerArguments& on) {
  Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return tl::unexpected(std::move(ledger.error()));
  Result<PolicyBook> policies = PoliciesOf(**ledger);
  if (!policies) return tl::unexpected(std::move(policies.error()));
  return Desk{std::move(*ledger), std::move(*policies), SystemClock().Now()};
}

// Of one account, by any of its ids: all of them, as there are few.
Result<Listing<Subscription>> ListOfAccount(Ledger& ledger, SubscriptionFilter filter, const std::string& any_id) {
  const Result<std::vector<AccountId>> accounts = ledger.ResolveAccount(any_id);
  if (!accounts) return tl::unexpected(accounts.error());
  Listing<Subscription> all;
  for (const AccountId& account : *accounts) {
    filter.account = account;
    Page page{.limit = kPageMax};
    do {
      Result<Listing<Subscription>> some = ledger.Subscriptions(filter, page);
      if (!some) return some;
      std::move(some->items.begin(), some->items.end(), std::back_inserter(all.items));
      page.cursor = some->next;
    } while (!page.cursor.empty());
  }
  return all;
}

Result<Listing<Subscription>> ListChosen(Ledger& ledger, const SubscriptionsListArguments& arguments) {
  SubscriptionFilter filter;
  if (!arguments.status.empty()) {
    filter.status = ParseStatus(arguments.status);
    if (!filter.status) {
      return Fail(
          Errc::kInvalidArgument,
          "--status must be pending, trialing, active, past_due, paused or canceled, not \"" + arguments.status + "\"");
    }
  }
  if (!arguments.account.empty()) return ListOfAccount(ledger, filter, arguments.account);
  return ledger.Subscriptions(filter, {arguments.page.limit, arguments.page.cursor});
}

std::string Change(std::string_view what, std::string_view from, std::string_view to) {
  return std::string(what) + " " + std::string(from) + " -> " + std::string(to);
}

std::string ChangesOf(const TimelineRow& row) {
  std::string text;
  if (row.status_to) text = Change("status", StatusName(*row.status_from), StatusName(*row.status_to));
  if (row.access_to) {
    text += (text.empty() ? "" : ", ") + Change("access", AccessName(*row.access_from), AccessName(*row.access_to));
  }
  return text.empty() ? row.kind : text;
}

// "120 sent, 30 waiting, 0 refused, next deadline 2026-11-22 09:00:00Z"
std::string UsageCell(const Json& view) {
  const Json& usage = view.at("usage");
  const auto of = [&](const char* key) { return usage.at(key).at("quantity").get<std::int64_t>(); };
  const std::string deadline = Cell(usage, "next_deadline");
  return std::to_string(of("sent")) + " sent, " + std::to_string(of("waiting") + of("frozen")) + " waiting, " +
         std::to_string(of("refused") + of("unbooked")) + " refused" +
         (deadline == "-" ? "" : ", next deadline " + deadline);
}

// "agmt-1 l-0f3a, seats 5; 120 sent, …"
std::string MarketCell(const Json& view) {
  const Json& market = view.at("marketplace");
  std::string text;
  for (const char* ids : {"agreements", "licences"}) {
    for (const Json& id : market.at(ids)) text += (text.empty() ? "" : " ") + id.get<std::string>();
  }
  for (const Json& e : market.at("entitlements"))
    text += (text.empty() ? "" : ", ") + Cell(e, "dimension") + " " + Cell(e, "value");
  return (text.empty() ? "" : text + "; ") + UsageCell(view);
}

// Events that changed nothing, oldest first: their reasons stand in the timeline too.
Result<std::vector<StoredEvent>> IdleEvents(Ledger& ledger, const SubscriptionId& id) {
  std::vector<StoredEvent> idle;
  Page page{.limit = kPageMax};
  do {
    Result<Listing<StoredEvent>> some = ledger.Events({.subscription = id.str()}, page);
    if (!some) return tl::unexpected(std::move(some.error()));
    for (StoredEvent& event : some->items) {
      const bool said = event.outcome == EventOutcome::kApplied || event.outcome == EventOutcome::kWaiting;
      if (!said) idle.push_back(std::move(event));
    }
    page.cursor = some->next;
  } while (!page.cursor.empty());
  std::reverse(idle.begin(), idle.end());
  return idle;
}

void PrintTimeline(const std::vector<TimelineRow>& rows, const std::vector<StoredEvent>& idle) {
  std::vector<std::pair<Timestamp, std::vector<std::string>>> lines;
  const auto dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  for (const TimelineRow& row : rows) {
    const std::string rule = row.row + (row.row.empty() || row.rule.empty() ? "" : " ") + row.rule;
    lines.emplace_back(row.at, std::vector<std::string>{TimeCell(row.at), ChangesOf(row), dash(rule), dash(row.policy),
                                                        dash(row.event.empty() ? row.by : row.event),
                                                        row.reason + (row.next.empty() ? "" : " " + row.next)});
  }
  for (const StoredEvent& event : idle) {
    const Timestamp at = event.applied_at.value_or(event.received_at);
    lines.emplace_back(at, std::vector<std::string>{TimeCell(at), "nothing changed", "-", "-", event.id.str(),
                                                    event.type + ": " + event.detail});
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Table table({"AT", "WHAT", "RULE", "POLICY", "BY", "WHY AND WHAT NEXT"});
  for (auto& [at, cells] : lines) table.Add(std::move(cells));
  Print(table.empty() ? "Nothing has happened yet.\n" : table.Text());
}

std::string UserName() {
  const passwd* user = getpwuid(getuid());
  return user == nullptr ? std::to_string(getuid()) : user->pw_name;
}

}  // namespace

int RunSubscriptionsList(const SubscriptionsListArguments& arguments) {
  const Result<Desk> desk = OpenDesk(arguments.on);
  if (!desk) return Complain(desk.error());
  const Result<Listing<Subscription>> listing = ListChosen(*desk->ledger, arguments);
  if (!listing) return Complain(listing.error());
  Json views = Json::array();
  std::vector<std::string> header = {"ID", "ACCOUNT", "PLAN", "STATUS", "ACCESS", "PAID UNTIL", "NEXT ATTEMPT"};
  const std::size_t common = header.size();
  std::vector<std::vector<std::string>> lines;
  for (const Subscription& s : listing->items) {
    const Result<std::optional<SubscriptionRecord>> record = desk->ledger->LoadSubscription(s.id);
    if (!record) return Complain(record.error());
    if (!*record) continue;  // gone since it was listed
    Result<Json> view = DetailedView(*desk->ledger, **record, desk->policies, desk->now);
    if (!view) return Complain(view.error());
    lines.push_back({s.id.str(), Cell(*view, "account"), Cell(*view, "plan"), Cell(*view, "status"),
                     Cell(*view, "access"), Cell(*view, "paid_until"),
                     Cell(view->at("collection"), "next_attempt_at")});
    if (view->contains("marketplace")) {
      if (header.size() == common) header.emplace_back("AWS MARKETPLACE");
      lines.back().push_back(MarketCell(*view));
    }
    views.push_back(std::move(*view));
  }
  if (arguments.on.json) {
    PrintJson(ListAsJson("subscriptions", std::move(views), listing->next));
    return kExitOk;
  }
  Table table(std::move(header));
  for (auto& line : lines) table.Add(std::move(line));
  PrintList(table, "No subscription.", listing->next);
  return kExitOk;
}

int RunSubscriptionsShow(const LedgerArguments& on, const std::string& id) {
  const Result<Desk> desk = OpenDesk(on);
  if (!desk) return Complain(desk.error());
  const Result<SubscriptionRecord> record = FindSubscription(*desk->ledger, id);
  if (!record) return Complain(record.error());
  const Result<Json> view = DetailedView(*desk->ledger, *record, desk->policies, desk->now);
  if (!view) return Complain(view.error());
  if (on.json) {
    PrintJson(*view);
  } else {
    PrintFields(*view);
  }
  return kExitOk;
}

int RunSubscriptionsTimeline(const LedgerArguments& on, const std::string& id) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<SubscriptionRecord> record = FindSubscription(**ledger, id);
  if (!record) return Complain(record.error());
  const SubscriptionId& found = record->subscription.id;
  const Result<std::vector<TimelineRow>> rows = (*ledger)->Timeline(found);
  if (!rows) return Complain(rows.error());
  const Result<std::vector<StoredEvent>> idle = IdleEvents(**ledger, found);
  if (!idle) return Complain(idle.error());
  Json view = {{"subscription", found.str()}, {"timeline", TimelineView(*rows, *idle)}};
  if (const Status added = AddUsage(**ledger, record->subscription, view); !added) return Complain(added.error());
  if (on.json) {
    PrintJson(view);
  } else {
    PrintTimeline(*rows, *idle);
    if (view.contains("usage")) Print("Usage: " + UsageCell(view) + "\n");
  }
  return kExitOk;
}

int RunSubscriptionsRetry(const LedgerArguments& on, const std::string& id, const std::string& reason) {
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos) return Complain("--reason must say why", kExitUsage);
  const Result<Desk> desk = OpenDesk(on);
  if (!desk) return Complain(desk.error());
  const Result<SubscriptionRecord> record = FindSubscription(*desk->ledger, id);
  if (!record) return Complain(record.error());
  const Result<RetryAsked> asked =
      AskForRetry(*desk->ledger, desk->policies, record->subscription.id, "cli:" + UserName(), reason, desk->now);
  if (!asked) return Complain(asked.error());
  if (on.json) {
    PrintJson({{"job", JobName(asked->job)}});
  } else {
    Print(JobName(asked->job) + "\n");
  }
  return kExitOk;
}

}  // namespace dunlin
