#include "state/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "state/ledger.h"
#include "state/ledger/db.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using testing::MakeEvent;

class BackupTest : public ::testing::Test {
 protected:
  std::unique_ptr<Ledger> Open(const std::string& file) {
    Result<std::unique_ptr<Ledger>> ledger = OpenLedger("sqlite:" + file);
    EXPECT_TRUE(ledger) << ledger.error().detail;
    return ledger ? std::move(*ledger) : nullptr;
  }
  static void Accept(Ledger& ledger, int n, const std::string& body = "{}") {
    Unit unit;
    unit.accept = {MakeEvent("evt_" + std::to_string(n), body)};
    ASSERT_TRUE(ledger.Commit(std::move(unit)));
  }
  static bool Holds(Ledger& ledger, int n) {
    return ledger.FindEvent(Provider::kStripe, EventId("evt_" + std::to_string(n))).value().has_value();
  }

  const testing::ScratchDir scratch_;
  const std::string live_ = scratch_.File("live.db");
  const std::string copy_ = scratch_.File("it's a copy.db");
  const std::string back_ = scratch_.File("back.db");
};

TEST_F(BackupTest, ACopyTakenWhileEventsPourInHoldsAllThatWereAcceptedBefore) {
  const auto ledger = Open(live_);
  Accept(*ledger, 0);
  std::atomic<int> accepted = 0;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int n = 1; !stop && n < 100'000; ++n) {
      Accept(*ledger, n);
      accepted = n;
    }
  });
  while (accepted < 20) std::this_thread::yield();
  const int before = accepted;
  const Status done = BackUpLedger("sqlite:" + live_, copy_);
  const int after = accepted;
  while (accepted < after + 5) std::this_thread::yield();  // it goes on all the while
  stop = true;
  writer.join();
  ASSERT_TRUE(done) << done.error().detail;

  const Status restored = RestoreLedger(copy_, "sqlite:" + back_);
  ASSERT_TRUE(restored) << restored.error().detail;
  const auto back = Open(back_);
  for (int n = 0; n <= before; ++n) EXPECT_TRUE(Holds(*back, n)) << n;
  Accept(*back, 1'000'000);
  EXPECT_FALSE(Holds(*ledger, 1'000'000));
}

TEST_F(BackupTest, TheRestoredLedgerHasAnInstanceOfItsOwn) {
  const std::string instance = Open(live_)->instance();
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
  ASSERT_TRUE(RestoreLedger(copy_, "sqlite:" + back_));
  EXPECT_NE(Open(back_)->instance(), instance) << "its next charge must not carry a key that was used";
}

TEST_F(BackupTest, OnlyItsOwnerMayReadACopy) {
  Open(live_);
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
  struct stat of {};
  ASSERT_EQ(::stat(copy_.c_str(), &of), 0);
  EXPECT_EQ(of.st_mode & 0777, 0600U);
}

TEST_F(BackupTest, NothingThatIsThereIsOverwritten) {
  Open(live_);
  std::ofstream(copy_) << "mine";
  EXPECT_EQ(BackUpLedger("sqlite:" + live_, copy_).error().code, Errc::kConflict);
  EXPECT_EQ(std::filesystem::file_size(copy_), 4U);
  std::filesystem::remove(copy_);
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
  EXPECT_EQ(RestoreLedger(copy_, "sqlite:" + live_).error().code, Errc::kConflict);
  std::ofstream(back_ + "-wal") << "left over";
  EXPECT_EQ(RestoreLedger(copy_, "sqlite:" + back_).error().code, Errc::kConflict);
}

