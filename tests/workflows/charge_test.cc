// Charging, and taking an invoice over from the provider before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/effects_world.h"
#include "workflows/decide.h"
#include "workflows/effects/effects.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::Contains;
using testing::Declined;
using ::testing::ElementsAre;
using testing::FailureDigest;
using testing::FaultyLedger;
using testing::Invoice;
using ::testing::IsEmpty;
using testing::kCharge;
using testing::kDay;
using testing::kNoon;
using ::testing::Not;
using testing::Paid;
using testing::PaidDigest;
using testing::ScriptedProvider;
using testing::ServicePolicy;
using testing::SnapshotDigest;
using testing::Standing;
using testing::World;

PayAnswer Says(PayOutcome outcome) { return {.outcome = outcome, .detail = "as told"}; }

struct ChargeTest : ::testing::Test {
  void SetUp() override { world.ReachDue(); }
  void ExpectOneKey(std::size_t pays) {
    const auto calls = world.provider.Pays();
    ASSERT_EQ(calls.size(), pays);
    for (const auto& call : calls) {
      EXPECT_EQ(call.key, calls.front().key);
      EXPECT_EQ(call.parameters, calls.front().parameters);
    }
  }
  void ExpectPaid() {
    EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
    EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
    EXPECT_EQ(world.Record().subscription.values.access, Access::kGranted);
    ASSERT_EQ(world.attempts().size(), 1U);
    EXPECT_EQ(world.attempts()[0].state, AttemptState::kSucceeded);
    EXPECT_FALSE(world.FindJob(kCharge));
  }
  World world;
};

TEST_F(ChargeTest, TheAttemptIsCommittedBeforeTheCall) {
  world.provider.DuringPay([&](const ScriptedProvider::Call& call) {
    const auto stored = *world.base->FindAttempt(AttemptKey{call.key});
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->state, AttemptState::kSending);
    EXPECT_EQ(stored->parameters, call.parameters);
  });
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  ExpectOneKey(1);
  ExpectPaid();
}

TEST_F(ChargeTest, TheAnswerAndThenItsEventAreOnePayment) {
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  world.Hear(PaidDigest("evt_paid", world.clock.Now(), world.attempts()[0].key.str()));
  ExpectPaid();
}

TEST_F(ChargeTest, TheEventMayBeFirst) {
  world.provider.DuringPay(
      [&](const ScriptedProvider::Call& call) { world.Hear(PaidDigest("evt_paid", world.clock.Now(), call.key)); });
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  ExpectOneKey(1);
  ExpectPaid();
}

TEST_F(ChargeTest, ADeclineIsOneDeclineInBothOrders) {
  for (const bool event_first : {true, false}) {
    SCOPED_TRACE(event_first);
    World w;
    w.ReachDue();
    const auto hear = [&](const std::string& key) {
      w.Hear(FailureDigest("evt_d", std::chrono::floor<Seconds>(w.clock.Now()), key));
    };
    if (event_first) w.provider.DuringPay([&](const ScriptedProvider::Call& call) { hear(call.key); });
    w.provider.WillPay(Declined());
    w.Run(kCharge);
    if (!event_first) hear(w.attempts()[0].key.str());
    ASSERT_EQ(w.attempts().size(), 1U);
    EXPECT_EQ(w.attempts()[0].state, AttemptState::kDeclined);
    EXPECT_EQ(w.attempts()[0].decline.code, "insufficient_funds");
    EXPECT_EQ(w.recovery().state, RecoveryState::kWaiting);
    EXPECT_EQ(w.recovery().next_step, 1);
    ASSERT_TRUE(w.FindJob(kCharge));
    EXPECT_EQ(w.FindJob(kCharge)->due, w.recovery().next_attempt_at);
    EXPECT_EQ(w.Reasons("recovery").size(), 3U);  // D2 D3 D20
  }
}

TEST_F(ChargeTest, ALostAnswerSendsTheSameKeyAndParametersAgain) {
  world.provider.WillPay(Says(PayOutcome::kUnknown));
  world.provider.WillPay(Says(PayOutcome::kNotExecuted));
  world.provider.WillPay(Paid());
  for (int i = 0; i < 3; ++i) world.Run(kCharge);
  ExpectOneKey(3);
  ExpectPaid();
}

