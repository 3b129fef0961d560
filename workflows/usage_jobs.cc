#include "workflows/usage_jobs.h"

#include <string>

namespace dunlin {
namespace {

constexpr const char* kNow = R"({"now":true})";

NewJob Freezing(std::string key, const SubscriptionId& id, Timestamp due) {
  return {.kind = JobKind::kFreezeUsage, .key = std::move(key), .subject = id.str(), .due = due, .payload = "{}"};
}

}  // namespace

NewJob FreezeUsageRun(Timestamp due) { return Freezing("freeze_usage", SubscriptionId{}, due); }

NewJob FreezeUsageNow(const SubscriptionId& id, Timestamp now) {
  NewJob job = Freezing("freeze_usage_now/" + id.str(), id, now);
  job.payload = kNow;
  return job;
}

NewJob FreezeLastUsage(const SubscriptionId& id, Timestamp due) {
  return Freezing("freeze_last_usage/" + id.str(), id, due);
}

bool IsFreezeUsageNow(const Job& job) { return job.payload == kNow; }

Status RequestUsageFreezing(Ledger& ledger, Timestamp now) {
  Unit unit;
  unit.jobs.push_back(FreezeUsageRun(now));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace dunlin
