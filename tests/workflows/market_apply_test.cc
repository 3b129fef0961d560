// Events of AWS Marketplace on a real ledger: which subscription each belongs to, and what waits for its registration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/market_world.h"
#include "workflows/decide.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using S = SubscriptionStatus;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const MarketFacts kSubscribed = Action(Kind::kSubscribed, kNoon);
const MarketFacts kPendingEnd = Action(Kind::kUnsubscribePending, kNoon + 1h);
const MarketFacts kUnsubscribed = Action(Kind::kUnsubscribed, kNoon + 2h);

MarketFacts Up(Millis after, const std::string& licence, const std::string& agreement) {
  return OfLicence(Kind::kLicenceUpdated, kNoon + after, licence, agreement);
}
MarketFacts Created(const std::string& agreement, const std::string& previous = "") {
  return OfAgreement(Kind::kAgreementCreated, kNoon, agreement, AgreementStatus::kActive, previous);
}

struct MarketApplyTest : ::testing::Test {
  MarketWorld world;
};

// ---- Orphans -----------------------------------------------------------------------------------------------------

TEST_F(MarketApplyTest, AnEventOfABuyerWhoHasNotRegisteredWaitsWithoutAJob) {
  world.Hear(News(kSubscribed));
  const StoredEvent waiting = world.Event(kSubscribed);
  EXPECT_EQ(waiting.outcome, EventOutcome::kWaiting);
  EXPECT_EQ(waiting.detail, "waits for its registration");
  EXPECT_THAT(world.base->Jobs({}, {}).value().items, IsEmpty());
  EXPECT_THAT(world.base->Subscriptions({}, {}).value().items, IsEmpty());
  EXPECT_THAT(world.base->Orphans(kNoon + 1s, 10).value(), SizeIs(1));
}

TEST_F(MarketApplyTest, TheRegistrationBringsBackWhatWaitedForIt) {
  world.HearAll({kSubscribed, Registered("c1", "", "123")});
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kActive);
  EXPECT_EQ(world.Of("prod1/c1").account, AccountId{"123"});
  EXPECT_EQ(world.Of("prod1/123").values.plan, "team");
  const StoredEvent applied = world.Event(kSubscribed);
  EXPECT_EQ(applied.outcome, EventOutcome::kApplied);
  EXPECT_EQ(applied.subscription, "prod1/c1");
  EXPECT_EQ(applied.applied_at, kNoon);
  EXPECT_THAT(world.base->Orphans(kNoon + 1s, 10).value(), IsEmpty());
  EXPECT_THAT(world.Changes("prod1/c1"), ElementsAre("pending>active"));
}

TEST_F(MarketApplyTest, AnIdThatIsLinkedLaterBringsBackItsEventsToo) {
  const MarketFacts first = Created("agmt-1"), second = Created("agmt-2", "agmt-1");
  world.HearAll({second, first, Up(1h, "l-01", "agmt-1")});
  EXPECT_THAT(world.base->Subscriptions({}, {}).value().items, IsEmpty());
  world.HearAll({Registered("", "l-01")});
  for (const MarketFacts& facts : {first, second}) EXPECT_EQ(world.Event(facts).outcome, EventOutcome::kApplied);
  EXPECT_EQ(world.IdOf("agmt-2"), "agmt-1");
  EXPECT_EQ(world.StatusOf("l-01"), S::kActive);
}

TEST_F(MarketApplyTest, AnotherBuyersEventsKeepWaiting) {
  const MarketFacts other = Action(Kind::kSubscribed, kNoon, "c2");
  world.HearAll({other, Registered("c1", "")});
  EXPECT_EQ(world.Event(other).outcome, EventOutcome::kWaiting);
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kPending);
}

// ---- Ids ---------------------------------------------------------------------------------------------------------

TEST_F(MarketApplyTest, ASubscriptionGoesByItsAgreementOnceThatIsKnown) {
  world.HearAll({Registered("c1", "l-01")});
  EXPECT_EQ(world.IdOf("prod1/c1"), "l-01");
  world.HearAll({Up(1h, "l-01", "agmt-1")});
  EXPECT_EQ(world.IdOf("prod1/c1"), "agmt-1");
  EXPECT_EQ(world.IdOf("l-01"), "agmt-1");
  EXPECT_FALSE(world.base->LoadSubscription(SubscriptionId{"l-01"}).value());
  EXPECT_EQ(world.Event(Registered("c1", "l-01")).subscription, "agmt-1");
  const std::vector<TimelineRow> rows = world.Rows("agmt-1");
  EXPECT_THAT(rows, Contains(::testing::Field(&TimelineRow::reason, HasSubstr("not l-01"))));
}

