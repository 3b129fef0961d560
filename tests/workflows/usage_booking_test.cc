// What the product reports: who it is about, which hour takes it, what is refused and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/workflows/usage_world.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct UsageBookingTest : ::testing::Test {
  UsageBookingTest() { world.Begin(); }
  UsageWorld world;
};

TEST_F(UsageBookingTest, AReportIsBookedOnItsHourAndSaysWhenItIsSent) {
  world.clock.Set(kNoon + 20min);
  UsageReport report = world.Report("k1", 7);
  report.user = "robin";
  const Result<UsageAnswer> answer = world.Book(report);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_TRUE(answer->is_new);
  EXPECT_EQ(answer->booked.hour->hour, kNoon);
  EXPECT_EQ(answer->send_at, kNoon + 70min);
  EXPECT_EQ(answer->booked.entry.user, "robin");
  EXPECT_EQ(answer->booked.entry.at, kNoon + 20min);
}

TEST_F(UsageBookingTest, TheSameReportAgainIsBookedOnce) {
  const UsageReport report = world.Report("k1", 7);
  ASSERT_TRUE(world.Book(report));
  world.clock.Set(kNoon + 30min);
  const Result<UsageAnswer> again = world.Book(report);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->send_at, kNoon + 70min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 open"));
}

TEST_F(UsageBookingTest, AKeyThatWasUsedForSomethingElseIsRefused) {
  const UsageReport report = world.Report("k1", 7);
  ASSERT_TRUE(world.Book(report));
  UsageReport other = report;
  other.quantity = 8;
  EXPECT_EQ(world.Book(other).error().code, Errc::kConflict);
  EXPECT_THAT(world.Use(other), HasSubstr("another quantity"));
  other = report;
  other.at += 1s;
  EXPECT_THAT(world.Use(other), HasSubstr("another at"));
  other = report;
  other.user = "kim";
  EXPECT_THAT(world.Use(other), HasSubstr("another user"));
}

TEST_F(UsageBookingTest, ACommitWhoseAnswerIsLostIsFoundAgain) {
  world.ledger.LoseCommit(1, FaultyLedger::Fault::kAfterWrite);
  const UsageReport report = world.Report("k1", 7);
  EXPECT_EQ(world.Book(report).error().code, Errc::kUnavailable);
  const Result<UsageAnswer> again = world.Book(report);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 open"));
}

TEST_F(UsageBookingTest, AnyOfItsIdsNamesTheSubscription) {
  Unit unit;
  unit.aliases.push_back({"acme", AccountId{"1"}});
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
  for (const std::string id : {"1", "acme", "l-01", "agmt-1"}) {
    UsageReport report = world.Report("k-" + id);
    report.account = id;
    EXPECT_EQ(world.Use(report), "12:00") << id;
  }
  UsageReport again = world.Report("k-acme");
  again.account = "l-01";
  EXPECT_FALSE(world.Book(again)->is_new);  // one account, whatever it is called
}

TEST_F(UsageBookingTest, WhoCannotReportIsToldWhy) {
  UsageReport report = world.Report("k1");
  report.account = "nobody";
  EXPECT_EQ(world.Book(report).error().code, Errc::kNotFound);
  Unit unit = Save(MakeSubscription("sub_9", "cus_9"));
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
  report.account = "cus_9";
  EXPECT_EQ(world.Book(report).error().code, Errc::kNotFound);
  EXPECT_THAT(world.Use(report), HasSubstr("AWS Marketplace"));
  report = world.Report("k1");
  report.dimension = "gigabytes";
  EXPECT_EQ(world.Book(report).error().code, Errc::kInvalidArgument);
  EXPECT_THAT(world.Use(report), HasSubstr("metered by tokens"));
}

TEST_F(UsageBookingTest, WithNothingMeteredThePolicyIsNamed) {
  UsageWorld other;
  other.policies = PolicyBook(MarketPolicy());
  other.Begin();
  EXPECT_THAT(other.Use("k1"), HasSubstr("[marketplace.\"PRODUCT\"] metered"));
}

TEST_F(UsageBookingTest, AKeyThatWasUsedForAnotherDimensionIsRefused) {
  UsageWorld two({"tokens", "images"});
  two.Begin();
  UsageReport report = two.Report("k1", 7);
  ASSERT_TRUE(two.Book(report));
  report.dimension = "images";
  EXPECT_EQ(two.Book(report).error().code, Errc::kConflict);
  EXPECT_THAT(two.Use(report), HasSubstr("another dimension"));
}

TEST_F(UsageBookingTest, ARepeatedReportSaysWhatBecameOfIt) {
  const UsageReport sent = world.Report("k1", 7);
  ASSERT_TRUE(world.Book(sent));
  world.RunUntil(kNoon + 75min);
  const Result<UsageAnswer> again = world.Book(sent);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->is_new);
  EXPECT_EQ(again->booked.hour->state, UsageState::kSent);
  EXPECT_FALSE(again->send_at);
  world.End();
  world.RunUntil(kNoon + 76min);
  const UsageReport late = world.Report("k2", 9);
  ASSERT_EQ(world.Use(late), "none");
  const Result<UsageAnswer> late_again = world.Book(late);
  ASSERT_TRUE(late_again);
  EXPECT_FALSE(late_again->is_new);
  EXPECT_FALSE(late_again->booked.hour);
  EXPECT_EQ(world.Totals().unbooked, (UsageCount{1, 9}));
}

