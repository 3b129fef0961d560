#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/decide_case.h"
#include "workflows/decide.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Refused {
  std::string code, why;
};
Refused Ask(const Case& c) {
  const std::optional<RetryRefusal> refusal = RefuseRetry(c.record, c.policies, c.now);
  return refusal ? Refused{refusal->code, refusal->why} : Refused{};
}

// Of a subscription that is paid and ends on that day.
Refused AskOfOneThatEnds(Timestamp end) {
  Case c;
  SubscriptionSnapshot active = Snapshot("evt_1", kNoon, ProviderStatus::kActive);
  active.cancel_at = end;
  c.Tell(active);
  c.Look();
  return Ask(c);
}

TEST(RetryRefusalTest, WhoCancelledForThePeriodsEndIsToldSoAndATermThatWasAgreedIsNoCancellation) {
  const Refused cancelled = AskOfOneThatEnds(kNoon + 30 * kDay);
  EXPECT_EQ(cancelled.code, "canceled");
  EXPECT_THAT(cancelled.why, HasSubstr("it ends at 2026-12-21T12:00:00Z"));
  EXPECT_EQ(AskOfOneThatEnds(kNoon + 365 * kDay).code, "nothing_to_collect");
}

TEST(RetryRefusalTest, ARetryOfWhatWaitsIsMade) {
  for (const char* story : {"fail taken_over", "fail taken_over:stolen_card"}) EXPECT_EQ(Ask(Case(story)).code, "");
}

// I4: two attempts are never out at once, whatever the state says.
TEST(RetryRefusalTest, WhileAnyAttemptIsOutNoOtherIsMade) {
  for (const AttemptState state : {AttemptState::kSending, AttemptState::kProcessing}) {
    Case c("fail taken_over");
    c.record.attempts.push_back(MakeAttempt("key/1"));
    c.record.attempts.back().state = state;
    EXPECT_EQ(Ask(c).code, "already_charging");
    c.record.attempts.back().state = AttemptState::kDeclined;
    EXPECT_EQ(Ask(c).code, "");
  }
}

TEST(RetryRefusalTest, OnlyAnOpenInvoiceIsCharged) {
  Case unknown("fail taken_over");
  unknown.recovery().invoice = InvoiceId{"in_gone"};
  EXPECT_EQ(Ask(unknown).code, "nothing_to_collect");
  EXPECT_THAT(Ask(unknown).why, HasSubstr("invoice in_gone is not open"));
  for (const InvoiceStatus status :
       {InvoiceStatus::kDraft, InvoiceStatus::kUncollectible, InvoiceStatus::kVoid, InvoiceStatus::kPaid}) {
    Case c("fail taken_over");
    c.record.subscription.facts.invoices.at(0).status = status;
    EXPECT_EQ(Ask(c).code, "nothing_to_collect") << static_cast<int>(status);
  }
}

TEST(RetryRefusalTest, WhatTheProviderTriesByItselfIsLeftToIt) {
  Case c("fail taken_over");
  c.record.subscription.facts.invoices.at(0).next_payment_attempt = kNoon + kDay;
  EXPECT_EQ(Ask(c).code, "other_owner");
  EXPECT_THAT(Ask(c).why, StartsWith("other owner: the provider plans an attempt of its own at 2026-11-22T12:00:00Z"));
}

}  // namespace
}  // namespace dunlin::testing
