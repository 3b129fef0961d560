// Rule R15: what the marketplace's notices and answers come to.
#include "state/derive_market.h"

#include <gtest/gtest.h>

#include "tests/support/market_values.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using S = SubscriptionStatus;

const PlanCatalog kPlans{{{"prod1", {"team", 1}}, {"prod1/seats", {"business", 2}}}};

Derived Judge(std::initializer_list<MarketFacts> parts, Timestamp now = kNoon + 24h) {
  const Derived d = DeriveMarket(All(parts), kPlans, now);
  EXPECT_EQ(d.rule, "R15");
  EXPECT_FALSE(d.why.empty());
  EXPECT_EQ(d.values.access, AccessAt(d.values, now));
  return d;
}
S StatusOf(std::initializer_list<MarketFacts> parts) { return Judge(parts).values.status; }

const MarketFacts kOld = Registered("c1", "");    // the old kind of integration: actions
const MarketFacts kNew = Registered("", "l-01");  // the new one: licences and agreements

MarketFacts Sns(Kind kind, Millis after = 0h) { return Action(kind, kNoon + after); }
MarketFacts Up(Millis after, const std::string& licence = "l-01", const std::string& agreement = "agmt-1") {
  return OfLicence(Kind::kLicenceUpdated, kNoon + after, licence, agreement);
}
MarketFacts Down(Millis after, const std::string& licence = "l-01", const std::string& agreement = "agmt-1") {
  return OfLicence(Kind::kLicenceDeprovisioned, kNoon + after, licence, agreement);
}
MarketFacts Ended(Millis after, const std::string& agreement, AgreementStatus status) {
  return OfAgreement(Kind::kAgreementEnded, kNoon + after, agreement, status);
}
MarketFacts Follows(Millis after, const std::string& agreement, const std::string& previous) {
  return OfAgreement(Kind::kAgreementCreated, kNoon + after, agreement, AgreementStatus::kActive, previous);
}

// ---- Actions -----------------------------------------------------------------------------------------------------

TEST(DeriveMarketTest, NothingIsGrantedBeforeTheBuyerHasRegisteredAndAwsHasProvided) {
  EXPECT_EQ(StatusOf({Sns(Kind::kSubscribed)}), S::kPending);
  EXPECT_EQ(StatusOf({kOld}), S::kPending);
  EXPECT_EQ(StatusOf({kOld, Sns(Kind::kSubscribeFailed)}), S::kPending);
  const Derived d = Judge({kOld, Sns(Kind::kSubscribed)});
  EXPECT_EQ(d.values.status, S::kActive);
  EXPECT_EQ(d.values.access, Access::kGranted);
  EXPECT_EQ(d.values.plan, "team");
  EXPECT_FALSE(d.cancelled);
}

TEST(DeriveMarketTest, AFailureOfANewOfferTakesNothingFromWhoIsSubscribed) {
  EXPECT_EQ(StatusOf({kOld, Sns(Kind::kSubscribed), Sns(Kind::kSubscribeFailed, 1h)}), S::kActive);
}

TEST(DeriveMarketTest, AnnouncedEndKeepsAccessUntilItIsConfirmed) {
  const Derived ending = Judge({kOld, Sns(Kind::kSubscribed), Sns(Kind::kUnsubscribePending, 1h)});
  EXPECT_EQ(ending.values.status, S::kActive);
  EXPECT_EQ(ending.values.access, Access::kGranted);  // though a day has gone by
  EXPECT_EQ(ending.values.cancel_at, kNoon + 2h);
  EXPECT_EQ(ending.ending_since, kNoon + 1h);
  EXPECT_TRUE(ending.cancelled);

  const Derived over =
      Judge({kOld, Sns(Kind::kSubscribed), Sns(Kind::kUnsubscribePending, 1h), Sns(Kind::kUnsubscribed, 2h)});
  EXPECT_EQ(over.values.status, S::kCanceled);
  EXPECT_EQ(over.values.access, Access::kRevoked);
  EXPECT_EQ(over.values.paid_until, kNoon + 2h);
  EXPECT_FALSE(over.ending_since);
}

