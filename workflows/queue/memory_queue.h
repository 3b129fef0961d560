// The queue inside the process: no dependency, never unavailable, empty again after a restart.
#pragma once

#include <mutex>
#include <unordered_map>

#include "workflows/queue/queue.h"

namespace dunlin {

// Never returns an error. Takes about 60 bytes an item; what bounds it is the feeder, which offers only what is due
// soon. Gives its memory back when it runs empty.
class MemoryQueue final : public Queue {
 public:
  Status Offer(std::span<const QueueItem> items) override;
  Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) override;
  Result<std::optional<Timestamp>> NextDue() override;
  Result<std::size_t> Size() override;

 private:
  void DropStaleTop();
  void PopTop();
  void CompactWhenMostlyStale();

  std::mutex mutex_;
  // What waits. The heap below may hold more: an entry counts only while its due time is the one written here.
  std::unordered_map<JobId, Timestamp> waiting_;
  std::vector<QueueItem> heap_;  // smallest due first
};

}  // namespace dunlin
