// SQLite that fails at the first thing it is asked, the second, the third … until a run meets no failure any more.
// Whatever was asked for has then been refused whole, and is done when it is asked for again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "state/backup.h"
#include "state/compact.h"
#include "state/ledger/db.h"
#include "tests/state/full_ledger.h"
#include "tests/support/faulty_sqlite.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

constexpr int kCallsMax = 500;

class LedgerFaultsTest : public ::testing::Test {
 protected:
  LedgerFaultsTest() {
    EXPECT_TRUE(OpenLedger("sqlite::memory:"));  // SQLite is set up before it is watched
    disk_.emplace();
    faults_.emplace();
  }
  ~LedgerFaultsTest() override { ledger_.reset(); }

  std::unique_ptr<Ledger> Open(const std::string& path) {
    auto opened = OpenLedger("sqlite:" + path);
    EXPECT_TRUE(opened) << opened.error().detail;
    return opened ? std::move(*opened) : nullptr;
  }
  // Runs `act` with each of its calls failing in turn, alone or with all after it, until none does; after each failure
  // `then`. How many of them there were.
  template <class Act, class Then>
  int Sweep(const std::string& what, Act&& act, Then&& then, int stride = 1) {
    for (int n = 1; n < kCallsMax; n += stride) {
      const bool lasts = n % 2 == 0;
      const std::string when = what + ", call " + std::to_string(n) + (lasts ? " and all after it" : "");
      faults_->FailFrom(n, lasts);
      const Status done = act();
      const bool failed = faults_->failed();
      faults_->Heal();
      if (!failed) {
        EXPECT_TRUE(done) << when << ": " << done.error().detail;
        return n - 1;
      }
      EXPECT_FALSE(done) << when << ": it was told that all is well";
      if (done) continue;
      EXPECT_EQ(done.error().code, Errc::kUnavailable) << when << ": " << done.error().detail;
      then(when);
    }
    ADD_FAILURE() << what << ": no run was clean";
    return kCallsMax;
  }
  // The next write and the next read each open a connection of their own.
  void Disconnect() {
    faults_->FailFrom(1, true);
    EXPECT_FALSE(ledger_->CheckWritable());
    EXPECT_FALSE(ledger_->Events({}, {}));
    faults_->Heal();
  }

  std::optional<FaultyVfs> disk_;  // for it flushes nothing, which takes long
  std::optional<FaultySqlite> faults_;
  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("ledger.db");
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerFaultsTest, AReadThatFailsAnywhereSaysSoAndIsRightTheNextTime) {
  ledger_ = Open(path_);
  Fill(*ledger_);
  for (const NamedRead& one : ReadsOfEveryKind()) {
    const std::size_t right = one.read(*ledger_).value();
    const auto read = [&]() -> Status {
      const auto found = one.read(*ledger_);
      if (!found) return tl::unexpected(found.error());
      EXPECT_EQ(*found, right) << one.name;
      return {};
    };
    Disconnect();
    EXPECT_GT(Sweep(one.name, read, [](const std::string&) {}), 0) << one.name;
  }
}

TEST_F(LedgerFaultsTest, AWriteThatFailsAnywhereLeavesNothingAndIsDoneTheNextTime) {
  ledger_ = Open(path_);
  for (const NamedWrite& one : WritesOfEveryKind()) {
    const std::string before = Dump(path_);
    Disconnect();
    const int calls = Sweep(
        one.name, [&] { return one.write(*ledger_); },
        [&](const std::string& when) { EXPECT_EQ(Dump(path_), before) << when; });
    EXPECT_GT(calls, 5) << one.name;
    EXPECT_NE(Dump(path_), before) << one.name;
  }
}

// The units of one call share a commit, and that is refused whole when SQLite fails; a unit's own conflict is its own.
TEST_F(LedgerFaultsTest, UnitsThatShareACommitAreAllRefusedOrEachGetsItsOwnAnswer) {
  ledger_ = Open(path_);
  ASSERT_TRUE(ledger_->Commit(Save(MakeSubscription("sub_1"))));
  const std::string before = Dump(path_);
  Disconnect();
  const auto commit = [&]() -> Status {
    const auto results = ledger_->CommitAll(
        {Save(MakeSubscription("sub_2")), Save(MakeSubscription("sub_1")), Accept(MakeEvent("evt_1"))});
    EXPECT_EQ(results[0].has_value(), results[2].has_value());
    EXPECT_FALSE(results[1]);
    if (results[0]) {
      EXPECT_EQ(results[1].error().code, Errc::kConflict);
      return {};
    }
    EXPECT_EQ(results[1].error().detail, results[0].error().detail);
    return tl::unexpected(results[2].error());
  };
  Sweep("three units", commit, [&](const std::string& when) { EXPECT_EQ(Dump(path_), before) << when; });
  EXPECT_TRUE(ledger_->LoadSubscription(SubscriptionId("sub_2")).value());
}

