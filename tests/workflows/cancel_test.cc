// Telling the provider to cancel, and the retry that staff ask for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/effects_world.h"
#include "workflows/decide.h"
#include "workflows/effects/catch_up.h"
#include "workflows/retry_request.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::Contains;
using testing::Declined;
using ::testing::ElementsAre;
using testing::FailureDigest;
using ::testing::HasSubstr;
using testing::Invoice;
using ::testing::IsEmpty;
using testing::kCharge;
using testing::kDay;
using testing::kNoon;
using testing::MethodDigest;
using testing::Paid;
using testing::PaidDigest;
using testing::ScriptedProvider;
using testing::ServicePolicy;
using testing::SnapshotDigest;
using testing::Standing;
using testing::World;

const char* const kCancel = "cancel/sub_1";

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
  EXPECT_EQ(world.attempts()[0].reason, "asked by phone");  // and nowhere else: who is forgotten takes it along
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
