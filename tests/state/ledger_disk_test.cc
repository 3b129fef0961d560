// A disk that fails at its first call, its second, its third … until a run meets no failure any more. Whatever it does,
// what was promised is there (I1), also when power fails then; what was refused can be done later, and nothing crashes.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <utility>

#include "state/backup.h"
#include "state/compact.h"
#include "state/ledger.h"
#include "state/ledger/db.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/instrumented.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using Fault = FaultyVfs::Fault;

constexpr int kUnits = 6;
constexpr int kCallsMax = 500;
constexpr int kStride = kInstrumented ? 8 : 1;  // of the calls, one in this many

std::string EventName(int i) { return "evt_" + std::to_string(i); }

// An event too large for one page, and beside it what a worker would write.
Unit UnitOf(int i) {
  Unit unit = Accept(MakeEvent(EventName(i), std::string(9000, 'x')));
  unit.save = {MakeSubscription("sub_" + std::to_string(i))};
  unit.jobs = {MakeJob(JobKind::kMail, kNoon, "mail/" + std::to_string(i))};
  return unit;
}

// What is left of a ledger when power fails now: what was flushed, as a file of its own.
class PowerCut {
 public:
  PowerCut(const FaultyVfs& disk, const std::string& ledger) {
    const std::filesystem::path before(ledger);
    path_ = after_.File(before.filename());
    disk.CopyFlushed(before.parent_path(), std::filesystem::path(path_).parent_path());
  }
  const std::string& path() const { return path_; }

 private:
  const ScratchDir after_;
  std::string path_;
};

class PowerTest : public ::testing::Test {
 protected:
  PowerTest() {
    EXPECT_TRUE(OpenLedger("sqlite::memory:"));  // SQLite is set up before it gets another disk
    disk_.emplace();
  }

  // Where the next run's ledger is to be, on a disk that holds nothing of the runs before.
  const std::string& NewLedger() {
    disk_.emplace();
    folder_.emplace();
    return path_ = folder_->File("ledger.db");
  }

  // Commits each unit until it is promised, at most `tries` times; `then`, after each promise. False: one never was.
  static bool CommitEach(
      Ledger& ledger, int tries, std::vector<bool>& promised, const std::function<void()>& then = [] {}) {
    bool all = true;
    for (int i = 0; i < kUnits; ++i) {
      for (int t = 0; t < tries && !promised[static_cast<std::size_t>(i)]; ++t) {
        const Result<UnitResult> done = ledger.Commit(UnitOf(i));
        promised[static_cast<std::size_t>(i)] = done.has_value();
        // Never a conflict: what was refused was not written, so its rows are not there yet.
        EXPECT_TRUE(done || done.error().code == Errc::kUnavailable) << done.error().detail;
        if (done) then();
      }
      all = all && promised[static_cast<std::size_t>(i)];
    }
    return all;
  }

  // Every promised unit is there, whole, and the file is sound.
  static void ExpectPromised(const std::string& path, const std::vector<bool>& promised, const std::string& when) {
    {
      const auto connection = db::Connection::Open(path, 1000);
      ASSERT_TRUE(connection) << when;
      EXPECT_EQ((*connection)->Text("PRAGMA integrity_check"), "ok") << when;
    }
    const auto ledger = OpenLedger("sqlite:" + path);
    ASSERT_TRUE(ledger) << when << ": " << ledger.error().detail;
    for (int i = 0; i < kUnits; ++i) {
      if (!promised[static_cast<std::size_t>(i)]) continue;
      const auto event = (*ledger)->FindEvent(Provider::kStripe, EventId(EventName(i)));
      ASSERT_TRUE(event && *event) << when << ": " << EventName(i) << " was promised and is lost";
      EXPECT_EQ((*event)->body.size(), 9000U) << when;
      EXPECT_TRUE((*ledger)->LoadSubscription(SubscriptionId("sub_" + std::to_string(i))).value()) << when;
    }
    EXPECT_TRUE((*ledger)->CheckWritable()) << when;
  }

  std::optional<FaultyVfs> disk_;
  std::optional<ScratchDir> folder_;
  std::string path_;
};

class DiskTest : public PowerTest, public ::testing::WithParamInterface<Fault> {};

INSTANTIATE_TEST_SUITE_P(Each, DiskTest, ::testing::Values(Fault::kIo, Fault::kFull),
                         [](const auto& fault) { return fault.param == Fault::kIo ? "Io" : "Full"; });

