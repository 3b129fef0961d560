// What changes, or does not answer, while a charge, a take-over or a cancellation is on its way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/effects_world.h"
#include "workflows/decide.h"
#include "workflows/effects/catch_up.h"
#include "workflows/effects/effects.h"
#include "workflows/retry_request.h"

namespace dunlin::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const SubscriptionId kSub{"sub_1"};

PayAnswer Says(PayOutcome outcome) { return {.outcome = outcome, .detail = "as told"}; }
Result<InvoiceAnswer> NoInvoice(Errc code) { return Fail(code, "none"); }

struct ChargeTurnTest : ::testing::Test {
  ChargeTurnTest() { world.ReachDue(); }
  World world;
};

TEST_F(ChargeTurnTest, AnInvoiceThatIsGoneAfterAStoredErrorEndsTheAttempt) {
  world.provider.WillPay(Says(PayOutcome::kStoredError));
  world.Run(kCharge);
  world.provider.Shows(NoInvoice(Errc::kNotFound), "in_1");
  world.Run(kCharge);
  ASSERT_THAT(world.attempts(), SizeIs(1));
  EXPECT_EQ(world.attempts()[0].state, AttemptState::kRefused);
  EXPECT_EQ(world.attempts()[0].detail, "the provider does not know the invoice");
  EXPECT_THAT(world.provider.Pays(), SizeIs(1));
}

TEST_F(ChargeTurnTest, ARefusalWhoseReasonCannotBeLearntStaysOpen) {
  world.provider.DuringPay([&](const auto&) { world.provider.Shows(NoInvoice(Errc::kUnavailable), "in_1"); });
  world.provider.WillPay(Says(PayOutcome::kRefused));
  world.Run(kCharge);
  ASSERT_THAT(world.attempts(), SizeIs(1));
  EXPECT_EQ(world.attempts()[0].state, AttemptState::kSending);
  EXPECT_EQ(world.FindJob(kCharge)->tries, 1);
}

TEST_F(ChargeTurnTest, ARefusalBecauseTheInvoiceIsGoneEndsTheAttempt) {
  world.provider.DuringPay([&](const auto&) { world.provider.Shows(NoInvoice(Errc::kNotFound), "in_1"); });
  world.provider.WillPay(Says(PayOutcome::kRefused));
  world.Run(kCharge);
  ASSERT_THAT(world.attempts(), SizeIs(1));
  EXPECT_EQ(world.attempts()[0].state, AttemptState::kRefused);
}

// The provider takes two minutes to answer, which is over the time for which it keeps the key.
TEST_F(ChargeTurnTest, AKeyThatGrewOldWhileTheProviderWasAskedIsNotSentAgain) {
  world.provider.WillPay(Says(PayOutcome::kUnknown));
  world.Run(kCharge);
  world.clock.Set(world.attempts().at(0).first_sent_at + 23h - 1min);
  world.provider.during = [&](const auto& call) {
    if (call.what == "get sub_1") world.clock.Advance(2min);
  };
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Pays(), SizeIs(1));
  EXPECT_EQ(world.attempts().at(0).state, AttemptState::kUnknown);
}

TEST_F(ChargeTurnTest, TheInvoiceThatIsCollectedIsAskedForWhereTheNewestIsAnother) {
  SubscriptionAnswer standing = Standing(ProviderStatus::kPastDue);
  standing.latest_invoice = Answer(Invoice("", kNoon, InvoiceStatus::kDraft, "in_2"));
  world.provider.Shows(standing, "sub_1");
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Words(), ::testing::IsSupersetOf({"get sub_1", "get in_1", "pay in_1"}));
}

TEST_F(ChargeTurnTest, AnInvoiceThatTheProviderDoesNotKnowIsNotChargedAndTold) {
  world.provider.Shows(NoInvoice(Errc::kNotFound), "in_1");
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/in_1"));
}

TEST_F(ChargeTurnTest, AnAlertThatCouldNotBeWrittenIsRaisedTheNextTime) {
  world.provider.Shows(NoInvoice(Errc::kNotFound), "in_1");
  world.ledger.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  world.Run(kCharge);
  EXPECT_THAT(world.OpenAlerts(), Not(Contains("not_at_provider/in_1")));
  EXPECT_EQ(world.FindJob(kCharge)->tries, 1);
  world.Run(kCharge);
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/in_1"));
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
}

// ---- Two wishes for one subscription -----------------------------------------------------------------------------

NewJob StaffWish(Timestamp due) {
  return {.kind = JobKind::kCharge,
          .key = RetryJobKey(kSub),
          .subject = "sub_1",
          .due = due,
          .payload = R"({"by":"ann","reason":"asked by phone"})"};
}

