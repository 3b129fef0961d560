#include "workflows/effects/effects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/workflows/effects_world.h"
#include "workflows/decide.h"
#include "workflows/effects/catch_up.h"
#include "workflows/outbox.h"
#include "workflows/retry_request.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FailureDigest;
using testing::FaultyLedger;
using ::testing::HasSubstr;
using testing::Invoice;
using ::testing::IsEmpty;
using testing::kDay;
using testing::kNoon;
using testing::MethodDigest;
using ::testing::Not;
using testing::PaidDigest;
using testing::ScriptedProvider;
using testing::ServicePolicy;
using testing::SnapshotDigest;
using testing::Standing;
using testing::World;

const char* const kCharge = "charge/sub_1";
const char* const kCancel = "cancel/sub_1";

PayAnswer Paid() {
  return {.outcome = PayOutcome::kPaid, .invoice = Invoice("", kNoon, InvoiceStatus::kPaid), .detail = "paid"};
}
PayAnswer Declined(const char* code = "insufficient_funds") {
  return {
      .outcome = PayOutcome::kDeclined, .decline = {.code = code}, .invoice = Invoice("", kNoon), .detail = "declined"};
}
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

// ---- Taking over and cancelling

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

struct CancelTest : ::testing::Test {
  CancelTest() : world(OneStep()) {
    world.ReachDue();
    world.provider.WillPay(Declined());
    world.Run(kCharge);
  }
  static CollectionPolicy OneStep() {
    CollectionPolicy policy = ServicePolicy();
    policy.retry_after = {kDay};
    return policy;
  }
  // After the provider's events were listed and applied.
  void RunCancel() {
    world.clock.Set(std::max(world.clock.Now(), world.FindJob(kCancel)->due));
    ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
    world.Run("catch_up/stripe");
    world.Run(kCancel);
  }
  std::vector<std::string> Cancels() {
    std::vector<std::string> words = world.provider.Words();
    std::erase_if(words, [](const std::string& word) { return !word.starts_with("cancel "); });
    return words;
  }
  World world;
};

TEST_F(CancelTest, TheScheduleEndsWithTheProvidersCancellation) {
  ASSERT_EQ(world.recovery().state, RecoveryState::kEnding);
  world.provider.WillCancel(Fail(Errc::kUnavailable, "no answer"));
  world.provider.WillCancel(Standing(ProviderStatus::kCanceled));
  RunCancel();
  EXPECT_EQ(world.recovery().state, RecoveryState::kEnding);
  RunCancel();
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kCanceled);
  EXPECT_FALSE(world.FindJob(kCancel));
}

TEST_F(CancelTest, ARefusalLeavesItExhaustedAndTellsSupport) {
  world.provider.WillCancel(Fail(Errc::kInvalidArgument, "no"));
  RunCancel();
  EXPECT_EQ(world.recovery().state, RecoveryState::kExhausted);
  EXPECT_THAT(world.OpenAlerts(), Contains("exhausted/sub_1"));
  EXPECT_FALSE(world.FindJob(kCancel));
}

TEST_F(CancelTest, NobodyWhoPaidIsCancelledThoughNoEventToldIt) {
  world.provider.Shows(Standing(ProviderStatus::kActive), "sub_1");
  world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
  RunCancel();
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_FALSE(world.FindJob(kCancel));
}

TEST_F(CancelTest, WithoutAnAnswerNobodyIsCancelled) {
  world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kUnavailable, "no answer")), "sub_1");
  RunCancel();
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.recovery().state, RecoveryState::kEnding);
  EXPECT_EQ(world.FindJob(kCancel)->tries, 1);
}

TEST_F(CancelTest, WhatTheProviderDoesNotKnowIsForPeople) {
  world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kNotFound, "no such subscription")), "sub_1");
  RunCancel();
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.recovery().state, RecoveryState::kExhausted);
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/sub_1"));
}

