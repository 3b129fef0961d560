// What a recovery makes of facts that come together, late or never, and of a record that does not fit them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/failures.h"
#include "tests/workflows/decide_case.h"
#include "tests/workflows/recovery_scripts.h"
#include "workflows/effects/filing.h"

namespace dunlin::testing {
namespace {

using enum ProviderStatus;
using State = RecoveryState;

TEST(RecoveryFactsTest, WhatThePolicyLeavesToTheMarketplaceIsNotCollected) {
  CollectionPolicy policy;
  policy.owner = Owner::kMarketplace;
  Player player(policy);
  EXPECT_EQ(player.Play("fail again staff"), "- - -");
  EXPECT_EQ(player.subscription().values.status, SubscriptionStatus::kPastDue);
  EXPECT_EQ(player.mails(), 0);
}

TEST(RecoveryFactsTest, WhatIsPaidAndCancelledAtOnceEndsAsPaid) {
  Case c("fail taken_over");
  SubscriptionSnapshot cancelled = Snapshot("evt_c", c.now + 1s, kActive);
  cancelled.cancel_at_period_end = true;
  c.Tell(cancelled);
  c.Tell(Invoice("evt_p", c.now + 1s, InvoiceStatus::kPaid));
  const Decision decision = c.Look();
  EXPECT_EQ(Case::RowsOf(decision), "D33");
  EXPECT_EQ(decision.timeline.front().rule, "R4");
  EXPECT_EQ(c.recovery().state, State::kNone);
}

TEST(RecoveryFactsTest, AnOpenInvoiceThatWasCreditedInFullIsSettled) {
  Case c("fail taken_over");
  InvoiceFact credited = Invoice("evt_c", c.now + 1s);
  credited.amount_remaining = 0;
  c.Tell(credited);
  EXPECT_EQ(c.Rows(), "D40");
  EXPECT_EQ(c.recovery().state, State::kNone);
}

// Only a ledger that was edited by hand can say so.
TEST(RecoveryFactsTest, ARecoveryOfAnInvoiceThatIsNotKnownEnds) {
  const auto lost = [](ProviderStatus word, bool cancelled) {
    Case c("fail taken_over");
    c.recovery().invoice = InvoiceId{"in_gone"};
    SubscriptionSnapshot snapshot = Snapshot("evt_s", c.now + 1s, word);
    snapshot.cancel_at_period_end = cancelled;
    c.Tell(snapshot);
    return c.Rows();
  };
  EXPECT_EQ(lost(kActive, false), "D47");
  EXPECT_EQ(lost(kPastDue, true), "D54");
  EXPECT_EQ(lost(kPastDue, false), "D47 D2 D3") << "and what is owed in truth is collected";
}

TEST(RecoveryFactsTest, AWaitingRecoveryWhoseDateIsLostIsPlannedAnew) {
  Case c("fail taken_over");
  const std::optional<Timestamp> planned = c.recovery().next_attempt_at;
  ASSERT_TRUE(planned);
  c.recovery().next_attempt_at.reset();
  const Decision decision = c.Look();
  EXPECT_EQ(Case::RowsOf(decision), "D10");
  EXPECT_EQ(c.recovery().next_attempt_at, planned);
  ASSERT_NE(FindJob(decision, "charge/sub_1"), nullptr);
  EXPECT_EQ(FindJob(decision, "charge/sub_1")->due, planned);
}

// The money is there; the invoice that says so is on its way.
TEST(RecoveryFactsTest, AfterAnAttemptThatSucceededNothingIsDoneUntilTheInvoiceIsPaid) {
  Case c("fail taken_over due");
  ASSERT_EQ(c.recovery().state, State::kCharging);
  c.record.attempts.back().state = AttemptState::kSucceeded;
  c.record.attempts.back().finished_at = c.now;
  EXPECT_EQ(c.Rows(), "");
  EXPECT_EQ(c.recovery().state, State::kCharging);
  c.Tell(Invoice("evt_p", c.now, InvoiceStatus::kPaid));
  EXPECT_EQ(c.Rows(), "D35");
}

TEST(RecoveryFactsTest, ADeclineThatNamesACodeIsToldWithItAndOneWithoutIsNot) {
  for (const std::string code : {"insufficient_funds", ""}) {
    Case c("fail taken_over due");
    Attempt& attempt = c.record.attempts.back();
    attempt.state = AttemptState::kDeclined;
    attempt.finished_at = c.now;
    c.Tell(DeclineOf({.payment_intent = "",
                      .invoice = attempt.invoice,
                      .at = c.now,
                      .decline = {.code = code, .advice_code = "try_again_later"}}));
    const Decision decision = c.Look();
    ASSERT_EQ(Case::RowsOf(decision), "D20");
    EXPECT_EQ(decision.timeline.back().reason, code.empty()
                                                   ? "The attempt brought no money."
                                                   : "The attempt brought no money. Decline code: insufficient_funds.");
  }
}

TEST(RecoveryFactsTest, AnotherCardIsAskedForThoughNoEventHasToldTheFailureYet) {
  Case c("fail taken_over:stolen_card staff");
  ASSERT_EQ(c.recovery().state, State::kCharging);
  c.record.attempts.back().state = AttemptState::kDeclined;
  c.record.attempts.back().finished_at = c.now;
  const Decision decision = c.Look();
  EXPECT_EQ(Case::RowsOf(decision), "D21");
  ASSERT_EQ(CountJobs(decision, JobKind::kMail), 1);
  EXPECT_NE(decision.jobs.back().payload.find("method_needed"), std::string::npos) << decision.jobs.back().payload;
}

// ---- Opened by the provider's word alone that a payment is overdue

// Its invoice was made days ago, and nothing is known of what failed.
Case Overdue(const CollectionPolicy& policy) {
  Case c(policy);
  SubscriptionSnapshot overdue = Snapshot("evt_s", kNoon, kPastDue);
  overdue.latest_invoice = "in_1";
  c.Tell(overdue);
  InvoiceFact invoice = Invoice("evt_i", kNoon);
  invoice.made_at = kNoon - 6 * kDay;
  c.Tell(invoice);
  return c;
}

TEST(RecoveryFactsTest, FailuresFromBeforeItOpenedAreNotToldAgainAndLaterOnesAre) {
  for (const auto& [last_failure, mails] : {std::pair{Millis{-1h}, 0}, {Millis{1min}, 1}}) {
    Case c = Overdue(ProviderPolicy());
    EXPECT_EQ(CountJobs(c.Look(), JobKind::kMail), 1);
    InvoiceFact counted = Invoice("evt_j", kNoon);
    CountFailures(counted, 1, 2, kNoon + last_failure);
    c.Tell(counted);
    c.now += 1h;
    EXPECT_EQ(CountJobs(c.Look(), JobKind::kMail), mails);
  }
}

TEST(RecoveryFactsTest, AFailureOfDaysAgoMovesThePlanToTheStepThatIsDue) {
  Case c = Overdue(ServicePolicy());
  EXPECT_EQ(c.Rows(), "D2 D3");
  EXPECT_EQ(c.recovery().next_attempt_at, kNoon + kDay);
  EXPECT_EQ(c.recovery().next_step, 0);
  c.Tell(FailedInvoice("evt_f", kNoon - 5 * kDay));  // the first step was due 4 days ago, the second a day ago
  EXPECT_EQ(c.Rows(), "D10");
  EXPECT_EQ(c.recovery().next_step, 1);
  EXPECT_EQ(c.recovery().next_attempt_at, c.now);
}

}  // namespace
}  // namespace dunlin::testing
