#include "workflows/effects/retention.h"

#include <nlohmann/json.hpp>

#include "workflows/effects/steps.h"

namespace dunlin {
namespace {

// `after`: where a run that could not look at everything has stopped.
NewJob Run(Timestamp due, std::int64_t after) {
  return {.kind = JobKind::kRetention,
          .key = "retention",
          .subject = "",
          .due = due,
          .payload = nlohmann::json{{"after", after}}.dump()};
}

}  // namespace

Status RequestRetention(Ledger& ledger, Timestamp now) {
  Unit unit;
  unit.jobs.push_back(Run(now, 0));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace dunlin

namespace dunlin::effects {
namespace {

constexpr Millis kEvery{1h};
constexpr Millis kSoon{1000};
// Of one run. Each is a commit of its own, so that webhooks wait for one at most; a stop waits for what is left.
constexpr int kBatchesMax = 50;

}  // namespace

Outcome DropOld(Engine& engine, const Job& job) {
  const Timestamp now = engine.clock.Now();
  const Timestamp kept_since = now - engine.retain;
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  std::int64_t after = payload.is_object() ? payload.value("after", std::int64_t{0}) : 0;
  bool more = true;
  for (int batch = 0; more && batch < kBatchesMax; ++batch) {
    Unit unit;
    unit.drop_bodies = BodyDrop{.received_before = kept_since, .naming = {}, .after = after};
    unit.expire = Expiry{.replies_before = now - kRepliesKept, .alerts_before = kept_since};
    const std::size_t limit = unit.expire->limit;
    const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
    if (!done) return TryLater{done.error()};
    const Dropped& dropped = done->dropped;
    after = dropped.bodies_after;
    const auto full = [&](std::int64_t count) { return static_cast<std::size_t>(count) == limit; };
    more = after != 0 || full(dropped.replies) || full(dropped.alerts);
  }
  Unit unit;
  unit.done.push_back(job.id);
  unit.jobs.push_back(Run(now + (more ? kSoon : kEvery), after));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

}  // namespace dunlin::effects