TEST_F(CancelTest, ThatItGoesOutIsCommittedBeforeTheCall) {
  world.provider.during = [&](const ScriptedProvider::Call& call) {
    if (!call.what.starts_with("cancel ")) return;
    EXPECT_EQ(world.recovery().open_attempt.str(), call.key);
    EXPECT_EQ(RefuseRetry(world.Record(), world.policies, world.clock.Now())->code, "ending");
  };
  EXPECT_FALSE(RefuseRetry(world.Record(), world.policies, world.clock.Now()));
  world.provider.WillCancel(Standing(ProviderStatus::kCanceled));
  RunCancel();
  EXPECT_EQ(Cancels().size(), 1U);
}

TEST_F(CancelTest, AMethodThatOnlyTheListOfEventsTellsStopsIt) {
  world.Run(kCancel);  // nothing was listed yet
  EXPECT_THAT(Cancels(), IsEmpty());
  ASSERT_TRUE(world.FindJob("catch_up/stripe"));
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now());
  EXPECT_EQ(world.FindJob(kCancel)->tries, 0);
  const Digest method = MethodDigest("evt_m", world.clock.Now());
  world.digests.Add(method);
  world.provider.WillList(EventsPage{{method.event.str()}, ""});
  world.Run("catch_up/stripe");
  world.Run(kCancel);  // listed, and not applied yet
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.recovery().state, RecoveryState::kEnding);
  world.provider.WillPay(Paid());
  world.RunUntil(world.clock.Now() + 1min);
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.provider.Pays().size(), 2U);
  EXPECT_EQ(world.recovery().state, RecoveryState::kNone);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(CancelTest, WhileEventsCannotBeListedNobodyIsCancelled) {
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.provider.WillList(Fail(Errc::kUnavailable, "no answer"));
  world.Run("catch_up/stripe");
  world.Run(kCancel);
  EXPECT_THAT(Cancels(), IsEmpty());
  EXPECT_EQ(world.FindJob(kCancel)->tries, 1);
  EXPECT_THAT(world.FindJob(kCancel)->last_error, HasSubstr("cannot be listed"));
}

TEST_F(CancelTest, AMethodThatCameWhileACancellationHadNoAnswerIsTriedInstead) {
  world.provider.WillCancel(Fail(Errc::kUnavailable, "no answer"));
  RunCancel();
  world.Hear(MethodDigest("evt_m", world.clock.Now()));
  EXPECT_EQ(world.recovery().state, RecoveryState::kEnding);  // it may be on its way
  RunCancel();
  EXPECT_EQ(Cancels().size(), 1U);
  EXPECT_EQ(world.recovery().state, RecoveryState::kWaiting);
  EXPECT_FALSE(world.FindJob(kCancel));
  world.provider.WillPay(Paid());
  world.Run(kCharge);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(CancelTest, StaffCanRetryUntilItGoesOut) {
  ASSERT_TRUE(
      AskForRetry(*world.base, world.policies, SubscriptionId{"sub_1"}, "ann", "asked by phone", world.clock.Now()));
  world.provider.WillPay(Paid());
  world.Run("retry/sub_1");
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
  EXPECT_FALSE(world.FindJob(kCancel));
}

// ---- Asking

struct RefetchTest : ::testing::Test {
  void SetUp() override {
    world.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
    world.Hear(FailureDigest("evt_f", kNoon));  // R24c: in doubt
    ASSERT_TRUE(world.Record().subscription.dirty);
  }
  World world;
};

TEST_F(RefetchTest, TheAnswerClearsTheDoubt) {
  world.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
  world.Run("refetch/sub_1");
  EXPECT_FALSE(world.Record().subscription.dirty);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kPastDue);
  EXPECT_FALSE(world.FindJob("refetch/sub_1"));
}

