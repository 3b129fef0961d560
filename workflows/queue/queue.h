// Which job is due next: ids and due times, nothing else. The queue is fed, never trusted. It may forget everything
// and may hand out an id twice; the ledger is the truth, and a feeder offers every due job again each second. So a
// caller that gets an id loads the job and lets the row decide whether there is anything left to do.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "state/id.h"
#include "state/result.h"
#include "state/time.h"

namespace dunlin {

struct QueueItem {
  JobId id;
  Timestamp due;
};

class Queue {  // thread-safe
 public:
  virtual ~Queue() = default;

  // Adds the items. An id that waits already keeps the smaller of its two due times: a job moved earlier is not late,
  // and a job moved later is handed out too early, which the ledger's row then says.
  // Errors: kUnavailable; some of the items may have been added.
  virtual Status Offer(std::span<const QueueItem> items) = 0;

  // Takes up to `max` items whose due <= now, earliest first (in no particular order among equal due times). They are
  // gone from the queue on return. Fewer than `max` does not promise that nothing else is due; none does. Does not
  // wait for items, and never blocks longer than the implementation's command timeout.
  // Errors: kUnavailable; items may have been taken and lost with the answer (the feeder brings them back).
  virtual Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) = 0;

  // When the earliest waiting item is due; nullopt when the queue is empty. Errors: kUnavailable.
  virtual Result<std::optional<Timestamp>> NextDue() = 0;

  // How many items wait, due or not. Errors: kUnavailable.
  virtual Result<std::size_t> Size() = 0;
};

}  // namespace dunlin
