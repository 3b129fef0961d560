// Asking AWS Marketplace what a buyer is entitled to: what is asked, what an answer may overwrite, what a refusal does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/workflows/market_world.h"
#include "workflows/effects/entitlement_sweep.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using S = SubscriptionStatus;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<Entitlement> Seats(std::int64_t number, std::optional<Timestamp> expires) {
  Entitlement e;
  e.dimension = "seats";
  e.value = number;
  e.expires_at = expires;
  e.product = kProduct;
  return {e};
}
const std::vector<Entitlement> kNone;

struct EntitlementsTest : ::testing::Test {
  EntitlementsTest() { world.marketplace.WillEntitle(kNone); }

  void Register(const MarketFacts& registration) { world.Hear(News(registration, true)); }
  void Ask(const std::string& any_id) { world.Run("entitlements/" + world.IdOf(any_id)); }
  std::vector<std::string> calls() { return world.marketplace.calls(); }

  MarketWorld world;
};

// ---- The question ------------------------------------------------------------------------------------------------

TEST_F(EntitlementsTest, ALicenceIsAskedAboutByItsArn) {
  Register(Registered("", "l-01", "123"));
  Ask("l-01");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 " + MakeLicence("l-01").str()));
  EXPECT_FALSE(world.FindJob("entitlements/l-01"));
}

TEST_F(EntitlementsTest, WithoutALicenceTheAccountIsAskedAboutElseTheCustomer) {
  Register(Registered("c1", "", "123"));
  Register(Registered("c2", "", ""));
  Ask("prod1/c1");
  Ask("prod1/c2");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 123", "entitlements prod1 c2"));
}

TEST_F(EntitlementsTest, ALicenceThatIsGoneIsNotAskedAboutBesideOneThatIsThere) {
  world.HearAll({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"),
                 OfLicence(Kind::kLicenceDeprovisioned, kNoon + 1h, "l-01", "agmt-1")});
  world.Hear(News(OfLicence(Kind::kLicenceUpdated, kNoon + 1h, "l-02", "agmt-1"), true));
  Ask("l-01");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 " + MakeLicence("l-02").str()));
}

TEST_F(EntitlementsTest, AnArnThatOnlyTheDocumentationHasIsNotSent) {
  MarketFacts documented = OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1");
  documented.notices[0].licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-01"};
  world.HearAll({Registered("", "l-01")});
  world.Hear(News(documented, true));
  Ask("l-01");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 " + MakeLicence("l-01").str()));
}

TEST_F(EntitlementsTest, ALicenceWhoseArnOrProductIsNotKnownIsNotAskedAbout) {
  MarketFacts unspelt = OfLicence(Kind::kLicenceUpdated, kNoon, "l-02", "agmt-1");
  unspelt.notices[0].licence = LicenceArn{"aws:license-manager:us-east-1:123456789012:l-02"};
  MarketFacts without_product = OfLicence(Kind::kLicenceUpdated, kNoon, "l-03", "agmt-1");
  without_product.notices[0].product = ProductCode{};
  world.HearAll({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"), unspelt});
  world.Hear(News(without_product, true));
  Ask("l-01");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 " + MakeLicence("l-01").str()));
}

TEST_F(EntitlementsTest, ABuyerWhoRegisteredTwiceIsAskedAboutOnce) {
  Register(Registered("c1", "", "123"));
  Register(Registered("c2", "", "123"));
  ASSERT_EQ(world.IdOf("prod1/c1"), world.IdOf("prod1/c2"));
  Ask("prod1/c1");
  EXPECT_THAT(calls(), ElementsAre("entitlements prod1 123"));
}

// ---- The answer --------------------------------------------------------------------------------------------------

TEST_F(EntitlementsTest, AContractBeginsAndEndsWithItsEntitlements) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Seats(5, kNoon + 240h));
  Ask("prod1/c1");
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kActive);
  EXPECT_EQ(world.Of("prod1/c1").values.plan, "business");
  EXPECT_EQ(world.Of("prod1/c1").values.paid_until, kNoon + 240h);

  world.RunUntil(kNoon + 240h - 1s);
  const std::size_t asked = calls().size();
  world.marketplace.WillEntitle(Seats(5, kNoon + 240h));  // expired by then, and not renewed
  world.RunUntil(kNoon + 240h + 1min);
  EXPECT_GT(calls().size(), asked);
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kCanceled);
  EXPECT_EQ(world.Of("prod1/c1").values.access, Access::kRevoked);
  EXPECT_THAT(world.Changes("prod1/c1"), ElementsAre("pending>active", "active>canceled"));
}