TEST(DeriveMarketTest, SubscribingAgainInBetweenKeepsEverything) {
  const Derived d =
      Judge({kOld, Sns(Kind::kSubscribed), Sns(Kind::kUnsubscribePending, 1h), Sns(Kind::kSubscribed, 2h)});
  EXPECT_EQ(d.values.status, S::kActive);
  EXPECT_FALSE(d.ending_since);
  EXPECT_FALSE(d.values.cancel_at);
  EXPECT_EQ(StatusOf({kOld, Sns(Kind::kUnsubscribed, 1h), Sns(Kind::kSubscribed, 2h)}), S::kActive);
}

TEST(DeriveMarketTest, OfOneMomentTheEndCounts) {
  EXPECT_EQ(StatusOf({kOld, Sns(Kind::kSubscribed, 1h), Sns(Kind::kUnsubscribed, 1h)}), S::kCanceled);
  EXPECT_TRUE(Judge({kOld, Sns(Kind::kSubscribed, 1h), Sns(Kind::kUnsubscribePending, 1h)}).ending_since);
}

// ---- Licences and agreements -------------------------------------------------------------------------------------

TEST(DeriveMarketTest, ALicenceThatIsUpdatedGrantsAndOneThatIsDeprovisionedRevokes) {
  EXPECT_EQ(StatusOf({kNew, Follows(0h, "agmt-1", "")}), S::kPending);
  EXPECT_EQ(StatusOf({kNew, Up(1h)}), S::kActive);
  const Derived over = Judge({kNew, Up(1h), Ended(2h, "agmt-1", AgreementStatus::kCancelled), Down(3h)});
  EXPECT_EQ(over.values.status, S::kCanceled);
  EXPECT_EQ(over.values.paid_until, kNoon + 3h);
}

TEST(DeriveMarketTest, ALicenceThatCannotBeNamedIsProvidedAllTheSame) {
  MarketNotice odd;
  odd.kind = Kind::kLicenceUpdated;
  odd.at = kNoon + 1h;
  odd.source = EventId{"eb/1"};
  odd.licence = LicenceArn{"arn:aws:license-manager::294406891311:license:other"};
  const Derived d = Judge({kNew, Of(odd)});
  EXPECT_EQ(d.values.status, S::kActive);
  EXPECT_EQ(d.why, "AWS has provided the licence (License Updated).");
}

TEST(DeriveMarketTest, WhatIsForPeopleOnlyNeitherBeginsNorEndsAnything) {
  for (const Kind kind :
       {Kind::kNoted, Kind::kAgreementCreated, Kind::kAgreementAmended, Kind::kAdvisoryIssued, Kind::kAdvisoryResolved,
        Kind::kCancellationAsked, Kind::kCancellationClosed, Kind::kEntitled}) {
    const MarketFacts notice = OfLicence(kind, kNoon + 2h, "l-01", "agmt-1");
    EXPECT_EQ(StatusOf({kNew, notice}), S::kPending) << static_cast<int>(kind);
    const Derived running = Judge({kNew, Up(1h), notice});
    EXPECT_EQ(running.values.status, S::kActive) << static_cast<int>(kind);
    EXPECT_FALSE(running.ending_since) << static_cast<int>(kind);
    EXPECT_EQ(StatusOf({kNew, Up(1h), Down(90min), notice}), S::kCanceled) << static_cast<int>(kind);
  }
}

TEST(DeriveMarketTest, ItIsActiveWhileAnyOfItsLicencesIs) {
  EXPECT_EQ(StatusOf({kNew, Up(1h), Up(1h, "l-02", "agmt-2"), Down(2h)}), S::kActive);
  EXPECT_EQ(StatusOf({kNew, Up(1h), Up(1h, "l-02", "agmt-2"), Down(2h), Down(3h, "l-02", "agmt-2")}), S::kCanceled);
}

TEST(DeriveMarketTest, ARealEndOfTheAgreementOpensTheLastWindow) {
  for (const AgreementStatus status :
       {AgreementStatus::kCancelled, AgreementStatus::kExpired, AgreementStatus::kTerminated}) {
    const Derived d = Judge({kNew, Up(1h), Ended(2h, "agmt-1", status)});
    EXPECT_EQ(d.values.status, S::kActive);
    EXPECT_EQ(d.ending_since, kNoon + 2h);
    EXPECT_EQ(d.values.cancel_at, kNoon + 3h);
  }
}