TEST_F(UsageBookingTest, WhatIsMeteredOfAProductThatWasNotBoughtCountsForNobody) {
  Policy policy = MarketPolicy();
  policy.metered = {{"prod0", {"images"}}, {"prod1", {"tokens"}}};
  world.policies = PolicyBook(std::move(policy));
  EXPECT_EQ(world.Use("k1"), "12:00");
  UsageReport report = world.Report("k2");
  report.dimension = "images";
  EXPECT_THAT(world.Use(report), HasSubstr("metered by tokens"));
}

TEST_F(UsageBookingTest, ASubscriptionOfThePaymentProviderIsNoAccountToReportFor) {
  ASSERT_TRUE(world.base->Commit(Save(MakeSubscription("sub_9", "cus_9"))));
  UsageReport report = world.Report("k1");
  report.account = "sub_9";
  EXPECT_EQ(world.Book(report).error().code, Errc::kNotFound);
}

// Usage that comes late belongs to the one that ended last, whichever is listed first.
TEST_F(UsageBookingTest, OfTwoThatHaveEndedTheLastTakesWhatComesLate) {
  for (const bool first_ends_last : {false, true}) {
    UsageWorld w;
    w.Begin();
    w.HearAll({Registered("", "l-02"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-2")});
    w.clock.Set(kNoon + 20min);
    w.Hear(News(OfLicence(Kind::kLicenceDeprovisioned, kNoon + (first_ends_last ? 20min : 10min), "l-01", "agmt-1")));
    w.Hear(News(OfLicence(Kind::kLicenceDeprovisioned, kNoon + (first_ends_last ? 10min : 20min), "l-02", "agmt-2")));
    const Result<UsageAnswer> booked = w.Book(w.Report("k1"));
    ASSERT_TRUE(booked) << booked.error().detail;
    EXPECT_EQ(booked->booked.entry.subscription.str(), first_ends_last ? "agmt-1" : "agmt-2");
  }
}

TEST_F(UsageBookingTest, WhileTheSubscriptionKeepsMovingItIsToBeReportedAgain) {
  world.ledger.Disturb(FaultyLedger::At::kCondition, 1, true,
                       []() -> Status { return Fail(Errc::kConflict, "it has moved"); });
  EXPECT_EQ(world.Book(world.Report("k1")).error().code, Errc::kUnavailable);
  world.ledger.Calm();
  EXPECT_EQ(world.Use("k1"), "12:00");
}

TEST_F(UsageBookingTest, APendingSubscriptionTakesNoneYet) {
  UsageWorld other;
  other.HearAll({Registered("", "l-01")});
  EXPECT_EQ(other.Book(other.Report("k1")).error().code, Errc::kConflict);
  EXPECT_THAT(other.Use("k1"), HasSubstr("pending"));
}

TEST_F(UsageBookingTest, OfTwoThatRunOneMustBeNamed) {
  world.HearAll({Registered("", "l-02"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-2")});
  EXPECT_EQ(world.Book(world.Report("k1")).error().code, Errc::kConflict);
  EXPECT_THAT(world.Use("k1"), HasSubstr("agmt-1, agmt-2"));
  UsageReport report = world.Report("k1");
  report.account = "agmt-2";
  EXPECT_EQ(world.Use(report), "12:00");
}

TEST_F(UsageBookingTest, LateUsageGoesToTheNextOpenHourWithItsOwnTime) {
  world.RunUntil(kNoon + 80min);  // 12:00 is sent, with zero
  UsageReport report = world.Report("k1");
  report.at = kNoon + 50min;
  const Result<UsageAnswer> answer = world.Book(report);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->booked.hour->hour, kNoon + 1h);
  EXPECT_EQ(answer->booked.entry.at, kNoon + 50min);
}

TEST_F(UsageBookingTest, AfterTheEndUsageIsKeptAndSupportIsTold) {
  world.clock.Set(kNoon + 20min);
  world.End();
  world.RunUntil(kNoon + 21min);
  EXPECT_EQ(world.Use("k1", 9), "none");
  EXPECT_EQ(world.Totals().unbooked, (UsageCount{1, 9}));
  EXPECT_THAT(world.OpenAlerts(), Contains("usage_without_hour/agmt-1"));
  EXPECT_FALSE(world.Book(world.Report("k2"))->send_at);
}

TEST_F(UsageBookingTest, ReportsAtOnceAllCount) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 25; ++i) EXPECT_EQ(world.Use(std::to_string(t) + "/" + std::to_string(i), 2), "12:00");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(world.Read(), ElementsAre("12:00 200 open"));
}

TEST_F(UsageBookingTest, ASubscriptionThatIsRenamedWhileItIsLookedForIsFound) {
  constexpr int kLoad = 5;  // after it was looked for by the id itself, as an account, and among the account's
  world.ledger.Disturb(FaultyLedger::At::kCall, kLoad, false, [&]() -> Status {
    world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-0")});
    return {};
  });
  EXPECT_EQ(world.Use("k1"), "12:00");
  EXPECT_TRUE(world.ledger.disturbed());
  EXPECT_EQ(world.IdOf("l-01"), "agmt-0");
}

TEST_F(UsageBookingTest, ReportsFollowASubscriptionThatIsRenamed) {
  const UsageReport report = world.Report("k1", 7);
  ASSERT_TRUE(world.Book(report));
  world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-0")});
  ASSERT_EQ(world.IdOf("l-01"), "agmt-0");
  EXPECT_FALSE(world.Book(report)->is_new);
  EXPECT_EQ(world.Use("k2"), "12:00");
  EXPECT_THAT(world.Read(), ElementsAre("12:00 8 open"));
}

}  // namespace
}  // namespace dunlin::testing
