#include "workflows/feeder.h"

#include <utility>

namespace dunlin {
namespace {

constexpr std::size_t kFeedMax = 20'000;  // jobs a scan offers; the next scan goes on
constexpr std::size_t kApplyBatch = 64;

}  // namespace

void Feeder::Scan() {
  const Result<std::vector<JobRef>> due = engine_.ledger.DueJobs(engine_.clock.Now() + kFeedAhead, kFeedMax);
  if (!due) return engine_.observer.OnProblem("look for due jobs", due.error());
  Offer(*due);
}

void Feeder::Offer(std::span<const JobRef> known) {
  const std::vector<JobRef> jobs = WithoutInFlight(known);
  for (const Lane lane : kLanes) {
    std::vector<QueueItem> items;
    for (const JobRef& job : jobs) {
      if (job.lane == lane) items.push_back({job.id, job.due});
    }
    if (items.empty()) continue;
    if (const Status offered = queues_.Of(lane).Offer(items); !offered)
      engine_.observer.OnProblem("offer jobs", offered.error());
    offered_(lane);
  }
}

std::vector<JobId> Feeder::Claim(Lane lane) {
  const std::size_t most = lane == Lane::kApply ? kApplyBatch : 1;
  Result<std::vector<JobId>> claimed = queues_.Of(lane).Claim(engine_.clock.Now(), most);
  if (!claimed) {
    engine_.observer.OnProblem("claim jobs", claimed.error());
    return {};
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(*claimed, [&](JobId id) { return !in_flight_.insert(ToInt(id)).second; });
  return std::move(*claimed);
}

std::vector<JobRef> Feeder::End(std::span<const JobId> ids) {
  std::vector<JobRef> left_out;
  const std::lock_guard lock(mutex_);
  for (const JobId id : ids) {
    in_flight_.erase(ToInt(id));
    if (auto node = left_out_.extract(ToInt(id))) left_out.push_back(node.mapped());
  }
  return left_out;
}

std::vector<JobRef> Feeder::WithoutInFlight(std::span<const JobRef> jobs) {
  std::vector<JobRef> rest;
  const std::lock_guard lock(mutex_);
  for (const JobRef& job : jobs) {
    if (in_flight_.contains(ToInt(job.id))) {
      left_out_.insert_or_assign(ToInt(job.id), job);
    } else {
      rest.push_back(job);
    }
  }
  return rest;
}

}  // namespace dunlin
