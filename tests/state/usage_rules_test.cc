#include "state/usage_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/usage_values.h"

namespace dunlin {
namespace {

using testing::Action;
using testing::All;
using ::testing::IsEmpty;
using testing::kNoon;
using testing::kProduct;
using testing::MakeFrozen;
using testing::MakeHour;
using testing::MakeLicence;
using testing::Metered;
using testing::OfLicence;
using testing::OfLicenceOne;
using testing::Registered;
using ::testing::SizeIs;
using Kind = MarketNotice::Kind;

Timestamp At(const char* text) { return ParseRfc3339(text).value(); }

constexpr Timestamp kLongAgo = kNoon - 240h;

UsageTerms Running(std::optional<Timestamp> until = {}) {
  return {.meter = OfLicenceOne(), .from = kLongAgo, .until = until, .ended = false};
}

// ---- Times -------------------------------------------------------------------------------------------------------

TEST(UsageRulesTest, ARecordIsTakenForADay) {
  EXPECT_EQ(UsageClosesAt(At("2026-11-17T12:00:00Z")), At("2026-11-18T12:00:00Z"));
}

TEST(UsageRulesTest, AMonthClosesAtSixOnTheFirstOfTheNext) {
  EXPECT_EQ(UsageClosesAt(At("2026-11-30T05:59:59Z")), At("2026-12-01T05:59:59Z"));
  EXPECT_EQ(UsageClosesAt(At("2026-11-30T06:00:00Z")), At("2026-12-01T06:00:00Z"));
  EXPECT_EQ(UsageClosesAt(At("2026-11-30T23:59:59Z")), At("2026-12-01T06:00:00Z"));
  EXPECT_EQ(UsageClosesAt(At("2026-12-31T20:00:00Z")), At("2027-01-01T06:00:00Z"));
  EXPECT_EQ(UsageClosesAt(At("2028-02-29T20:00:00Z")), At("2028-03-01T06:00:00Z"));
  EXPECT_EQ(UsageClosesAt(At("2026-12-01T00:00:00Z")), At("2026-12-02T00:00:00Z"));
}

TEST(UsageRulesTest, FreezingRunsTenMinutesPastEachHour) {
  EXPECT_EQ(NextFreezeRun(kNoon), kNoon + 10min);
  EXPECT_EQ(NextFreezeRun(kNoon + 10min), kNoon + 70min);
  EXPECT_EQ(NextFreezeRun(kNoon + 59min), kNoon + 70min);
}

// ---- Terms -------------------------------------------------------------------------------------------------------

TEST(UsageRulesTest, AMeterIsTheSameForEverySpellingOfItsLicence) {
  Meter meter = OfLicenceOne();
  EXPECT_EQ(MeterId(meter), "l-01");
  meter.licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-01"};
  EXPECT_EQ(MeterId(meter), "l-01");
  EXPECT_EQ(MeterId({kProduct, {}, {}, CustomerIdentifier{"c1"}}), "prod1/c1");
  EXPECT_EQ(MeterId({kProduct, {}, AwsAccountId{"7"}, {}}), "prod1/7");
}

TEST(UsageRulesTest, NothingIsMeteredBeforeAwsProvides) {
  const MarketFacts facts = Registered("", "l-01");
  EXPECT_FALSE(UsageTermsOf(Metered(facts, SubscriptionStatus::kPending), kProduct));
  EXPECT_FALSE(UsageTermsOf(Metered({}), kProduct));
  EXPECT_FALSE(UsageTermsOf(Metered(facts), ProductCode{"another"}));
}

TEST(UsageRulesTest, TheNewestLicenceThatIsNotWithdrawnIsMetered) {
  const MarketFacts facts = All({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"),
                                 OfLicence(Kind::kLicenceUpdated, kNoon + 1h, "l-02", "agmt-2"),
                                 OfLicence(Kind::kLicenceDeprovisioned, kNoon + 2h, "l-02", "agmt-2")});
  const auto terms = UsageTermsOf(Metered(facts), kProduct);
  ASSERT_TRUE(terms);
  EXPECT_EQ(terms->meter.licence, MakeLicence("l-01"));
  EXPECT_EQ(terms->meter.account, AwsAccountId{"1"});
}

TEST(UsageRulesTest, WithoutALicenceTheBuyerIsMetered) {
  const auto terms = UsageTermsOf(Metered(Registered("c1", "")), kProduct);
  ASSERT_TRUE(terms);
  EXPECT_EQ(MeterId(terms->meter), "prod1/c1");
  EXPECT_TRUE(terms->meter.account.empty());  // AWS takes one of the two
  EXPECT_EQ(MeterId(UsageTermsOf(Metered(Registered("", "")), kProduct)->meter), "prod1/1");
}

TEST(UsageRulesTest, MeteringBeginsAnewWithASecondSubscription) {
  const MarketFacts facts = All({Registered("c1", "", "1", kNoon - 2h), Action(Kind::kSubscribed, kNoon - 1h),
                                 Action(Kind::kUnsubscribed, kNoon), Action(Kind::kSubscribed, kNoon + 30min)});
  EXPECT_EQ(UsageTermsOf(Metered(facts), kProduct)->from, kNoon + 30min);
}

TEST(UsageRulesTest, AnAmendedLicenceDoesNotBeginAnew) {
  const MarketFacts facts = All({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"),
                                 OfLicence(Kind::kLicenceUpdated, kNoon + 5h, "l-01", "agmt-1")});
  EXPECT_EQ(UsageTermsOf(Metered(facts), kProduct)->from, kNoon);
}

// ---- Booking -----------------------------------------------------------------------------------------------------

std::optional<Timestamp> Booked(std::vector<UsageHour> hours, Timestamp at, Timestamp now, UsageTerms terms = Running(),
                                std::int64_t quantity = 1) {
  const auto place = PlaceUsage(hours, terms, "tokens", quantity, at, now);
  return place ? std::optional(place->hour) : std::nullopt;
}

TEST(UsageRulesTest, UsageIsBookedOnItsHourWhileThatIsOpen) {
  EXPECT_EQ(Booked({}, kNoon + 5min, kNoon + 6min), kNoon);
  EXPECT_EQ(Booked({}, kNoon + 59min, kNoon + 65min), kNoon);  // until ten past
  EXPECT_EQ(Booked({MakeHour(kNoon, 7)}, kNoon + 5min, kNoon + 6min), kNoon);
}

TEST(UsageRulesTest, TheAnswerSaysWhenItIsSent) {
  const auto place = PlaceUsage({}, Running(), "tokens", 1, kNoon + 5min, kNoon + 6min);
  EXPECT_EQ(place->freezes_at, kNoon + 70min);
  // An hour that is over and still open goes with the next run.
  EXPECT_EQ(PlaceUsage({}, Running(), "tokens", 1, kNoon - 3h, kNoon + 6min)->freezes_at, kNoon + 10min);
}

TEST(UsageRulesTest, LateUsageIsBookedOnTheNextOpenHour) {
  const std::vector<UsageHour> hours = {MakeFrozen(MakeHour(kNoon)),
                                        MakeHour(kNoon + 1h, 3, UsageState::kNotSubscribed)};
  EXPECT_EQ(Booked(hours, kNoon + 5min, kNoon + 2h), kNoon + 2h);
}

TEST(UsageRulesTest, AnotherDimensionsHourIsNotInTheWay) {
  EXPECT_EQ(Booked({MakeFrozen(MakeHour(kNoon, 1, UsageState::kOpen, "seats"))}, kNoon, kNoon + 1min), kNoon);
}

TEST(UsageRulesTest, AnHourThatWouldOverflowIsNotAddedTo) {
  const std::vector<UsageHour> hours = {MakeHour(kNoon, kUsageQuantityMax - 1)};
  EXPECT_EQ(Booked(hours, kNoon, kNoon + 1min, Running(), 1), kNoon);
  EXPECT_EQ(Booked(hours, kNoon, kNoon + 1min, Running(), 2), kNoon + 1h);
}

TEST(UsageRulesTest, UsageTooOldForAwsIsBookedWhereItCanStillBeSent) {
  // 24 hours before 12:06 the hour of 12:00 closes at 12:00, that of 13:00 in time for the run at 12:10.
  EXPECT_EQ(Booked({}, kNoon - 72h, kNoon + 6min), kNoon - 23h);
  const Timestamp first = At("2026-12-01T05:30:00Z");
  // The month before closes at 06:00, before the next run.
  EXPECT_EQ(Booked({}, At("2026-11-30T23:30:00Z"), first), At("2026-12-01T00:00:00Z"));
  EXPECT_EQ(Booked({}, At("2026-11-30T23:30:00Z"), At("2026-12-01T05:05:00Z")), At("2026-11-30T23:00:00Z"));
}

TEST(UsageRulesTest, UsageFromBeforeTheBeginningIsBookedOnTheFirstHour) {
  UsageTerms terms = Running();
  terms.from = kNoon + 20min;
  EXPECT_EQ(Booked({}, kNoon - 3h, kNoon + 30min, terms), kNoon);
}

TEST(UsageRulesTest, AnOpenHourKeepsItsMeterWhenTheLicenceIsLearnt) {
  UsageHour open = MakeHour(kNoon, 2);
  open.meter = {kProduct, {}, {}, CustomerIdentifier{"c1"}};
  const std::vector<UsageHour> hours = {open};
  EXPECT_EQ(PlaceUsage(hours, Running(), "tokens", 1, kNoon, kNoon + 1min)->meter, open.meter);
}

TEST(UsageRulesTest, AfterTheNoticeOfAnEndOnlyHoursBeforeItAreLeft) {
  const Timestamp notice = kNoon + 25min;
  const UsageTerms terms = Running(notice + 1h);
  const std::vector<UsageHour> hours = {MakeFrozen(MakeHour(kNoon))};
  const auto place = PlaceUsage(hours, terms, "tokens", 1, notice + 5min, notice + 5min);
  EXPECT_EQ(place->hour, kNoon + 1h);
  EXPECT_EQ(place->freezes_at, notice + 50min);  // ten minutes before AWS takes nothing more
  EXPECT_EQ(PlaceUsage(hours, terms, "tokens", 1, notice, notice + 55min)->freezes_at, notice + 55min);
  EXPECT_FALSE(Booked(hours, notice + 61min, notice + 61min, terms));
  EXPECT_FALSE(Booked({MakeFrozen(MakeHour(kNoon)), MakeFrozen(MakeHour(kNoon + 1h))}, notice, notice + 50min, terms));
}

TEST(UsageRulesTest, AfterTheEndNoHourIsLeft) {
  UsageTerms terms = Running(kNoon);
  terms.ended = true;
  EXPECT_FALSE(Booked({}, kNoon - 5min, kNoon + 1min, terms));
}

// ---- Freezing ----------------------------------------------------------------------------------------------------

UsageFreeze Freeze(std::vector<UsageHour> hours, Timestamp now, std::optional<UsageTerms> terms = Running(),
                   bool at_once = false, std::vector<std::string> metered = {}) {
  return FreezeUsage(hours, SubscriptionId{"l-01"}, terms, metered, now, at_once);
}

TEST(UsageRulesTest, AnHourIsFrozenTenMinutesAfterItsEnd) {
  EXPECT_THAT(Freeze({MakeHour(kNoon, 7)}, kNoon + 70min - 1ms).freeze, IsEmpty());
  const UsageFreeze due = Freeze({MakeHour(kNoon, 7)}, kNoon + 70min);
  ASSERT_THAT(due.freeze, SizeIs(1));
  const UsageHour& hour = due.freeze[0];
  EXPECT_EQ(hour.state, UsageState::kFrozen);
  EXPECT_EQ(hour.quantity, 7);
  EXPECT_EQ(hour.stamp, kNoon);
  EXPECT_EQ(hour.closes_at, kNoon + 24h);
  EXPECT_EQ(hour.frozen_at, kNoon + 70min);
}

TEST(UsageRulesTest, TheFirstHourIsSentWithATimeAtWhichAwsProvided) {
  UsageTerms terms = Running();
  terms.from = kNoon + 20min;
  EXPECT_EQ(Freeze({MakeHour(kNoon, 7)}, kNoon + 70min, terms).freeze[0].stamp, kNoon + 20min);
}

TEST(UsageRulesTest, TheNoticeOfAnEndFreezesTheHourThatRuns) {
  const UsageTerms terms = Running(kNoon + 85min);
  EXPECT_THAT(Freeze({MakeHour(kNoon, 7)}, kNoon + 25min, terms, false).freeze, IsEmpty());
  EXPECT_THAT(Freeze({MakeHour(kNoon, 7), MakeHour(kNoon + 1h, 1)}, kNoon + 25min, terms, true).freeze, SizeIs(1));
  EXPECT_THAT(Freeze({MakeHour(kNoon + 1h, 1)}, kNoon + 75min, terms, false).freeze, SizeIs(1));
}

TEST(UsageRulesTest, WhatIsOpenAfterTheEndIsFrozen) {
  UsageTerms terms = Running(kNoon);
  terms.ended = true;
  EXPECT_THAT(Freeze({MakeHour(kNoon, 7)}, kNoon + 1min, terms).freeze, SizeIs(1));
}

TEST(UsageRulesTest, IdleHoursSayZero) {
  UsageTerms terms = Running();
  terms.from = kNoon - 3h + 20min;
  const std::vector<UsageHour> hours = {MakeFrozen(MakeHour(kNoon - 2h))};
  const UsageFreeze due = Freeze(hours, kNoon + 70min, terms, false, {"tokens"});
  ASSERT_THAT(due.freeze, SizeIs(3));  // 9:00 from 9:20 on, 11:00, 12:00
  EXPECT_EQ(due.freeze[0].stamp, kNoon - 3h + 20min);
  EXPECT_EQ(due.freeze[2].hour, kNoon);
  EXPECT_EQ(due.freeze[2].quantity, 0);
  EXPECT_EQ(due.freeze[2].meter, terms.meter);
}

TEST(UsageRulesTest, ZerosGoBackNoFurtherThanAwsTakesThem) {
  EXPECT_THAT(Freeze({}, kNoon + 10min, Running(), false, {"tokens"}).freeze, SizeIs(23));
  // At 06:10 on the first nothing of the month before is taken.
  EXPECT_THAT(Freeze({}, At("2026-12-01T06:10:00Z"), Running(), false, {"tokens"}).freeze, SizeIs(6));
}

TEST(UsageRulesTest, WhatIsEndingSaysZeroUpToItsNotice) {
  const UsageTerms ending = Running(kNoon + 25min + 1h);  // noticed at 12:25
  std::vector<UsageHour> hours;
  for (Timestamp h = kNoon - 25h; h < kNoon - 1h; h += 1h) hours.push_back(MakeFrozen(MakeHour(h)));
  EXPECT_THAT(Freeze(hours, kNoon + 10min, ending, false, {"tokens"}).freeze, SizeIs(1));
  hours.push_back(MakeFrozen(MakeHour(kNoon - 1h)));
  EXPECT_THAT(Freeze(hours, kNoon + 70min, ending, false, {"tokens"}).freeze, IsEmpty());
}

TEST(UsageRulesTest, AnOpenHourThatClosedWhileWeWereAwayIsBookedOnALaterOne) {
  UsageHour old = MakeHour(kNoon - 30h, 7);
  old.id = 5;
  const UsageFreeze due = Freeze({old, MakeHour(kNoon - 3h, 1)}, kNoon + 10min);
  ASSERT_TRUE(due.shift);
  EXPECT_THAT(due.freeze, IsEmpty());  // first things first
  EXPECT_EQ(due.shift->id, 5);
  EXPECT_EQ(due.shift->quantity, 7);
  EXPECT_GT(UsageClosesAt(due.shift->to), kNoon + 70min);
}

TEST(UsageRulesTest, AfterTheEndWhatClosedIsFrozenToBeShown) {
  UsageTerms terms = Running(kNoon);
  terms.ended = true;
  const UsageFreeze due = Freeze({MakeHour(kNoon - 30h, 7)}, kNoon + 1min, terms);
  EXPECT_FALSE(due.shift);
  EXPECT_THAT(due.freeze, SizeIs(1));
}

}  // namespace
}  // namespace dunlin
