// What was kept long enough goes, every hour; nothing else does.
#include "workflows/effects/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ledger_values.h"
#include "tests/workflows/effects_world.h"

namespace dunlin::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string BodyOf(World& world, const std::string& id) {
  return world.base->FindEvent(Provider::kStripe, EventId{id}).value().value().body;
}

TEST(RetentionTest, BodiesGoWhenTheyWereKeptLongEnoughAndTheirEventsStayDuplicates) {
  World world;
  world.Hear(SnapshotDigest("evt_1", kNoon, ProviderStatus::kActive));
  ASSERT_TRUE(RequestRetention(world.ledger, world.clock.Now()));
  world.Run("retention");
  EXPECT_EQ(BodyOf(world, "evt_1"), "evt_1");

  const SubscriptionRecord before = world.Record();
  world.clock.Set(kNoon + kRetain + 1h);
  world.Run("retention");
  EXPECT_EQ(BodyOf(world, "evt_1"), "");
  world.Hear(SnapshotDigest("evt_1", kNoon, ProviderStatus::kCanceled));  // the same id again
  EXPECT_EQ(world.Record().subscription.values.status, before.subscription.values.status);
  EXPECT_EQ(world.Record().subscription.version, before.subscription.version);
}

TEST(RetentionTest, ItRunsEveryHourAndAskingForItTwiceMakesOneJob) {
  World world;
  ASSERT_TRUE(RequestRetention(world.ledger, kNoon));
  ASSERT_TRUE(RequestRetention(world.ledger, kNoon));
  EXPECT_THAT(world.base->Jobs({.kind = JobKind::kRetention}, {}).value().items, SizeIs(1));
  world.Run("retention");
  const std::optional<Job> next = world.FindJob("retention");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->due, kNoon + 1h);
}

TEST(RetentionTest, ARunLooksAtALimitedNumberAndTheNextGoesOnThere) {
  World world;
  std::vector<Unit> units;
  constexpr int kMany = 26'000;  // more than one run looks at
  for (int i = 0; i < kMany; ++i) {
    NewEvent event = MakeEvent("evt_" + std::to_string(i), "b");
    event.outcome = EventOutcome::kKept;
    units.push_back(Accept(std::move(event)));
  }
  world.base->CommitAll(std::move(units));
  world.clock.Set(kNoon + kRetain + 1h);
  ASSERT_TRUE(RequestRetention(world.ledger, world.clock.Now()));
  world.Run("retention");
  EXPECT_EQ(BodyOf(world, "evt_0"), "");
  EXPECT_EQ(BodyOf(world, "evt_25999"), "b");
  EXPECT_LE(world.FindJob("retention")->due, world.clock.Now() + 1s);
  world.Run("retention");
  EXPECT_EQ(BodyOf(world, "evt_25999"), "");
  EXPECT_EQ(world.FindJob("retention")->due, world.clock.Now() + 1h);
}

TEST(RetentionTest, AnEventWhoseBodyIsGoneIsNotReadAgain) {
  World world;
  world.Hear(SnapshotDigest("evt_1", kNoon, ProviderStatus::kActive));
  const StoredEvent event = world.base->FindEvent(Provider::kStripe, EventId{"evt_1"}).value().value();
  Unit drop;
  drop.drop_bodies = BodyDrop{.received_before = Timestamp::max(), .naming = {}};
  ASSERT_TRUE(world.base->Commit(std::move(drop)));
  NewJob again = MakeJob(JobKind::kApply, kNoon);
  again.event_seq = event.seq;
  const JobId id = world.base->Commit(Add(again)).value().new_jobs[0].id;
  Applier(world.engine).Run(std::span(&id, 1));
  EXPECT_FALSE(world.base->FindJob(id).value());
  EXPECT_EQ(world.base->FindEvent(Provider::kStripe, EventId{"evt_1"}).value()->outcome, EventOutcome::kApplied);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST(RetentionTest, AnAnswerToARequestIsKeptForAWeek) {
  World world;
  Unit unit;
  unit.replies = {{.key = "k", .request_hash = "h", .status = 202, .body = "{}", .at = kNoon}};
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
  ASSERT_TRUE(RequestRetention(world.ledger, kNoon + kRepliesKept));
  world.Run("retention");
  EXPECT_TRUE(world.base->FindReply("k").value());
  world.Run("retention");
  EXPECT_FALSE(world.base->FindReply("k").value());
}

// More of them than one commit takes out.
TEST(RetentionTest, OldAnswersAndAlertsGoInOneRunHoweverManyThereAre) {
  constexpr int kMany = 1001;
  for (const bool answers : {true, false}) {
    World world;
    Unit raise, settle;
    for (int i = 0; i < kMany; ++i) {
      const std::string key = "k" + std::to_string(i);
      if (answers) raise.replies.push_back({.key = key, .request_hash = "h", .status = 202, .body = "{}", .at = kNoon});
      if (!answers) raise.alerts.push_back({.key = key, .kind = "k", .subject = "", .detail = "", .raised_at = kNoon});
      if (!answers) settle.settle_alerts.push_back(key);
    }
    ASSERT_TRUE(world.base->Commit(std::move(raise)));
    ASSERT_TRUE(world.base->Commit(std::move(settle)));
    world.clock.Set(kNoon + kRetain + 1h);
    const int before = world.ledger.commits();
    ASSERT_TRUE(RequestRetention(*world.base, world.clock.Now()));
    world.Run("retention");
    EXPECT_EQ(world.ledger.commits() - before, 4) << "500, 500, 1, and the end of the run";
    EXPECT_FALSE(world.base->FindReply("k1000").value());
    EXPECT_EQ(world.FindJob("retention")->due, world.clock.Now() + 1h);
  }
}

}  // namespace
}  // namespace dunlin::testing