TEST_F(BackupTest, WhatIsNoBackupIsRefusedAndLeavesNothing) {
  const auto refused = [&](const std::string& bytes) {
    std::ofstream(copy_, std::ios::binary) << bytes;
    const Status done = RestoreLedger(copy_, "sqlite:" + back_);
    EXPECT_FALSE(done);
    EXPECT_FALSE(std::filesystem::exists(back_));
    EXPECT_FALSE(std::filesystem::exists(back_ + ".part"));
    return done ? Errc::kUnavailable : done.error().code;
  };
  EXPECT_EQ(refused(""), Errc::kCorrupt);
  EXPECT_EQ(refused(std::string(10'000, 'x')), Errc::kCorrupt);
  EXPECT_EQ(RestoreLedger(scratch_.File("none"), "sqlite:" + back_).error().code, Errc::kNotFound);
  EXPECT_EQ(BackUpLedger("sqlite:" + scratch_.File("none"), copy_ + "2").error().code, Errc::kNotFound);
  EXPECT_EQ(BackUpLedger("sqlite::memory:", copy_ + "2").error().code, Errc::kInvalidArgument);
}

TEST_F(BackupTest, ADamagedPageIsFound) {
  {
    const auto ledger = Open(live_);
    // Bodies fill the middle of the file, so that what is damaged there is no page without content.
    for (int n = 0; n < 200; ++n) Accept(*ledger, n, std::string(2000, 'x'));
  }
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
  {
    std::fstream file(copy_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(copy_) / 2));
    file << std::string(4096, '\x5a');
  }
  EXPECT_EQ(RestoreLedger(copy_, "sqlite:" + back_).error().code, Errc::kCorrupt);
  EXPECT_FALSE(std::filesystem::exists(back_));
}

TEST_F(BackupTest, WhatCannotBeCopiedFromOrToIsNamed) {
  Open(live_);
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
  struct Case {
    Status done;
    Errc code;
    std::string says;
  };
  const std::string nowhere = scratch_.File("no/such/folder.db");
  for (const Case& c : std::vector<Case>{
           {BackUpLedger("postgres://localhost/x", back_), Errc::kInvalidArgument, "PostgreSQL"},
           {BackUpLedger("sqlite:" + live_, nowhere), Errc::kUnavailable, "cannot make " + nowhere},
           {BackUpLedger("sqlite:" + live_, scratch_.File("a\"b")), Errc::kInvalidArgument, "quotation mark"},
           {RestoreLedger(copy_, "postgres://localhost/x"), Errc::kInvalidArgument, "PostgreSQL"},
           {RestoreLedger(copy_, "sqlite::memory:"), Errc::kInvalidArgument, "in memory"},
           {RestoreLedger(copy_, "sqlite:" + nowhere), Errc::kUnavailable, "cannot make " + nowhere}}) {
    ASSERT_FALSE(c.done) << c.says;
    EXPECT_EQ(c.done.error().code, c.code) << c.says;
    EXPECT_THAT(c.done.error().detail, HasSubstr(c.says));
  }
  EXPECT_FALSE(std::filesystem::exists(scratch_.File("a\"b.part")));
}

TEST_F(BackupTest, ACopyThatIsUnderWayIsNotDisturbed) {
  Open(live_);
  ASSERT_TRUE(BackUpLedger("sqlite:" + live_, scratch_.File("first.db")));
  for (const std::string& to : {copy_, back_}) {
    std::ofstream(to + ".part") << "half";
    const Status done =
        to == copy_ ? BackUpLedger("sqlite:" + live_, to) : RestoreLedger(scratch_.File("first.db"), "sqlite:" + to);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::kConflict);
    EXPECT_THAT(done.error().detail, HasSubstr(to + ".part is there already"));
    EXPECT_EQ(std::filesystem::file_size(to + ".part"), 4U);
    EXPECT_FALSE(std::filesystem::exists(to));
  }
}

// What is found out only when the copy gets its name.
TEST_F(BackupTest, ALinkThatLeadsNowhereIsNotFollowed) {
  Open(live_);
  const std::string elsewhere = scratch_.File("elsewhere.db");
  std::filesystem::create_symlink(elsewhere, copy_);
  const Status done = BackUpLedger("sqlite:" + live_, copy_);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::kConflict);
  EXPECT_TRUE(std::filesystem::is_symlink(copy_));
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
  EXPECT_FALSE(std::filesystem::exists(copy_ + ".part"));
}

TEST_F(BackupTest, ACopyWithoutAFolderIsMadeInTheWorkingFolder) {
  Open(live_);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::path(live_).parent_path());
  const Status done = BackUpLedger("sqlite:live.db", "here.db");
  std::filesystem::current_path(before);
  EXPECT_TRUE(done) << done.error().detail;
  EXPECT_TRUE(RestoreLedger(scratch_.File("here.db"), "sqlite:" + back_));
}

TEST_F(BackupTest, ABackupThatIsSoundForSqliteAndNotForUsIsRefused) {
  struct Case {
    std::string change;
    Errc code;
    std::string says;
  };
  for (const Case& c : std::vector<Case>{{"PRAGMA application_id = 7", Errc::kCorrupt, "is not a Dunlin ledger"},
                                         {"PRAGMA user_version = 99", Errc::kInvalidArgument, "schema version 99"},
                                         {"DROP INDEX jobs_dead", Errc::kCorrupt, "index jobs_dead is missing"},
                                         {"PRAGMA ignore_check_constraints = ON; UPDATE events SET outcome = 'eaten'",
                                          Errc::kCorrupt, "is damaged: CHECK constraint failed in events"}}) {
    Accept(*Open(live_), 1);
    ASSERT_TRUE(BackUpLedger("sqlite:" + live_, copy_));
    const auto connection = std::move(*db::Connection::Open(copy_, 1000));
    ASSERT_TRUE(connection->Run(c.change)) << c.change;
    const Status done = RestoreLedger(copy_, "sqlite:" + back_);
    ASSERT_FALSE(done) << c.change;
    EXPECT_EQ(done.error().code, c.code) << c.change;
    EXPECT_THAT(done.error().detail, HasSubstr(c.says)) << c.change;
    EXPECT_FALSE(std::filesystem::exists(back_)) << c.change;
    EXPECT_FALSE(std::filesystem::exists(back_ + ".part")) << c.change;
    std::filesystem::remove(copy_);
  }
}

// Files may be made there, but the folder cannot be opened, and so its new name in it cannot be made to last.
TEST_F(BackupTest, ACopyWhoseNameMayNotLastIsTakenAway) {
  const bool root = geteuid() == 0;
  const std::string folder = scratch_.File("folder");
  std::filesystem::create_directory(folder);
  if (root) {
    ASSERT_EQ(::chmod(scratch_.File(".").c_str(), 0711), 0);
    ASSERT_EQ(::chown(folder.c_str(), 65534, 65534), 0);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  Open(folder + "/live.db");
  EXPECT_EQ(::chmod(folder.c_str(), 0300), 0);
  const Status done = BackUpLedger("sqlite:" + folder + "/live.db", folder + "/copy.db");
  EXPECT_EQ(::chmod(folder.c_str(), 0700), 0);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::kUnavailable);
  EXPECT_THAT(done.error().detail, HasSubstr("cannot open " + folder));
  EXPECT_FALSE(std::filesystem::exists(folder + "/copy.db"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/copy.db.part"));
}

}  // namespace
}  // namespace dunlin
