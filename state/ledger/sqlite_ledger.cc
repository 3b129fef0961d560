// Ledger on SQLite: one writer (committer.h), a few connections to read, each with a snapshot of its own.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "state/ledger.h"
#include "state/ledger/checkpointer.h"
#include "state/ledger/committer.h"
#include "state/ledger/db.h"
#include "state/ledger/file.h"
#include "state/ledger/reader.h"

namespace dunlin {
namespace {

using db::Connection;
using db::Reader;

// Connections that read, opened when first needed. Thread-safe.
class ReadPool {
 public:
  struct Side {
    explicit Side(std::unique_ptr<Connection> c) : connection(std::move(c)), reader(*connection) {}
    std::unique_ptr<Connection> connection;
    Reader reader;
  };

  explicit ReadPool(std::string path) : path_(std::move(path)) {}

  Result<std::unique_ptr<Side>> Take() {
    {
      std::unique_lock lock(mutex_);
      returned_.wait(lock, [&] { return !idle_.empty() || taken_ < kMost; });
      ++taken_;
      if (!idle_.empty()) {
        std::unique_ptr<Side> side = std::move(idle_.back());
        idle_.pop_back();
        return side;
      }
    }
    Result<std::unique_ptr<Connection>> opened = db::OpenToRead(path_);
    if (opened) return std::make_unique<Side>(std::move(*opened));
    Return(nullptr);
    return tl::unexpected(opened.error());
  }

  void Return(std::unique_ptr<Side> side) {
    const bool sound = side != nullptr && !side->connection->broken() && !side->connection->InTransaction();
    {
      const std::lock_guard lock(mutex_);
      --taken_;
      if (sound) idle_.push_back(std::move(side));
    }
    returned_.notify_one();
  }

 private:
  static constexpr std::size_t kMost = 8;
  const std::string path_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Side>> idle_;
  std::size_t taken_ = 0;
};

class SqliteLedger final : public Ledger {
 public:
  SqliteLedger(const db::Location& location, std::unique_ptr<db::ServiceLock> lock,
               std::unique_ptr<Connection> connection, std::string instance)
      : lock_(std::move(lock)), instance_(std::move(instance)), pool_(location.path) {
    if (location.memory) {
      only_reader_.emplace(*connection);
      committer_.emplace(std::move(connection), nullptr, nullptr, &only_connection_);
      return;
    }
    checkpointer_.emplace(location.path);
    committer_.emplace(
        std::move(connection), [path = location.path] { return db::OpenToWrite(path); }, &*checkpointer_, nullptr);
  }
  // The statements of only_reader_ go before the committer's connection, which they belong to.
  ~SqliteLedger() override { only_reader_.reset(); }
  SqliteLedger(const SqliteLedger&) = delete;
  SqliteLedger& operator=(const SqliteLedger&) = delete;

  Result<UnitResult> Commit(Unit unit) override {
    std::vector<Unit> units;
    units.push_back(std::move(unit));
    return std::move(committer_->CommitAll(std::move(units)).front());
  }
  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) override {
    return committer_->CommitAll(std::move(units));
  }
  void CommitThen(Unit unit, CommitDone done) override { committer_->CommitThen(std::move(unit), std::move(done)); }
  void OnNewJobs(JobHint hint) override { committer_->OnNewJobs(std::move(hint)); }
  const std::string& instance() const override { return instance_; }

