// The one thread that writes. Callers hand it their units; each commit takes all that gathered during the last one, so
// that many units share one flush to the disk and a lonely one waits for nobody.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "state/ledger.h"
#include "state/ledger/checkpointer.h"
#include "state/ledger/db.h"
#include "state/ledger/unit.h"

namespace dunlin::db {

class Committer {
 public:
  // Makes a new connection after a failure that leaves the old one in doubt; empty: there can be no other.
  using Reopen = std::function<Result<std::unique_ptr<Connection>>()>;
  // Something else to do inside a transaction.
  using Action = std::function<Status(Connection&)>;

  // `checkpointer` may be null. `shared`, where given, is held during each batch: others use the connection too.
  Committer(std::unique_ptr<Connection> connection, Reopen reopen, Checkpointer* checkpointer, std::mutex* shared);
  // Commits what is queued, then ends. No one may call it any more.
  ~Committer();

  // As the Ledger's. Thread-safe.
  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units);
  void CommitThen(Unit unit, Ledger::CommitDone done);
  Status Do(Action action);
  void OnNewJobs(Ledger::JobHint hint);

 private:
  struct Item {
    Unit unit;
    Action action;  // instead of a unit
    Ledger::CommitDone done;
    Result<UnitResult> result;
  };
  using Batch = std::vector<std::unique_ptr<Item>>;

  std::vector<Result<UnitResult>> Wait(Batch items);
  void Enqueue(Batch items);
  void Run();
  Batch TakeBatch();  // mutex_ is held
  void CommitBatch(const Batch& batch);
  Status WriteBatch(const Batch& batch);
  Status WriteItem(Item& item);
  Result<UnitResult> Write(Item& item);
  Status EnsureOpen();
  void AbandonTransaction();
  void Close();
  void KeepLogShort();
  static void Answer(const Batch& batch);
  void Hint(const std::vector<JobRef>& jobs);

  const Reopen reopen_;
  Checkpointer* const checkpointer_;
  std::mutex* const shared_;

  // Of the thread.
  std::unique_ptr<Connection> connection_;
  struct Statements;
  std::unique_ptr<Statements> statements_;
  std::chrono::steady_clock::time_point next_restart_{};

  std::mutex mutex_;
  std::condition_variable gathered_;
  std::deque<std::unique_ptr<Item>> ingest_;
  std::deque<std::unique_ptr<Item>> others_;
  std::size_t ingest_before_ = 0;  // how many events were queued when the batch before was taken
  bool stop_ = false;
  std::mutex hint_mutex_;  // held during a call
  Ledger::JobHint hint_;
  std::thread thread_;
};

}  // namespace dunlin::db
