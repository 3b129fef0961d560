#include "workflows/retry_request.h"

#include <nlohmann/json.hpp>

#include "workflows/decide.h"

namespace dunlin {
namespace {

constexpr int kConflictsMax = 20;

Unit UnitFor(const SubscriptionRecord& record, const std::string& by, const std::string& reason, Timestamp now) {
  const SubscriptionId& id = record.subscription.id;
  Unit unit;
  unit.save.push_back(record.subscription);  // its version is the proof that what was judged still holds
  unit.jobs.push_back({.kind = JobKind::kCharge,
                       .key = RetryJobKey(id),
                       .subject = id.str(),
                       .due = now,
                       .payload = nlohmann::json{{"by", by}, {"reason", reason}}.dump(
                           -1, ' ', false, nlohmann::json::error_handler_t::replace),
                       // One that waits is answered before this; what can be there is a dead one, which begins anew.
                       .on_same_key = OnSameKey::kReplace});
  TimelineRow row;
  row.subscription = id;
  row.at = now;
  row.kind = "staff";
  row.rule = "R19";
  row.by = by;
  row.reason = "A retry was asked for: " + reason;
  row.next = "The attempt is made now; the automatic schedule keeps its steps.";
  unit.timeline.push_back(std::move(row));
  return unit;
}

// The retry that is waiting already, if there is one.
Result<std::optional<JobId>> WaitingRetry(Ledger& ledger, const SubscriptionId& id) {
  const Result<Listing<Job>> jobs =
      ledger.Jobs({.kind = JobKind::kCharge, .state = JobState::kReady, .subject = id.str()}, Page{});
  if (!jobs) return tl::unexpected(jobs.error());
  for (const Job& job : jobs->items) {
    if (job.key == RetryJobKey(id)) return job.id;
  }
  return std::nullopt;
}

// Nothing new happens; only the answer is kept for repetitions of the request.
Result<RetryAsked> AnswerWith(Ledger& ledger, JobId job, std::optional<ApiReply> reply) {
  if (!reply) return RetryAsked{job};
  if (const std::size_t at = reply->body.find(kJobInReply); at != std::string::npos) {
    reply->body.replace(at, kJobInReply.size(), std::to_string(ToInt(job)));
  }
  Unit unit;
  unit.replies.push_back(std::move(*reply));
  const Result<UnitResult> kept = ledger.Commit(std::move(unit));
  if (!kept) return tl::unexpected(kept.error());
  return RetryAsked{job};
}

}  // namespace

Result<RetryAsked> AskForRetry(Ledger& ledger, const PolicyBook& policies, const SubscriptionId& id,
                               const std::string& by, const std::string& reason, Timestamp now,
                               const std::optional<ApiReply>& reply) {
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
    if (!record) return tl::unexpected(record.error());
    if (!*record) return Fail(Errc::kNotFound, "no subscription " + id.str());
    if (const auto refusal = RefuseRetry(**record, policies, now)) return Fail(Errc::kConflict, refusal->why);
    const Result<std::optional<JobId>> waiting = WaitingRetry(ledger, id);
    if (!waiting) return tl::unexpected(waiting.error());
    if (*waiting) return AnswerWith(ledger, **waiting, reply);
    Unit unit = UnitFor(**record, by, reason, now);
    if (reply) unit.replies.push_back(*reply);
    const Result<UnitResult> done = ledger.Commit(std::move(unit));
    if (done) return RetryAsked{done->new_jobs.front().id};
    if (done.error().code != Errc::kConflict) return tl::unexpected(done.error());
  }
  return Fail(Errc::kUnavailable, "the subscription is changing too fast; try again");
}

}  // namespace dunlin
