#include "workflows/erase_account.h"

#include <nlohmann/json.hpp>

namespace dunlin {
namespace {

constexpr int kConflictsMax = 20;
constexpr std::size_t kBodiesAtOnce = 2000;

Status Ended(const SubscriptionRecord& record) {
  const std::string& id = record.subscription.id.str();
  if (record.subscription.values.status != SubscriptionStatus::kCanceled) {
    return Fail(Errc::kConflict, "subscription " + id + " has not ended; cancel it at the provider first");
  }
  for (const Attempt& attempt : record.attempts) {
    if (IsOpen(attempt.state)) return Fail(Errc::kConflict, "a payment attempt of subscription " + id + " is open");
  }
  return {};
}

// How many invoices told of a person.
std::int64_t Strip(Facts& facts) {
  std::int64_t stripped = 0;
  for (InvoiceFact& invoice : facts.invoices) {
    if (invoice.customer_email.empty() && invoice.hosted_url.empty()) continue;
    invoice.customer_email.clear();
    invoice.hosted_url.clear();
    ++stripped;
  }
  return stripped;
}

TimelineRow Note(const SubscriptionId& id, Timestamp now) {
  TimelineRow row;
  row.subscription = id;
  row.at = now;
  row.kind = "note";
  row.by = "staff";
  row.reason = "What identified the customer was erased.";
  return row;
}

// The unit that takes out all but the bodies, as the subscriptions stand now.
Result<Unit> UnitFor(Ledger& ledger, const AccountId& account, StillRunning running, Timestamp now,
                     AccountErased& erased) {
  Result<std::vector<SubscriptionId>> ids = ledger.SubscriptionsOf(account);
  if (!ids) return tl::unexpected(ids.error());
  Unit unit;
  unit.erase = account;
  erased.invoices = 0;
  for (const SubscriptionId& id : *ids) {
    Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
    if (!record) return tl::unexpected(record.error());
    if (!*record) continue;
    const Status ended = Ended(**record);
    if (!ended && running == StillRunning::kRefuse) return tl::unexpected(ended.error());
    Subscription& subscription = (*record)->subscription;
    const std::int64_t stripped = Strip(subscription.facts);
    erased.invoices += stripped;
    if (stripped == 0) continue;
    unit.timeline.push_back(Note(id, now));
    unit.save.push_back(std::move(subscription));
  }
  erased.subscriptions = std::move(*ids);
  return unit;
}

Status DropBodiesOf(Ledger& ledger, const AccountId& account, std::int64_t& dropped) {
  std::int64_t after = 0;
  do {
    Unit unit;
    unit.drop_bodies =
        BodyDrop{.received_before = Timestamp::max(), .naming = account, .after = after, .limit = kBodiesAtOnce};
    const Result<UnitResult> done = ledger.Commit(std::move(unit));
    if (!done) return tl::unexpected(done.error());
    dropped += done->dropped.bodies;
    after = done->dropped.bodies_after;
  } while (after != 0);
  return {};
}

void Append(Unit& unit, const Unit& along) {
  unit.done.insert(unit.done.end(), along.done.begin(), along.done.end());
  unit.jobs.insert(unit.jobs.end(), along.jobs.begin(), along.jobs.end());
}

}  // namespace

Result<AccountErased> EraseAccount(Ledger& ledger, const AccountId& account, StillRunning running, Timestamp now,
                                   const Unit& along) {
  AccountErased erased;
  if (Result<Unit> may = UnitFor(ledger, account, running, now, erased); !may) return tl::unexpected(may.error());
  std::int64_t bodies = 0;
  if (Status done = DropBodiesOf(ledger, account, bodies); !done) return tl::unexpected(done.error());
  const Result<std::vector<AccountId>> known = ledger.ResolveAccount(account.str());
  if (!known) return tl::unexpected(known.error());
  if (known->empty() && bodies == 0) return Fail(Errc::kNotFound, "nothing is known of an account " + account.str());
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<Unit> unit = UnitFor(ledger, account, running, now, erased);
    if (!unit) return tl::unexpected(unit.error());
    Append(*unit, along);
    const Result<UnitResult> done = ledger.Commit(std::move(*unit));
    if (!done && done.error().code == Errc::kConflict) continue;
    if (!done) return tl::unexpected(done.error());
    erased.dropped = done->dropped;
    erased.dropped.bodies = bodies;
    return erased;
  }
  return Fail(Errc::kUnavailable, "the account's subscriptions are changing too fast; try again");
}

NewJob EraseAgainJob(const AccountId& account, Timestamp erased_at) {
  return {
      .kind = JobKind::kErase,
      .key = "erase/" + account.str(),
      .subject = account.str(),
      .due = erased_at + Millis{24h},
      .payload = nlohmann::json{{"account", account.str()}, {"until_ms", ToUnixMillis(erased_at + kFactsKept)}}.dump(),
      .on_same_key = OnSameKey::kReplace,
      .created_at = erased_at};
}

}  // namespace dunlin