TEST_F(LedgerFaultsTest, ALedgerInMemoryOutlivesAFailureToo) {
  ledger_ = std::move(*OpenLedger("sqlite::memory:"));
  ASSERT_TRUE(ledger_->Commit(Save(MakeSubscription("sub_1"))));
  faults_->FailFrom(1, false);
  const auto refused = ledger_->Commit(Add(MakeJob(JobKind::kMail, kNoon)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  faults_->Heal();
  EXPECT_EQ(ledger_->DueJobs(kNoon, 10)->size(), 0U);
  EXPECT_TRUE(ledger_->Commit(Add(MakeJob(JobKind::kMail, kNoon))));
  EXPECT_EQ(ledger_->DueJobs(kNoon, 10)->size(), 1U);
  const auto results = ledger_->CommitAll({Save(MakeSubscription("sub_2")), Save(MakeSubscription("sub_1"))});
  EXPECT_TRUE(results[0]) << "its neighbour's conflict is none of its own";
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kConflict);
}

TEST_F(LedgerFaultsTest, AnOpeningThatFailsAnywhereLeavesALedgerThatCanBeOpened) {
  int run = 0;
  std::string path;
  const auto open = [&]() -> Status {
    path = scratch_.File("ledger" + std::to_string(run++));
    auto opened = OpenLedger("sqlite:" + path, {.sole_service = true});
    if (!opened) return tl::unexpected(opened.error());
    return {};
  };
  const int calls = Sweep(
      "a new ledger", open,
      [&](const std::string& when) {
        const auto ledger = OpenLedger("sqlite:" + path, {.sole_service = true});
        ASSERT_TRUE(ledger) << when << ": " << ledger.error().detail;
        EXPECT_TRUE((*ledger)->Commit(Accept(MakeEvent("evt_1")))) << when;
      },
      5);  // every step of the schema has many calls
  EXPECT_GT(calls, 50);
  Sweep(
      "an old ledger",
      [&]() -> Status {
        auto opened = OpenLedger("sqlite:" + path);
        if (!opened) return tl::unexpected(opened.error());
        return {};
      },
      [](const std::string&) {});
}

TEST_F(LedgerFaultsTest, ACopyThatFailsAnywhereLeavesNoFileAndIsMadeTheNextTime) {
  ledger_ = Open(path_);
  ASSERT_TRUE(ledger_->Commit(Accept(MakeEvent("evt_1"))));
  const std::string copy = scratch_.File("copy.db");
  const std::string back = scratch_.File("back.db");
  const auto expect_none = [&](const std::string& file, const std::string& when) {
    EXPECT_FALSE(std::filesystem::exists(file)) << when;
    EXPECT_FALSE(std::filesystem::exists(file + ".part")) << when;
  };
  Sweep(
      "a backup", [&] { return BackUpLedger("sqlite:" + path_, copy); },
      [&](const std::string& when) { expect_none(copy, when); });
  Sweep(
      "a restoration", [&] { return RestoreLedger(copy, "sqlite:" + back); },
      [&](const std::string& when) { expect_none(back, when); });
  EXPECT_TRUE(Open(back)->FindEvent(Provider::kStripe, EventId("evt_1")).value());
}

TEST_F(LedgerFaultsTest, ACompactionThatFailsAnywhereLosesNothing) {
  ledger_ = Open(path_);
  ASSERT_TRUE(ledger_->Commit(Accept(MakeEvent("evt_1"))));
  const std::string before = Dump(path_);
  Sweep(
      "a compaction", [&] { return CompactLedger("sqlite:" + path_); },
      [&](const std::string& when) { EXPECT_EQ(Dump(path_), before) << when; });
  EXPECT_EQ(Dump(path_), before);
}

// Without memory that processes share there is no write-ahead log.
TEST_F(LedgerFaultsTest, AFileSystemThatCanKeepNoWriteAheadLogIsNamed) {
  sqlite3_vfs* const before = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("unix-none"), 1);
  const auto opened = OpenLedger("sqlite:" + path_);
  sqlite3_vfs_register(before, 1);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kUnavailable);
  EXPECT_THAT(opened.error().detail, HasSubstr("no write-ahead log can be kept beside it (journal mode "));
}

