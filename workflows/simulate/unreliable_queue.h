// A queue that forgets, repeats, shuffles, waits, is flushed, stalls, and comes back in an older state.
#pragma once

#include <memory>
#include <vector>

#include "workflows/queue/memory_queue.h"
#include "workflows/simulate/world.h"

namespace dunlin::simulate {

// Not thread-safe: a simulation is one thread.
class UnreliableQueue final : public Queue {
 public:
  explicit UnreliableQueue(World& world) : world_(world), queue_(std::make_unique<MemoryQueue>()) {}

  Status Offer(std::span<const QueueItem> items) override;
  Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) override;
  Result<std::optional<Timestamp>> NextDue() override { return queue_->NextDue(); }
  Result<std::size_t> Size() override { return queue_->Size(); }

 private:
  bool Stalled();
  void Shuffle(std::vector<JobId>& ids);

  World& world_;
  std::unique_ptr<MemoryQueue> queue_;
  std::vector<QueueItem> offered_;  // the latest, oldest first: what a replica may remember
  Timestamp stalled_until_{};
};

}  // namespace dunlin::simulate