TEST_F(RefetchTest, AnEventThatArrivesMeanwhileIsNotOverwritten) {
  world.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
  world.provider.during = [&](const auto&) {
    world.Hear(SnapshotDigest("evt_n", kNoon + 5s, ProviderStatus::kActive));
  };
  world.Run("refetch/sub_1");
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(RefetchTest, InDoubtStillItIsAskedAgainButNotSoonerThanTenSeconds) {
  world.provider.Shows(Standing(ProviderStatus::kActive), "sub_1");
  world.provider.during = [&](const auto&) { world.Hear(FailureDigest("evt_g", kNoon + 5s, "", 2)); };
  world.Run("refetch/sub_1");
  EXPECT_TRUE(world.Record().subscription.dirty);
  ASSERT_TRUE(world.FindJob("refetch/sub_1"));
  EXPECT_EQ(world.FindJob("refetch/sub_1")->due, world.clock.Now() + 10s);
  world.provider.during = nullptr;
  world.Run("refetch/sub_1");
  EXPECT_FALSE(world.Record().subscription.dirty);
}

TEST_F(RefetchTest, WhatTheProviderDoesNotKnowIsForAPerson) {
  world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kNotFound, "no such subscription")), "sub_1");
  world.Run("refetch/sub_1");
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/sub_1"));
  EXPECT_FALSE(world.FindJob("refetch/sub_1"));
}

TEST_F(RefetchTest, APaymentFindsItsInvoiceAndItsDecline) {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.type = "payment_intent.payment_failed";
  failed.created = kNoon;
  failed.failure =
      PaymentFailure{.payment_intent = "pi_1", .invoice = {}, .at = kNoon, .decline = {.code = "stolen_card"}};
  failed.acted_on = true;
  world.Hear(failed);
  InvoiceFact invoice = Invoice("", kNoon);
  invoice.decline = Decline{.code = "stolen_card"};
  invoice.decline_at = kNoon;
  InvoiceAnswer answer = Answer(invoice);
  answer.payment_intents = {"pi_1"};
  world.provider.ShowsPayment("pi_1", InvoiceId{"in_1"});
  world.provider.Shows(answer, "in_1");
  world.Run("fetch/pi_1");
  const auto facts = world.Record().subscription.facts;
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_1"})->decline->code, "stolen_card");
  EXPECT_EQ((*world.base->FindPayment("pi_1"))->invoice.str(), "in_1");
}

TEST_F(RefetchTest, APaymentOfSomethingElseIsLeftAlone) {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.created = kNoon;
  failed.failure = PaymentFailure{.payment_intent = "pi_9", .invoice = {}, .at = kNoon, .decline = {}};
  failed.acted_on = true;
  world.Hear(failed);
  world.provider.ShowsPayment("pi_9", Fail(Errc::kNotFound, "none"));
  world.Run("fetch/pi_9");
  EXPECT_FALSE(world.FindJob("fetch/pi_9"));
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// ---- Catching up

struct CatchUpTest : ::testing::Test {
  std::string Listed(int n) {  // newest first: n seconds before noon
    Digest digest = SnapshotDigest("evt_" + std::to_string(n), kNoon - Seconds{n}, ProviderStatus::kActive);
    world.digests.Add(digest);
    return digest.event.str();
  }
  std::vector<std::string> Sinces() {
    std::vector<std::string> sinces;
    for (const auto& call : world.provider.calls()) sinces.push_back(call.parameters);
    return sinces;
  }
  bool Has(int n) {
    return (*world.base->FindEvent(Provider::kStripe, EventId{"evt_" + std::to_string(n)})).has_value();
  }
  World world;
};

TEST_F(CatchUpTest, ARunThatIsCutShortMissesNothing) {
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.provider.WillList(EventsPage{{Listed(1), Listed(2)}, "evt_2"});
  world.provider.WillList(Fail(Errc::kUnavailable, "no answer"));
  world.Run("catch_up/stripe");
  EXPECT_TRUE(Has(2));
  world.provider.WillList(EventsPage{{Listed(1), Listed(2)}, "evt_2"});
  world.provider.WillList(EventsPage{{Listed(7200), "not an event", Listed(20 * 86400)}, ""});
  world.Run("catch_up/stripe");
  EXPECT_TRUE(Has(7200));
  EXPECT_TRUE(Has(20 * 86400));
  EXPECT_THAT(Sinces(),
              ::testing::AllOf(::testing::SizeIs(4), ::testing::Each(::testing::StartsWith("2026-10-22T12:00:00"))));
  EXPECT_EQ(world.provider.calls().back().key, "evt_2");
}

TEST_F(CatchUpTest, TheNextRunStartsAnHourBeforeTheNewestThatWasKnown) {
  world.Store(SnapshotDigest("evt_w", kNoon - 5 * kDay, ProviderStatus::kActive));
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.provider.WillList(EventsPage{{Listed(60)}, ""});
  world.Run("catch_up/stripe");
  ASSERT_TRUE(world.FindJob("catch_up/stripe"));
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now() + 5min);
  world.Run("catch_up/stripe");  // what the first run brought counts only from here on
  world.Run("catch_up/stripe");
  EXPECT_THAT(Sinces(), ElementsAre(FormatRfc3339(kNoon - 5 * kDay - 1h), FormatRfc3339(kNoon - 5 * kDay - 1h),
                                    FormatRfc3339(kNoon - 60s - 1h)));
}