// ---- What waits --------------------------------------------------------------------------------------------------

// More readers than connections: those that find none wait for one, and all get their answer.
TEST_F(LedgerFaultsTest, EightReadAtATimeAndTheOthersAfterThem) {
  constexpr int kReaders = 12, kAtATime = 8;
  ledger_ = Open(path_);
  ASSERT_TRUE(ledger_->Commit(Accept(MakeEvent("evt_1"))));
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::thread::id> inside;
  bool full = false;
  // Each thread stops at its first call, until as many as may have come.
  faults_->OnCall([&](std::string_view) {
    std::unique_lock lock(mutex);
    inside.insert(std::this_thread::get_id());
    EXPECT_TRUE(full || inside.size() <= kAtATime);
    full = full || inside.size() == kAtATime;
    changed.notify_all();
    EXPECT_TRUE(changed.wait_for(lock, 60s, [&] { return full; }));
  });
  std::atomic<int> found = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      const auto event = ledger_->FindEvent(Provider::kStripe, EventId("evt_1"));
      found += event && *event ? 1 : 0;
    });
  }
  for (std::thread& reader : readers) reader.join();
  faults_->OnCall(nullptr);
  EXPECT_EQ(found, kReaders);
}

// The change to a write-ahead log does not wait for another's transaction by itself.
TEST_F(LedgerFaultsTest, AnOpeningWaitsForWhoWritesTheFileInItsOldMode) {
  Open(path_);
  const auto other = std::move(*db::Connection::Open(path_, 1000));
  ASSERT_TRUE(other->Run("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE"));
  std::atomic<int> asked = 0;
  faults_->OnCall([&](std::string_view about) { asked += about == "journal_mode" ? 1 : 0; });
  std::thread opening([&] { Open(path_); });
  while (asked < 3) std::this_thread::yield();
  ASSERT_TRUE(other->Run("COMMIT"));
  opening.join();
  faults_->OnCall(nullptr);
  EXPECT_EQ((*db::Connection::Open(path_, 1000))->Text("PRAGMA journal_mode"), "wal");
}

TEST_F(LedgerFaultsTest, ACompactionWaitsForWhoStillReadsTheLog) {
  ledger_ = Open(path_);
  ASSERT_TRUE(ledger_->Commit(Accept(MakeEvent("evt_1"))));
  const auto other = std::move(*db::Connection::Open(path_, 1000));
  ASSERT_TRUE(other->Run("BEGIN; SELECT * FROM meta"));
  std::atomic<int> asked = 0;
  faults_->OnCall([&](std::string_view about) { asked += about == "wal_checkpoint" ? 1 : 0; });
  Status done;
  std::thread compacting([&] { done = CompactLedger("sqlite:" + path_); });
  while (asked == 0) std::this_thread::yield();
  ASSERT_TRUE(other->Run("COMMIT"));
  compacting.join();
  faults_->OnCall(nullptr);
  EXPECT_TRUE(done) << done.error().detail;
  EXPECT_EQ(std::filesystem::file_size(path_ + "-wal"), 0U);
}

// Two that find an empty file at the same moment: here the other is quicker, just before the first would write.
class QuickerTest : public LedgerFaultsTest {
 protected:
  // Opens the ledger while `meanwhile` happens once, before its first transaction that writes.
  Result<std::unique_ptr<Ledger>> OpenWhile(const std::function<void()>& meanwhile) {
    int begun = 0;
    faults_->OnCall([&](std::string_view about) {
      if (about == "BEGIN" && ++begun == 2) meanwhile();
    });
    auto opened = OpenLedger("sqlite:" + path_);
    faults_->OnCall(nullptr);
    return opened;
  }
};

TEST_F(QuickerTest, ALedgerThatAnotherHasMadeMeanwhileIsOpened) {
  std::string instance;
  const auto opened = OpenWhile([&] { instance = Open(path_)->instance(); });
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ((*opened)->instance(), instance);
}

TEST_F(QuickerTest, AFileThatAnotherProgramHasMadeItsOwnMeanwhileIsLeftToIt) {
  const auto opened = OpenWhile([&] {
    const auto other = std::move(*db::Connection::Open(path_, 1000));
    ASSERT_TRUE(other->Run("CREATE TABLE theirs (x)"));
  });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kCorrupt);
  const auto other = std::move(*db::Connection::Open(path_, 1000));
  EXPECT_EQ(other->Number("SELECT count(*) FROM sqlite_schema"), 1);
}

}  // namespace
}  // namespace dunlin::testing