TEST(DeriveMarketTest, RenewedAndReplacedAreNoEnd) {
  for (const AgreementStatus status : {AgreementStatus::kRenewed, AgreementStatus::kReplaced}) {
    EXPECT_FALSE(Judge({kNew, Up(1h), Ended(2h, "agmt-1", status)}).ending_since);
    // The old licence goes before the new one comes.
    EXPECT_EQ(StatusOf({kNew, Up(1h), Ended(2h, "agmt-1", status), Down(3h)}), S::kActive);
    EXPECT_EQ(StatusOf({kNew, Up(1h), Ended(2h, "agmt-1", status), Down(3h), Follows(2h, "agmt-2", "agmt-1"),
                        Up(4h, "l-02", "agmt-2")}),
              S::kActive);
  }
}

TEST(DeriveMarketTest, AnAgreementThatWentOnEndsWithTheLastOne) {
  const MarketFacts renewed =
      All({kNew, Up(1h), Ended(2h, "agmt-1", AgreementStatus::kRenewed), Follows(2h, "agmt-2", "agmt-1")});
  EXPECT_FALSE(Judge({renewed}).ending_since);
  EXPECT_EQ(Judge({renewed, Ended(9h, "agmt-2", AgreementStatus::kExpired)}).ending_since, kNoon + 9h);
  const Derived over = Judge({renewed, Down(3h), Ended(9h, "agmt-2", AgreementStatus::kExpired)});
  EXPECT_EQ(over.values.status, S::kCanceled);
  EXPECT_EQ(over.values.paid_until, kNoon + 9h);
}

TEST(DeriveMarketTest, BothFamiliesTogetherTellOneStory) {
  const MarketFacts runs = All({kOld, Sns(Kind::kSubscribed), Up(1h)});
  EXPECT_EQ(StatusOf({runs}), S::kActive);
  // Whichever confirms first has confirmed; the other's announcement brings nothing back.
  EXPECT_EQ(
      StatusOf({runs, Ended(2h, "agmt-1", AgreementStatus::kCancelled), Down(3h), Sns(Kind::kUnsubscribePending, 4h)}),
      S::kCanceled);
  EXPECT_EQ(StatusOf({runs, Sns(Kind::kUnsubscribed, 3h)}), S::kCanceled);
  EXPECT_EQ(StatusOf({runs, Sns(Kind::kUnsubscribed, 3h), Up(4h, "l-02", "agmt-2")}), S::kActive);
}

// ---- Entitlements ------------------------------------------------------------------------------------------------

TEST(DeriveMarketTest, AnswersSayNothingUntilOneHeldAnEntitlement) {
  EXPECT_EQ(StatusOf({kOld, Sns(Kind::kSubscribed), Answer(kNoon + 1h, "")}), S::kActive);
  EXPECT_EQ(StatusOf({kOld, Answer(kNoon + 1h, "")}), S::kPending);
}

TEST(DeriveMarketTest, AContractIsPaidUntilItsLatestEntitlementExpires) {
  const Derived d = Judge({kOld, Answer(kNoon, "seats", kNoon + 240h)});
  EXPECT_EQ(d.values.status, S::kActive);
  EXPECT_EQ(d.values.plan, "business");
  EXPECT_EQ(d.values.paid_until, kNoon + 240h);
  EXPECT_EQ(d.values.period_end, kNoon + 240h);
}

// One that holds several entitlements, each with the time at which it expires.
MarketFacts Holding(std::initializer_list<std::pair<const char*, std::optional<Timestamp>>> held) {
  EntitlementAnswer answer;
  answer.number = ToUnixMillis(kNoon) * 1000;
  answer.asked_at = kNoon;
  for (const auto& entitlement : held)
    answer.entitlements.push_back({kProduct, entitlement.first, "5", entitlement.second});
  return FactsOf(std::move(answer));
}