TEST_F(EntitlementsTest, AContractThatIsRenewedInTimeNeverLosesAccess) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Seats(5, kNoon + 240h));
  Ask("prod1/c1");
  world.marketplace.WillEntitle(Seats(7, kNoon + 480h));
  world.RunUntil(kNoon + 241h);
  EXPECT_EQ(world.Of("prod1/c1").values.paid_until, kNoon + 480h);
  EXPECT_THAT(world.Changes("prod1/c1"), ElementsAre("pending>active"));
}

TEST_F(EntitlementsTest, WhatChangesStandsInTheTimeline) {
  Register(Registered("c1", ""));
  std::vector<std::string> notes;
  for (const std::int64_t seats : {5, 5, 10, 0}) {
    world.marketplace.WillEntitle(seats == 0 ? kNone : Seats(seats, {}));
    world.Hear(News(Action(Kind::kNoted, world.clock.Now()), true));
    Ask("prod1/c1");
    world.clock.Set(world.clock.Now() + 1h);
  }
  for (const TimelineRow& row : world.Rows("prod1/c1")) {
    if (row.reason.starts_with("Entitlements: ")) notes.push_back(row.reason + " by " + row.event.substr(0, 6));
  }
  EXPECT_THAT(notes, ElementsAre("Entitlements: seats none → 5 by answer", "Entitlements: seats 5 → 10 by answer",
                                 "Entitlements: seats 10 → none by answer"));
}

TEST_F(EntitlementsTest, ASlowAnswerNeverOverwritesALaterOne) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Seats(5, {}));
  world.marketplace.during = [&] {  // the answer to a later question arrives first
    world.marketplace.during = nullptr;
    Unit unit;
    MarketWords later;
    EntitlementAnswer nine = Answer(kNoon + 1s, "seats").answer;
    nine.entitlements[0].value = "9";
    later.facts = FactsOf(std::move(nine));
    later.about = SubscriptionId{"prod1/c1"};
    ASSERT_TRUE(FileMarket(world.ledger, world.policies, later, kNoon, unit));
    ASSERT_TRUE(world.base->Commit(std::move(unit)));
  };
  Ask("prod1/c1");
  ASSERT_THAT(world.Of("prod1/c1").facts.market.answer.entitlements, SizeIs(1));
  EXPECT_EQ(world.Of("prod1/c1").facts.market.answer.entitlements[0].value, "9");
}

TEST_F(EntitlementsTest, AHintThatComesWhileWeAskIsAskedAboutAgain) {
  Register(Registered("c1", ""));
  world.marketplace.during = [&] {
    world.marketplace.during = nullptr;
    world.Hear(News(Action(Kind::kSubscribed, kNoon), true));
  };
  Ask("prod1/c1");
  EXPECT_TRUE(world.FindJob("entitlements/prod1/c1"));
  world.RunUntil(kNoon + 1min);
  EXPECT_THAT(calls(), SizeIs(2));
  EXPECT_FALSE(world.FindJob("entitlements/prod1/c1"));
}

