// Catch-up: what was never delivered is listed by the provider for 30 days, and goes through the same door as a
// webhook. A lost webhook is then late, not lost.
#include "workflows/effects/catch_up.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workflows/effects/steps.h"

namespace dunlin {
namespace {

constexpr const char* kJobKey = "catch_up/stripe";
constexpr Millis kHurried{30'000};

// Adds what makes the list be read at `due`, if nothing does so earlier; a run that was given up is taken up again.
Status BringForward(Ledger& ledger, Unit& unit, Timestamp due, Timestamp now) {
  const Result<Listing<Job>> jobs = ledger.Jobs({.kind = JobKind::kCatchUp}, {.limit = 1});
  if (!jobs) return tl::unexpected(jobs.error());
  if (jobs->items.empty()) {
    unit.jobs.push_back({.kind = JobKind::kCatchUp, .key = kJobKey, .due = due, .payload = "{}"});
    return {};
  }
  const Job& job = jobs->items.front();
  if (job.state == JobState::kDead || job.due > due)
    unit.retries.push_back({.id = job.id, .due = due, .count_try = false, .at = now});
  return {};
}

}  // namespace

Status RequestCatchUp(Ledger& ledger, Timestamp now) {
  Unit unit;
  if (Status added = BringForward(ledger, unit, now, now); !added) return added;
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

Status HurryCatchUp(Ledger& ledger, Unit& unit, Timestamp now) {
  return BringForward(ledger, unit, now + kHurried, now);
}

}  // namespace dunlin

namespace dunlin::effects {
namespace {

constexpr Millis kOverlap{1h};                // events can be listed a little after newer ones were delivered
constexpr Millis kListed = Millis{24h} * 30;  // how far back the provider lists

// How old the provider's list may be for what cannot be taken back.
constexpr Millis kFresh{1min};
constexpr Millis kAwaitEvery{1000};

// `payload`: what is known of the runs. "since_ms": from where the next one lists; "done_ms": when the last one ended.
NewJob Run(const Job& job, Timestamp due, const nlohmann::json& payload) {
  return {.kind = JobKind::kCatchUp,
          .key = job.key,
          .subject = "",
          .due = due,
          .payload = payload.dump(),
          .on_same_key = OnSameKey::kReplace};
}

// From where this run lists. It is in the job before anything is listed, and until a run has finished, so that a run
// that is cut short, having stored the newest events first, does not hide the older ones from the next.
Result<Timestamp> Since(Engine& engine, const Job& job) {
  const Timestamp oldest = engine.clock.Now() - kListed;
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  const Timestamp latest = engine.clock.Now() - kOverlap;
  if (payload.is_object() && payload.contains("since_ms"))
    return std::clamp(FromUnixMillis(payload["since_ms"].get<std::int64_t>()), oldest, latest);
  const Result<std::optional<Timestamp>> newest = engine.ledger.NewestEvent(Provider::kStripe);
  if (!newest) return tl::unexpected(newest.error());
  const Timestamp since = *newest ? std::clamp(**newest - kOverlap, oldest, latest) : oldest;
  Unit unit;
  unit.jobs.push_back(Run(job, job.due, {{"since_ms", ToUnixMillis(since)}}));
  const Result<UnitResult> noted = engine.ledger.Commit(std::move(unit));
  if (!noted) return tl::unexpected(noted.error());
  return since;
}

std::optional<Timestamp> DoneAt(const Job& job) {
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  if (!payload.is_object() || !payload.contains("done_ms")) return std::nullopt;
  return FromUnixMillis(payload["done_ms"].get<std::int64_t>());
}

Status TakeAll(Engine& engine, Timestamp since) {
  std::string cursor;
  do {
    Result<EventsPage> page = engine.provider.ListEvents(since, cursor);
    if (!page) return tl::unexpected(page.error());
    for (const std::string& body : page->bodies) {
      const Status taken = engine.ingest(body);
      if (!taken && taken.error().code != Errc::kInvalidArgument) return taken;
      if (!taken) engine.observer.OnProblem("a listed event that is none", taken.error());
    }
    cursor = page->next;
  } while (!cursor.empty());
  return {};
}

}  // namespace

Outcome CatchUp(Engine& engine, const Job& job) {
  const Result<Timestamp> since = Since(engine, job);
  if (!since) return TryLater{since.error()};
  const Result<std::optional<Timestamp>> newest_before = engine.ledger.NewestEvent(Provider::kStripe);
  if (!newest_before) return TryLater{newest_before.error()};
  if (const Status taken = TakeAll(engine, *since); !taken) return TryLater{taken.error()};
  // Everything up to the newest event known before this run is stored now; the next run starts from there.
  // One that is dated in the future says nothing of what lies between.
  const Timestamp newest = std::min(newest_before->value_or(*since), engine.clock.Now());
  const Timestamp reached = std::max(*since, newest - kOverlap);
  Unit unit;
  unit.done.push_back(job.id);
  const Timestamp now = engine.clock.Now();
  unit.jobs.push_back(
      Run(job, now + engine.catch_up_every, {{"since_ms", ToUnixMillis(reached)}, {"done_ms", ToUnixMillis(now)}}));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

Outcome AwaitCatchUp(Engine& engine) {
  const Timestamp now = engine.clock.Now();
  const Result<Listing<Job>> jobs = engine.ledger.Jobs({.kind = JobKind::kCatchUp}, {.limit = 1});
  if (!jobs) return TryLater{jobs.error()};
  const Job run = jobs->items.empty() ? Job{} : jobs->items.front();
  if (run.tries > 0) return TryLater{{Errc::kUnavailable, "the provider's events cannot be listed: " + run.last_error}};
  const std::optional<Timestamp> done = DoneAt(run);
  if (!done || now - *done > kFresh) {
    const bool asked = !jobs->items.empty() && run.due <= now;
    const Status status = asked ? Status{} : RequestCatchUp(engine.ledger, now);
    if (!status && status.error().code != Errc::kConflict) return TryLater{status.error()};
    return TryLater{{Errc::kUnavailable, "the provider's recent events are read first"}, kAwaitEvery, false};
  }
  const Result<Listing<Job>> unapplied =
      engine.ledger.Jobs({.kind = JobKind::kApply, .state = JobState::kReady}, {.limit = 1});
  if (!unapplied) return TryLater{unapplied.error()};
  if (unapplied->items.empty() || unapplied->items.front().due > *done) return std::nullopt;
  return TryLater{{Errc::kUnavailable, "the provider's recent events are applied first"}, kAwaitEvery, false};
}

}  // namespace dunlin::effects