TEST(DeriveMarketTest, OfSeveralEntitlementsTheOneThatExpiresLastCounts) {
  const Timestamp soon = kNoon + 24h, late = kNoon + 240h;
  EXPECT_EQ(Judge({kOld, Holding({{"admins", soon}, {"seats", late}})}).values.paid_until, late);
  EXPECT_EQ(Judge({kOld, Holding({{"admins", late}, {"seats", soon}})}).values.paid_until, late);
  EXPECT_EQ(Judge({kOld, Holding({{"admins", soon}, {"seats", {}}})}).values.paid_until, std::nullopt);
}

TEST(DeriveMarketTest, NoneOrOnlyExpiredEntitlementsEndAContract) {
  const Derived expired = Judge({kOld, Answer(kNoon, "seats", kNoon - 1h)});
  EXPECT_EQ(expired.values.status, S::kCanceled);
  EXPECT_EQ(expired.values.paid_until, kNoon - 1h);
  const Derived none = Judge({kOld, Answer(kNoon, "seats"), Answer(kNoon + 1h, "")});
  EXPECT_EQ(none.values.status, S::kCanceled);
  EXPECT_EQ(none.values.paid_until, kNoon + 1h);
  // Bought again since it was asked for.
  EXPECT_EQ(StatusOf({kOld, Answer(kNoon, "seats"), Answer(kNoon + 1h, ""), Sns(Kind::kSubscribed, 2h)}), S::kActive);
}

TEST(DeriveMarketTest, AnAnswerFromAroundAnEndDoesNotUndoIt) {
  const MarketFacts over = All({kOld, Sns(Kind::kSubscribed), Sns(Kind::kUnsubscribed, 1h)});
  EXPECT_EQ(StatusOf({over, Answer(kNoon, "seats")}), S::kCanceled);
  EXPECT_EQ(StatusOf({over, Answer(kNoon + 1h + 5min, "seats")}), S::kCanceled);
  EXPECT_EQ(StatusOf({over, Answer(kNoon + 7h, "seats")}), S::kActive);  // a new beginning whose notice was lost
}

// The old licence has nothing any more, the new one is not known or was not asked about: who renews keeps it all.
TEST(DeriveMarketTest, AnEmptyAnswerOverARenewalIsNoEnd) {
  const MarketFacts before = All({kNew, Up(1h), Answer(kNoon + 1h, "seats", kNoon + 240h, {"l-01"})});
  const MarketFacts renewed = Ended(2h, "agmt-1", AgreementStatus::kRenewed);
  const MarketFacts created = Follows(2h, "agmt-2", "agmt-1"), up = Up(3h, "l-02", "agmt-2"), down = Down(4h);
  const MarketFacts empty = Answer(kNoon + 5h, "", {}, {"l-01"});
  EXPECT_EQ(StatusOf({before, empty}), S::kCanceled);
  for (const MarketFacts& known : {renewed, created, All({renewed, created}), All({renewed, created, down}),
                                   All({created, up}), All({renewed, created, up, down})}) {
    const Derived d = Judge({before, known, empty});
    EXPECT_EQ(d.values.status, S::kActive);
    EXPECT_EQ(d.values.plan, "business");
    EXPECT_EQ(d.values.paid_until, kNoon + 240h);
  }
  EXPECT_EQ(StatusOf({before, renewed, Answer(kNoon + 5h, "seats", kNoon - 1h, {"l-01"})}), S::kActive);
  // Once the new one was asked about, the answer counts whatever it says.
  const MarketFacts all = All({before, renewed, created, up, down});
  EXPECT_EQ(StatusOf({all, Answer(kNoon + 5h, "", {}, {"l-02"})}), S::kCanceled);
  EXPECT_EQ(StatusOf({before, renewed, created, up, Answer(kNoon + 5h, "", {}, {"l-01", "l-02"})}), S::kCanceled);
  EXPECT_EQ(Judge({all, Answer(kNoon + 5h, "seats", kNoon + 900h, {"l-02"})}).values.paid_until, kNoon + 900h);
}