TEST_F(EntitlementsTest, AnAnswerFindsItsSubscriptionUnderANewId) {
  Register(Registered("", "l-01"));
  world.marketplace.WillEntitle(Seats(5, {}));
  world.marketplace.during = [&] {
    world.marketplace.during = nullptr;
    world.HearAll({OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1")});
  };
  Ask("l-01");
  world.RunUntil(kNoon + 1min);
  EXPECT_EQ(world.IdOf("l-01"), "agmt-1");
  EXPECT_EQ(world.Of("l-01").values.plan, "business");
  EXPECT_THAT(world.base->Jobs({.kind = JobKind::kEntitlements}, {}).value().items, IsEmpty());
}

TEST_F(EntitlementsTest, AnAnswerTiesALicenceToTheBuyerWhoWasAskedAbout) {
  Register(Registered("c1", "", "123"));
  std::vector<Entitlement> held = Seats(5, {});
  held[0].licence = MakeLicence("l-07");
  world.marketplace.WillEntitle(held);
  const MarketFacts waits = OfLicence(Kind::kLicenceUpdated, kNoon, "l-07", "agmt-7", "123");
  world.HearAll({waits});
  Ask("prod1/c1");
  world.ApplyAll();
  EXPECT_EQ(world.Event(waits).outcome, EventOutcome::kApplied);
  EXPECT_EQ(world.IdOf("prod1/c1"), "agmt-7");
}

TEST_F(EntitlementsTest, AnAnswerTiesALicenceToABuyerOfWhomOnlyTheCustomerIsKnown) {
  const MarketFacts waits = OfLicence(Kind::kLicenceUpdated, kNoon, "l-07", "agmt-7", "123");
  world.HearAll({waits});
  Register(Registered("c1", "", ""));
  world.ApplyAll();
  ASSERT_EQ(world.Event(waits).outcome, EventOutcome::kWaiting);
  std::vector<Entitlement> held = Seats(5, {});
  held[0].licence = MakeLicence("l-07");
  world.marketplace.WillEntitle(held);
  Ask("prod1/c1");
  world.ApplyAll();
  EXPECT_EQ(world.Event(waits).outcome, EventOutcome::kApplied);
  EXPECT_EQ(world.IdOf("prod1/c1"), "agmt-7");
}

TEST_F(EntitlementsTest, AValueOfEveryTypeIsKeptAsText) {
  const std::vector<std::pair<decltype(Entitlement::value), std::string>> values = {
      {std::int64_t{5}, "5"}, {2.5, "2.500000"}, {true, "true"}, {false, "false"}, {std::string("gold"), "gold"}};
  Register(Registered("c1", ""));
  for (const auto& value : values) {
    std::vector<Entitlement> held = Seats(0, {});
    held[0].value = value.first;
    world.marketplace.WillEntitle(held);
    world.clock.Advance(1s);
    world.Hear(News(Action(Kind::kNoted, world.clock.Now()), true));
    Ask("prod1/c1");
    ASSERT_THAT(world.Of("prod1/c1").facts.market.answer.entitlements, SizeIs(1));
    EXPECT_EQ(world.Of("prod1/c1").facts.market.answer.entitlements[0].value, value.second);
  }
}

// From the renewal on AWS answers about the old licence that it holds nothing. Whichever notice comes first, and
// however often we ask in between, nobody loses anything. (The end of a licence of which nothing else is known is an
// end.)
TEST_F(EntitlementsTest, ARenewalKeepsEverythingInEveryOrderOfItsNotices) {
  const std::vector<MarketFacts> notices = {
      OfAgreement(Kind::kAgreementCreated, kNoon + 1h, "agmt-2", AgreementStatus::kActive, "agmt-1"),
      OfAgreement(Kind::kAgreementEnded, kNoon + 1h + 2min, "agmt-1", AgreementStatus::kRenewed),
      OfLicence(Kind::kLicenceUpdated, kNoon + 1h + 1min, "l-02", "agmt-2"),
      OfLicence(Kind::kLicenceDeprovisioned, kNoon + 1h + 3min, "l-01", "agmt-1")};
  std::vector<std::size_t> order = {0, 1, 2, 3};
  do {
    const auto place = [&](std::size_t i) { return std::find(order.begin(), order.end(), i); };
    if (place(3) < place(0) && place(3) < place(1)) continue;
    MarketWorld other;
    bool renewed = false;
    other.marketplace.during = [&] {
      const bool next = other.marketplace.calls().back().ends_with("l-02");
      other.marketplace.WillEntitle(next == renewed ? Seats(5, kNoon + (renewed ? 480h : 240h)) : kNone);
    };
    other.Hear(News(Registered("", "l-01"), true));
    other.Hear(News(OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1"), true));
    other.RunUntil(kNoon + 1h + 5min);
    ASSERT_EQ(other.Of("l-01").values.plan, "business");
    renewed = true;
    for (const std::size_t i : order) {
      other.Hear(News(notices[i], true));
      other.ApplyAll();
      other.RunUntil(other.clock.Now() + 5s);
      EXPECT_EQ(other.Of("l-01").values.plan, "business");
    }
    EXPECT_THAT(other.Changes("l-01"), ElementsAre("pending>active")) << ::testing::PrintToString(order);
    EXPECT_EQ(other.Of("l-01").values.paid_until, kNoon + 480h) << ::testing::PrintToString(order);
  } while (std::next_permutation(order.begin(), order.end()));
}

// ---- Refusals ----------------------------------------------------------------------------------------------------

TEST_F(EntitlementsTest, TemporaryTroubleIsTriedAgain) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Fail(MarketplaceErrc::kTemporary, "throttled"));
  Ask("prod1/c1");
  const std::optional<Job> job = world.FindJob("entitlements/prod1/c1");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->tries, 1);
  EXPECT_THAT(job->last_error, HasSubstr("throttled"));
  world.marketplace.WillEntitle(Seats(5, {}));
  world.RunUntil(kNoon + 1min);
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kActive);
}

TEST_F(EntitlementsTest, CredentialsThatAreNotAcceptedAreToldOnceAndSettledByThemselves) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Fail(MarketplaceErrc::kCredentials, "denied"));
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("marketplace_credentials"));
  EXPECT_GE(world.FindJob("entitlements/prod1/c1")->due, kNoon + 10min);
  world.marketplace.WillEntitle(kNone);
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(EntitlementsTest, CredentialsThatCouldNotBeToldOfAreToldTheNextTime) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Fail(MarketplaceErrc::kCredentials, "denied"));
  world.ledger.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_EQ(world.FindJob("entitlements/prod1/c1")->tries, 1);
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("marketplace_credentials"));
}

