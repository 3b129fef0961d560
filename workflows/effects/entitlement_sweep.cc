#include "workflows/effects/entitlement_sweep.h"

#include "workflows/effects/steps.h"
#include "workflows/market_filing.h"

namespace dunlin {
namespace {

constexpr Millis kEvery{6h};

NewJob SweepJob(Timestamp due) {
  return {.kind = JobKind::kEntitlementSweep, .key = "entitlement_sweep", .subject = "", .due = due, .payload = "{}"};
}

}  // namespace

Status RequestEntitlementSweep(Ledger& ledger, Timestamp now) {
  Unit unit;
  unit.jobs.push_back(SweepJob(now));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace dunlin

namespace dunlin::effects {
namespace {

constexpr Millis kGap{200};                     // at most five questions a second
constexpr Millis kEndedFor = Millis{24h} * 35;  // what ended longer ago does not begin again under the same ids
constexpr Millis kOrphanFor{24h};
constexpr std::size_t kPage = 500;
constexpr std::size_t kOrphansMax = 100;

bool NeedsALook(const Subscription& s, Timestamp now) {
  return s.values.status != SubscriptionStatus::kCanceled || s.values.paid_until.value_or(now) + kEndedFor > now;
}

// A question about each, one after another. Those that wait already stay as they are.
Status AskAboutAll(Engine& engine, Timestamp now) {
  Page page{.limit = kPage};
  Timestamp due = now;
  do {
    const Result<Listing<Subscription>> listing =
        engine.ledger.Subscriptions({.provider = Provider::kAwsMarketplace}, page);
    if (!listing) return tl::unexpected(listing.error());
    Unit unit;
    for (const Subscription& s : listing->items) {
      if (!NeedsALook(s, now)) continue;
      NewJob question = AskEntitlements(s.id, due);
      question.on_same_key = OnSameKey::kKeep;
      unit.jobs.push_back(std::move(question));
      due += kGap;
    }
    const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
    if (!done) return tl::unexpected(done.error());
    page.cursor = listing->next;
  } while (!page.cursor.empty());
  return {};
}

Status WarnOfOrphans(Engine& engine, Timestamp now, Unit& unit) {
  const Result<std::vector<StoredEvent>> orphans = engine.ledger.Orphans(now - kOrphanFor, kOrphansMax);
  if (!orphans) return tl::unexpected(orphans.error());
  for (const StoredEvent& event : *orphans) {
    RaiseAlert(unit.alerts, {.key = "orphan_event/" + event.id.str(),
                             .kind = "orphan_event",
                             .subject = event.id.str(),
                             .detail = event.type + " waits since " + FormatRfc3339(event.received_at) +
                                       " for a buyer who has bought and not registered: ask them to come back to the "
                                       "product from their AWS Marketplace page.",
                             .raised_at = now});
  }
  return {};
}

}  // namespace

Outcome SweepEntitlements(Engine& engine, const Job& job) {
  const Timestamp now = engine.clock.Now();
  if (const Status asked = AskAboutAll(engine, now); !asked) return TryLater{asked.error()};
  Unit unit;
  if (const Status warned = WarnOfOrphans(engine, now, unit); !warned) return TryLater{warned.error()};
  unit.done.push_back(job.id);
  unit.jobs.push_back(SweepJob(now + kEvery));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

}  // namespace dunlin::effects
