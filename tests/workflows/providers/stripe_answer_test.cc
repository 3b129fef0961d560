// What Stripe's answers mean, read from the answer alone: the rarer ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "workflows/providers/stripe/answer.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
using enum PayOutcome;

constexpr std::string_view kAgain = "HTTP/1.1 x\r\nStripe-Should-Retry: true\r\n";
constexpr std::string_view kNotAgain = "HTTP/1.1 x\r\nStripe-Should-Retry: false\r\n";

HttpAnswer Answered(int status, std::string body, std::string_view head = "") {
  HttpAnswer http;
  http.end = HttpAnswer::End::kAnswered;
  http.status = status;
  http.body = std::move(body);
  http.head = head;
  return http;
}

std::string Error(const Json& fields) { return Json{{"error", fields}}.dump(); }

TEST(StripeAnswerTest, AnErrorThatIsNoObjectIsNotStripes) {
  for (const std::string body : {R"({"error":"invalid_request"})", R"({"error":["card_error"]})", R"({"error":null})",
                                 R"({"message":"no"})", "<html>"}) {
    const PayAnswer answer = stripe::ReadPayAnswer(Answered(402, body));
    EXPECT_EQ(answer.outcome, kUnknown) << body;
    EXPECT_EQ(answer.detail, "402 without an error object of the provider's") << body;
    EXPECT_EQ(stripe::ReadFailure(Answered(402, body)).code, Errc::kUnavailable) << body;
  }
}

TEST(StripeAnswerTest, WhatTheErrorSaysItselfCountsMoreThanItsPaymentIntent) {
  const Json last = {{"decline_code", "generic_decline"},
                     {"advice_code", "try_again_later"},
                     {"network_advice_code", "02"},
                     {"payment_method", "pm_last"}};
  const Json told = {{"type", "card_error"},
                     {"code", "card_declined"},
                     {"decline_code", "lost_card"},
                     {"advice_code", "do_not_try_again"},
                     {"network_advice_code", "01"},
                     {"payment_method", {{"id", "pm_own"}}},
                     {"payment_intent", {{"last_payment_error", last}}}};
  EXPECT_EQ(stripe::ReadPayAnswer(Answered(402, Error(told))).decline,
            (Decline{"lost_card", "do_not_try_again", "01", "pm_own"}));
}

TEST(StripeAnswerTest, APaymentThatWaitsForTheCustomerIsNotTakenForTheDeclineBeforeIt) {
  const Json before = {{"decline_code", "insufficient_funds"}, {"payment_method", "pm_1"}};
  for (const char* code : {"invoice_payment_intent_requires_action", "payment_intent_action_required",
                           "subscription_payment_intent_requires_action", "authentication_required"}) {
    const Json waits = {{"type", "card_error"}, {"code", code}, {"payment_intent", {{"last_payment_error", before}}}};
    const PayAnswer answer = stripe::ReadPayAnswer(Answered(402, Error(waits)));
    EXPECT_EQ(answer.outcome, kDeclined) << code;
    EXPECT_EQ(answer.decline, (Decline{"authentication_required", "", "", "pm_1"})) << code;
  }
}

TEST(StripeAnswerTest, APaymentIntentThatTellsNoCodeLeavesTheErrorsOwn) {
  const Json told = {{"type", "card_error"},
                     {"code", "card_declined"},
                     {"payment_intent", {{"last_payment_error", {{"payment_method", "pm_1"}}}}}};
  EXPECT_EQ(stripe::ReadPayAnswer(Answered(402, Error(told))).decline, (Decline{"card_declined", "", "", "pm_1"}));
}

TEST(StripeAnswerTest, ACardErrorIsADeclineUnderAnyStatusThatRefuses) {
  for (const int status : {400, 402, 422}) {
    const PayAnswer answer =
        stripe::ReadPayAnswer(Answered(status, Error({{"type", "card_error"}, {"code", "expired_card"}})));
    EXPECT_EQ(answer.outcome, kDeclined) << status;
    EXPECT_EQ(answer.decline.code, "expired_card") << status;
  }
}

TEST(StripeAnswerTest, AConflictOfKeysMayBeTheFirstRequestAtWork) {
  for (const Json& error : {Json{{"type", "idempotency_error"}}, Json{{"code", "idempotency_key_in_use"}}}) {
    EXPECT_EQ(stripe::ReadPayAnswer(Answered(409, Error(error))).outcome, kUnknown) << error;
  }
}

TEST(StripeAnswerTest, APauseThatStripeAsksForCountsMoreThanOurs) {
  HttpAnswer busy = Answered(429, "{}", kNotAgain);
  EXPECT_EQ(stripe::ReadPayAnswer(busy).retry_after, Millis{60s});
  busy.retry_after = 7s;
  EXPECT_EQ(stripe::ReadPayAnswer(busy).retry_after, Millis{7s});
  EXPECT_EQ(stripe::ReadPayAnswer(busy).outcome, kNotExecuted);
}

TEST(StripeAnswerTest, AGatewaysErrorIsUnknownUnlessStripeSaysNotToTryAgain) {
  for (const int status : {502, 503, 504}) {
    EXPECT_EQ(stripe::ReadPayAnswer(Answered(status, "<html>")).outcome, kUnknown) << status;
    EXPECT_EQ(stripe::ReadPayAnswer(Answered(status, "<html>", kAgain)).outcome, kUnknown) << status;
    EXPECT_EQ(stripe::ReadPayAnswer(Answered(status, "<html>", kNotAgain)).outcome, kStoredError) << status;
    EXPECT_EQ(stripe::ReadPayAnswer(Answered(status, Error({{"type", "api_error"}}))).outcome, kStoredError) << status;
  }
}

TEST(StripeAnswerTest, AStatusThatIsNoAnswerToACallLeavesItUnknown) {
  for (const int status : {101, 199, 301, 399}) {
    const PayAnswer answer = stripe::ReadPayAnswer(Answered(status, "{}"));
    EXPECT_EQ(answer.outcome, kUnknown) << status;
    EXPECT_THAT(answer.detail, HasSubstr("answered " + std::to_string(status)));
    EXPECT_EQ(stripe::ReadFailure(Answered(status, "{}")).code, Errc::kUnavailable) << status;
  }
}

TEST(StripeAnswerTest, ARefusalThatStripeWantsTriedAgainIsNotFinal) {
  const std::string body = Error({{"type", "invalid_request_error"}});
  EXPECT_EQ(stripe::ReadFailure(Answered(400, body)).code, Errc::kInvalidArgument);
  EXPECT_EQ(stripe::ReadFailure(Answered(400, body, kNotAgain)).code, Errc::kInvalidArgument);
  EXPECT_EQ(stripe::ReadFailure(Answered(400, body, kAgain)).code, Errc::kUnavailable);
  EXPECT_EQ(stripe::ReadFailure(Answered(400, body, "HTTP/1.1 x\r\nStripe-Should-Retry: perhaps\r\n")).code,
            Errc::kInvalidArgument);
}

}  // namespace
}  // namespace dunlin
