// Several hours, dimensions, products and subscriptions at once: what is frozen together, and what one of them does to
// the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/usage_values.h"
#include "tests/workflows/usage_world.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// ---- Freezing ----------------------------------------------------------------------------------------------------

TEST(UsageFreezingTest, NoneOfMoreSubscriptionsThanAPageHoldsIsForgotten) {
  constexpr int kMany = 101;
  UsageWorld world;
  Unit unit;
  for (int i = 0; i < kMany; ++i) {
    const std::string n = std::to_string(i);
    Subscription s =
        Metered(All({Registered("", "l-" + n), OfLicence(Kind::kLicenceUpdated, kNoon, "l-" + n, "a-" + n)}));
    s.id = SubscriptionId{"a-" + n};
    unit.save.push_back(std::move(s));
  }
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
  world.clock.Set(kNoon + 70min);
  ASSERT_TRUE(RequestUsageFreezing(*world.base, world.clock.Now()));
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.book.Read(), SizeIs(kMany));
  EXPECT_THAT(world.book.Read(), Each("12:00 0"));
}

TEST(UsageFreezingTest, HoursOfSeveralSubscriptionsShareARequestThatIsNobodysOwn) {
  UsageWorld world;
  world.Begin();
  world.HearAll({Registered("", "l-02"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-2")});
  world.clock.Set(kNoon + 70min);
  world.book.fails = MarketplaceErrc::kTemporary;
  world.Run("freeze_usage");
  ASSERT_THAT(world.Jobs(JobKind::kMeter), SizeIs(1));
  EXPECT_EQ(world.Jobs(JobKind::kMeter)[0].subject, "");
  world.book.fails.reset();
  world.RunUntil(kNoon + 75min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 0", "12:00 0"));
}

TEST(UsageFreezingTest, ProductsAreNotMixedInARequest) {
  UsageWorld world;
  Policy policy = MarketPolicy();
  policy.metered = {{"prod1", {"tokens"}}, {"prod2", {"images"}}};
  world.policies = PolicyBook(std::move(policy));
  world.Begin();
  MarketFacts registered = Registered("", "l-02");
  registered.registrations[0].product = ProductCode{"prod2"};
  MarketFacts up = OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-2");
  up.notices[0].product = ProductCode{"prod2"};
  world.HearAll({registered, up});
  world.RunUntil(kNoon + 70min);
  EXPECT_THAT(world.marketplace.calls(), ElementsAre("meter 1", "meter 1"));
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 0", "12:00 0"));
}

TEST(UsageFreezingTest, WhatIsNotMeteredAnyMoreIsStillSentWhereItWasUsed) {
  UsageWorld world;
  world.Begin();
  world.Use("k1", 7);
  world.policies = PolicyBook(MarketPolicy());
  world.RunUntil(kNoon + 200min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
}

TEST(UsageFreezingTest, ABuyerWhoseSubscriptionHasNotBegunHasNothingToSend) {
  UsageWorld world;
  world.HearAll({Registered("", "l-01")});
  ASSERT_TRUE(RequestUsageFreezing(*world.base, world.clock.Now()));
  world.RunUntil(kNoon + 200min);
  EXPECT_THAT(world.book.Read(), IsEmpty());
  EXPECT_THAT(world.Hours(), IsEmpty());
}

// What is frozen on its last day and sent at once is in time, and no reason to wake anybody.
TEST(UsageFreezingTest, SeveralDimensionsOfAnEndingSubscriptionAreAllSentInTime) {
  UsageWorld world({"tokens", "images"});
  world.Begin();
  world.clock.Set(kNoon + 25min);
  world.Notice();
  world.RunUntil(kNoon + 40min);
  for (const char* dimension : {"tokens", "images"}) {
    UsageReport report = world.Report(std::string("k-") + dimension, 5);
    report.dimension = dimension;
    EXPECT_EQ(world.Use(report), "12:00");
  }
  world.RunUntil(kNoon + 85min);
  EXPECT_EQ(world.book.Sum(), 10);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_THAT(world.Jobs(JobKind::kAlert), IsEmpty());
}

// They are due one after the other, and the job of the first asks for the next.
TEST(UsageFreezingTest, EachOfTheLastHoursIsFrozenInItsTurn) {
  UsageWorld world({"tokens", "images"});
  world.Begin();
  world.clock.Set(kNoon + 25min);
  world.Notice();
  world.RunUntil(kNoon + 57min);
  EXPECT_EQ(world.Use("k1", 7), "12:00");
  for (const char* dimension : {"tokens", "images"}) {
    UsageReport ahead = world.Report(std::string("ahead-") + dimension, 5);
    ahead.dimension = dimension;
    ahead.at = kNoon + 61min;
    EXPECT_EQ(world.Use(ahead), "13:00");
  }
  world.RunUntil(kNoon + 70min);
  EXPECT_EQ(world.book.Sum(), 7);
  const std::optional<Job> next = world.FindJob("freeze_last_usage/agmt-1");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->due, kNoon + 75min);
  world.RunUntil(kNoon + 76min);
  EXPECT_EQ(world.book.Sum(), 17);
  EXPECT_FALSE(world.FindJob("freeze_last_usage/agmt-1"));
}

// ---- Sending -----------------------------------------------------------------------------------------------------

struct BatchSendingTest : ::testing::Test {
  BatchSendingTest() { world.Begin(); }
  UsageWorld world;
};

TEST_F(BatchSendingTest, AWordThatAwsHasNotDocumentedIsARefusal) {
  world.Use("k1", 7);
  world.marketplace.WillMeter([](std::span<const UsageRecord> records) {
    return std::vector<UsageOutcome>(records.size(), {UsageStatus::kOther, "", "Mystery"});
  });
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 refused"));
  EXPECT_THAT(world.Hours()[0].detail, HasSubstr("Mystery"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_refused/tokens/2026-11-21T12:00:00Z/agmt-1"));
}

// One bad record splits the batch; then AWS is away, and what is left is not sent into the void one by one.
TEST_F(BatchSendingTest, WhatKeepsBackAHalfKeepsBackTheOther) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 250min);  // four hours
  world.book.bad_stamp = kNoon + 1h;
  int calls = 0;
  world.marketplace.fails = [&]() -> std::optional<MarketplaceErrc> {
    if (++calls != 2) return std::nullopt;
    return MarketplaceErrc::kTemporary;
  };
  world.RunUntil(kNoon + 250min);
  EXPECT_THAT(world.marketplace.calls(), ElementsAre("meter 4", "meter 2"));
  EXPECT_THAT(world.book.Read(), IsEmpty());
  world.RunUntil(kNoon + 252min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent", "13:00 0 refused", "14:00 0 sent", "15:00 0 sent"));
}

TEST_F(BatchSendingTest, OfABatchThatIsTakenInPartTheRestIsSentAgainAlone) {
  UsageWorld two({"tokens", "images"});
  two.Begin();
  two.Use("k1", 7);
  two.book.unprocessed = {"images"};
  two.RunUntil(kNoon + 70min);
  EXPECT_THAT(two.Read(), UnorderedElementsAre("12:00 7 sent", "12:00 0 frozen"));
  two.RunUntil(kNoon + 72min);
  EXPECT_THAT(two.Read(), UnorderedElementsAre("12:00 7 sent", "12:00 0 sent"));
  EXPECT_THAT(two.marketplace.calls(), ElementsAre("meter 2", "meter 1"));
  EXPECT_THAT(two.OpenAlerts(), IsEmpty());
}

// AWS has a quantity for an hour in which we know of nothing: people must compare, hour for hour.
TEST_F(BatchSendingTest, AnIdleHourThatAwsHadOtherwiseIsToldForItself) {
  const UsageRecord other{kProduct, MakeLicence("l-01"), AwsAccountId{"1"}, {}, "tokens", kNoon, 3};
  ASSERT_TRUE(world.book.Meter(std::span(&other, 1)));
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 0 duplicate"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_duplicate/tokens/2026-11-21T12:00:00Z/agmt-1"));
}

TEST_F(BatchSendingTest, AnIdleHourThatWasNotSentInTimeIsNoLoss) {
  world.book.fails = MarketplaceErrc::kTemporary;
  world.RunForHours(24);
  world.RunUntil(kNoon + 24h + 6min);
  EXPECT_THAT(world.Read()[0], "12:00 0 expired");
  EXPECT_THAT(world.OpenAlerts(), ::testing::Not(Contains(HasSubstr("usage_expired"))));
}

// That AWS is late is told once the ledger can write it; the records wait either way.
TEST_F(BatchSendingTest, UsageIsSentThoughItCouldNotBeWatched) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 70min);
  world.Run("freeze_usage");
  world.book.unprocessed = {"tokens"};
  constexpr int kBacklog = 3;  // after the job and its records
  world.ledger.Disturb(FaultyLedger::At::kCall, kBacklog, false,
                       []() -> Status { return Fail(Errc::kUnavailable, "busy"); });
  world.RunDue();
  ASSERT_TRUE(world.ledger.disturbed());
  EXPECT_THAT(world.Jobs(JobKind::kMeter).at(0).last_error, HasSubstr("busy"));
  world.RunUntil(kNoon + 72min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
}

TEST_F(BatchSendingTest, UsageIsFrozenThoughItsBacklogCannotBeCounted) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 70min);
  constexpr int kBacklog = 2;  // after the job
  world.ledger.Disturb(FaultyLedger::At::kCall, kBacklog, false,
                       []() -> Status { return Fail(Errc::kUnavailable, "busy"); });
  world.Run("freeze_usage");
  ASSERT_TRUE(world.ledger.disturbed());
  EXPECT_THAT(world.FindJob("freeze_usage")->last_error, HasSubstr("busy"));
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 frozen"));
}

}  // namespace
}  // namespace dunlin::testing