TEST(DeriveMarketTest, ALicenceThatRunsAndWasNotAskedAboutKeepsAContract) {
  const MarketFacts two = All({kNew, Up(1h), Answer(kNoon + 1h, "seats", {}, {"l-01"}), Up(1h, "l-02", "agmt-2")});
  EXPECT_EQ(StatusOf({two, Answer(kNoon + 2h, "", {}, {"l-01"})}), S::kActive);
  EXPECT_EQ(StatusOf({two, Answer(kNoon + 2h, "", {}, {"l-01", "l-02"})}), S::kCanceled);
  EXPECT_EQ(StatusOf({two, Answer(kNoon + 2h, "")}), S::kCanceled);  // about the buyer: all
}

TEST(DeriveMarketTest, ARenewalEndsWithItsOwnLicence) {
  const MarketFacts renewed = All({kNew, Up(1h), Ended(2h, "agmt-1", AgreementStatus::kRenewed),
                                   Follows(2h, "agmt-2", "agmt-1"), Up(3h, "l-02", "agmt-2"), Down(4h)});
  EXPECT_EQ(StatusOf({renewed}), S::kActive);
  const Derived over = Judge({renewed, Down(9h, "l-02", "agmt-2")});
  EXPECT_EQ(over.values.status, S::kCanceled);
  EXPECT_EQ(over.values.paid_until, kNoon + 9h);
}

// ---- Plans -------------------------------------------------------------------------------------------------------

TEST(DeriveMarketTest, OfSeveralPlansThatAreHeldTheHighestCounts) {
  const PlanCatalog rising{{{"prod1/admins", {"team", 1}}, {"prod1/seats", {"business", 2}}}};
  const PlanCatalog falling{{{"prod1/admins", {"team", 2}}, {"prod1/seats", {"business", 1}}}};
  const MarketFacts both = All({kOld, Holding({{"admins", {}}, {"seats", {}}})});
  EXPECT_EQ(DeriveMarket(both, rising, kNoon).values.plan, "business");
  EXPECT_EQ(DeriveMarket(both, falling, kNoon).values.plan, "team");
}

TEST(DeriveMarketTest, AnExpiredEntitlementBuysNoPlanBesideOneThatIsHeld) {
  const PlanCatalog plans{{{"prod1/admins", {"team", 1}}, {"prod1/seats", {"business", 2}}}};
  const MarketFacts one = All({kOld, Holding({{"admins", kNoon + 240h}, {"seats", kNoon - 1h}})});
  EXPECT_EQ(DeriveMarket(one, plans, kNoon).values.plan, "team");
  // When all have expired it stays what it was.
  const MarketFacts none = All({kOld, Holding({{"admins", kNoon - 2h}, {"seats", kNoon - 1h}})});
  EXPECT_EQ(DeriveMarket(none, plans, kNoon).values.plan, "business");
  EXPECT_EQ(DeriveMarket(none, plans, kNoon).values.status, S::kCanceled);
}

TEST(DeriveMarketTest, AProductThatNoPlanListsIsUnknownOnceItIsUsed) {
  const PlanCatalog by_dimension{{{"prod1/seats", {"business", 2}}}};
  const auto unknown = [](std::initializer_list<MarketFacts> parts, const PlanCatalog& plans) {
    return DeriveMarket(All(parts), plans, kNoon + 24h).unknown_price;
  };
  EXPECT_FALSE(unknown({kOld}, {}));
  EXPECT_TRUE(unknown({kOld, Sns(Kind::kSubscribed)}, {}));
  EXPECT_FALSE(unknown({kOld, Sns(Kind::kSubscribed)}, by_dimension));  // the answer will tell
  MarketFacts second = kOld;
  second.registrations[0].product = ProductCode{"prod2"};
  EXPECT_FALSE(unknown({kOld, second, Sns(Kind::kSubscribed)}, by_dimension));  // of one of the two it will
  EXPECT_TRUE(unknown({kOld, Sns(Kind::kSubscribed), Answer(kNoon, "other")}, by_dimension));
  EXPECT_FALSE(unknown({kOld, Sns(Kind::kSubscribed), Answer(kNoon, "seats")}, by_dimension));
}

}  // namespace
}  // namespace dunlin::testing