TEST_F(ChargeTest, ACrashBetweenCommitAndAnswerNeedsNoSecondKey) {
  struct Crash {};
  world.provider.DuringPay([](const ScriptedProvider::Call&) { throw Crash{}; });
  EXPECT_THROW(world.Run(kCharge), Crash);
  world.provider.during = nullptr;
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  ExpectOneKey(2);
  ExpectPaid();
}

TEST_F(ChargeTest, AProvidersPatienceIsKept) {
  PayAnswer later = Says(PayOutcome::kNotExecuted);
  later.retry_after = Millis{10min};
  world.provider.WillPay(later);
  world.Run(kCharge);
  EXPECT_GE(world.FindJob(kCharge)->due, world.clock.Now() + 10min);
}

struct Found {
  const char* name;
  InvoiceStatus status;
  bool processing;
  const char* decline;
  AttemptState state;
};
class AskFirstTest : public ::testing::TestWithParam<std::tuple<Found, bool>> {};

TEST_P(AskFirstTest, TheProviderIsAskedAndNotTold) {
  const auto& [found, stored_error] = GetParam();
  World w;
  w.ReachDue();
  w.provider.WillPay(Says(stored_error ? PayOutcome::kStoredError : PayOutcome::kUnknown));
  w.Run(kCharge);
  const std::string key = w.attempts().at(0).key.str();
  if (!stored_error) w.clock.Advance(23h);
  InvoiceFact invoice = Invoice("", kNoon, found.status);
  if (*found.decline != '\0') {
    invoice.decline = Decline{.code = found.decline};
    invoice.decline_at = std::chrono::floor<Seconds>(w.attempts()[0].first_sent_at);
  }
  InvoiceAnswer answer = Answer(invoice);
  answer.processing = found.processing;
  w.provider.Shows(answer, "in_1");
  w.Run(kCharge);
  EXPECT_EQ(w.provider.Pays().size(), 1U);
  EXPECT_EQ(w.provider.Words().back(), "get in_1");
  EXPECT_EQ(w.attempts().at(0).state, found.state);
  if (found.state == AttemptState::kUnknown) {  // the next one has its own key, and the step is not spent
    w.provider.WillPay(Paid());
    w.Run(kCharge);
    ASSERT_EQ(w.attempts().size(), 2U);
    EXPECT_NE(w.attempts()[1].key.str(), key);
    EXPECT_EQ(w.attempts()[1].step, 0);
  }
  EXPECT_TRUE(found.state != AttemptState::kDeclined || w.attempts()[0].finished_at == invoice.decline_at);
  if (found.state == AttemptState::kProcessing) {
    EXPECT_EQ(w.FindJob(kCharge)->due, w.clock.Now() + 1h);
    EXPECT_EQ(w.recovery().state, RecoveryState::kCharging);
  }
  const bool goes_on = found.state == AttemptState::kProcessing || found.state == AttemptState::kDeclined;
  EXPECT_EQ(w.recovery().state == RecoveryState::kNone, !goes_on);
}

INSTANTIATE_TEST_SUITE_P(
    Found, AskFirstTest,
    ::testing::Combine(::testing::Values(Found{"paid", InvoiceStatus::kPaid, false, "", AttemptState::kSucceeded},
                                         Found{"processing", InvoiceStatus::kOpen, true, "", AttemptState::kProcessing},
                                         Found{"open", InvoiceStatus::kOpen, false, "", AttemptState::kUnknown},
                                         Found{"declined", InvoiceStatus::kOpen, false, "card_declined",
                                               AttemptState::kDeclined},
                                         Found{"void", InvoiceStatus::kVoid, false, "", AttemptState::kRefused}),
                       ::testing::Bool()),
    [](const auto& test) {
      return std::string(std::get<0>(test.param).name) +
             (std::get<1>(test.param) ? "AfterAStoredError" : "After23Hours");
    });

TEST_F(ChargeTest, AProcessingPaymentIsFollowedToItsEnd) {
  world.provider.WillPay(Says(PayOutcome::kProcessing));
  world.Run(kCharge);
  EXPECT_EQ(world.attempts()[0].state, AttemptState::kProcessing);
  world.Hear(PaidDigest("evt_paid", world.clock.Now() + 2h, world.attempts()[0].key.str()));
  ExpectPaid();
  ExpectOneKey(1);
}