TEST_P(DiskTest, OneCallThatFailsWhicheverItIsLosesNothingAndBlocksNothing) {
  int calls = 0;
  for (bool clean = false; !clean && calls < kCallsMax; calls += kStride) {
    const std::string when = "call " + std::to_string(calls + 1);
    const std::string& path = NewLedger();
    std::vector<bool> promised(kUnits);
    bool cut = false;
    // At the first promise after the failure: a later one's flush could make up for what that one missed.
    const auto cut_once = [&] {
      if (!disk_->failed() || std::exchange(cut, true)) return;
      ExpectPromised(PowerCut(*disk_, path).path(), promised, when + ", then a power cut");
    };
    disk_->FailFrom(calls + 1, GetParam(), false);
    {
      auto ledger = OpenLedger("sqlite:" + path);
      if (!ledger) ledger = OpenLedger("sqlite:" + path);
      ASSERT_TRUE(ledger) << when << ": " << ledger.error().detail;
      EXPECT_TRUE(CommitEach(**ledger, 2, promised, cut_once))
          << when << ": refused twice, though the disk failed once";
    }  // closing moves the log into the file, and may meet the failure
    clean = !disk_->failed();
    disk_->Heal();
    ExpectPromised(PowerCut(*disk_, path).path(), promised, when + ", then a power cut after closing");
    ExpectPromised(path, promised, when);
  }
  EXPECT_GT(calls, 20);
  EXPECT_LT(calls, kCallsMax) << "no run was clean";
}

TEST_P(DiskTest, ADiskThatGoesOnFailingIsOutlived) {
  int calls = 0;
  for (bool clean = false; !clean && calls < kCallsMax; calls += kStride) {
    const std::string when = "from call " + std::to_string(calls + 1) + " on";
    const std::string& path = NewLedger();
    std::vector<bool> promised(kUnits);
    disk_->FailFrom(calls + 1, GetParam(), true);
    auto ledger = OpenLedger("sqlite:" + path);
    if (ledger) CommitEach(**ledger, 1, promised);
    clean = !disk_->failed();
    disk_->Heal();
    ExpectPromised(PowerCut(*disk_, path).path(), promised, when + ", then a power cut");
    if (ledger) {
      EXPECT_TRUE(CommitEach(**ledger, 1, promised)) << when << ": the disk is well again";
      ExpectPromised(PowerCut(*disk_, path).path(), promised, when + ", a well disk and a power cut");
      ledger->reset();
    }
    ExpectPromised(path, promised, when);
  }
  EXPECT_GT(calls, 20);
  EXPECT_LT(calls, kCallsMax) << "no run was clean";
}

// What was not flushed is gone when power fails; what was promised was flushed.
TEST_F(PowerTest, WhatWasPromisedOutlivesAPowerCutAfterEachPromise) {
  const std::string& path = NewLedger();
  auto ledger = OpenLedger("sqlite:" + path);
  ASSERT_TRUE(ledger) << ledger.error().detail;
  std::vector<bool> promised(kUnits);
  for (int i = 0; i < kUnits; ++i) {
    ASSERT_TRUE((*ledger)->Commit(UnitOf(i)));
    promised[static_cast<std::size_t>(i)] = true;
    ExpectPromised(PowerCut(*disk_, path).path(), promised, "after " + std::to_string(i + 1) + " promises");
  }
}

TEST_P(DiskTest, CompactingThatFailsAnywhereLosesNothing) {
  int calls = 0;
  for (bool clean = false; !clean && calls < kCallsMax; calls += kStride) {
    const std::string when = "call " + std::to_string(calls + 1);
    const std::string& path = NewLedger();
    std::vector<bool> promised(kUnits);
    {
      auto ledger = OpenLedger("sqlite:" + path);
      ASSERT_TRUE(ledger && CommitEach(**ledger, 1, promised));
    }
    disk_->FailFrom(calls + 1, GetParam(), false);
    (void)CompactLedger("sqlite:" + path);
    clean = !disk_->failed();
    disk_->Heal();
    ExpectPromised(PowerCut(*disk_, path).path(), promised, when + ", then a power cut");
    ExpectPromised(path, promised, when);
  }
  EXPECT_GT(calls, 10);
  EXPECT_LT(calls, kCallsMax) << "no run was clean";
}

TEST_P(DiskTest, ACopyThatFailsAnywhereLeavesNothingHalfWritten) {
  const std::string ledger = NewLedger();
  std::vector<bool> promised(kUnits);
  {
    auto opened = OpenLedger("sqlite:" + ledger);
    ASSERT_TRUE(opened && CommitEach(**opened, 1, promised));
  }
  const std::string copy = folder_->File("copy.db"), back = folder_->File("back.db");
  int calls = 0;
  for (bool clean = false; !clean && calls < kCallsMax; calls += kStride) {
    const std::string when = "call " + std::to_string(calls + 1);
    disk_->FailFrom(calls + 1, GetParam(), false);
    const Status copied = BackUpLedger("sqlite:" + ledger, copy);
    EXPECT_EQ(copied.has_value(), std::filesystem::exists(copy)) << when;
    const Status restored = copied ? RestoreLedger(copy, "sqlite:" + back) : copied;
    EXPECT_EQ(restored.has_value(), std::filesystem::exists(back)) << when;
    EXPECT_FALSE(std::filesystem::exists(copy + ".part") || std::filesystem::exists(back + ".part")) << when;
    clean = !disk_->failed();
    disk_->Heal();
    if (restored) ExpectPromised(back, promised, when);
    for (const std::string& file : {copy, back, back + "-wal", back + "-shm"}) std::filesystem::remove(file);
  }
  ExpectPromised(ledger, promised, "afterwards");
  EXPECT_GT(calls, 10);
  EXPECT_LT(calls, kCallsMax) << "no run was clean";
}

}  // namespace
}  // namespace dunlin::testing
