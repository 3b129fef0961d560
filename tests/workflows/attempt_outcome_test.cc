#include "workflows/attempt_outcome.h"

#include <gtest/gtest.h>

#include "tests/support/ledger_values.h"

namespace dunlin {
namespace {

using testing::kNoon;
using testing::MakeAttempt;

// An event behind which is the request with that key, showing the invoice.
Digest Telling(const std::string& key, InvoiceStatus status) {
  Digest digest;
  digest.event = EventId{"evt_1"};
  digest.created = kNoon + 5s;
  digest.idempotency_key = key;
  digest.invoice = InvoiceFact{};
  digest.invoice->id = InvoiceId{"in_1"};
  digest.invoice->status = status;
  return digest;
}

Digest TellingOfFailure(const std::string& key, const std::string& failed_event) {
  Digest digest = Telling(key, InvoiceStatus::kOpen);
  digest.invoice->failures = {{kNoon + 5s, EventId{failed_event}, key, 1}};
  return digest;
}

TEST(AttemptOutcomeTest, AnEventWithTheKeyOfAnAttemptThatIsOutIsItsOutcome) {
  const std::vector<Attempt> attempts = {MakeAttempt("key/0"), MakeAttempt("key/1")};
  const auto paid = OutcomeInEvent(Telling("key/1", InvoiceStatus::kPaid), attempts);
  ASSERT_TRUE(paid);
  EXPECT_EQ(paid->key.str(), "key/1");
  EXPECT_EQ(paid->state, AttemptState::kSucceeded);
  EXPECT_EQ(paid->finished_at, kNoon + 5s);
  EXPECT_EQ(paid->detail, "told by evt_1");
  const auto failed = OutcomeInEvent(TellingOfFailure("key/1", "evt_1"), attempts);
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->state, AttemptState::kDeclined);
}

TEST(AttemptOutcomeTest, APaymentsOwnFailureBringsItsDecline) {
  Digest digest = Telling("key/1", InvoiceStatus::kOpen);
  digest.invoice.reset();
  digest.failure = PaymentFailure{"pi_1", {}, kNoon, {.code = "expired_card"}};
  const auto failed = OutcomeInEvent(digest, {MakeAttempt("key/1")});
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->state, AttemptState::kDeclined);
  EXPECT_EQ(failed->decline.code, "expired_card");
}

TEST(AttemptOutcomeTest, WhatSaysNothingOfTheAttemptLeavesItOut) {
  const std::vector<Attempt> attempts = {MakeAttempt("key/1")};
  EXPECT_FALSE(OutcomeInEvent(Telling("key/1", InvoiceStatus::kOpen), attempts)) << "the invoice was only changed";
  EXPECT_FALSE(OutcomeInEvent(TellingOfFailure("key/1", "evt_0"), attempts)) << "a failure that was told before";
  EXPECT_FALSE(OutcomeInEvent(Telling("", InvoiceStatus::kPaid), attempts)) << "nobody's request";
  EXPECT_FALSE(OutcomeInEvent(Telling("key/9", InvoiceStatus::kPaid), attempts)) << "somebody else's";
}

TEST(AttemptOutcomeTest, AnAttemptThatHasEndedOnlyLearnsItsDecline) {
  Attempt ended = MakeAttempt("key/1");
  ended.state = AttemptState::kUnknown;
  ended.finished_at = kNoon + 1s;
  EXPECT_FALSE(OutcomeInEvent(Telling("key/1", InvoiceStatus::kPaid), {ended}));
  Digest digest = TellingOfFailure("key/1", "evt_1");
  digest.failure = PaymentFailure{"pi_1", {}, kNoon, {.code = "expired_card"}};
  const auto learnt = OutcomeInEvent(digest, {ended});
  ASSERT_TRUE(learnt);
  EXPECT_EQ(learnt->state, AttemptState::kUnknown);
  EXPECT_EQ(learnt->finished_at, kNoon + 1s);
  EXPECT_EQ(learnt->decline.code, "expired_card");
  EXPECT_FALSE(OutcomeInEvent(digest, {*learnt})) << "it is known already";
}

}  // namespace
}  // namespace dunlin