TEST_F(ChargeTurnTest, AWishOfStaffIsNotMadeBesideAnAttemptThatIsOut) {
  world.provider.WillPay(Says(PayOutcome::kProcessing));
  world.Run(kCharge);
  ASSERT_TRUE(world.base->Commit(Add(StaffWish(world.clock.Now()))));
  world.Run("retry/sub_1");
  EXPECT_THAT(world.provider.Pays(), SizeIs(1));
  EXPECT_FALSE(world.FindJob("retry/sub_1"));
  EXPECT_THAT(world.Reasons("staff").back(), HasSubstr("was not made: already charging"));
}

TEST_F(ChargeTurnTest, TheScheduleWaitsForAnAttemptOfStaffThatIsOut) {
  world.clock.Set(kNoon + 1h);
  ASSERT_TRUE(AskForRetry(*world.base, world.policies, kSub, "ann", "asked by phone", world.clock.Now()));
  world.provider.WillPay(Says(PayOutcome::kProcessing));
  world.Run("retry/sub_1");
  ASSERT_EQ(world.attempts().at(0).state, AttemptState::kProcessing);
  NewJob charge = MakeJob(JobKind::kCharge, world.clock.Now(), kCharge);
  charge.subject = "sub_1";
  charge.on_same_key = OnSameKey::kReplace;
  ASSERT_TRUE(world.base->Commit(Add(charge)));
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Pays(), SizeIs(1));
  ASSERT_TRUE(world.FindJob(kCharge));
  EXPECT_EQ(world.FindJob(kCharge)->due, world.clock.Now() + 1min);
  EXPECT_EQ(world.FindJob(kCharge)->tries, 0) << "waiting is no failure";
}

// The wish is refused while the invoice is being taken over; that ends between two looks, and nobody was asked yet.
TEST(StaffWishTest, OneThatBecomesPossibleIsAskedAboutBeforeItIsMade) {
  World world;
  world.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  world.Hear(FailureDigest("evt_f", kNoon));
  world.Hear(SnapshotDigest("evt_p", kNoon, ProviderStatus::kPastDue));
  world.provider.WillTakeOver(Answer(Invoice("", kNoon)));
  world.ShowOwed();
  ASSERT_EQ(world.recovery().state, RecoveryState::kTakingOver);
  ASSERT_TRUE(world.base->Commit(Add(StaffWish(kNoon))));
  constexpr int kSecondLook = 3;  // after the job and the subscription
  world.ledger.Disturb(FaultyLedger::At::kCall, kSecondLook, false, [&]() -> Status {
    world.Run("take_over/in_1");
    return {};
  });
  world.provider.WillPay(Paid());
  world.Run("retry/sub_1");
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  ASSERT_TRUE(world.FindJob("retry/sub_1"));
  EXPECT_EQ(world.FindJob("retry/sub_1")->tries, 0);
  world.Run("retry/sub_1");
  EXPECT_THAT(world.provider.Words(), ::testing::IsSupersetOf({"get sub_1", "get in_1", "pay in_1"}));
  EXPECT_EQ(world.attempts().at(0).by, "ann");
}

// ---- Asking for a retry ------------------------------------------------------------------------------------------

struct AskForRetryTest : ChargeTurnTest {
  Result<RetryAsked> Ask(const std::optional<ApiReply>& reply = std::nullopt) {
    return AskForRetry(world.ledger, world.policies, kSub, "ann", "asked by phone", world.clock.Now(), reply);
  }
  static ApiReply Reply(const std::string& key, const std::string& body) {
    return {.key = key, .request_hash = "h", .status = 202, .body = body, .at = kNoon};
  }
};

TEST_F(AskForRetryTest, WhoAsksForOneThatWaitsIsAnsweredWithItAndTheAnswerIsKept) {
  const Result<RetryAsked> first = Ask(Reply("k1", R"({"job":"job_{job}"})"));
  ASSERT_TRUE(first);
  const Result<RetryAsked> second = Ask(Reply("k2", R"({"job":"job_{job}"})"));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->job, first->job);
  const std::string named = R"({"job":"job_)" + std::to_string(ToInt(first->job)) + R"("})";
  EXPECT_EQ(world.base->FindReply("k1").value()->body, named);
  EXPECT_EQ(world.base->FindReply("k2").value()->body, named);
  ASSERT_TRUE(Ask(Reply("k3", "{}")));
  EXPECT_EQ(world.base->FindReply("k3").value()->body, "{}");
  EXPECT_THAT(world.Reasons("staff"), SizeIs(1));
}

