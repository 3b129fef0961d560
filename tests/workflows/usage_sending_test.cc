// Usage on its way to AWS: frozen once, sent until it is answered, at once where an end is announced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/usage_world.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

struct UsageSendingTest : ::testing::Test {
  UsageSendingTest() { world.Begin(); }

  UsageWorld world;
};

TEST_F(UsageSendingTest, AnHourIsSentTenMinutesAfterItsEnd) {
  world.Use("k1", 7);
  world.RunUntil(kNoon + 70min - 1ms);
  EXPECT_THAT(world.book.Read(), IsEmpty());
  world.RunUntil(kNoon + 70min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
  ASSERT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
  EXPECT_EQ(world.Hours()[0].metering_record_id, "record-1");
  EXPECT_THAT(world.Jobs(JobKind::kMeter), IsEmpty());
  EXPECT_THAT(world.Jobs(JobKind::kFreezeUsage), SizeIs(1));  // the next run
}

TEST_F(UsageSendingTest, IdleHoursAreSentAsZero) {
  world.RunUntil(kNoon + 200min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 0", "13:00 0", "14:00 0"));
}

TEST_F(UsageSendingTest, FreezingAndItsJobsAreOneCommit) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 70min);
  const Job run = world.Jobs(JobKind::kFreezeUsage)[0];
  world.ledger.LoseCommit(2, FaultyLedger::Fault::kBeforeWrite);  // after that of the alarm
  Effects(world.engine).Run(run.id);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 open"));
  EXPECT_THAT(world.Jobs(JobKind::kMeter), IsEmpty());
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
}

// Whichever commit of the whole way is lost, before it was written or after, the hour is there once and right.
TEST_F(UsageSendingTest, AFreezingThatCouldNotBeAskedForIsAnError) {
  const std::unique_ptr<Ledger> base = std::move(*OpenLedger("sqlite::memory:"));
  FaultyLedger ledger(*base);
  ledger.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  const Status lost = RequestUsageFreezing(ledger, kNoon);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Errc::kUnavailable);
  EXPECT_THAT(base->Jobs({.kind = JobKind::kFreezeUsage}, {})->items, IsEmpty());
  EXPECT_TRUE(RequestUsageFreezing(ledger, kNoon));
  EXPECT_THAT(base->Jobs({.kind = JobKind::kFreezeUsage}, {})->items, SizeIs(1));
}

TEST_F(UsageSendingTest, NoLostCommitLosesOrChangesAnHour) {
  for (const auto fault : {FaultyLedger::Fault::kBeforeWrite, FaultyLedger::Fault::kAfterWrite}) {
    for (int nth = 1; nth <= 8; ++nth) {
      UsageWorld other;
      other.Begin();
      other.Use("k1", 7);
      other.ledger.LoseCommit(nth, fault);
      other.RunUntil(kNoon + 90min);
      EXPECT_THAT(other.book.Read(), ElementsAre("12:00 7")) << nth;
      EXPECT_THAT(other.Read(), ElementsAre("12:00 7 sent")) << nth;
      EXPECT_THAT(other.OpenAlerts(), IsEmpty()) << nth;
    }
  }
}