  Result<std::vector<JobRef>> DueJobs(Timestamp until, std::size_t limit) override {
    return Read([&](Reader& r) { return r.DueJobs(until, limit); });
  }
  Result<std::vector<Work>> LoadWork(std::span<const JobId> ids) override {
    return Read([&](Reader& r) { return r.LoadWork(ids); });
  }
  Result<std::optional<SubscriptionRecord>> LoadSubscription(const SubscriptionId& id) override {
    return Read([&](Reader& r) { return r.LoadSubscription(id); });
  }
  Result<std::vector<SubscriptionId>> SubscriptionsOf(const AccountId& account) override {
    return Read([&](Reader& r) { return r.SubscriptionsOf(account); });
  }
  Result<std::optional<Attempt>> FindAttempt(const AttemptKey& key) override {
    return Read([&](Reader& r) { return r.FindAttempt(key); });
  }
  Result<std::optional<Attempt>> FindAttemptOfJob(JobId job) override {
    return Read([&](Reader& r) { return r.FindAttemptOfJob(job); });
  }
  Result<std::optional<PaymentLink>> FindPayment(std::string_view payment_intent) override {
    return Read([&](Reader& r) { return r.FindPayment(payment_intent); });
  }
  Result<std::optional<SubscriptionId>> SubscriptionOfInvoice(const InvoiceId& invoice) override {
    return Read([&](Reader& r) { return r.SubscriptionOfInvoice(invoice); });
  }
  Result<std::optional<Timestamp>> NewestEvent(Provider provider) override {
    return Read([&](Reader& r) { return r.NewestEvent(provider); });
  }
  Result<std::vector<MarketLink>> FindMarketLinks(std::span<const std::string> keys) override {
    return Read([&](Reader& r) { return r.FindMarketLinks(keys); });
  }
  Result<std::optional<RegistrationCode>> FindRegistration(std::string_view code_hash) override {
    return Read([&](Reader& r) { return r.FindRegistration(code_hash); });
  }
  Result<std::vector<StoredEvent>> Orphans(Timestamp received_before, std::size_t limit) override {
    return Read([&](Reader& r) { return r.Orphans(received_before, limit); });
  }
  Result<std::vector<UsageHour>> UsageOf(const SubscriptionId& id, Timestamp since) override {
    return Read([&](Reader& r) { return r.UsageOf(id, since); });
  }
  Result<std::vector<UsageHour>> FrozenUsage(std::string_view batch) override {
    return Read([&](Reader& r) { return r.FrozenUsage(batch); });
  }
  Result<std::optional<BookedUsage>> FindUsage(const AccountId& account, std::string_view key) override {
    return Read([&](Reader& r) { return r.FindUsage(account, key); });
  }
  Result<UsageTotals> TotalUsage(const SubscriptionId& id) override {
    return Read([&](Reader& r) { return r.TotalUsage(id); });
  }
  Result<UsageBacklog> CountUsageBacklog() override {
    return Read([&](Reader& r) { return r.CountUsageBacklog(); });
  }
  Result<Listing<UsageHour>> UsageHours(const SubscriptionId& id, const Page& page) override {
    return Read([&](Reader& r) { return r.UsageHours(id, page); });
  }
  Result<std::vector<AccountId>> ResolveAccount(std::string_view any_id) override {
    return Read([&](Reader& r) { return r.ResolveAccount(any_id); });
  }
  Result<Listing<Subscription>> Subscriptions(const SubscriptionFilter& filter, const Page& page) override {
    return Read([&](Reader& r) { return r.Subscriptions(filter, page); });
  }
  Result<std::vector<TimelineRow>> Timeline(const SubscriptionId& id) override {
    return Read([&](Reader& r) { return r.Timeline(id); });
  }
  Result<Listing<StoredEvent>> Events(const EventFilter& filter, const Page& page) override {
    return Read([&](Reader& r) { return r.Events(filter, page); });
  }
  Result<std::optional<StoredEvent>> FindEvent(Provider provider, const EventId& id) override {
    return Read([&](Reader& r) { return r.FindEvent(provider, id); });
  }
  Result<Listing<Job>> Jobs(const JobFilter& filter, const Page& page) override {
    return Read([&](Reader& r) { return r.Jobs(filter, page); });
  }
  Result<std::optional<Job>> FindJob(JobId id) override {
    return Read([&](Reader& r) { return r.FindJob(id); });
  }
  Result<Listing<Alert>> Alerts(const Page& page) override {
    return Read([&](Reader& r) { return r.Alerts(page); });
  }
  Result<Backlog> CountBacklog(Timestamp now) override {
    return Read([&](Reader& r) { return r.CountBacklog(now); });
  }
  Result<std::optional<ApiReply>> FindReply(std::string_view key) override {
    return Read([&](Reader& r) { return r.FindReply(key); });
  }
  Result<std::optional<Token>> FindToken(std::string_view hash) override {
    return Read([&](Reader& r) { return r.FindToken(hash); });
  }
  Result<std::vector<Token>> Tokens() override {
    return Read([&](Reader& r) { return r.Tokens(); });
  }
  Result<std::vector<std::pair<int, std::string>>> Policies() override {
    return Read([&](Reader& r) { return r.Policies(); });
  }

