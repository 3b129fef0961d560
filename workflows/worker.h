// The threads that turn due jobs into outcomes: a feeder from the ledger into the queues, and workers out of them.
//
// The queues are fed, never trusted: every second, and on each commit's hint, what is due within the next minute is
// offered. First start, a flushed or replaced Redis, and no Redis at all are this one path.
#pragma once

#include <memory>

#include "workflows/engine.h"
#include "workflows/feeder.h"

namespace dunlin {

class Workers {
 public:
  struct Options {
    int apply_threads = 2;
    int outside_threads = 8;
    int message_threads = 1;  // one keeps messages in their order while none fails
  };
  // All must outlive this.
  Workers(Engine& engine, const LaneQueues& queues, const Options& options);
  ~Workers();  // stops

  void Start();
  // From now on no new job is begun; returns at once.
  void BeginStop();
  // No new job is begun. Waits until those under way are done, at most `patience`; returns false when some were not:
  // they are in the ledger as they stood, and the next start resolves them. After false only ending the process is
  // safe.
  bool Stop(Millis patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin
