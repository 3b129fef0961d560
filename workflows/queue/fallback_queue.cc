#include "workflows/queue/fallback_queue.h"

#include <algorithm>
#include <utility>

namespace dunlin {

template <class T>
Result<T> FallbackQueue::Noted(Use use, Result<T> answer) {
  if (answer && !degraded()) return answer;  // the usual case takes no lock
  const std::scoped_lock lock(mutex_);
  std::optional<Error>& mine = errors_[static_cast<int>(use)];
  if (answer && mine && use == Use::kTake) errors_[static_cast<int>(Use::kOffer)].reset();  // it is back
  mine = answer ? std::nullopt : std::optional<Error>(answer.error());
  const std::optional<Error>& error = errors_[0] ? errors_[0] : errors_[1];
  const bool was = degraded_.exchange(error.has_value(), std::memory_order_relaxed);
  if (was != error.has_value() && on_change_) on_change_(error);
  return answer;
}

FallbackQueue::FallbackQueue(std::unique_ptr<Queue> primary, OnChange on_change)
    : primary_(std::move(primary)), on_change_(std::move(on_change)) {
  (void)Noted(Use::kTake, primary_->Size());
}

Status FallbackQueue::Offer(std::span<const QueueItem> items) {
  if (items.empty()) return {};
  if (Noted(Use::kOffer, primary_->Offer(items))) return {};
  return memory_.Offer(items);
}

// The one in memory never fails.
Result<std::vector<JobId>> FallbackQueue::Claim(Timestamp now, std::size_t max) {
  std::vector<JobId> claimed = *memory_.Claim(now, max);
  if (claimed.size() == max) return claimed;
  const Result<std::vector<JobId>> more = Noted(Use::kTake, primary_->Claim(now, max - claimed.size()));
  if (more) claimed.insert(claimed.end(), more->begin(), more->end());
  return claimed;
}

Result<std::optional<Timestamp>> FallbackQueue::NextDue() {
  const std::optional<Timestamp> ours = *memory_.NextDue();
  const Result<std::optional<Timestamp>> theirs = Noted(Use::kTake, primary_->NextDue());
  if (!theirs || !*theirs) return ours;
  return ours ? std::min(*ours, **theirs) : **theirs;
}

Result<std::size_t> FallbackQueue::Size() {
  const std::size_t ours = *memory_.Size();
  const Result<std::size_t> theirs = Noted(Use::kTake, primary_->Size());
  return theirs ? ours + *theirs : ours;
}

std::optional<Error> FallbackQueue::PrimaryError() const {
  const std::scoped_lock lock(mutex_);
  return errors_[0] ? errors_[0] : errors_[1];
}

}  // namespace dunlin