TEST_F(EntitlementsTest, AQuestionThatAwsRefusesForGoodIsToldAndNotRepeated) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Fail(MarketplaceErrc::kInvalidParameter, "no such product"));
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("entitlements_refused/prod1/c1"));
  EXPECT_FALSE(world.FindJob("entitlements/prod1/c1"));
  world.marketplace.WillEntitle(kNone);
  world.Hear(News(Action(Kind::kSubscribed, kNoon), true));
  Ask("prod1/c1");
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// Trouble that passes is tried again; for what stays somebody is told, and nothing that is known is lost.
TEST_F(EntitlementsTest, EveryRefusalIsTriedAgainOrToldAndTakesNothingAway) {
  using E = MarketplaceErrc;
  for (const E code :
       {E::kTemporary, E::kCredentials, E::kDisabled, E::kExpiredToken, E::kInvalidToken, E::kTimestampOutOfBounds,
        E::kInvalidDimension, E::kInvalidCustomer, E::kInvalidLicence, E::kInvalidTag, E::kInvalidAllocations,
        E::kInvalidProduct, E::kInvalidParameter, E::kRefused, E::kUnreadable}) {
    SCOPED_TRACE(MarketplaceErrcName(code));
    MarketWorld w;
    w.Hear(News(Registered("c1", ""), true));
    w.marketplace.WillEntitle(Seats(5, {}));
    w.Run("entitlements/prod1/c1");
    ASSERT_EQ(w.StatusOf("prod1/c1"), S::kActive);
    w.marketplace.WillEntitle(Fail(code, "as the test asks"));
    w.Hear(News(Action(Kind::kNoted, kNoon), true));
    w.Run("entitlements/prod1/c1");
    EXPECT_EQ(w.StatusOf("prod1/c1"), S::kActive);
    const bool rights = code == E::kCredentials || code == E::kDisabled;
    const bool again = rights || code == E::kTemporary;
    EXPECT_EQ(w.FindJob("entitlements/prod1/c1").has_value(), again);
    std::vector<std::string> told;
    if (rights) told = {"marketplace_credentials"};
    if (!again) told = {"entitlements_refused/prod1/c1"};
    EXPECT_EQ(w.OpenAlerts(), told);
  }
}

// ---- The sweep ---------------------------------------------------------------------------------------------------

TEST_F(EntitlementsTest, TheSweepAsksAboutEverySubscriptionEverySixHours) {
  world.HearAll({Registered("c1", ""), Registered("", "l-01", "2"), Action(Kind::kSubscribed, kNoon)});
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  world.RunUntil(kNoon + 1min);
  EXPECT_THAT(calls(), SizeIs(2));
  world.RunUntil(kNoon + 6h + 1min);
  EXPECT_THAT(calls(), SizeIs(4));
}

TEST_F(EntitlementsTest, TheSweepForgetsNoneOfMoreThanAPageHolds) {
  constexpr int kMany = 501;
  Unit unit;
  for (int i = 0; i < kMany; ++i) {
    Subscription s = MakeSubscription("l-" + std::to_string(i), "1");
    s.provider = Provider::kAwsMarketplace;
    unit.save.push_back(std::move(s));
  }
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  world.Run("entitlement_sweep");
  EXPECT_THAT(world.base->Jobs({.kind = JobKind::kEntitlements}, {.limit = 1000}).value().items, SizeIs(kMany));
}

TEST_F(EntitlementsTest, TheSweepFindsAnEndWhoseNoticeWasLost) {
  Register(Registered("c1", ""));
  world.marketplace.WillEntitle(Seats(5, kNoon + 2400h));
  Ask("prod1/c1");
  ASSERT_EQ(world.StatusOf("prod1/c1"), S::kActive);
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  world.marketplace.WillEntitle(kNone);
  world.RunUntil(kNoon + 6h + 1min);
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kCanceled);
}

TEST_F(EntitlementsTest, WhatEndedLongAgoIsLeftAlone) {
  world.HearAll({Registered("c1", ""), Action(Kind::kUnsubscribed, kNoon)});
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  world.RunUntil(kNoon + 24h);
  EXPECT_THAT(calls(), ::testing::Not(IsEmpty()));
  world.RunUntil(kNoon + 36 * kDay);
  const std::size_t asked = calls().size();
  world.RunUntil(kNoon + 40 * kDay);
  EXPECT_THAT(calls(), SizeIs(asked));
}

TEST_F(EntitlementsTest, AnEventThatWaitsForADayIsToldUntilItsBuyerRegisters) {
  const MarketFacts waits = Action(Kind::kSubscribed, kNoon);
  world.HearAll({waits});
  ASSERT_TRUE(RequestEntitlementSweep(*world.base, kNoon));
  world.RunUntil(kNoon + 23h);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  world.RunUntil(kNoon + 31h);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("orphan_event/" + News(waits).event.str()));
  world.HearAll({Registered("c1", "")});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

}  // namespace
}  // namespace dunlin::testing
