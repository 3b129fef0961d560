#include "state/market_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/codec.h"
#include "state/market_licences.h"
#include "tests/support/market_values.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using ::testing::ElementsAre;
using ::testing::SizeIs;

std::string IdOf(std::initializer_list<MarketFacts> parts) { return CanonicalId(All(parts)).str(); }

TEST(MarketFactsTest, MergingWhatIsKnownChangesNothing) {
  MarketFacts facts = Registered("c1", "");
  EXPECT_TRUE(Merge(facts, Action(Kind::kSubscribed, kNoon)));
  EXPECT_FALSE(Merge(facts, Action(Kind::kSubscribed, kNoon)));
  EXPECT_TRUE(Merge(facts, Answer(kNoon, "seats")));
  EXPECT_FALSE(Merge(facts, Answer(kNoon, "seats")));
  const MarketFacts before = facts;
  EXPECT_FALSE(Merge(facts, before));
}

TEST(MarketFactsTest, TheSameBuyerRegisteringAgainIsOneFactTheEarliest) {
  MarketFacts later = Registered("c1", "", "1", kNoon + 1h);
  EXPECT_TRUE(Merge(later, Registered("c1", "", "1", kNoon)));
  EXPECT_FALSE(Merge(later, Registered("c1", "", "1", kNoon + 2h)));
  ASSERT_THAT(later.registrations, SizeIs(1));
  EXPECT_EQ(later.registrations[0].at, kNoon);
}

TEST(MarketFactsTest, TheAnswerThatWasAskedForLastCountsAndAnEarlierOneIsNotForgottenWhole) {
  MarketFacts facts = Answer(kNoon, "");
  EXPECT_TRUE(Merge(facts, Answer(kNoon - 1h, "seats")));  // the product is sold by contract: that is news
  EXPECT_EQ(facts.held, Answer(kNoon - 1h, "seats").answer);
  EXPECT_TRUE(facts.answer.entitlements.empty());
}

TEST(MarketFactsTest, ALicenceIsOneIdHoweverItsArnIsSpelt) {
  MarketNotice n;
  n.source = EventId{"eb/1"};
  n.licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-01"};
  const MarketFacts facts = All({Registered("", "l-01"), Of(n)});
  EXPECT_THAT(KeysOf(facts), ElementsAre(MarketKey{"l-01", true}, MarketKey{"prod1/1", false}));
}

TEST(MarketFactsTest, WhatALaterNoticeOfALicenceDoesNotTellStaysKnown) {
  MarketNotice bare;
  bare.kind = Kind::kLicenceUpdated;
  bare.source = EventId{"eb/1"};
  bare.at = kNoon + 1h;
  bare.licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-01"};
  const MarketFacts facts = All({Registered("", "l-01", "77"), Of(bare)});
  const SeenLicence licence = LicencesOf(facts).at(LicenceId{"l-01"});
  EXPECT_EQ(licence.product, kProduct);
  EXPECT_EQ(licence.account, AwsAccountId{"77"});
  EXPECT_EQ(licence.arn, MakeLicence("l-01"));
  EXPECT_EQ(licence.seen_at, kNoon + 1h);
}

TEST(MarketFactsTest, ProductAndAccountBindOnlyWhereABuyerHasRegisteredWithoutALicence) {
  EXPECT_THAT(KeysOf(Registered("", "l-01")), ElementsAre(MarketKey{"l-01", true}, MarketKey{"prod1/1", false}));
  EXPECT_THAT(KeysOf(Registered("c1", "")), ElementsAre(MarketKey{"prod1/1", true}, MarketKey{"prod1/c1", true}));
  EXPECT_THAT(KeysOf(All({Registered("", "l-01"), Registered("c1", "")})),
              ElementsAre(MarketKey{"l-01", true}, MarketKey{"prod1/1", true}, MarketKey{"prod1/c1", true}));
}

TEST(MarketFactsTest, TheCanonicalIdIsTheRootAgreementElseTheLicenceElseTheBuyer) {
  EXPECT_EQ(IdOf({}), "");
  EXPECT_EQ(IdOf({Registered("", "")}), "prod1/1");
  EXPECT_EQ(IdOf({Registered("c1", "")}), "prod1/c1");
  EXPECT_EQ(IdOf({Registered("c1", "l-01")}), "l-01");
  EXPECT_EQ(IdOf({Registered("c1", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-2")}), "agmt-2");
  EXPECT_EQ(IdOf({OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-2", AgreementStatus::kActive, "agmt-9"),
                  OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-2")}),
            "agmt-9");
}

TEST(MarketFactsTest, AgreementsThatPrecedeEachOtherHaveAnIdAllTheSame) {
  EXPECT_EQ(IdOf({OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                  OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-2")}),
            "agmt-1");
}

TEST(MarketFactsTest, TheAccountIsTheAwsAccountElseTheCustomer) {
  EXPECT_EQ(AccountOf(Registered("c1", "", "77")).str(), "77");
  EXPECT_EQ(AccountOf(Registered("c1", "", "")).str(), "c1");
  EXPECT_EQ(AccountOf(Action(Kind::kSubscribed, kNoon)).str(), "");
}

TEST(MarketFactsTest, EveryFieldComesBackFromItsText) {
  MarketNotice n;
  n.kind = Kind::kAgreementAmended;
  n.source = EventId{"eb/1"};
  n.at = kNoon;
  n.product = kProduct;
  n.customer = CustomerIdentifier{"c"};
  n.account = AwsAccountId{"1"};
  n.licence = MakeLicence("l-01");
  n.agreement = AgreementId{"agmt-2"};
  n.previous_agreement = AgreementId{"agmt-1"};
  n.agreement_status = AgreementStatus::kReplaced;
  n.offer = OfferId{"offer-1"};
  n.free_trial = false;
  n.starts_at = kNoon - 1h;
  n.ends_at = kNoon + 1h;
  Facts facts;
  facts.market = All({Registered("c1", "l-01"), Of(n), Answer(kNoon, "seats", kNoon + 1h, {"l-01", "l-02"})});
  MarketFacts trial = Of(n);
  trial.notices[0].source = EventId{"eb/2"};
  trial.notices[0].free_trial = true;
  Merge(facts.market, trial);
  const std::string text = EncodeFacts(facts);
  const Result<Facts> back = DecodeFacts(text);
  ASSERT_TRUE(back) << back.error().detail << " in " << text;
  EXPECT_EQ(*back, facts) << text;
  Merge(facts.market, Answer(kNoon + 1h, "", {}, {"l-02"}));
  EXPECT_EQ(*DecodeFacts(EncodeFacts(facts)), facts);
}

TEST(MarketFactsTest, TextThatSaysMoreThanIsKnownIsCorrupt) {
  for (const char* text : {R"({"w":{"n":[{"k":99}]}})", R"({"w":{"n":[{"k":-1}]}})", R"({"w":{"n":[{"gs":99}]}})",
                           R"({"w":{"n":[{"zz":1}]}})", R"({"w":{"r":[{"zz":1}]}})", R"({"w":{"z":1}})",
                           R"({"w":{"h":{"z":2}}})", R"({"w":{"a":{"i":[{"q":1}]}}})"}) {
    EXPECT_FALSE(DecodeFacts(text)) << text;
  }
}

}  // namespace
}  // namespace dunlin::testing
