// A provider that only tells which object changed: what happened is learnt from answers.
#include <gtest/gtest.h>

#include "state/merge.h"
#include "tests/workflows/effects_world.h"
#include "workflows/schedule.h"

namespace dunlin {
namespace {

using testing::Answer;
using testing::FailureDigest;
using testing::Invoice;
using testing::kDay;
using testing::kNoon;
using testing::ThinDigest;
using testing::World;

PayAnswer Declined() {
  return {.outcome = PayOutcome::kDeclined, .decline = {.code = "insufficient_funds"}, .detail = "declined"};
}

SubscriptionAnswer Standing(ProviderStatus status) {
  SubscriptionAnswer answer;
  answer.snapshot = testing::Snapshot("", kNoon, status);
  answer.id = SubscriptionId{"sub_1"};
  answer.account = AccountId{"cus_1"};
  return answer;
}

// All that is heard of it are thin events; what they are about is asked for.
struct ThinTest : ::testing::Test {
  void SetUp() override {
    Shows(ProviderStatus::kActive, "pm_1");
    Hear("subscription", "sub_1");
  }
  void Shows(ProviderStatus status, const std::string& method) {
    SubscriptionAnswer answer = Standing(status);
    answer.snapshot.customer_method = method;
    world.provider.Shows(answer, "sub_1");
  }
  void ShowsFailed(int count, Timestamp declined, const std::string& code = "insufficient_funds") {
    InvoiceFact invoice = Invoice("", kNoon);
    invoice.attempt_count = count;
    invoice.decline = Decline{code, "", "", "pm_1"};
    invoice.decline_at = declined;
    world.provider.WillTakeOver(Answer(invoice));
    world.provider.Shows(Answer(invoice), "in_1");
  }
  // And runs what it leads to.
  void Hear(const std::string& kind, const std::string& id) {
    world.clock.Advance(1s);
    world.Hear(ThinDigest("evt_" + std::to_string(++events), world.clock.Now(), kind, id));
    for (int round = 0; round < 4; ++round) world.RunDue();
  }
  int Attempts() {
    const SubscriptionRecord record = world.Record();
    return AttemptsMade(*FindInvoice(record.subscription.facts, InvoiceId{"in_1"}), record.attempts);
  }
  World world;
  int events = 0;
};

TEST_F(ThinTest, AFailureThatAnAnswerShowsIsTheStartOfTheSchedule) {
  world.clock.Advance(3h);
  Shows(ProviderStatus::kPastDue, "pm_1");
  ShowsFailed(1, kNoon + 5s);
  Hear("invoice", "in_1");
  Hear("subscription", "sub_1");
  ASSERT_EQ(world.recovery().state, RecoveryState::kWaiting);
  EXPECT_EQ(Attempts(), 1);
  EXPECT_EQ(world.recovery().next_attempt_at, kNoon + 5s + kDay);
  world.Hear(FailureDigest("evt_late", kNoon + 6s));  // catching up brings the event itself
  EXPECT_EQ(Attempts(), 1);
  world.Hear(FailureDigest("evt_late_too", kNoon + 6s));
  EXPECT_EQ(Attempts(), 1);
}

// What cannot be asked for by its id stands in the provider's list.
TEST_F(ThinTest, WhatOnlyTheListTellsIsListedWithinHalfAMinuteAndOnce) {
  world.Hear(ThinDigest("evt_x", world.clock.Now(), "events", ""));
  world.Hear(ThinDigest("evt_y", world.clock.Now(), "events", ""));
  const auto jobs = world.base->Jobs({.kind = JobKind::kCatchUp}, {.limit = 10});
  ASSERT_EQ(jobs->items.size(), 1U);
  EXPECT_EQ(jobs->items[0].due, world.clock.Now() + 30s);
  world.clock.Advance(10s);
  world.Hear(ThinDigest("evt_z", world.clock.Now(), "events", ""));
  EXPECT_EQ(world.base->FindJob(jobs->items[0].id)->value().due, jobs->items[0].due) << "it is not put off";
}

TEST_F(ThinTest, AListThatWasGivenUpIsReadAgain) {
  world.Hear(ThinDigest("evt_x", world.clock.Now(), "events", ""));
  const JobId run = world.base->Jobs({.kind = JobKind::kCatchUp}, {.limit = 1})->items.at(0).id;
  Unit gives_up;
  gives_up.retries.push_back({.id = run, .due = world.clock.Now(), .state = JobState::kDead, .at = world.clock.Now()});
  ASSERT_TRUE(world.base->Commit(std::move(gives_up)));
  world.Hear(ThinDigest("evt_y", world.clock.Now(), "events", ""));
  const Job again = world.base->FindJob(run)->value();
  EXPECT_EQ(again.state, JobState::kReady);
  EXPECT_EQ(again.due, world.clock.Now() + 30s);
}

TEST_F(ThinTest, AnAttemptOfOursDoesNotMoveTheProvidersFailure) {
  Shows(ProviderStatus::kPastDue, "pm_1");
  ShowsFailed(1, kNoon);
  Hear("invoice", "in_1");
  Hear("subscription", "sub_1");
  world.clock.Set(*world.recovery().next_attempt_at);
  world.provider.WillPay(Declined());
  world.RunDue();
  ASSERT_EQ(world.attempts().size(), 1U);
  ShowsFailed(1, world.clock.Now());  // a request of ours leaves the count
  Hear("invoice", "in_1");
  EXPECT_EQ(Attempts(), 2);
  EXPECT_EQ(FindInvoice(world.Record().subscription.facts, InvoiceId{"in_1"})->failures.front().at, kNoon);
}

TEST_F(ThinTest, APaymentUnderWayHasNotFailed) {
  InvoiceFact invoice = Invoice("", kNoon);
  invoice.attempt_count = 1;
  InvoiceAnswer answer = Answer(invoice);
  answer.processing = true;
  world.provider.Shows(answer, "in_1");
  Hear("invoice", "in_1");
  EXPECT_EQ(Attempts(), 0);
}

TEST_F(ThinTest, ANewCardAfterALostOneIsTriedAtOnceAndOnce) {  // R5, R18
  Shows(ProviderStatus::kPastDue, "pm_1");
  ShowsFailed(1, kNoon, "lost_card");
  Hear("invoice", "in_1");
  Hear("subscription", "sub_1");
  ASSERT_EQ(world.recovery().state, RecoveryState::kAwaitingMethod);
  Hear("customer", "cus_1");  // another address, for example
  EXPECT_EQ(world.recovery().state, RecoveryState::kAwaitingMethod);
  world.provider.WillPay(Declined());
  Shows(ProviderStatus::kPastDue, "pm_2");
  Hear("customer", "cus_1");
  ASSERT_EQ(world.attempts().size(), 1U);
  EXPECT_EQ(world.attempts().front().kind, AttemptKind::kNewMethod);
  Hear("customer", "cus_1");
  Digest told;  // catching up brings the event itself
  told.event = EventId{"evt_late"};
  told.created = world.clock.Now() - 1s;
  told.account = AccountId{"cus_1"};
  told.method = MethodChange{told.created, told.event, "pm_2"};
  told.acted_on = true;
  world.Hear(told);
  for (int round = 0; round < 4; ++round) world.RunDue();
  EXPECT_EQ(world.attempts().size(), 1U);
}

TEST_F(ThinTest, WhatHappensWhileItIsAskedForIsAskedForAnew) {
  world.provider.during = [&](const auto&) {
    world.provider.during = nullptr;  // the answer was made before this
    world.Hear(ThinDigest("evt_meanwhile", kNoon, "invoice", "in_1"));
  };
  world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kDraft)), "in_1");
  world.Hear(ThinDigest("evt_first", kNoon, "invoice", "in_1"));
  world.Run("fetch/in_1");
  ASSERT_TRUE(world.FindJob("fetch/in_1"));
  world.provider.Shows(Answer(Invoice("", kNoon, InvoiceStatus::kPaid)), "in_1");
  world.Run("fetch/in_1");
  EXPECT_EQ(FindInvoice(world.Record().subscription.facts, InvoiceId{"in_1"})->status, InvoiceStatus::kPaid);
  EXPECT_FALSE(world.FindJob("fetch/in_1"));
}

}  // namespace
}  // namespace dunlin
