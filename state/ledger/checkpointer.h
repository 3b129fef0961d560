// Moves the write-ahead log into the database file on a thread of its own, so that no commit has to.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "state/ledger/db.h"

namespace dunlin::db {

// Of a log of so many frames, of which so many are copied: true when it is long and little of it is left to copy, or
// when it is far too long. Pure.
bool IsToBeginAnew(std::int64_t frames, std::int64_t copied);

class Checkpointer {
 public:
  explicit Checkpointer(std::string path);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Where the writing connection stores the length of the log (Connection::CountWalFrames).
  std::atomic<std::int64_t>* frames() { return &frames_; }

  // For the committing thread, after each commit. Never blocks for long: wakes the thread when there is enough to do.
  void AfterCommit();

  // While commits follow each other without a pause, the log is never wholly copied at the moment one ends, and so it
  // is never begun anew: then the writer must do it between two commits.
  bool WantsRestart() const;

 private:
  void Run();
  void Copy();

  const std::string path_;
  std::atomic<std::int64_t> frames_{0};
  std::atomic<std::int64_t> copied_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool work_ = false;
  bool stop_ = false;
  std::unique_ptr<Connection> connection_;  // of the thread
  std::thread thread_;
};

// Copies what is left and begins the log anew; gives up when a reader does not let go within `wait_ms`. The
// connection is the writer's, outside a transaction.
void RestartLog(Connection& connection, int wait_ms, int busy_ms_after);

}  // namespace dunlin::db
