#include "workflows/simulate/unreliable_queue.h"

#include <utility>

namespace dunlin::simulate {
namespace {

constexpr Millis kStallAtMost{1h};
constexpr Millis kDelayAtMost{30'000};
constexpr std::size_t kRemembered = 32;

}  // namespace

bool UnreliableQueue::Stalled() {
  Faults& faults = world_.faults;
  if (faults.Roll(Fault::kQueueStall)) {
    stalled_until_ = world_.now + faults.Of(Fault::kQueueStall).UpTo(kStallAtMost);
    world_.Note("queue-stall until " + FormatRfc3339(stalled_until_));
  }
  return faults.Works(Fault::kQueueStall) && world_.now < stalled_until_;
}

Status UnreliableQueue::Offer(std::span<const QueueItem> items) {
  Faults& faults = world_.faults;
  if (Stalled()) return Fail(Errc::kUnavailable, "the queue does not answer");
  std::vector<QueueItem> kept;
  for (QueueItem item : items) {
    if (faults.Roll(Fault::kQueueDrop)) continue;
    if (faults.Roll(Fault::kQueueDelay)) item.due += faults.Of(Fault::kQueueDelay).UpTo(kDelayAtMost);
    kept.push_back(item);
  }
  offered_.insert(offered_.end(), kept.begin(), kept.end());
  if (offered_.size() > kRemembered) offered_.erase(offered_.begin(), offered_.end() - kRemembered);
  return queue_->Offer(kept);
}

Result<std::vector<JobId>> UnreliableQueue::Claim(Timestamp now, std::size_t max) {
  Faults& faults = world_.faults;
  if (Stalled()) return Fail(Errc::kUnavailable, "the queue does not answer");
  if (faults.Roll(Fault::kQueueFlush)) queue_ = std::make_unique<MemoryQueue>();
  if (faults.Roll(Fault::kQueueFailover)) {
    queue_ = std::make_unique<MemoryQueue>();
    const std::size_t known = faults.Of(Fault::kQueueFailover).Below(offered_.size() + 1);
    static_cast<void>(queue_->Offer(std::span(offered_).first(known)));  // a memory queue takes everything
  }
  Result<std::vector<JobId>> claimed = queue_->Claim(now, max);
  if (!claimed || claimed->empty()) return claimed;
  if (faults.Roll(Fault::kQueueDuplicate)) {
    const QueueItem again{claimed->front(), now};
    static_cast<void>(queue_->Offer(std::span(&again, 1)));
  }
  if (faults.Roll(Fault::kQueueReorder)) Shuffle(*claimed);
  return claimed;
}

void UnreliableQueue::Shuffle(std::vector<JobId>& ids) {
  Chance& chance = world_.faults.Of(Fault::kQueueReorder);
  for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[chance.Below(i)]);
}

}  // namespace dunlin::simulate
