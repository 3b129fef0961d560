// What usage is metered under: which licence, since when, and what becomes of usage under another one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/usage_rules.h"
#include "tests/support/usage_values.h"

namespace dunlin {
namespace {

using testing::All;
using ::testing::IsEmpty;
using testing::kNoon;
using testing::kProduct;
using testing::MakeFrozen;
using testing::MakeHour;
using testing::MakeLicence;
using testing::Metered;
using testing::Of;
using testing::OfAgreement;
using testing::OfLicence;
using testing::OfLicenceOne;
using testing::Registered;
using ::testing::SizeIs;
using Kind = MarketNotice::Kind;

constexpr Timestamp kLongAgo = kNoon - 240h;

MarketFacts Up(Timestamp at, const std::string& licence, const std::string& agreement) {
  return OfLicence(Kind::kLicenceUpdated, at, licence, agreement);
}

UsageTerms TermsOf(std::initializer_list<MarketFacts> parts) {
  return UsageTermsOf(Metered(All(parts)), kProduct).value_or(UsageTerms{});
}

MarketFacts Ended(Timestamp at, const std::string& agreement, const std::string& source) {
  MarketFacts ended = OfAgreement(Kind::kAgreementEnded, at, agreement, AgreementStatus::kRenewed);
  ended.notices[0].source = EventId{source};
  return ended;
}

TEST(UsageMetersTest, AMeterPassesOnAnHourAfterTheFirstWordOfTheRenewal) {
  for (const bool late_first : {true, false}) {
    const UsageTerms terms =
        TermsOf({Registered("", "l-01"), Up(kNoon, "l-01", "agmt-1"),
                 Ended(kNoon + 2h, "agmt-1", late_first ? "a" : "z"), Ended(kNoon + 1h, "agmt-1", "m")});
    EXPECT_EQ(terms.passes_on, kNoon + 2h) << late_first;
  }
}

TEST(UsageMetersTest, ALicenceWhoseAgreementIsNotKnownPassesNothingOn) {
  const UsageTerms terms = TermsOf(
      {Registered("", "l-01"), Up(kNoon, "l-01", ""), Ended(kNoon + 1h, "", "a"), Ended(kNoon + 1h, "agmt-2", "b")});
  EXPECT_EQ(terms.meter.licence, MakeLicence("l-01"));
  EXPECT_EQ(terms.passes_on, std::nullopt);
}

TEST(UsageMetersTest, ALicenceThatAwsWouldNotTakeUsageForIsPassedOver) {
  const MarketFacts good = All({Registered("", "l-01"), Up(kNoon, "l-01", "agmt-1")});
  MarketFacts of_another_product = Up(kNoon + 2h, "l-02", "agmt-2");
  of_another_product.notices[0].product = ProductCode{"prod2"};
  MarketFacts without_arn = Up(kNoon + 2h, "l-02", "agmt-2");
  without_arn.notices[0].licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-02"};
  const MarketFacts without_account = OfLicence(Kind::kLicenceUpdated, kNoon + 2h, "l-02", "agmt-2", "");
  EXPECT_EQ(TermsOf({good, Up(kNoon + 2h, "l-02", "agmt-2")}).meter.licence, MakeLicence("l-02"));
  for (const MarketFacts& odd : {of_another_product, without_arn, without_account}) {
    EXPECT_EQ(TermsOf({good, odd}).meter.licence, MakeLicence("l-01"));
  }
}

TEST(UsageMetersTest, OnlyLicencesOfTheSameProductWereMeteredBefore) {
  MarketFacts other = Up(kNoon + 2h, "l-03", "agmt-3");
  other.notices[0].product = ProductCode{"prod2"};
  const UsageTerms terms =
      TermsOf({Registered("", "l-01"), Up(kNoon, "l-01", "agmt-1"), Up(kNoon + 1h, "l-02", "agmt-2"), other});
  EXPECT_EQ(terms.meter.licence, MakeLicence("l-02"));
  ASSERT_THAT(terms.former, SizeIs(1));
  EXPECT_EQ(terms.former[0].id, "l-01");
  EXPECT_EQ(terms.former[0].from, kNoon);
}

// ---- What stands under another meter than that of today ---------------------------------------------------------

UsageHour OfCustomer(UsageHour hour) {
  hour.meter = {kProduct, {}, {}, CustomerIdentifier{"c1"}};
  return hour;
}

TEST(UsageMetersTest, AnHourThatWasSentUnderTheLicenceIsClosedThoughOneOfTheCustomerWasSentToo) {
  const UsageTerms terms{.meter = OfLicenceOne(), .from = kLongAgo, .until = {}, .ended = false};
  const UsageHour licensed = MakeFrozen(MakeHour(kNoon)), of_customer = OfCustomer(MakeFrozen(MakeHour(kNoon)));
  const auto booked = [&](std::vector<UsageHour> hours) {
    return PlaceUsage(hours, terms, "tokens", 1, kNoon, kNoon + 1min)->hour;
  };
  EXPECT_EQ(booked({licensed, of_customer}), kNoon + 1h);
  EXPECT_EQ(booked({of_customer, licensed}), kNoon + 1h);
  EXPECT_EQ(booked({of_customer}), kNoon);
}

UsageFreeze Freeze(std::vector<UsageHour> hours, Timestamp now, std::optional<UsageTerms> terms,
                   std::vector<std::string> metered = {"tokens"}) {
  return FreezeUsage(hours, SubscriptionId{"l-01"}, terms, metered, now, false);
}

TEST(UsageMetersTest, WithoutTermsWhatIsOpenIsFrozenAsItStandsAndNothingSaysZero) {
  const UsageHour old = MakeHour(kNoon - 30h, 7), open = OfCustomer(MakeHour(kNoon, 3)),
                  ahead = MakeHour(kNoon + 1h, 1);
  const UsageFreeze due = Freeze({old, open, ahead}, kNoon + 1min, std::nullopt);
  EXPECT_FALSE(due.shift);
  ASSERT_THAT(due.freeze, SizeIs(2));
  EXPECT_EQ(due.freeze[0].hour, old.hour);
  EXPECT_EQ(due.freeze[0].quantity, 7);
  EXPECT_EQ(due.freeze[1].meter, open.meter);
  EXPECT_EQ(due.freeze[1].stamp, kNoon);
  EXPECT_EQ(due.freeze[1].closes_at, kNoon + 24h);
}

TEST(UsageMetersTest, WhatWasBookedBeforeALicenceWasKnownIsFrozenUnderItsOwnMeterWhenItIsDue) {
  const UsageTerms terms{.meter = OfLicenceOne(), .from = kNoon, .until = {}, .ended = false};
  const UsageHour open = OfCustomer(MakeHour(kNoon, 3));
  EXPECT_THAT(Freeze({open}, kNoon + 69min, terms, {}).freeze, IsEmpty());
  const UsageFreeze due = Freeze({open}, kNoon + 70min, terms, {});
  ASSERT_THAT(due.freeze, SizeIs(1));
  EXPECT_EQ(due.freeze[0].meter, open.meter);
  EXPECT_EQ(due.freeze[0].quantity, 3);
}

TEST(UsageMetersTest, WhatAWithdrawnLicenceLeavesIsFrozenToBeShownWhereNothingTakesItsPlace) {
  UsageTerms ended{.meter = OfLicenceOne(), .from = kLongAgo, .until = kNoon, .ended = true};
  ended.former = {{.id = "l-00", .from = kLongAgo, .until = {}, .is_withdrawn = true}};
  UsageHour left = MakeHour(kNoon - 1h, 7);
  left.meter.licence = MakeLicence("l-00");
  const UsageFreeze due = Freeze({left}, kNoon + 1min, ended);
  EXPECT_FALSE(due.shift);
  ASSERT_THAT(due.freeze, SizeIs(1));
  EXPECT_EQ(due.freeze[0].meter, left.meter);
  UsageTerms running = ended;
  running.ended = false;
  running.until.reset();
  const UsageFreeze shifted = Freeze({left}, kNoon + 1min, running);
  ASSERT_TRUE(shifted.shift);
  EXPECT_EQ(shifted.shift->meter, OfLicenceOne());
  EXPECT_THAT(shifted.freeze, IsEmpty());
}

}  // namespace
}  // namespace dunlin