  Status KeepPolicy(int version, std::string_view text) override;
  Status CheckWritable() override;

 private:
  template <class F>
  auto Read(F&& read) -> decltype(read(std::declval<Reader&>())) {
    if (only_reader_) {
      const std::lock_guard lock(only_connection_);
      return read(*only_reader_);
    }
    auto side = pool_.Take();
    if (!side) return tl::unexpected(side.error());
    auto result = read((*side)->reader);
    pool_.Return(std::move(*side));
    return result;
  }

  const std::unique_ptr<db::ServiceLock> lock_;  // null: others may hold it
  const std::string instance_;
  // A ledger in memory has one connection, which reads and writes take turns at.
  std::mutex only_connection_;
  std::optional<Reader> only_reader_;
  ReadPool pool_;
  std::optional<db::Checkpointer> checkpointer_;
  std::optional<db::Committer> committer_;
};

Status SqliteLedger::KeepPolicy(int version, std::string_view text) {
  return committer_->Do([version, kept = std::string(text)](Connection& connection) -> Status {
    // One that is there already with this text counts as stored.
    db::Statement keep(connection,
                       "INSERT INTO policies (version, text) VALUES (:v, :t) ON CONFLICT (version) DO UPDATE "
                       "SET text = excluded.text WHERE text = excluded.text",
                       "it");
    const Result<std::int64_t> stored = keep.Int(version).Text(kept).Run();
    if (!stored) return tl::unexpected(stored.error());
    if (*stored == 1) return {};
    return Fail(Errc::kConflict, "policy version " + std::to_string(version) + " is stored with another text");
  });
}

Status SqliteLedger::CheckWritable() {
  return committer_->Do([](Connection& connection) {
    return connection.Run("UPDATE meta SET value = CASE value WHEN '0' THEN '1' ELSE '0' END WHERE key = 'writable'");
  });
}

}  // namespace

Result<std::unique_ptr<Ledger>> OpenLedger(std::string_view location, const LedgerOptions& options) {
  const Result<db::Location> where = db::ParseLocation(location);
  if (!where) return tl::unexpected(where.error());
  std::unique_ptr<db::ServiceLock> lock;
  if (options.sole_service && !where->memory) {
    auto taken = db::ServiceLock::Take(where->path, options.mode);
    if (!taken) return tl::unexpected(taken.error());
    lock = std::move(*taken);
  }
  Result<std::unique_ptr<Connection>> connection = db::OpenFirst(*where, options);
  if (!connection) return tl::unexpected(connection.error());
  Result<std::string> instance = (*connection)->Text("SELECT value FROM meta WHERE key = 'instance'");
  if (!instance) return tl::unexpected(instance.error());
  auto ledger = std::make_unique<SqliteLedger>(*where, std::move(lock), std::move(*connection), std::move(*instance));
  // A connection that has read keeps the write-ahead log open: when the writer's must be closed because the disk is
  // full, nothing has to be made anew on that disk before reads can go on.
  if (const auto read = ledger->Policies(); !read) return tl::unexpected(read.error());
  return ledger;
}

}  // namespace dunlin
