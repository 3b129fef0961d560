#include "workflows/apply_market.h"

#include "workflows/market_filing.h"

namespace dunlin {
namespace {

std::string OrphanAlert(const EventId& event) { return "orphan_event/" + event.str(); }

// Nobody has registered for its ids yet: it stays, without a job, until somebody does.
void Wait(Unit& unit, const Work& work, const Digest& digest) {
  MarketOrphan orphan{.event_seq = work.event->seq, .keys = {}};
  for (const MarketKey& key : KeysOf(digest.market->facts)) orphan.keys.push_back(key.id);
  unit.orphans.push_back(std::move(orphan));
}

}  // namespace

Result<MarketApplied> ApplyMarket(Engine& engine, const Work& work, const Digest& digest, Timestamp now) {
  Unit unit;
  unit.done.push_back(work.job.id);
  const MarketWords words{.facts = digest.market->facts,
                          .about = std::nullopt,
                          .event = digest.event.str(),
                          .note = digest.market->note,
                          .ask = digest.market->ask_entitlements};
  const Result<MarketFiled> filed = FileMarket(engine.ledger, engine.policies, words, now, unit);
  if (!filed) return tl::unexpected(filed.error());
  EventResult result{.seq = work.event->seq, .subscription = filed->subscription.str(), .at = now};
  if (filed->subscription.empty()) {
    result.outcome = EventOutcome::kWaiting;
    result.detail = "waits for its registration";
    Wait(unit, work, digest);
  } else {
    const bool counts = filed->news && filed->superseded_by.empty();
    if (!counts) result.outcome = EventOutcome::kNoChange;
    if (!counts) result.detail = filed->news ? "superseded by " + filed->superseded_by : "known already";
    unit.settle_alerts.push_back(OrphanAlert(digest.event));
  }
  const MarketApplied applied{result.outcome, filed->access};
  unit.events.push_back(std::move(result));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return applied;
}

}  // namespace dunlin
