#include "state/ledger/checkpointer.h"

#include <algorithm>
#include <utility>

#include "state/ledger/file.h"

namespace dunlin::db {
namespace {

constexpr std::int64_t kCopyFrames = 4096;      // 16 MiB of pages: copy
constexpr std::int64_t kRestartFrames = 32768;  // 128 MiB: begin anew when it costs little
constexpr std::int64_t kMostFrames = 65536;     // 256 MiB: begin anew whatever it costs

}  // namespace

bool IsToBeginAnew(std::int64_t frames, std::int64_t copied) {
  if (frames > kMostFrames) return true;
  return frames > kRestartFrames && copied > frames - 2 * kCopyFrames;
}

Checkpointer::Checkpointer(std::string path) : path_(std::move(path)), thread_([this] { Run(); }) {}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Checkpointer::AfterCommit() {
  const std::int64_t frames = frames_.load(std::memory_order_relaxed);
  if (frames < copied_.load(std::memory_order_relaxed)) copied_.store(0, std::memory_order_relaxed);  // begun anew
  if (frames - copied_.load(std::memory_order_relaxed) < kCopyFrames) return;
  {
    const std::lock_guard lock(mutex_);
    work_ = true;
  }
  wake_.notify_one();
}

bool Checkpointer::WantsRestart() const {
  return IsToBeginAnew(frames_.load(std::memory_order_relaxed), copied_.load(std::memory_order_relaxed));
}

void Checkpointer::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!work_) {
      wake_.wait(lock);
      continue;
    }
    work_ = false;
    lock.unlock();
    Copy();
    lock.lock();
  }
}

// A failure is no one's loss: the log stays, and the next commit asks again.
void Checkpointer::Copy() {
  if (connection_ != nullptr && connection_->broken()) connection_.reset();
  if (connection_ == nullptr) {
    Result<std::unique_ptr<Connection>> opened = OpenToWrite(path_);
    if (!opened) return;
    connection_ = std::move(*opened);
  }
  Statement checkpoint(*connection_, "PRAGMA wal_checkpoint(PASSIVE)", "", "iii");
  if (!checkpoint.One()) return;
  checkpoint.TakeInt();  // busy
  checkpoint.TakeInt();  // frames in the log
  copied_.store(std::max<std::int64_t>(checkpoint.TakeInt(), 0), std::memory_order_relaxed);
}

void RestartLog(Connection& connection, int wait_ms, int busy_ms_after) {
  connection.SetBusyTimeout(wait_ms);
  {
    Statement checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)", "", "iii");
    (void)checkpoint.One();  // whether it could is seen by the log's length after the next commit
  }
  connection.SetBusyTimeout(busy_ms_after);
}

}  // namespace dunlin::db
