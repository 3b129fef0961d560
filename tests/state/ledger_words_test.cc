// Rows that another program, a failing disk or a bug has spoilt: whoever reads one is told which column holds no word
// of ours, and nobody else is disturbed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "state/ledger/db.h"
#include "tests/state/full_ledger.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::set<std::string>;

class LedgerWordsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = OpenLedger("sqlite:" + path_);
    ASSERT_TRUE(opened) << opened.error().detail;
    ledger_ = std::move(*opened);
    Fill(*ledger_);
  }
  // Takes a transaction of its own, without the rules of the schema.
  void Spoil(const std::string& change) {
    const auto connection = std::move(*db::Connection::Open(path_, 1000));
    const Status done = connection->Run("PRAGMA ignore_check_constraints = ON; " + change);
    ASSERT_TRUE(done) << change << ": " << done.error().detail;
  }
  // Which reads are told of it.
  Names Told(const std::string& says) {
    Names told;
    for (const NamedRead& one : ReadsOfEveryKind()) {
      const auto found = one.read(*ledger_);
      if (found) continue;
      EXPECT_EQ(found.error().code, Errc::kCorrupt) << one.name;
      EXPECT_THAT(found.error().detail, HasSubstr(says)) << one.name;
      told.insert(one.name);
    }
    return told;
  }
  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("ledger.db");
  std::unique_ptr<Ledger> ledger_;
};

TEST_F(LedgerWordsTest, EveryReadFindsSomethingInALedgerThatIsSound) {
  for (const NamedRead& one : ReadsOfEveryKind()) {
    const auto found = one.read(*ledger_);
    ASSERT_TRUE(found) << one.name << ": " << found.error().detail;
    EXPECT_GT(*found, 0U) << one.name;
  }
}

// A word of no list, put into one column and taken out again.
struct Column {
  std::string table, name, value;
  Names to;
};

TEST_F(LedgerWordsTest, AWordThatIsNotKnownIsNamedToWhoeverReadsItsColumn) {
  const Names subscriptions = {"LoadSubscription", "Subscriptions"};
  const Names attempts = {"LoadSubscription", "FindAttempt", "FindAttemptOfJob"};
  for (const Column& column :
       std::vector<Column>{{"events", "provider", "'stripe2'", {"Events", "LoadWork", "Orphans"}},
                           {"events", "outcome", "'eaten'", {"Events", "FindEvent", "LoadWork", "Orphans"}},
                           {"jobs", "kind", "'dance'", {"DueJobs", "FindJob", "Jobs", "LoadWork"}},
                           {"jobs", "state", "'asleep'", {"FindJob"}},
                           {"subscriptions", "provider", "'paddle'", subscriptions},
                           {"subscriptions", "status", "'happy'", subscriptions},
                           {"subscriptions", "access", "'some'", subscriptions},
                           {"subscriptions", "recovery_state", "'lost'", subscriptions},
                           {"attempts", "kind", "'odd'", attempts},
                           {"attempts", "state", "'tired'", attempts},
                           {"timeline", "status_from", "'happy'", {"Timeline"}},
                           {"timeline", "status_to", "'happy'", {"Timeline"}},
                           {"timeline", "access_from", "'some'", {"Timeline"}},
                           {"timeline", "access_to", "'some'", {"Timeline"}},
                           {"usage_hours", "state", "'lost'", {"FindUsage", "TotalUsage", "UsageHours", "UsageOf"}},
                           {"tokens", "role", "'king'", {"FindToken", "Tokens"}}}) {
    const std::string name = column.table + "." + column.name;
    Spoil("CREATE TABLE kept AS SELECT rowid AS id, " + column.name + " AS word FROM " + column.table + "; UPDATE " +
          column.table + " SET " + column.name + " = " + column.value);
    EXPECT_EQ(Told("in the column " + name), column.to) << name;
    Spoil("UPDATE " + column.table + " SET " + column.name + " = (SELECT word FROM kept WHERE id = " + column.table +
          ".rowid); DROP TABLE kept");
    EXPECT_THAT(Told(name), IsEmpty()) << name;
  }
}

TEST_F(LedgerWordsTest, FactsThatCannotBeReadAreNamedWithTheirSubscription) {
  Spoil("UPDATE subscriptions SET facts = '{' WHERE id = 'sub_1'");
  EXPECT_EQ(Told("sub_1: "), (Names{"LoadSubscription", "Subscriptions"}));
}

TEST_F(LedgerWordsTest, ARowWhoseOtherHalfIsGoneIsNamed) {
  Spoil("DELETE FROM events WHERE seq = 4");
  EXPECT_EQ(Told("a job's event is missing: 4"), Names{"LoadWork"});
  Spoil("DELETE FROM jobs WHERE event_seq = 4; DELETE FROM usage_hours");
  EXPECT_EQ(Told("usage_entries.hour_seq"), Names{"FindUsage"});
}

TEST_F(LedgerWordsTest, AWriteThatMeetsAWordThatIsNotKnownIsRefusedAlone) {
  Spoil("UPDATE jobs SET kind = 'dance' WHERE id = 4");
  Unit retry;
  retry.retries = {{.id = JobId{4}, .due = kNoon}};
  std::vector<Unit> units = {Save(MakeSubscription("sub_3")), Add(MakeJob(JobKind::kCharge, kNoon, "charge/1")), retry,
                             Save(MakeSubscription("sub_4"))};
  const auto results = ledger_->CommitAll(std::move(units));
  for (const std::size_t i : {1U, 2U}) {
    ASSERT_FALSE(results[i]) << i;
    EXPECT_EQ(results[i].error().code, Errc::kCorrupt) << i;
    EXPECT_THAT(results[i].error().detail, HasSubstr("jobs.kind")) << i;
  }
  for (const char* id : {"sub_3", "sub_4"}) EXPECT_TRUE(ledger_->LoadSubscription(SubscriptionId(id)).value()) << id;
}

TEST_F(LedgerWordsTest, ALedgerWithoutItsInstanceIsRefused) {
  ledger_.reset();
  Spoil("DELETE FROM meta WHERE key = 'instance'");
  const auto opened = OpenLedger("sqlite:" + path_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kCorrupt);
}

}  // namespace
}  // namespace dunlin::testing