TEST_F(UsageSendingTest, AnAnswerThatIsLostIsAskedForWithTheSameQuantity) {
  world.Use("k1", 7);
  world.book.loses_answer = true;
  world.RunUntil(kNoon + 70min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 frozen"));
  UsageReport late = world.Report("k2", 5);
  late.at = kNoon + 30min;
  EXPECT_EQ(world.Use(late), "13:00");
  world.RunUntil(kNoon + 75min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent", "13:00 5 open"));
}

TEST_F(UsageSendingTest, WhatWasNotProcessedIsSentAgain) {
  world.Use("k1", 7);
  world.book.unprocessed = {"tokens"};
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
  EXPECT_EQ(world.book.calls, 2);
}

TEST_F(UsageSendingTest, AQuantityThatAwsHadOtherwiseIsShown) {
  const UsageRecord other{kProduct, MakeLicence("l-01"), AwsAccountId{"1"}, {}, "tokens", kNoon, 3};
  ASSERT_TRUE(world.book.Meter(std::span(&other, 1)));
  world.Use("k1", 7);
  world.RunUntil(kNoon + 71min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 duplicate"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_duplicate/tokens/2026-11-21T12:00:00Z/agmt-1"));
  EXPECT_THAT(world.Rows("l-01").back().reason, HasSubstr("7 of tokens"));
}

TEST_F(UsageSendingTest, ABuyerWhoIsNotSubscribedIsToldOnceUntilItIsOver) {
  world.book.no_agreement = {"tokens"};
  world.RunUntil(kNoon + 140min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 0 not_subscribed", "13:00 0 not_subscribed"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_not_subscribed/tokens/agmt-1"));
  world.book.no_agreement.clear();
  world.RunUntil(kNoon + 200min);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// Later hours that are taken say nothing about what was lost.
TEST_F(UsageSendingTest, AQuantityThatWasNotTakenStaysAmongTheAlerts) {
  world.Use("k1", 7);
  world.book.no_agreement = {"tokens"};
  world.RunUntil(kNoon + 75min);
  world.book.no_agreement.clear();
  world.Use("k2", 8);
  world.RunUntil(kNoon + 130min);
  world.book.bad_stamp = kNoon + 2h;
  world.Use("k3", 9);
  world.RunUntil(kNoon + 200min);
  world.book.bad_stamp.reset();
  world.RunUntil(kNoon + 300min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 not_subscribed", "13:00 8 sent", "14:00 9 refused", "15:00 0 sent"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_refused/tokens/2026-11-21T14:00:00Z/agmt-1",
                                              "usage_not_subscribed/tokens/2026-11-21T12:00:00Z/agmt-1"));
}

TEST_F(UsageSendingTest, OneBadTimestampSinksNothingElse) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 310min);  // five hours in one batch
  world.book.bad_stamp = kNoon + 2h;
  world.RunUntil(kNoon + 311min);
  EXPECT_THAT(world.Read(),
              ElementsAre("12:00 7 sent", "13:00 0 sent", "14:00 0 refused", "15:00 0 sent", "16:00 0 sent"));
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_refused/tokens/agmt-1"));
  EXPECT_THAT(world.Hours()[2].detail, HasSubstr("timestamp_out_of_bounds"));
}

TEST_F(UsageSendingTest, ABatchHoldsAtMostTwentyFive) {
  std::vector<std::string> dimensions;
  for (int i = 0; i < 30; ++i) dimensions.push_back("d" + std::to_string(i));
  UsageWorld many(dimensions);
  many.Begin();
  many.clock.Set(kNoon + 70min);
  many.RunUntil(kNoon + 71min);
  EXPECT_THAT(many.marketplace.calls(), ElementsAre("meter 25", "meter 5"));
  EXPECT_THAT(many.Read(), SizeIs(30));
  EXPECT_THAT(many.Read(), Each("12:00 0 sent"));
}

// ---- Warnings ----------------------------------------------------------------------------------------------------

TEST_F(UsageSendingTest, UsageThatIsLateIsWarnedOfAndSentWhenItCan) {
  world.Use("k1", 7);
  world.book.fails = MarketplaceErrc::kTemporary;
  world.RunUntil(kNoon + 6h - 1s);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  world.RunUntil(kNoon + 6h + 6min);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_late"));
  world.RunForHours(16);
  EXPECT_THAT(world.OpenAlerts(), Contains("usage_deadline"));
  world.book.fails.reset();
  world.RunUntil(kNoon + 22h + 30min);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_THAT(world.Read()[0], "12:00 7 sent");
}

TEST_F(UsageSendingTest, WhatIsNotSentInTimeIsSaidToBeLost) {
  world.Use("k1", 7);
  world.book.fails = MarketplaceErrc::kTemporary;
  world.RunForHours(24);
  world.RunUntil(kNoon + 24h + 6min);
  EXPECT_THAT(world.Read()[0], "12:00 7 expired");
  EXPECT_THAT(world.OpenAlerts(), Contains("usage_expired/tokens/2026-11-21T12:00:00Z/agmt-1"));
  EXPECT_EQ(world.Totals().refused, (UsageCount{1, 7}));
}