TEST_F(MarketApplyTest, TwoSubscriptionsThatTurnOutToBeOneAreUnited) {
  world.HearAll({Registered("", "l-01"), Registered("", "l-02"), Up(0h, "l-01", "agmt-1"), Up(1h, "l-02", "agmt-2"),
                 OfLicence(Kind::kLicenceDeprovisioned, kNoon + 1h, "l-01", "agmt-1")});
  EXPECT_EQ(world.StatusOf("l-01"), S::kCanceled);
  EXPECT_EQ(world.StatusOf("l-02"), S::kActive);
  world.HearAll({Created("agmt-2", "agmt-1")});
  EXPECT_EQ(world.IdOf("l-02"), "agmt-1");
  EXPECT_EQ(world.StatusOf("l-01"), S::kActive);
  EXPECT_THAT(world.base->Subscriptions({}, {}).value().items, SizeIs(1));
}

TEST_F(MarketApplyTest, TwoLicencesOfOneAccountAreTwoSubscriptions) {
  world.HearAll({Registered("", "l-01"), Registered("", "l-02"), Up(0h, "l-01", "agmt-1")});
  EXPECT_EQ(world.IdOf("l-01"), "agmt-1");
  EXPECT_EQ(world.IdOf("l-02"), "l-02");
  EXPECT_EQ(world.StatusOf("l-01"), S::kActive);
  EXPECT_EQ(world.StatusOf("l-02"), S::kPending);
}

// ---- What an event came to ---------------------------------------------------------------------------------------

TEST_F(MarketApplyTest, ALateEventSaysWhatSupersedesIt) {
  world.HearAll({Registered("c1", ""), kSubscribed, kUnsubscribed, kPendingEnd});
  const StoredEvent late = world.Event(kPendingEnd);
  EXPECT_EQ(late.outcome, EventOutcome::kNoChange);
  EXPECT_EQ(late.detail, "superseded by " + News(kUnsubscribed).event.str());
  EXPECT_EQ(world.StatusOf("prod1/c1"), S::kCanceled);
  EXPECT_EQ(world.Of("prod1/c1").values.paid_until, kNoon + 2h);
}

TEST_F(MarketApplyTest, ARegistrationThatComesAgainWipesNothing) {
  MarketFacts again = Registered("", "", "123", kNoon + 1h);  // another token, and AWS tells less
  again.registrations[0].source = EventId{"registration/again"};
  world.HearAll({Registered("c1", "l-01", "123"), Up(1h, "l-01", "agmt-1"), again});
  EXPECT_EQ(world.StatusOf("l-01"), S::kActive);
  EXPECT_EQ(world.IdOf("prod1/c1"), "agmt-1");
  EXPECT_EQ(world.IdOf("prod1/123"), "agmt-1");
  EXPECT_THAT(world.base->Subscriptions({}, {}).value().items, SizeIs(1));
}

TEST_F(MarketApplyTest, EveryHintAsksForTheEntitlementsOnce) {
  world.Hear(News(Registered("c1", ""), true));
  world.Hear(News(kSubscribed, true));
  EXPECT_THAT(world.base->Jobs({.kind = JobKind::kEntitlements}, {}).value().items, SizeIs(1));
  EXPECT_TRUE(world.FindJob("entitlements/prod1/c1"));
}

TEST_F(MarketApplyTest, ANoteIsToldOnce) {
  world.Hear(News(Registered("c1", "l-01")));
  const Digest noted = News(Up(1h, "l-01", "agmt-1"), false, "Something to know.");
  world.Hear(noted);
  const std::vector<TimelineRow> rows = world.Rows("l-01");
  EXPECT_EQ(std::ranges::count(rows, "Something to know.", &TimelineRow::reason), 1);
}

TEST_F(MarketApplyTest, ACommitWhoseReplyIsLostIsNoSecondEffect) {
  for (const auto fault : {FaultyLedger::Fault::kBeforeWrite, FaultyLedger::Fault::kAfterWrite}) {
    for (int nth = 1; nth <= 4; ++nth) {
      MarketWorld broken;
      broken.ledger.LoseCommit(nth, fault);
      broken.HearAll({kSubscribed, Registered("c1", ""), kPendingEnd});
      broken.RunUntil(kNoon + 1min);  // what failed is tried again
      EXPECT_EQ(broken.Of("prod1/c1").values.cancel_at, kNoon + 2h) << nth;
      EXPECT_THAT(broken.Changes("prod1/c1"), ElementsAre("pending>active")) << nth;
    }
  }
}

// ---- Ends --------------------------------------------------------------------------------------------------------

TEST_F(MarketApplyTest, AnEndThatIsNotConfirmedKeepsAccessAndIsTold) {
  world.HearAll({Registered("c1", ""), kSubscribed});
  world.clock.Set(kNoon + 1h);
  world.HearAll({kPendingEnd});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  world.marketplace.WillEntitle(std::vector<Entitlement>{});
  world.RunUntil(kNoon + 3h - 1s);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  world.RunUntil(kNoon + 3h);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("end_not_confirmed/prod1/c1"));
  world.RunUntil(kNoon + 4h);
  EXPECT_THAT(world.marketplace.calls(), ElementsAre("entitlements prod1 1"));
  EXPECT_EQ(AccessAt(world.Of("prod1/c1").values, kNoon + 4h), Access::kGranted);
  world.HearAll({kUnsubscribed});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_EQ(world.Of("prod1/c1").values.access, Access::kRevoked);
}