TEST_F(AskForRetryTest, AnAnswerThatCannotBeKeptIsNotGiven) {
  ASSERT_TRUE(Ask());
  world.ledger.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  EXPECT_EQ(Ask(Reply("k2", "{}")).error().code, Errc::kUnavailable);
  EXPECT_FALSE(world.base->FindReply("k2").value());
}

TEST_F(AskForRetryTest, WhileTheSubscriptionKeepsMovingItIsToBeAskedAgain) {
  world.ledger.Disturb(FaultyLedger::At::kCondition, 1, true,
                       []() -> Status { return Fail(Errc::kConflict, "it has moved"); });
  const Result<RetryAsked> asked = Ask();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, Errc::kUnavailable);
  EXPECT_THAT(asked.error().detail, HasSubstr("try again"));
  EXPECT_FALSE(world.FindJob("retry/sub_1"));
}

// ---- Taking over, cancelling -------------------------------------------------------------------------------------

TEST(TakeOverTurnTest, AnInvoiceThatTheProviderStillAdvancesIsStillItsOwn) {
  World w;
  w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  w.Hear(FailureDigest("evt_f", kNoon));
  InvoiceFact theirs = Invoice("", kNoon);
  theirs.auto_advance = true;
  w.provider.Shows(Answer(theirs), "in_1");
  w.provider.WillTakeOver(Answer(theirs));
  w.Run("take_over/in_1");
  EXPECT_EQ(w.recovery().state, RecoveryState::kTakingOver);
  EXPECT_THAT(w.OpenAlerts(), Contains("two_owners/sub_1"));
  EXPECT_TRUE(w.FindJob("take_over/in_1"));
}

struct CancelTurnTest : ::testing::Test {
  CancelTurnTest() : world(OneStep()) {
    world.ReachDue();
    world.provider.WillPay(Declined());
    world.Run(kCharge);
    world.clock.Set(std::max(world.clock.Now(), world.FindJob("cancel/sub_1")->due));
    EXPECT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  }
  static CollectionPolicy OneStep() {
    CollectionPolicy policy = ServicePolicy();
    policy.retry_after = {kDay};
    return policy;
  }
  World world;
};

TEST_F(CancelTurnTest, ASubscriptionThatIsGoneWhenItIsCancelledIsForPeople) {
  world.Run("catch_up/stripe");
  world.provider.WillCancel(Fail(Errc::kNotFound, "no such subscription"));
  world.Run("cancel/sub_1");
  EXPECT_EQ(world.recovery().state, RecoveryState::kExhausted);
  EXPECT_THAT(world.OpenAlerts(), Contains("exhausted/sub_1"));
  EXPECT_FALSE(world.FindJob("cancel/sub_1"));
}

TEST_F(CancelTurnTest, WithARunOfTheListWaitingAlreadyNoOtherIsAskedFor) {
  world.Run("cancel/sub_1");
  EXPECT_THAT(world.base->Jobs({.kind = JobKind::kCatchUp}, {}).value().items, SizeIs(1));
  EXPECT_EQ(world.FindJob("cancel/sub_1")->due, world.clock.Now() + 1s);
  EXPECT_EQ(world.FindJob("cancel/sub_1")->tries, 0) << "waiting is no failure";
}

TEST_F(CancelTurnTest, ARunOfTheListThatMovesWhileItIsAskedForIsAskedForTheNextTime) {
  world.Run("catch_up/stripe");
  world.clock.Advance(2min);  // what was read is too old by now
  world.ledger.Disturb(FaultyLedger::At::kCondition, 1, false,
                       []() -> Status { return Fail(Errc::kConflict, "it has moved"); });
  world.Run("cancel/sub_1");
  ASSERT_TRUE(world.ledger.disturbed());
  EXPECT_GT(world.FindJob("catch_up/stripe")->due, world.clock.Now());
  EXPECT_EQ(world.FindJob("cancel/sub_1")->tries, 0);
  world.Run("cancel/sub_1");
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now());
}

// Somebody else ends the recovery between the look at the job and the look at the subscription.
TEST_F(CancelTurnTest, AJobThatIsNotWantedAnyMoreAsksAndCancelsNothing) {
  const std::size_t before = world.provider.calls().size();
  world.ledger.Disturb(FaultyLedger::At::kCall, 2, false, [&]() -> Status {
    world.Hear(PaidDigest("evt_paid", world.clock.Now()));
    return {};
  });
  world.Run("cancel/sub_1");
  EXPECT_THAT(world.provider.calls(), SizeIs(before));
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_FALSE(world.FindJob("cancel/sub_1"));
}

}  // namespace
}  // namespace dunlin::testing