TEST_F(CatchUpTest, AnEventFromTheFutureHidesNothing) {
  world.Store(SnapshotDigest("evt_future", kNoon + 40 * kDay, ProviderStatus::kActive));
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.Run("catch_up/stripe");
  world.Run("catch_up/stripe");
  EXPECT_THAT(Sinces(), ElementsAre(FormatRfc3339(kNoon - 1h), FormatRfc3339(kNoon - 1h)));
}

TEST_F(CatchUpTest, ARequestLetsTheWaitingRunGoNow) {
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.Run("catch_up/stripe");
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now());
}

// ---- Messages and the retry rule

TEST(DeliverTest, MessagesGoToTheFileOneLineEach) {
  const testing::ScratchDir dir;
  FileOutbox outbox(dir.File("outbox.jsonl"));
  EXPECT_TRUE(outbox.Deliver(JobId{7}, R"({"kind":"mail"})"));
  EXPECT_TRUE(outbox.Deliver(JobId{8}, "{}"));
  EXPECT_EQ(outbox.Deliver(JobId{9}, "no object").error().code, Errc::kInvalidArgument);
  std::ifstream file(dir.File("outbox.jsonl"));
  std::string first, second, third;
  std::getline(file, first);
  std::getline(file, second);
  EXPECT_EQ(first, R"({"id":"job_7","kind":"mail"})");
  EXPECT_EQ(second, R"({"id":"job_8"})");
  EXPECT_FALSE(std::getline(file, third));
  FileOutbox nowhere(dir.File("no/such/dir"));
  EXPECT_EQ(nowhere.Deliver(JobId{7}, "{}").error().code, Errc::kUnavailable);
}

TEST(DeliverTest, AMessageIsDeliveredOnceAndTriedAgainWhenItFails) {
  World w;
  w.outbox.fails = "disk full";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  w.Run("mail/1");
  ASSERT_TRUE(w.FindJob("mail/1"));
  EXPECT_EQ(w.FindJob("mail/1")->tries, 1);
  EXPECT_THAT(w.FindJob("mail/1")->last_error, HasSubstr("disk full"));
  w.outbox.fails.clear();
  w.Run("mail/1");
  EXPECT_EQ(w.outbox.messages.size(), 1U);
  EXPECT_FALSE(w.FindJob("mail/1"));
}