TEST_F(ChargeTest, ARefusalLearnsTheTruthInTheSameStep) {
  world.provider.DuringPay(
      [&](const auto&) { world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1"); });
  world.provider.WillPay(Says(PayOutcome::kRefused));
  world.Run(kCharge);
  ASSERT_EQ(world.attempts().size(), 1U);
  EXPECT_EQ(world.attempts()[0].state, AttemptState::kRefused);
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_EQ(world.Record().subscription.values.access, Access::kGranted);
}

TEST_F(ChargeTest, ACustomerWhoCancelledIsNotChargedByAnAttemptThatGoesOutAgain) {
  world.provider.WillPay(Says(PayOutcome::kUnknown));
  world.Run(kCharge);
  testing::World& w = world;
  auto cancel = SnapshotDigest("evt_c", w.clock.Now(), ProviderStatus::kPastDue);
  cancel.snapshot->cancel_at_period_end = true;
  w.Hear(cancel);
  ASSERT_EQ(w.recovery().state, RecoveryState::kNone);
  w.Run(kCharge);
  EXPECT_EQ(w.provider.Pays().size(), 1U);
  EXPECT_EQ(w.provider.Words().back(), "get in_1");
  EXPECT_FALSE(IsOpen(w.attempts()[0].state));
  EXPECT_FALSE(w.FindJob(kCharge));
}

// ---- What only the provider knows, right before a charge

TEST_F(ChargeTest, NobodyWhoCancelledIsChargedThoughNoEventToldIt) {
  for (const bool at_period_end : {false, true}) {
    SCOPED_TRACE(at_period_end);
    World w;
    w.ReachDue();
    SubscriptionAnswer gone = Standing(at_period_end ? ProviderStatus::kPastDue : ProviderStatus::kCanceled);
    gone.snapshot.cancel_at_period_end = at_period_end;
    w.provider.Shows(gone, "sub_1");
    w.provider.WillPay(Paid());
    w.Run(kCharge);
    EXPECT_THAT(w.provider.Pays(), IsEmpty());
    EXPECT_THAT(w.attempts(), IsEmpty());
    EXPECT_EQ(w.recovery().state, RecoveryState::kNone);
    EXPECT_FALSE(w.FindJob(kCharge));
  }
}

TEST_F(ChargeTest, NobodyWhoPaidIsChargedThoughNoEventToldIt) {
  world.provider.Shows(Standing(ProviderStatus::kActive), "sub_1");
  world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  EXPECT_EQ(world.Record().subscription.values.access, Access::kGranted);
  EXPECT_FALSE(world.FindJob(kCharge));
}

TEST_F(ChargeTest, TheInvoiceThatComesAlongIsNotAskedForTwice) {
  SubscriptionAnswer standing = Standing(ProviderStatus::kPastDue);
  standing.latest_invoice = Answer(Invoice("", kNoon));
  world.provider.Shows(standing, "sub_1");
  const std::size_t before = world.provider.calls().size();
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  std::vector<std::string> words = world.provider.Words();
  words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_THAT(words, ElementsAre("get sub_1", "pay in_1"));
  ExpectPaid();
}

TEST_F(ChargeTest, WithoutAnAnswerNothingIsCharged) {
  for (const char* silent : {"sub_1", "in_1"}) {
    World w;
    w.ReachDue();
    if (std::string(silent) == "sub_1")
      w.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kUnavailable, "no answer")), silent);
    else
      w.provider.Shows(Result<InvoiceAnswer>(Fail(Errc::kUnavailable, "no answer")), silent);
    w.provider.WillPay(Paid());
    w.Run(kCharge);
    EXPECT_THAT(w.provider.Pays(), IsEmpty());
    EXPECT_THAT(w.attempts(), IsEmpty());
    EXPECT_EQ(w.FindJob(kCharge)->tries, 1);
    EXPECT_EQ(w.recovery().state, RecoveryState::kWaiting);
  }
}

TEST_F(ChargeTest, WhatTheProviderDoesNotKnowIsNotChargedAndToldAtOnce) {
  world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kNotFound, "no such subscription")), "sub_1");
  world.Run(kCharge);
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/sub_1"));
}