TEST_F(UsageSendingTest, CredentialsThatAreRefusedAreToldAndTriedAgain) {
  world.Use("k1", 7);
  world.book.fails = MarketplaceErrc::kCredentials;
  world.RunUntil(kNoon + 75min);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("marketplace_credentials"));
  world.book.fails.reset();
  world.RunUntil(kNoon + 100min);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
}

TEST_F(UsageSendingTest, UsageOfAnOutageLongerThanADayIsBilledLater) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 30h);  // nothing ran since
  world.RunUntil(kNoon + 33h);
  EXPECT_EQ(world.book.Sum(), 7);
  EXPECT_EQ(world.Totals().refused, (UsageCount{0, 0}));
}

// ---- Endings -----------------------------------------------------------------------------------------------------

TEST_F(UsageSendingTest, TheNoticeOfAnEndSendsWhatThereIsAtOnce) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 25min);
  world.Notice();
  world.RunUntil(kNoon + 25min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
}

TEST_F(UsageSendingTest, UsageAfterTheNoticeIsSentBeforeAwsTakesNothingMore) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 25min);
  world.Notice();
  world.RunUntil(kNoon + 40min);
  const Result<UsageAnswer> answer = world.Book(world.Report("k2", 5));
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->booked.hour->hour, kNoon + 1h);
  EXPECT_EQ(answer->send_at, kNoon + 75min);
  world.RunUntil(kNoon + 76min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7", "13:00 5"));
  EXPECT_EQ(world.Use("k3", 1), "none");
}

TEST_F(UsageSendingTest, TheLastWindowsEndIsTheDeadline) {
  world.Use("k1", 7);
  world.book.fails = MarketplaceErrc::kTemporary;
  world.RunUntil(kNoon + 75min);  // frozen, long before it would have to be sent
  world.Use("k2", 5);
  EXPECT_EQ(world.Totals().next_deadline, kNoon + 24h);
  world.Notice();
  world.RunUntil(kNoon + 76min);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("usage_deadline"));
  EXPECT_EQ(world.Totals().next_deadline, kNoon + 135min);
  EXPECT_EQ(world.Hours()[1].closes_at, kNoon + 135min);
  world.clock.Set(kNoon + 140min);
  world.End();
  world.RunUntil(kNoon + 145min);
  EXPECT_EQ(world.Totals().next_deadline, kNoon + 135min);
  EXPECT_THAT(world.OpenAlerts(), Contains("usage_deadline"));  // it is tried until AWS answers
  world.book.fails.reset();
  world.RunUntil(kNoon + 4h);
  EXPECT_EQ(world.book.Sum(), 12);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(UsageSendingTest, ASecondNoticeChangesNothing) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 25min);
  world.Notice();
  world.RunUntil(kNoon + 26min);
  world.Hear(News(OfAgreement(Kind::kAgreementEnded, kNoon + 26min, "agmt-1", AgreementStatus::kTerminated)));
  world.RunUntil(kNoon + 27min);
  world.End();
  world.RunUntil(kNoon + 6h);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
}

TEST_F(UsageSendingTest, AnEndWithoutANoticeSendsWhatThereIsAtOnce) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 25min);
  world.End();
  world.RunUntil(kNoon + 25min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
  world.RunUntil(kNoon + 5h);
  EXPECT_THAT(world.book.Read(), SizeIs(1));  // what has ended says no zero
}

