#include "workflows/queue/memory_queue.h"

#include <algorithm>

namespace dunlin {
namespace {

// std's heaps keep the largest on top; ordered this way round that is the earliest, and the oldest id among equals.
bool Later(const QueueItem& a, const QueueItem& b) { return a.due != b.due ? a.due > b.due : a.id > b.id; }

constexpr std::size_t kStaleEntriesTolerated = 1024;

}  // namespace

Status MemoryQueue::Offer(std::span<const QueueItem> items) {
  const std::scoped_lock lock(mutex_);
  for (const QueueItem& item : items) {
    const auto [it, added] = waiting_.try_emplace(item.id, item.due);
    if (!added) {
      if (it->second <= item.due) continue;
      it->second = item.due;  // the entry with the later time stays in the heap, stale
    }
    heap_.push_back(item);
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  CompactWhenMostlyStale();
  return {};
}

Result<std::vector<JobId>> MemoryQueue::Claim(Timestamp now, std::size_t max) {
  std::vector<JobId> claimed;
  std::unordered_map<JobId, Timestamp> emptied;  // outlive the lock: giving a large burst back takes a while
  std::vector<QueueItem> emptied_heap;
  const std::scoped_lock lock(mutex_);
  while (claimed.size() < max) {
    DropStaleTop();
    if (heap_.empty() || heap_.front().due > now) break;
    claimed.push_back(heap_.front().id);
    waiting_.erase(heap_.front().id);
    PopTop();
  }
  if (waiting_.empty()) {  // swapped, not cleared: a burst must not keep its memory for ever
    emptied.swap(waiting_);
    emptied_heap.swap(heap_);
  }
  return claimed;
}

Result<std::optional<Timestamp>> MemoryQueue::NextDue() {
  const std::scoped_lock lock(mutex_);
  DropStaleTop();
  if (heap_.empty()) return std::optional<Timestamp>{};
  return std::optional<Timestamp>{heap_.front().due};
}

Result<std::size_t> MemoryQueue::Size() {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

void MemoryQueue::DropStaleTop() {
  while (!heap_.empty()) {
    const auto it = waiting_.find(heap_.front().id);
    if (it != waiting_.end() && it->second == heap_.front().due) return;
    PopTop();
  }
}

void MemoryQueue::PopTop() {
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  heap_.pop_back();
}

void MemoryQueue::CompactWhenMostlyStale() {
  if (heap_.size() <= 2 * waiting_.size() + kStaleEntriesTolerated) return;
  heap_.clear();
  for (const auto& [id, due] : waiting_) heap_.push_back({id, due});
  std::make_heap(heap_.begin(), heap_.end(), Later);
}

}  // namespace dunlin