TEST_F(ChargeTest, AnAttemptDoesNotGoOutAgainToOneWhoCancelledUnheard) {
  world.provider.WillPay(Says(PayOutcome::kNotExecuted));
  world.Run(kCharge);
  world.provider.Shows(Standing(ProviderStatus::kCanceled), "sub_1");
  world.Run(kCharge);
  ExpectOneKey(1);
  EXPECT_EQ(world.attempts().at(0).state, AttemptState::kUnknown);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kCanceled);
  EXPECT_FALSE(world.FindJob(kCharge));
}

// The commit that would have begun the attempt loses twice, the second time to a payment that takes the job away.
TEST_F(ChargeTest, AnAttemptThatWasNotCommittedIsNotSent) {
  int asked = 0;
  world.provider.during_parameters = [&] {
    ++asked;
    if (asked == 2) world.Hear(SnapshotDigest("evt_x", world.clock.Now(), ProviderStatus::kPastDue));
    if (asked == 3) world.Hear(PaidDigest("evt_paid", world.clock.Now()));
  };
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  EXPECT_GE(asked, 3);
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
}

TEST_F(ChargeTest, ARefusalOfAnOpenInvoiceIsForPeople) {
  world.provider.WillPay(Says(PayOutcome::kRefused));
  world.Run(kCharge);
  EXPECT_EQ(world.attempts().at(0).state, AttemptState::kRefused);
  EXPECT_EQ(world.recovery().state, RecoveryState::kWaiting);
  EXPECT_THAT(world.OpenAlerts(), Contains("charge_refused/sub_1"));
}

// The provider's clock is behind ours, or its decline is an earlier one's.
TEST_F(ChargeTest, ADeclineIsKnownByItsTimeThoughClocksDiffer) {
  for (const auto& [before, state] :
       {std::pair(Millis{30s}, AttemptState::kDeclined), std::pair(Millis{5min}, AttemptState::kUnknown)}) {
    World w;
    w.ReachDue();
    w.provider.WillPay(Says(PayOutcome::kStoredError));
    w.Run(kCharge);
    InvoiceFact invoice = Invoice("", kNoon);
    invoice.decline = Decline{.code = "card_declined"};
    invoice.decline_at = w.attempts()[0].first_sent_at - before;
    w.provider.Shows(Answer(invoice), "in_1");
    w.Run(kCharge);
    EXPECT_EQ(w.attempts().at(0).state, state);
  }
}

// ---- An attempt that is out is followed for as long as it takes

TEST_F(ChargeTest, AnAttemptThatIsOutIsNotGivenUp) {
  world.provider.DuringPay([&](const auto&) {  // and from then on there is no answer to anything
    world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kUnavailable, "no answer")), "sub_1");
    world.provider.Shows(Result<InvoiceAnswer>(Fail(Errc::kUnavailable, "no answer")), "in_1");
  });
  world.RunUntil(world.clock.Now() + 9 * kDay);
  ASSERT_TRUE(world.FindJob(kCharge));
  EXPECT_EQ(world.FindJob(kCharge)->state, JobState::kReady);
  EXPECT_LE(world.FindJob(kCharge)->due, world.clock.Now() + 2h);
  EXPECT_THAT(world.OpenAlerts(), Contains("charge_unresolved/sub_1"));
  world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
  world.Run(kCharge);
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_THAT(world.OpenAlerts(), Not(Contains("charge_unresolved/sub_1")));
}

TEST_F(ChargeTest, APaymentUnderWayForgetsEarlierFailures) {
  world.provider.WillPay(Says(PayOutcome::kNotExecuted));
  world.provider.WillPay(Says(PayOutcome::kProcessing));
  world.Run(kCharge);
  EXPECT_EQ(world.FindJob(kCharge)->tries, 1);
  world.Run(kCharge);
  EXPECT_EQ(world.FindJob(kCharge)->tries, 0);
  EXPECT_FALSE(world.FindJob(kCharge)->first_failed_at);
}

TEST_F(ChargeTest, AnInvoiceThatIsPaidByHandIsNotChargedAnyMore) {
  world.Hear(PaidDigest("evt_paid", world.clock.Now()));
  EXPECT_FALSE(world.FindJob(kCharge));
  world.RunUntil(world.clock.Now() + 1h);
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
}

