#include "state/ledger/committer.h"

#include <algorithm>
#include <utility>

#include "state/ledger/file.h"

namespace dunlin::db {
namespace {

constexpr std::size_t kBatchUnits = 512;
constexpr std::size_t kBatchBytes = 16 * 1024 * 1024;  // of event bodies: bounds what one transaction holds in memory
constexpr std::size_t kOthersMin = 4;                  // units of other work in a batch, however few events it holds
constexpr std::size_t kEventsToOneOther = 12;          // such a unit writes about as much as four events
constexpr int kRestartWaitMs = 50;

std::size_t BodyBytes(const Unit& unit) {
  std::size_t bytes = 0;
  for (const NewEvent& event : unit.accept) bytes += event.body.size();
  return bytes;
}

}  // namespace

struct Committer::Statements {
  explicit Statements(Connection& c)
      : begin(c, "BEGIN IMMEDIATE", ""),
        commit(c, "COMMIT", ""),
        savepoint(c, "SAVEPOINT unit", ""),
        release(c, "RELEASE unit", ""),
        rollback_unit(c, "ROLLBACK TO unit", ""),
        units(c) {}
  Statement begin, commit, savepoint, release, rollback_unit;
  UnitWriter units;
};

namespace {

Status Run(Statement& statement) {
  const Result<std::int64_t> done = statement.Run();
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace

Committer::Committer(std::unique_ptr<Connection> connection, Reopen reopen, Checkpointer* checkpointer,
                     std::mutex* shared)
    : reopen_(std::move(reopen)),
      checkpointer_(checkpointer),
      shared_(shared),
      connection_(std::move(connection)),
      statements_(std::make_unique<Statements>(*connection_)) {
  if (checkpointer_ != nullptr) connection_->CountWalFrames(checkpointer_->frames());
  thread_ = std::thread([this] { Run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  gathered_.notify_one();
  thread_.join();
  Close();
}

std::vector<Result<UnitResult>> Committer::CommitAll(std::vector<Unit> units) {
  Batch items;
  items.reserve(units.size());
  for (Unit& unit : units) {
    items.push_back(std::make_unique<Item>());
    items.back()->unit = std::move(unit);
  }
  return Wait(std::move(items));
}

void Committer::CommitThen(Unit unit, Ledger::CommitDone done) {
  Batch items;
  items.push_back(std::make_unique<Item>());
  items[0]->unit = std::move(unit);
  items[0]->done = std::move(done);
  Enqueue(std::move(items));
}

Status Committer::Do(Action action) {
  Batch items;
  items.push_back(std::make_unique<Item>());
  items[0]->action = std::move(action);
  const std::vector<Result<UnitResult>> results = Wait(std::move(items));
  if (!results[0]) return tl::unexpected(results[0].error());
  return {};
}

void Committer::OnNewJobs(Ledger::JobHint hint) {
  const std::lock_guard lock(hint_mutex_);  // waits for a call under way: what it looks at may be gone right after
  hint_ = std::move(hint);
}

void Committer::Hint(const std::vector<JobRef>& jobs) {
  if (jobs.empty()) return;
  const std::lock_guard lock(hint_mutex_);
  if (hint_) hint_(jobs);
}

std::vector<Result<UnitResult>> Committer::Wait(Batch items) {
  if (items.empty()) return {};
  // Shared, because it is woken after its mutex was let go: a thread that is woken while the mutex is held only falls
  // asleep again on that.
  struct Waiter {
    std::mutex mutex;
    std::condition_variable all_done;
    std::vector<Result<UnitResult>> results;
    std::size_t left = 0;
  };
  const auto waiter = std::make_shared<Waiter>();
  waiter->left = items.size();
  waiter->results.resize(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i]->done = [waiter, i](Result<UnitResult> result) {
      bool last = false;
      {
        const std::lock_guard lock(waiter->mutex);
        waiter->results[i] = std::move(result);
        last = --waiter->left == 0;
      }
      if (last) waiter->all_done.notify_one();
    };
  }
  Enqueue(std::move(items));
  std::unique_lock lock(waiter->mutex);
  waiter->all_done.wait(lock, [&] { return waiter->left == 0; });
  return std::move(waiter->results);
}

void Committer::Enqueue(Batch items) {
  {
    const std::lock_guard lock(mutex_);
    for (std::unique_ptr<Item>& item : items) {
      auto& queue = item->unit.accept.empty() ? others_ : ingest_;
      queue.push_back(std::move(item));
    }
  }
  gathered_.notify_one();
}

void Committer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    gathered_.wait(lock, [&] { return stop_ || !ingest_.empty() || !others_.empty(); });
    if (ingest_.empty() && others_.empty()) return;
    const Batch batch = TakeBatch();
    lock.unlock();

    CommitBatch(batch);
    std::vector<JobRef> jobs;
    for (const std::unique_ptr<Item>& item : batch) {
      if (item->result) jobs.insert(jobs.end(), item->result->new_jobs.begin(), item->result->new_jobs.end());
    }
    Answer(batch);
    Hint(jobs);
    KeepLogShort();
    lock.lock();
  }
}

Committer::Batch Committer::TakeBatch() {
  // While events pour in, other work gets about a quarter of the writing: the senders wait, it can. Senders that were
  // just answered are about to send again, so a queue that is empty right after a batch of events does not end the
  // rush.
  const std::size_t before = std::exchange(ingest_before_, ingest_.size());
  const std::size_t pouring = ingest_.empty() ? before : ingest_.size();
  const std::size_t share = std::max(pouring / kEventsToOneOther, kOthersMin);
  const std::size_t others = std::min(others_.size(), pouring == 0 ? kBatchUnits : share);
  const std::size_t ingest = std::min(ingest_.size(), kBatchUnits - others);
  Batch batch;
  batch.reserve(ingest + others);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < ingest && bytes < kBatchBytes; ++i) {
    bytes += BodyBytes(ingest_.front()->unit);
    batch.push_back(std::move(ingest_.front()));
    ingest_.pop_front();
  }
  for (std::size_t i = 0; i < others; ++i) {
    batch.push_back(std::move(others_.front()));
    others_.pop_front();
  }
  return batch;
}

void Committer::CommitBatch(const Batch& batch) {
  std::unique_lock<std::mutex> lock;
  if (shared_ != nullptr) lock = std::unique_lock(*shared_);
  const Status committed = WriteBatch(batch);
  if (committed) return;
  AbandonTransaction();
  for (const std::unique_ptr<Item>& item : batch) item->result = tl::unexpected(committed.error());
}

Status Committer::WriteBatch(const Batch& batch) {
  if (Status open = EnsureOpen(); !open) return open;
  if (Status begun = db::Run(statements_->begin); !begun) return begun;
  for (const std::unique_ptr<Item>& item : batch) {
    if (Status written = WriteItem(*item); !written) return written;
  }
  return db::Run(statements_->commit);
}

// One event and nothing else: it is written, or was there, or something is wrong with the whole file.
bool IsOneEvent(const Unit& u) {
  return u.accept.size() == 1 && u.done.empty() && u.save.empty() && u.events.empty() && u.open_attempts.empty() &&
         u.close_attempts.empty() && u.annotate_attempts.empty() && u.timeline.empty() && u.jobs.empty() &&
         u.drop_jobs.empty() && u.retries.empty() && u.aliases.empty() && u.links.empty() && u.alerts.empty() &&
         u.settle_alerts.empty() && u.replies.empty() && u.tokens.empty() && u.moves.empty() &&
         u.market_links.empty() && u.orphans.empty() && u.registrations.empty() && u.claims.empty() && !u.drop_bodies &&
         !u.expire && !u.erase && u.usage.empty() && u.usage_shifts.empty() && u.freeze.empty() &&
         u.usage_results.empty();
}

// An error here is the whole batch's; the item's own goes into its result.
Status Committer::WriteItem(Item& item) {
  if (!item.action && IsOneEvent(item.unit)) {  // the hot path: no savepoint, there is nothing to take back alone
    item.result = Write(item);
    if (item.result) return {};
    return Fail(Errc::kUnavailable, "an event could not be stored: " + item.result.error().detail);
  }
  if (Status saved = db::Run(statements_->savepoint); !saved) return saved;
  item.result = Write(item);
  if (!item.result) {
    // One that nothing can replace stays in use: what broke it once says nothing about this failure.
    const bool unsafe = (reopen_ && connection_->broken()) || !connection_->InTransaction();
    if (unsafe || item.result.error().code == Errc::kUnavailable) return tl::unexpected(item.result.error());
    if (Status back = db::Run(statements_->rollback_unit); !back) return back;
  }
  return db::Run(statements_->release);
}

Result<UnitResult> Committer::Write(Item& item) {
  if (!item.action) return statements_->units.Write(item.unit);
  if (Status done = item.action(*connection_); !done) return tl::unexpected(done.error());
  return UnitResult{};
}

Status Committer::EnsureOpen() {
  if (connection_ != nullptr) return {};
  Result<std::unique_ptr<Connection>> opened = reopen_();
  if (!opened) return tl::unexpected(opened.error());
  connection_ = std::move(*opened);
  statements_ = std::make_unique<Statements>(*connection_);
  if (checkpointer_ != nullptr) connection_->CountWalFrames(checkpointer_->frames());
  return {};
}

// After a failed flush what SQLite holds in memory cannot be trusted, so the connection goes with the transaction.
void Committer::AbandonTransaction() {
  if (connection_ == nullptr) return;
  bool clean = !connection_->broken();
  if (connection_->InTransaction()) clean = connection_->Run("ROLLBACK").has_value() && clean;
  if (!clean && reopen_) Close();
}

void Committer::Close() {
  statements_.reset();
  connection_.reset();
}

void Committer::KeepLogShort() {
  if (checkpointer_ == nullptr || connection_ == nullptr) return;
  checkpointer_->AfterCommit();
  const auto now = std::chrono::steady_clock::now();
  if (now < next_restart_ || !checkpointer_->WantsRestart()) return;
  next_restart_ = now + std::chrono::seconds{1};
  RestartLog(*connection_, kRestartWaitMs, kBusyMs);
}

void Committer::Answer(const Batch& batch) {
  for (const std::unique_ptr<Item>& item : batch) item->done(std::move(item->result));
}

}  // namespace dunlin::db
