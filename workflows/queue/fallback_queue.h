// A queue that may be away, with one in memory behind it: work then goes on from the ledger at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "workflows/queue/memory_queue.h"
#include "workflows/queue/queue.h"

namespace dunlin {

// Never returns an error. Whatever the primary refuses goes to the memory queue, and claims are served from memory
// first and then from the primary, so that what went to memory during an outage is worked off after it too. A job can
// then be handed out twice, once from each: the Queue contract allows it.
//
// A call takes as long as the primary's: RedisQueue fails at once while Redis is away, so only the calls that are
// under way when it goes silent wait for its timeout.
class FallbackQueue final : public Queue {
 public:
  // Told of each change: why the primary does not answer, or nullopt when it answers again. Must not block.
  using OnChange = std::function<void(const std::optional<Error>&)>;
  // Asks it once, so that degraded() is right from the start.
  explicit FallbackQueue(std::unique_ptr<Queue> primary, OnChange on_change = nullptr);

  Status Offer(std::span<const QueueItem> items) override;
  Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) override;
  Result<std::optional<Timestamp>> NextDue() override;
  Result<std::size_t> Size() override;  // counts an id that waits in both twice

  // The primary did not answer when last asked. Thread-safe; asks nobody.
  bool degraded() const { return degraded_.load(std::memory_order_relaxed); }
  // Why, for logs and /readyz; nullopt when not degraded.
  std::optional<Error> PrimaryError() const;

 private:
  // Taking may work while offering does not (no memory left): its answer says nothing of the other, unless it could not
  // be taken from before.
  enum class Use : std::uint8_t { kOffer, kTake };
  // Notes how the primary answered, and passes the answer through.
  template <class T>
  Result<T> Noted(Use use, Result<T> answer);

  const std::unique_ptr<Queue> primary_;
  MemoryQueue memory_;
  std::atomic<bool> degraded_{false};
  mutable std::mutex mutex_;
  std::optional<Error> errors_[2];  // by Use
  const OnChange on_change_;
};

}  // namespace dunlin