TEST(DeliverTest, TheChangesOfASubscriptionAreToldInTheirOrder) {
  World w;
  NewJob first = testing::MakeJob(JobKind::kNotify, kNoon, "notify/1");
  NewJob second = testing::MakeJob(JobKind::kNotify, kNoon, "notify/2");
  NewJob other = testing::MakeJob(JobKind::kNotify, kNoon, "notify/3");
  first.subject = second.subject = "sub_1";
  other.subject = "sub_2";
  ASSERT_TRUE(w.base->Commit(testing::Add(first)));
  ASSERT_TRUE(w.base->Commit(testing::Add(second)));
  ASSERT_TRUE(w.base->Commit(testing::Add(other)));
  w.Run("notify/2");
  EXPECT_TRUE(w.outbox.messages.empty());
  EXPECT_EQ(w.FindJob("notify/2")->tries, 0) << "waiting is no failure";
  w.Run("notify/3");
  EXPECT_EQ(w.outbox.messages.size(), 1U);
  w.Run("notify/1");
  w.Run("notify/2");
  EXPECT_EQ(w.outbox.messages.size(), 3U);
}

TEST(RetryRuleTest, WaitsDoubleWithinTwentyPercentUpToAnHour) {
  testing::FixedRandom random;
  const Error error{Errc::kUnavailable, "x"};
  for (int tries = 0; tries < 40; ++tries) {
    Job job;
    job.kind = JobKind::kMail;
    job.tries = tries;
    const Millis base = std::min(Millis{1000 * (1LL << std::min(tries, 20))}, Millis{1h});
    for (int i = 0; i < 20; ++i) {
      const Millis wait = TryAgain(job, error, kNoon, random).due - kNoon;
      EXPECT_GE(wait, base * 8 / 10) << tries;
      EXPECT_LE(wait, std::min(base * 12 / 10, Millis{1h})) << tries;
    }
  }
}

TEST(RetryRuleTest, TimeThatPassedWhileTheServiceWasAwayIsNoFailure) {
  World w;
  w.outbox.fails = "no";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  w.Run("mail/1");
  w.clock.Advance(PatienceOf(JobKind::kMail) * 2);
  for (int i = 2; i < kTriesMin; ++i) {
    w.Run("mail/1");
    EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kReady) << i;
  }
  w.Run("mail/1");
  EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kDead);
}

TEST(RetryRuleTest, AJobThatFailsTooLongDiesWithAnAlertAndBeginsAnewWhenRequeued) {
  World w;
  w.outbox.fails = "no";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  for (int i = 0; i < 60 && w.FindJob("mail/1")->state == JobState::kReady; ++i) w.Run("mail/1");
  const Job dead = *w.FindJob("mail/1");
  ASSERT_EQ(dead.state, JobState::kDead);
  EXPECT_GE(w.clock.Now() - *dead.first_failed_at, PatienceOf(JobKind::kMail));
  EXPECT_THAT(w.OpenAlerts(), Contains("dead_job/" + std::to_string(ToInt(dead.id))));
  Unit requeue;
  requeue.retries.push_back({.id = dead.id, .due = w.clock.Now(), .count_try = false, .at = w.clock.Now()});
  ASSERT_TRUE(w.base->Commit(std::move(requeue)));
  w.Run("mail/1");
  EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kReady);  // one more failure does not kill it again
  EXPECT_EQ(w.FindJob("mail/1")->tries, 1);
}

// ---- Staff

struct StaffTest : ::testing::Test {
  Result<RetryAsked> Ask(const char* by = "ann", const char* reason = "asked by phone") {
    return AskForRetry(*world.base, world.policies, SubscriptionId{"sub_1"}, by, reason, world.clock.Now());
  }
  std::string Refusal() {
    const auto refusal = RefuseRetry(world.Record(), world.policies, world.clock.Now());
    return refusal ? refusal->code : "";
  }
  World world;
};

TEST_F(StaffTest, ARetryIsMadeNowAndUsesNoStep) {
  world.ReachDue();
  world.clock.Set(kNoon + 1h);
  ASSERT_TRUE(Ask());
  world.provider.WillPay(Declined());
  world.Run("retry/sub_1");
  ASSERT_EQ(world.attempts().size(), 1U);
  EXPECT_EQ(world.attempts()[0].kind, AttemptKind::kStaff);
  EXPECT_EQ(world.attempts()[0].by, "ann");
  EXPECT_EQ(world.recovery().state, RecoveryState::kWaiting);
  EXPECT_EQ(world.recovery().next_step, 0);
  EXPECT_EQ(world.recovery().next_attempt_at, kNoon + kDay);
  EXPECT_EQ(world.FindJob(kCharge)->due, kNoon + kDay);
  EXPECT_THAT(world.Reasons("staff"), ElementsAre(HasSubstr("asked by phone")));
  EXPECT_THAT(world.Reasons("attempt"), ElementsAre(HasSubstr("asked by phone")));
}