// I4, I8: a commit that is lost at any place, before it was written or after.
TEST(ChargeFaultTest, NoLostCommitMakesASecondKey) {
  for (const FaultyLedger::Fault fault : {FaultyLedger::Fault::kBeforeWrite, FaultyLedger::Fault::kAfterWrite}) {
    for (const bool pays : {true, false}) {
      bool clean = false;  // until a run has fewer commits than that
      for (int nth = 1; !clean; ++nth) {
        ASSERT_LT(nth, 100) << "no run was clean";
        SCOPED_TRACE(std::to_string(nth) + (fault == FaultyLedger::Fault::kBeforeWrite ? " before" : " after") +
                     (pays ? " paid" : " declined"));
        World w;
        w.ReachDue();
        for (int i = 0; i < 10; ++i) w.provider.WillPay(pays ? Paid() : Declined());
        w.ledger.LoseCommit(nth, fault);
        const int before = w.ledger.commits();
        w.RunUntil(w.clock.Now() + 10min);
        clean = w.ledger.commits() - before < nth;
        const auto calls = w.provider.Pays();
        ASSERT_FALSE(calls.empty());
        if (clean) {
          EXPECT_EQ(calls.size(), 1U);
        }
        for (const auto& call : calls) {
          EXPECT_EQ(call.key, calls[0].key);
          EXPECT_EQ(call.parameters, calls[0].parameters);
        }
        ASSERT_EQ(w.attempts().size(), 1U);
        EXPECT_EQ(w.attempts()[0].state, pays ? AttemptState::kSucceeded : AttemptState::kDeclined);
        EXPECT_EQ(w.recovery().state, pays ? RecoveryState::kNone : RecoveryState::kWaiting);
        EXPECT_EQ(w.FindJob(kCharge).has_value(), !pays);
      }
    }
  }
}

TEST(ChargeFaultTest, AnotherProcessGoesOnWithTheSameKey) {
  const testing::ScratchDir dir;
  const std::string location = "sqlite:" + dir.File("ledger.db");
  std::string key;
  {
    World w(ServicePolicy(), location);
    w.ReachDue();
    w.provider.WillPay(Says(PayOutcome::kUnknown));
    w.Run(kCharge);
    key = w.provider.Pays().at(0).key;
  }
  World w(ServicePolicy(), location);
  w.clock.Set(kNoon + kDay + 5min);
  w.ShowOwed();
  w.provider.WillPay(Paid());
  w.Run(kCharge);
  EXPECT_EQ(w.provider.Pays().at(0).key, key);
  EXPECT_EQ(w.recovery().state, RecoveryState::kNone);
}

// ---- Taking over

TEST(TakeOverTest, WhileTheProviderHoldsOnNothingIsChargedAndSupportIsTold) {
  World w;
  w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  w.Hear(FailureDigest("evt_f", kNoon));
  InvoiceFact theirs = Invoice("", kNoon);
  theirs.next_payment_attempt = kNoon + 3 * kDay;
  w.provider.Shows(Answer(theirs), "in_1");
  for (int i = 0; i < 3; ++i) w.provider.WillTakeOver(Answer(theirs));
  w.Run("take_over/in_1");
  w.Run("take_over/in_1");
  EXPECT_EQ(w.recovery().state, RecoveryState::kTakingOver);
  EXPECT_THAT(w.OpenAlerts(), Contains("two_owners/sub_1"));
  EXPECT_FALSE(w.FindJob(kCharge));
  w.provider.Shows(Answer(Invoice("", kNoon)), "in_1");
  w.Run("take_over/in_1");
  EXPECT_EQ(w.recovery().state, RecoveryState::kWaiting);
  EXPECT_THAT(w.OpenAlerts(), Not(Contains("two_owners/sub_1")));
  EXPECT_TRUE(w.FindJob(kCharge));
  EXPECT_FALSE(w.FindJob("take_over/in_1"));
}

TEST(TakeOverTest, ARefusalMayMeanThatItIsPaid) {
  World w;
  w.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  w.Hear(FailureDigest("evt_f", kNoon));
  w.provider.WillTakeOver(Fail(Errc::kInvalidArgument, "it is paid"));
  w.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
  w.Run("take_over/in_1");
  EXPECT_EQ(w.recovery().state, RecoveryState::kNone);
  EXPECT_EQ(w.Record().subscription.values.access, Access::kGranted);
}

}  // namespace
}  // namespace dunlin