TEST_F(MarketApplyTest, ARenewalWhoseLicenceNeverComesKeepsAccessAndIsTold) {
  world.marketplace.WillEntitle(std::vector<Entitlement>{});
  world.HearAll({Registered("", "l-01"), Up(0h, "l-01", "agmt-1"),
                 OfAgreement(Kind::kAgreementEnded, kNoon + 1h, "agmt-1", AgreementStatus::kRenewed)});
  world.RunUntil(kNoon + 26h);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());  // the old licence is still there
  world.HearAll({OfLicence(Kind::kLicenceDeprovisioned, kNoon + 2h, "l-01", "agmt-1")});
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("licence_not_heard/agmt-1"));  // heard of late: at once
  world.RunUntil(kNoon + 48h);
  EXPECT_EQ(AccessAt(world.Of("l-01").values, world.clock.Now()), Access::kGranted);
  world.HearAll({OfAgreement(Kind::kAgreementCreated, kNoon + 1h, "agmt-2", AgreementStatus::kActive, "agmt-1"),
                 Up(49h, "l-02", "agmt-2")});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  EXPECT_EQ(AccessAt(world.Of("l-01").values, world.clock.Now()), Access::kGranted);
}

TEST_F(MarketApplyTest, ALicenceThatIsAwaitedIsToldOnceAfterADay) {
  world.marketplace.WillEntitle(std::vector<Entitlement>{});
  world.HearAll({Registered("", "l-01"), Up(0h, "l-01", "agmt-1"),
                 OfAgreement(Kind::kAgreementEnded, kNoon + 1h, "agmt-1", AgreementStatus::kRenewed),
                 OfLicence(Kind::kLicenceDeprovisioned, kNoon + 2h, "l-01", "agmt-1")});
  world.RunUntil(kNoon + 26h - 1s);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
  world.RunUntil(kNoon + 26h);
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("licence_not_heard/agmt-1"));
  Unit settled;
  settled.settle_alerts = {"licence_not_heard/agmt-1"};
  ASSERT_TRUE(world.base->Commit(std::move(settled)));
  world.RunUntil(kNoon + 96h);
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(MarketApplyTest, SubscribingAgainInBetweenIsNoEnd) {
  world.HearAll({Registered("c1", ""), kSubscribed, kPendingEnd, Action(Kind::kSubscribed, kNoon + 90min)});
  world.RunUntil(kNoon + 9h);
  EXPECT_THAT(world.OpenAlerts(), Not(Contains(HasSubstr("end_not_confirmed"))));
  EXPECT_FALSE(world.Of("prod1/c1").values.cancel_at);
  EXPECT_THAT(world.Changes("prod1/c1"), ElementsAre("pending>active"));
}

TEST_F(MarketApplyTest, AnAdvisoryAndARequestToCancelAreToldWhileTheyAreOpen) {
  const auto notice = [](Kind kind, Millis after) { return OfAgreement(kind, kNoon + after, "agmt-1"); };
  world.HearAll({Registered("", "l-01"), Up(0h, "l-01", "agmt-1"), notice(Kind::kAdvisoryIssued, 1h),
                 notice(Kind::kCancellationAsked, 1h)});
  EXPECT_THAT(world.OpenAlerts(),
              ::testing::UnorderedElementsAre("marketplace_advisory/agmt-1", "cancellation_requested/agmt-1"));
  world.HearAll({notice(Kind::kAdvisoryResolved, 2h), notice(Kind::kCancellationClosed, 2h)});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// ---- What staff are told -----------------------------------------------------------------------------------------

TEST_F(MarketApplyTest, AProductThatNoPlanListsIsToldUntilOneDoes) {
  world.policies = PolicyBook(PolicyOf(ServicePolicy()));
  world.HearAll({Registered("c1", ""), kSubscribed});
  EXPECT_THAT(world.OpenAlerts(), ElementsAre("unknown_plan/prod1/c1"));
  world.policies = PolicyBook(MarketPolicy());
  world.HearAll({Action(Kind::kSubscribed, kNoon + 1h)});
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

TEST_F(MarketApplyTest, AwsCollectsSoStaffCannotRetry) {
  world.HearAll({Registered("c1", ""), kSubscribed});
  const auto refusal = RefuseRetry(world.Record("prod1/c1"), world.policies, kNoon);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, "other_owner");
  EXPECT_THAT(refusal->why, HasSubstr("AWS"));
}

}  // namespace
}  // namespace dunlin::testing