// AWS takes nothing for the old licence once the agreement has gone on: what was used under it goes at once, what comes
// later counts for the new one, in the same hour too.
TEST_F(UsageSendingTest, ARenewalSendsWhatTheOldLicenceHoldsAndGoesOnUnderTheNew) {
  const MarketFacts created =
      OfAgreement(Kind::kAgreementCreated, kNoon + 24min, "agmt-2", AgreementStatus::kActive, "agmt-1");
  const MarketFacts up = OfLicence(Kind::kLicenceUpdated, kNoon + 25min, "l-02", "agmt-2");
  const MarketFacts ended = OfAgreement(Kind::kAgreementEnded, kNoon + 26min, "agmt-1", AgreementStatus::kRenewed);
  std::vector<MarketFacts> story = {created, up, ended};
  std::vector<int> order = {0, 1, 2};
  do {
    UsageWorld other;
    other.Begin();
    other.Use("k1", 7);
    other.clock.Set(kNoon + 26min);
    for (const int i : order) {
      other.HearAll({story[static_cast<std::size_t>(i)]});
      other.Use("k" + std::to_string(2 + i), 1);
    }
    other.RunUntil(kNoon + 27min);
    EXPECT_EQ(other.book.SumOf("l-01") + other.Totals().open.quantity, 10) << ::testing::PrintToString(order);
    other.Use("k5", 5);
    other.RunUntil(kNoon + 85min);
    other.Hear(News(OfLicence(Kind::kLicenceDeprovisioned, kNoon + 85min, "l-01", "agmt-1")));
    other.RunUntil(kNoon + 3h);
    EXPECT_EQ(other.book.Sum(), 15) << ::testing::PrintToString(order);
    EXPECT_GE(other.book.SumOf("l-01"), 7);
    EXPECT_GE(other.book.SumOf("l-02"), 5);
    EXPECT_THAT(other.OpenAlerts(), IsEmpty());
    EXPECT_THAT(other.Changes("l-01"), ElementsAre("pending>active"));
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(UsageSendingTest, ARenewalWhoseLicenceIsNotThereYetSendsWhatThereIs) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 25min);
  world.HearAll({OfAgreement(Kind::kAgreementEnded, kNoon + 25min, "agmt-1", AgreementStatus::kRenewed)});
  world.RunUntil(kNoon + 26min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
  EXPECT_EQ(world.Hours()[0].closes_at, kNoon + 85min);
  EXPECT_EQ(world.Use("k2", 5), "13:00");
  world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon + 25min, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                 OfLicence(Kind::kLicenceUpdated, kNoon + 26min, "l-02", "agmt-2")});
  world.RunUntil(kNoon + 27min);
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent", "13:00 5 open"));
  world.RunUntil(kNoon + 130min);
  EXPECT_EQ(world.book.SumOf("l-02"), 5);
}

// We heard of it all when the old licence was gone already.
TEST_F(UsageSendingTest, WhatAWithdrawnLicenceHoldsIsBilledUnderTheOneThatCameAfterIt) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 2h);
  world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon + 1min, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                 OfLicence(Kind::kLicenceDeprovisioned, kNoon + 63min, "l-01", "agmt-1"),
                 OfLicence(Kind::kLicenceUpdated, kNoon + 2min, "l-02", "agmt-2")});
  world.RunUntil(kNoon + 5h);
  EXPECT_EQ(world.book.SumOf("l-02"), 7);
  EXPECT_EQ(world.book.SumOf("l-01"), 0);
}

// The notice that withdraws it can be lost, or late.
TEST_F(UsageSendingTest, AfterItsLastWindowALicenceCountsAsWithdrawn) {
  world.Use("k1", 7);
  world.clock.Set(kNoon + 70min);
  world.HearAll({OfAgreement(Kind::kAgreementEnded, kNoon + 5min, "agmt-1", AgreementStatus::kRenewed),
                 OfAgreement(Kind::kAgreementCreated, kNoon + 1min, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                 OfLicence(Kind::kLicenceUpdated, kNoon + 2min, "l-02", "agmt-2")});
  world.RunUntil(kNoon + 3h);
  EXPECT_EQ(world.book.SumOf("l-02"), 7);
}

TEST_F(UsageSendingTest, FrozenUsageOfARenamedSubscriptionIsSentAsItWas) {
  world.Use("k1", 7);
  world.book.fails = MarketplaceErrc::kTemporary;
  world.RunUntil(kNoon + 71min);
  world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-0")});
  ASSERT_EQ(world.IdOf("l-01"), "agmt-0");
  world.book.fails.reset();
  world.RunUntil(kNoon + 80min);
  EXPECT_THAT(world.book.Read(), ElementsAre("12:00 7"));
  EXPECT_THAT(world.Read(), ElementsAre("12:00 7 sent"));
}

}  // namespace
}  // namespace dunlin::testing