// Two processes have the same job; while the first asks the provider, the second carries it out to its end.
TEST_F(StaffTest, OneWishIsOneAttemptThoughTwoProcessesHaveIt) {
  world.ReachDue();
  world.clock.Set(kNoon + 1h);
  const auto asked = Ask();
  ASSERT_TRUE(asked);
  world.provider.WillPay(Declined());
  world.provider.WillPay(Declined());
  world.provider.during = [this, job = asked->job](const auto&) {
    world.provider.during = {};
    Effects(world.engine).Run(job);
  };
  Effects(world.engine).Run(asked->job);
  EXPECT_EQ(world.provider.Pays().size(), 1U);
  EXPECT_EQ(world.attempts().size(), 1U);
}

TEST_F(StaffTest, TwoWhoAskAreAnsweredWithOneJob) {
  world.ReachDue();
  const auto first = Ask();
  const auto second = Ask("bob", "asked by mail");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->job, second->job);
  EXPECT_EQ(world.Reasons("staff").size(), 1U);
}

TEST_F(StaffTest, ARetryThatAPaymentOvertookSaysWhyItWasNotMade) {
  world.ReachDue();
  ASSERT_TRUE(Ask());
  world.Hear(PaidDigest("evt_paid", world.clock.Now()));
  world.Run("retry/sub_1");
  EXPECT_THAT(world.provider.Pays(), IsEmpty());
  EXPECT_THAT(world.Reasons("staff").back(), HasSubstr("was not made: nothing to collect"));
  EXPECT_FALSE(world.FindJob("retry/sub_1"));
}

TEST_F(StaffTest, EachRefusalSaysWhy) {
  EXPECT_EQ(Ask().error().code, Errc::kNotFound);
  world.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  EXPECT_EQ(Refusal(), "nothing_to_collect");
  EXPECT_EQ(Ask().error().code, Errc::kConflict);
  world.Hear(FailureDigest("evt_f", kNoon));
  EXPECT_EQ(Refusal(), "taking_over");
  world.provider.WillTakeOver(Answer(Invoice("", kNoon)));
  world.ShowOwed();
  world.Run("take_over/in_1");
  EXPECT_EQ(Refusal(), "");
  world.Run(kCharge);
  EXPECT_EQ(Refusal(), "already_charging");
  auto cancel = SnapshotDigest("evt_c", world.clock.Now(), ProviderStatus::kPastDue);
  cancel.snapshot->cancel_at_period_end = true;
  world.Hear(cancel);
  EXPECT_EQ(Refusal(), "canceled");
  auto deleted = SnapshotDigest("evt_d", world.clock.Now() + 1s, ProviderStatus::kCanceled);
  world.Hear(deleted);
  EXPECT_EQ(Refusal(), "canceled");
}

TEST_F(StaffTest, TheNetworksLimitAndTheProvidersOwnershipRefuseToo) {
  CollectionPolicy tight = ServicePolicy();
  tight.network_attempts_max = 1;
  World limited(tight);
  limited.ReachDue();
  EXPECT_EQ(RefuseRetry(limited.Record(), limited.policies, kNoon + 1h)->code, "network_limit");
  World following{CollectionPolicy{}};
  following.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
  following.Hear(FailureDigest("evt_f", kNoon));
  EXPECT_EQ(RefuseRetry(following.Record(), following.policies, kNoon + 1h)->code, "other_owner");
  following.RunUntil(kNoon + 60 * kDay);
  EXPECT_THAT(following.provider.Pays(), IsEmpty());  // R21
}

}  // namespace
}  // namespace dunlin
