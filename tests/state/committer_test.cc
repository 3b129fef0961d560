// The thread that writes, and the one that keeps its log short, without a ledger around them.
#include "state/ledger/committer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

#include "state/ledger/file.h"
#include "tests/support/faulty_sqlite.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::db {
namespace {

using testing::Accept;
using testing::FaultySqlite;
using testing::MakeEvent;

class CommitterTest : public ::testing::Test {
 protected:
  CommitterTest() { EXPECT_TRUE(OpenLedger("sqlite:" + path_)); }

  std::unique_ptr<Connection> Open() { return std::move(*OpenToWrite(path_)); }
  std::int64_t CountEvents() { return Open()->Number("SELECT count(*) FROM events").value(); }

  const testing::ScratchDir scratch_;
  const std::string path_ = scratch_.File("ledger.db");
};

TEST_F(CommitterTest, AnActionThatCannotBeDoneNowIsTakenBack) {
  Committer committer(Open(), nullptr, nullptr, nullptr);
  const auto store = [](Connection& connection) {
    return connection.Run("INSERT INTO meta (key, value) VALUES ('new', '')");
  };
  const Status refused = committer.Do([&](Connection& connection) -> Status {
    EXPECT_TRUE(store(connection));
    return Fail(Errc::kUnavailable, "no room");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail, "no room");
  EXPECT_EQ(Open()->Number("SELECT count(*) FROM meta WHERE key = 'new'"), 0);
  EXPECT_TRUE(committer.Do(store));
  EXPECT_EQ(Open()->Number("SELECT count(*) FROM meta WHERE key = 'new'"), 1);
}

TEST_F(CommitterTest, AConnectionInDoubtIsReplacedAndUntilItCanBeNothingIsPromised) {
  int opened = 0;
  const auto reopen = [&]() -> Result<std::unique_ptr<Connection>> {
    if (++opened == 1) return Fail(Errc::kUnavailable, "not yet");
    return OpenToWrite(path_);
  };
  Committer committer(Open(), reopen, nullptr, nullptr);
  EXPECT_FALSE(committer.Do([](Connection& connection) { return connection.Run("SELECT * FROM nowhere"); }));
  std::vector<Unit> units = {Accept(MakeEvent("evt_1"))};
  const auto refused = committer.CommitAll(units);
  ASSERT_FALSE(refused[0]);
  EXPECT_EQ(refused[0].error().detail, "not yet");
  EXPECT_EQ(CountEvents(), 0);
  EXPECT_TRUE(committer.CommitAll(units)[0]);
  EXPECT_EQ(CountEvents(), 1);
  EXPECT_EQ(opened, 2);
}

TEST_F(CommitterTest, ALogIsBegunAnewWhenItIsFarTooLongOrLongAndAsGoodAsCopied) {
  struct Log {
    std::int64_t frames, copied;
    bool anew;
  };
  for (const Log& log : std::vector<Log>{{0, 0, false},
                                         {32768, 32768, false},
                                         {32769, 32769, true},
                                         {32769, 32769 - 8192, false},
                                         {32769, 32769 - 8191, true},
                                         {65536, 0, false},
                                         {65537, 0, true}}) {
    EXPECT_EQ(IsToBeginAnew(log.frames, log.copied), log.anew) << log.frames << ", " << log.copied;
  }
}

// The log's length is told to be far too long after a commit; it is begun anew, so that the next commit's is short.
TEST_F(CommitterTest, ALogThatIsTooLongIsBegunAnewBetweenTwoCommits) {
  Checkpointer checkpointer(path_);
  Committer committer(Open(), nullptr, &checkpointer, nullptr);
  const auto commit = [&](const std::string& event) {
    ASSERT_TRUE(committer.CommitAll({Accept(MakeEvent(event))})[0]);
  };
  for (int i = 0; i < 20; ++i) commit("evt_" + std::to_string(i));
  const std::int64_t before = *checkpointer.frames();
  EXPECT_GT(before, 20);
  // Whoever reads the log just then is not waited for longer than a moment: once more.
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  for (int i = 100; *checkpointer.frames() >= before && std::chrono::steady_clock::now() < give_up; ++i) {
    // Before the committer looks at it, and after the commit has told it.
    committer.CommitThen(Accept(MakeEvent("evt_" + std::to_string(i))),
                         [&](const Result<UnitResult>&) { *checkpointer.frames() = 70'000; });
    commit("evt_" + std::to_string(i) + "/next");
  }
  EXPECT_LT(*checkpointer.frames(), before);
}

// A failure is no one's loss: the next commit asks again.
TEST_F(CommitterTest, ALogThatCouldNotBeCopiedIsCopiedLater) {
  FaultySqlite faults;
  Committer committer(Open(), nullptr, nullptr, nullptr);
  ASSERT_TRUE(committer.Do([&](Connection& connection) { return connection.Run("PRAGMA wal_autocheckpoint = 0"); }));
  ASSERT_TRUE(committer.CommitAll({Accept(MakeEvent("evt_1", std::string(100'000, 'x')))})[0]);
  const auto before = std::filesystem::file_size(path_);
  const auto copied = [&] { return std::filesystem::file_size(path_) > before; };
  Checkpointer checkpointer(path_);
  int failures = 0;
  for (int n = 1; n < 100 && !copied(); ++n) {
    faults.FailFrom(n, false);
    *checkpointer.frames() = 5000;
    checkpointer.AfterCommit();
    while (!faults.failed() && !copied()) std::this_thread::yield();
    failures += faults.failed() ? 1 : 0;
  }
  faults.Heal();
  EXPECT_GT(failures, 3);
  EXPECT_EQ(CountEvents(), 1);
}

}  // namespace
}  // namespace dunlin::db
