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
  unit.jobs.push_back({.kind = JobKind::kCharge, .key = RetryJobKey(id), .subject = id.str(), .due = now,
                       .payload = nlohmann::json{{"by", by}, {"reason", reason}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       .on_same_key = OnSameKey::kReplace});  // one that waits is joined, and answered with
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

}  // namespace

Result<RetryAsked> AskForRetry(Ledger& ledger, const PolicyBook& policies, const SubscriptionId& id, const std::string& by,
                               const std::string& reason, Timestamp now, const std::optional<ApiReply>& reply) {
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
    if (!record) return tl::unexpected(record.error());
    if (!*record) return Fail(Errc::kNotFound, "no subscription " + id.str());
    if (const auto refusal = RefuseRetry(**record, policies, now)) return Fail(Errc::kConflict, refusal->why);
    Unit unit = UnitFor(**record, by, reason, now);
    if (reply) unit.replies.push_back(*reply);
    const Result<UnitResult> done = ledger.Commit(std::move(unit));
    if (done) return RetryAsked{done->new_jobs.front().id};
    if (done.error().code != Errc::kConflict) return tl::unexpected(done.error());
  }
  return Fail(Errc::kUnavailable, "the subscription is changing too fast; try again");
}

}  // namespace dunlin
