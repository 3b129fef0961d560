// Between the ledger and the queues of the lanes: offers what is due soon, and hands out what is due now.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "workflows/engine.h"
#include "workflows/queue/queue.h"

namespace dunlin {

inline constexpr Millis kFeedEvery{1000};
inline constexpr Millis kFeedAhead{60'000};

// Of each lane one.
struct LaneQueues {
  Queue& apply;
  Queue& outside;
  Queue& messages;

  Queue& Of(Lane lane) const { return lane == Lane::kApply ? apply : lane == Lane::kOutside ? outside : messages; }
};

// Thread-safe. One for each process; all it is given must outlive it.
class Feeder {
 public:
  // `offered` is called after something was offered in a lane, by the thread that offers.
  Feeder(Engine& engine, const LaneQueues& queues, std::function<void(Lane)> offered)
      : engine_(engine), queues_(queues), offered_(std::move(offered)) {}

  // Offers what the ledger holds for the next minute. A ledger or queue that fails is told to the observer; the next
  // scan goes on.
  void Scan();
  // Without those that are being carried out.
  void Offer(std::span<const JobRef> jobs);
  // Due jobs to be carried out now; End must follow. Until then they are neither offered nor claimed again here.
  std::vector<JobId> Claim(Lane lane);
  // Returns what Offer left out of them: a job that puts itself off says so while it is still carried out.
  std::vector<JobRef> End(std::span<const JobId> ids);

 private:
  std::vector<JobRef> WithoutInFlight(std::span<const JobRef> jobs);

  Engine& engine_;
  const LaneQueues queues_;
  const std::function<void(Lane)> offered_;
  std::mutex mutex_;
  // Guarded by mutex_.
  std::unordered_set<std::int64_t> in_flight_;
  std::unordered_map<std::int64_t, JobRef> left_out_;
};

}  // namespace dunlin
