#include "workflows/engine.h"

#include <algorithm>
#include <cmath>

#include "workflows/decide.h"

namespace dunlin {
namespace {

constexpr Millis kFirstWait{1000};

// Usage has a deadline, which a long wait would step over.
Millis LongestWaitOf(JobKind kind) { return kind == JobKind::kMeter ? Millis{5min} : Millis{1h}; }

}  // namespace

Millis PatienceOf(JobKind kind) {
  switch (kind) {
    case JobKind::kApply:
    case JobKind::kAccessCheck: return Millis{24h};
    // Calls whose omission would leave money or access wrong outlast a provider's long outage.
    case JobKind::kCharge:
    case JobKind::kTakeOver:
    case JobKind::kCancel:
    case JobKind::kRefetch:
    case JobKind::kFetchEvent:
    case JobKind::kPeriodCheck:
    case JobKind::kEntitlements:
    case JobKind::kMeter: return Millis{24h} * 7;
    // These repeat for ever: what they look after would else be forgotten.
    case JobKind::kCatchUp:
    case JobKind::kRetention:
    case JobKind::kErase:
    case JobKind::kEntitlementSweep:
    case JobKind::kFreezeUsage: return Millis{24h} * 36500;
    // SNS forgets a confirmation that was not answered for days; a new one can be asked for.
    case JobKind::kConfirmTopic:
    case JobKind::kMail:
    case JobKind::kNotify:
    case JobKind::kAlert: return Millis{24h};
  }
  return Millis{24h};
}

JobRetry TryAgain(const Job& job, const Error& error, Timestamp now, Random& random, Millis at_least) {
  const int doublings = std::min(job.tries, 12);
  const Millis base = std::min(kFirstWait * (1 << doublings), LongestWaitOf(job.kind));
  const std::int64_t spread = base.count() * 2 / 5;  // ± 20 %
  const Millis wait{base.count() - spread / 2 +
                    static_cast<std::int64_t>(random.Next() % static_cast<std::uint64_t>(spread + 1))};
  JobRetry retry{.id = job.id,
                 .due = now + std::max(std::min(wait, LongestWaitOf(job.kind)), at_least),
                 .error = error.detail,
                 .at = now};
  const bool too_long = job.first_failed_at && now - *job.first_failed_at >= PatienceOf(job.kind);
  if (too_long && job.tries + 1 >= kTriesMin) retry.state = JobState::kDead;
  return retry;
}

Status CommitRetry(Engine& engine, const Job& job, const JobRetry& retry, const std::optional<Alert>& alert) {
  Unit unit;
  unit.retries.push_back(retry);
  if (alert) RaiseAlert(unit.alerts, *alert);
  const bool dead = retry.state == JobState::kDead;
  if (dead && job.kind != JobKind::kAlert) {
    const std::string id = std::to_string(ToInt(job.id));
    RaiseAlert(unit.alerts, {.key = "dead_job/" + id,
                             .kind = "dead_job",
                             .subject = job.subject.empty() ? "job_" + id : job.subject,
                             .detail = "Job job_" + id + " (" + std::string(JobKindName(job.kind)) +
                                       ") failed for too long and is not tried again: " + retry.error +
                                       ". Requeue it once the cause is gone.",
                             .raised_at = engine.clock.Now()});
  }
  if (retry.count_try) engine.observer.OnJobFailed(job, Error{Errc::kUnavailable, retry.error}, dead);
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return tl::unexpected(done.error());
  return {};  // a conflict: the job is gone, so there is nothing to try again
}

}  // namespace dunlin
