#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/workflows/providers/scripted_http.h"
#include "workflows/providers/stripe/api.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedHttp;
using testing::SeenRequest;
using Json = nlohmann::json;

constexpr std::string_view kKey = "sk_test_fictional4242424242";

std::unique_ptr<StripeApi> Client(const std::string& url, StripeOptions options = {}) {
  options.base_url = url;
  options.api_key = kKey;
  Result<std::unique_ptr<StripeApi>> api = StripeApi::Open(options);
  EXPECT_TRUE(api) << api.error().detail;
  return std::move(*api);
}

Attempt PayAttempt() {
  Attempt attempt;
  attempt.key = AttemptKey{"dunlin-a1b2/17/0"};
  attempt.invoice = InvoiceId{"in_1"};
  attempt.parameters = "off_session=true&expand%5B%5D=payments.data.payment.payment_intent";
  return attempt;
}

Json Invoice(std::string_view status) {
  return {
      {"id", "in_1"},      {"object", "invoice"}, {"created", 1'790'000'000},
      {"status", status},  {"customer", "cus_1"}, {"amount_due", 4000},
      {"currency", "usd"}, {"attempt_count", 1},  {"parent", {{"subscription_details", {{"subscription", "sub_1"}}}}}};
}

Json WithIntent(Json invoice, Json intent) {
  Json payment = {{"object", "invoice_payment"},
                  {"created", 1'790'000'001},
                  {"status", "open"},
                  {"payment", {{"type", "payment_intent"}, {"payment_intent", std::move(intent)}}}};
  invoice["payments"] = {{"object", "list"}, {"data", Json::array({std::move(payment)})}};
  return invoice;
}

Json Error(std::string_view type, std::string_view code, Json more = Json::object()) {
  Json error = {{"type", type}, {"code", code}, {"message", "Something was wrong."}};
  error.update(more);
  return {{"error", error}};
}

PayAnswer PayWith(const Reply& reply) {
  ScriptedHttp server({reply});
  StripeOptions options;
  options.timeout = 300ms;
  return Client(server.url(), options)->Pay(PayAttempt());
}

struct PayCase {
  std::string name;
  Reply reply;
  PayOutcome outcome;
  std::string decline_code = "";
};

std::string OpenWith(Json intent) {
  intent["id"] = "pi_1";
  return WithIntent(Invoice("open"), std::move(intent)).dump();
}
std::string ShouldRetry(bool yes) { return std::string("Stripe-Should-Retry: ") + (yes ? "true" : "false") + "\r\n"; }
Reply Invalid(int status, std::string_view code, const std::string& header_lines = "") {
  return Answer(status, Error("invalid_request_error", code).dump(), header_lines);
}
Reply HangUpAfter(std::string bytes) { return {Reply::Manner::kHangUpAfter, std::move(bytes)}; }

std::vector<PayCase> Successes() {
  using enum PayOutcome;
  const Json lost = {{"status", "requires_payment_method"}, {"last_payment_error", {{"decline_code", "lost_card"}}}};
  return {
      {"paid", Answer(200, Invoice("paid").dump()), kPaid},
      {"processing", Answer(200, OpenWith({{"status", "processing"}})), kProcessing},
      {"requires_action", Answer(200, OpenWith({{"status", "requires_action"}})), kDeclined, "authentication_required"},
      {"declined_in_200", Answer(200, OpenWith(lost)), kDeclined, "lost_card"},
      {"open_and_nothing_known", Answer(200, Invoice("open").dump()), kStoredError},
      {"unreadable_200", Answer(200, "<html>"), kUnknown},
      {"not_an_invoice", Answer(200, R"({"object":"invoice"})"), kStoredError},
      {"redirect", Answer(302, "", "Location: http://127.0.0.1:1/\r\n"), kUnknown},
  };
}

std::vector<PayCase> Declines() {
  const auto card = [](Json more) { return Answer(402, Error("card_error", "card_declined", std::move(more)).dump()); };
  const std::string needs_action = "invoice_payment_intent_requires_action";
  const Json stolen = {{"payment_intent", {{"id", "pi_1"}, {"last_payment_error", {{"decline_code", "stolen_card"}}}}}};
  using enum PayOutcome;
  return {
      {"card_error", card({{"decline_code", "insufficient_funds"}}), kDeclined, "insufficient_funds"},
      {"card_error_by_code", Answer(402, Error("card_error", "expired_card").dump()), kDeclined, "expired_card"},
      {"card_error_by_intent", card(stolen), kDeclined, "stolen_card"},
      {"action_402", Answer(402, Error("card_error", needs_action).dump()), kDeclined, "authentication_required"},
      {"action_400", Invalid(400, needs_action), kDeclined, "authentication_required"},
  };
}

std::vector<PayCase> Refusals() {
  using enum PayOutcome;
  return {
      {"already_paid", Invalid(400, "invoice_already_paid"), kRefused},
      {"unknown_invoice", Invalid(404, "resource_missing"), kRefused},
      {"other_parameters", Answer(400, Error("idempotency_error", "").dump()), kRefused},
      {"retryable_400", Invalid(400, "", ShouldRetry(true)), kNotExecuted},
      {"wrong_key", Invalid(401, ""), kNotExecuted},
      {"forbidden", Invalid(403, ""), kNotExecuted},
      {"not_stripe_404", Answer(404, "<html>not here</html>"), kUnknown},
      {"not_stripe_402", Answer(402, "<html>pay the proxy</html>"), kUnknown},
      {"conflict", Invalid(409, ""), kNotExecuted},
      {"conflict_for_good", Invalid(409, "", ShouldRetry(false)), kRefused},
      {"key_in_use", Answer(409, Error("idempotency_error", "idempotency_key_in_use").dump()), kUnknown},
      {"rate_limit", Invalid(429, "rate_limit"), kNotExecuted},
      {"rate_limit_as_400", Invalid(400, "rate_limit"), kNotExecuted},
      {"lock_timeout", Invalid(429, "lock_timeout", ShouldRetry(true)), kNotExecuted},
  };
}

std::vector<PayCase> Breakdowns() {
  const std::string api_error = Error("api_error", "").dump();
  using enum PayOutcome;
  return {
      {"stored_500", Answer(500, api_error), kStoredError},
      {"stored_500_bare", Answer(500, ""), kStoredError},
      {"stored_503_do_not_retry", Answer(503, api_error, ShouldRetry(false)), kStoredError},
      {"retryable_500", Answer(500, api_error, ShouldRetry(true)), kUnknown},
      {"gateway_502", Answer(502, "<html>"), kUnknown},
      {"silence", {Reply::Manner::kSilence, ""}, kUnknown},
      {"hang_up_after_reading", HangUpAfter(""), kUnknown},
      {"hang_up_before_reading", {Reply::Manner::kHangUpFirst, ""}, kUnknown},
      {"half_a_header", HangUpAfter("HTTP/1.1 200 OK\r\nContent-Le"), kUnknown},
      {"half_a_body", HangUpAfter("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":\"in_1\","), kUnknown},
      {"not_http", HangUpAfter("220 mail.example.com ESMTP\r\n"), kUnknown},
  };
}

std::vector<PayCase> PayCases() {
  std::vector<PayCase> all;
  for (const auto& part : {Successes(), Declines(), Refusals(), Breakdowns()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

class PayOutcomes : public ::testing::TestWithParam<PayCase> {};

TEST_P(PayOutcomes, AnEndingIsTheOutcomeThatSaysWhatToDoNext) {
  const PayAnswer answer = PayWith(GetParam().reply);
  EXPECT_EQ(static_cast<int>(answer.outcome), static_cast<int>(GetParam().outcome)) << answer.detail;
  EXPECT_EQ(answer.decline.code, GetParam().decline_code);
  EXPECT_FALSE(answer.detail.empty());
  EXPECT_THAT(answer.detail, Not(HasSubstr(std::string(kKey))));
}
INSTANTIATE_TEST_SUITE_P(StripeApiTest, PayOutcomes, ::testing::ValuesIn(PayCases()),
                         [](const auto& pay_case) { return pay_case.param.name; });

TEST(StripeApiTest, PaySendsTheFrozenBytesUnderTheAttemptsKey) {
  ScriptedHttp server({Answer(200, Invoice("paid").dump())});
  const PayAnswer answer = Client(server.url())->Pay(PayAttempt());
  ASSERT_EQ(server.requests().size(), 1U);
  const SeenRequest sent = server.requests().front();
  EXPECT_EQ(sent.line, "POST /v1/invoices/in_1/pay HTTP/1.1");
  EXPECT_EQ(sent.body, "off_session=true&expand%5B%5D=payments.data.payment.payment_intent");
  EXPECT_EQ(sent.Header("Idempotency-Key"), "dunlin-a1b2/17/0");
  EXPECT_EQ(sent.Header("Authorization"), "Bearer " + std::string(kKey));
  EXPECT_EQ(sent.Header("Stripe-Version"), "2026-10-28.endive");
  EXPECT_EQ(sent.Header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_THAT(sent.Header("User-Agent"), HasSubstr("dunlin/"));
  EXPECT_EQ(sent.Header("Expect"), "");
  ASSERT_TRUE(answer.invoice);
  EXPECT_EQ(answer.invoice->status, InvoiceStatus::kPaid);
  EXPECT_EQ(answer.invoice->amount_due, (Money{4000, "usd"}));
}

TEST(StripeApiTest, PayParametersDependOnTheVersionAlone) {
  StripeOptions old;
  old.api_version = "2020-08-27";
  EXPECT_EQ(Client("http://127.0.0.1:1")->PayParameters(InvoiceId{"in_1"}), PayAttempt().parameters);
  EXPECT_EQ(Client("http://127.0.0.1:1")->PayParameters(InvoiceId{"in_2"}), PayAttempt().parameters);
  EXPECT_EQ(Client("http://127.0.0.1:1", old)->PayParameters(InvoiceId{"in_1"}),
            "off_session=true&expand%5B%5D=payment_intent");
}

TEST(StripeApiTest, WhatNeverReachedStripeWasNotExecuted) {
  const PayAnswer refused = Client("http://127.0.0.1:" + std::to_string(testing::ClosedPort()))->Pay(PayAttempt());
  EXPECT_EQ(refused.outcome, PayOutcome::kNotExecuted) << refused.detail;
  StripeOptions impatient;
  impatient.connect_timeout = 300ms;
  const PayAnswer unknown_host = Client("http://stripe.invalid", impatient)->Pay(PayAttempt());
  EXPECT_EQ(unknown_host.outcome, PayOutcome::kNotExecuted) << unknown_host.detail;
  ScriptedHttp plain({{Reply::Manner::kHangUpFirst, ""}, {Reply::Manner::kSilence, ""}});
  const PayAnswer no_tls = Client("https" + plain.url().substr(4))->Pay(PayAttempt());
  EXPECT_EQ(no_tls.outcome, PayOutcome::kNotExecuted) << no_tls.detail;
  const PayAnswer slow_tls = Client("https" + plain.url().substr(4), impatient)->Pay(PayAttempt());
  EXPECT_EQ(slow_tls.outcome, PayOutcome::kNotExecuted) << slow_tls.detail;
}

TEST(StripeApiTest, AKeptConnectionThatWasClosedDoesNotMakeALostAnswerLookUnsent) {
  ScriptedHttp server(
      {Answer(200, Invoice("paid").dump()), {Reply::Manner::kHangUpAfter, ""}, {Reply::Manner::kHangUpAfter, ""}});
  const auto api = Client(server.url());
  EXPECT_EQ(api->Pay(PayAttempt()).outcome, PayOutcome::kPaid);
  EXPECT_EQ(api->Pay(PayAttempt()).outcome, PayOutcome::kUnknown);
  const std::vector<SeenRequest> sent = server.requests();
  for (const SeenRequest& request : sent) {
    EXPECT_EQ(request.Header("Idempotency-Key"), sent.front().Header("Idempotency-Key"));
    EXPECT_EQ(request.body, sent.front().body);
  }
}

TEST(StripeApiTest, ACallEndsAtItsTimeout) {
  ScriptedHttp server({{Reply::Manner::kSilence, ""}});
  StripeOptions options;
  options.timeout = 200ms;
  const auto begun = std::chrono::steady_clock::now();
  const Result<InvoiceAnswer> answer = Client(server.url(), options)->FetchInvoice(InvoiceId{"in_1"});
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
}

TEST(StripeApiTest, RetryAfterIsHandedOn) {
  const PayAnswer limited =
      PayWith(Answer(429, Error("invalid_request_error", "rate_limit").dump(), "Retry-After: 7\r\n"));
  EXPECT_EQ(limited.retry_after, Millis{7s});
  const PayAnswer endless = PayWith(Answer(429, "{}", "Retry-After: 99999999\r\n"));
  EXPECT_EQ(endless.retry_after, Millis{1h});
  const PayAnswer shedding = PayWith(Answer(429, "{}", "Stripe-Should-Retry: false\r\n"));
  EXPECT_EQ(shedding.retry_after, Millis{60s});
  EXPECT_FALSE(PayWith(Answer(409, "{}")).retry_after);
}

TEST(StripeApiTest, ADeclineIsCompletedByItsPaymentIntent) {
  const Json last = {{"decline_code", "insufficient_funds"},
                     {"advice_code", "try_again_later"},
                     {"network_advice_code", "02"},
                     {"payment_method", {{"id", "pm_1"}}}};
  const PayAnswer answer = PayWith(Answer(
      402, Error("card_error", "card_declined", {{"payment_intent", {{"id", "pi_1"}, {"last_payment_error", last}}}})
               .dump()));
  EXPECT_EQ(answer.decline, (Decline{"insufficient_funds", "try_again_later", "02", "pm_1"}));
}

TEST(StripeApiTest, NoDetailHoldsASecret) {
  Json error = Error("invalid_request_error", "api_key_expired");
  error["error"]["message"] =
      "Expired key " + std::string(kKey) + ", (rk_live_123) pi_1_secret_abc of ada@example.com card 4242424242424242.";
  const PayAnswer answer = PayWith(Answer(401, error.dump(), "Request-Id: req_42\r\n"));
  for (const std::string secret : {"fictional", "rk_live", "secret_abc", "ada", "42424242"})
    EXPECT_THAT(answer.detail, Not(HasSubstr(secret)));
  EXPECT_THAT(answer.detail, HasSubstr("req_42"));
  EXPECT_THAT(answer.detail, HasSubstr("api_key_expired"));
}

TEST(StripeApiTest, TooLargeAnAnswerIsRefused) {
  StripeOptions options;
  options.answer_bytes_max = 1000;
  ScriptedHttp server({Answer(200, std::string(5000, ' ')), Answer(200, std::string(5000, ' '))});
  const auto api = Client(server.url(), options);
  EXPECT_EQ(api->Pay(PayAttempt()).outcome, PayOutcome::kStoredError);
  const Result<InvoiceAnswer> fetched = api->FetchInvoice(InvoiceId{"in_1"});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::kUnavailable);
  EXPECT_THAT(fetched.error().detail, HasSubstr("too large"));
}

TEST(StripeApiTest, RedirectsAreNotFollowed) {
  ScriptedHttp elsewhere({Answer(200, Invoice("paid").dump())});
  ScriptedHttp server({Answer(307, "", "Location: " + elsewhere.url() + "/v1/invoices/in_1\r\n")});
  const Result<InvoiceAnswer> answer = Client(server.url())->FetchInvoice(InvoiceId{"in_1"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::kUnavailable);
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(StripeApiTest, ProxiesOfTheEnvironmentAreNotUsed) {
  ScriptedHttp server({Answer(200, Invoice("paid").dump())});
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const Result<InvoiceAnswer> answer = Client(server.url())->FetchInvoice(InvoiceId{"in_1"});
  ::unsetenv("http_proxy");
  EXPECT_TRUE(answer) << answer.error().detail;
}

TEST(StripeApiTest, IdsCannotReachOtherPaths) {
  ScriptedHttp server({Answer(404, Error("invalid_request_error", "resource_missing").dump())});
  EXPECT_FALSE(Client(server.url())->FetchInvoice(InvoiceId{"../balance?x=1#"}));
  EXPECT_THAT(server.requests().at(0).line, HasSubstr("GET /v1/invoices/..%2Fbalance%3Fx%3D1%23?expand"));
}

TEST(StripeApiTest, ErrorsOfOtherCallsSayWhatTheCallerDoesNext) {
  const std::string body = Error("invalid_request_error", "x").dump();
  const std::vector<std::pair<Reply, Errc>> cases = {
      {Answer(400, body), Errc::kInvalidArgument},
      {Answer(401, body), Errc::kUnauthenticated},
      {Answer(403, body), Errc::kUnauthenticated},
      {Answer(404, body), Errc::kNotFound},
      {Answer(404, "<html>"), Errc::kUnavailable},
      {Answer(409, body), Errc::kUnavailable},
      {Answer(429, body), Errc::kUnavailable},
      {Answer(400, Error("invalid_request_error", "rate_limit").dump()), Errc::kUnavailable},
      {Answer(500, body), Errc::kUnavailable},
      {Answer(200, "{"), Errc::kUnavailable},
      {Answer(200, "{}"), Errc::kInvalidArgument},
      {{Reply::Manner::kHangUpAfter, ""}, Errc::kUnavailable},
  };
  for (const auto& [reply, code] : cases) {
    ScriptedHttp server({reply});
    const Result<InvoiceAnswer> answer = Client(server.url())->FetchInvoice(InvoiceId{"in_1"});
    ASSERT_FALSE(answer) << reply.bytes;
    EXPECT_EQ(ErrcName(answer.error().code), ErrcName(code)) << reply.bytes << answer.error().detail;
  }
}

TEST(StripeApiTest, AFetchedInvoiceTellsItsDeclineAndWhen) {
  const Json intent = {{"id", "pi_1"},
                       {"status", "requires_payment_method"},
                       {"last_payment_error",
                        {{"charge", "ch_9"},
                         {"code", "card_declined"},
                         {"decline_code", "insufficient_funds"},
                         {"payment_method", {{"id", "pm_1"}}}}}};
  ScriptedHttp server({Answer(200, WithIntent(Invoice("open"), intent).dump()),
                       Answer(200, R"({"id":"ch_9","created":1790001234})"),
                       Answer(200, WithIntent(Invoice("open"), intent).dump()), Answer(500, "{}")});
  const auto api = Client(server.url());
  const Result<InvoiceAnswer> told = api->FetchInvoice(InvoiceId{"in_1"});
  ASSERT_TRUE(told) << told.error().detail;
  EXPECT_EQ(told->invoice.decline, (Decline{"insufficient_funds", "", "", "pm_1"}));
  EXPECT_EQ(told->invoice.decline_at, FromUnixSeconds(1'790'001'234));
  EXPECT_EQ(told->payment_intents, std::vector<std::string>{"pi_1"});
  EXPECT_EQ(told->subscription, SubscriptionId{"sub_1"});
  EXPECT_FALSE(told->processing);
  EXPECT_TRUE(told->invoice.failures.empty());
  const Result<InvoiceAnswer> untold = api->FetchInvoice(InvoiceId{"in_1"});
  ASSERT_TRUE(untold) << untold.error().detail;
  EXPECT_EQ(untold->invoice.decline_at, Timestamp{});
  EXPECT_EQ(server.requests().at(0).line,
            "GET /v1/invoices/in_1?expand%5B%5D=payments.data.payment.payment_intent HTTP/1.1");
  EXPECT_EQ(server.requests().at(1).line, "GET /v1/charges/ch_9 HTTP/1.1");
  EXPECT_EQ(server.connections(), 1) << "the connection is kept";
}

TEST(StripeApiTest, ASubscriptionComesWithItsLatestInvoice) {
  Json sub = {{"id", "sub_1"},
              {"status", "past_due"},
              {"customer", {{"id", "cus_1"}, {"invoice_settings", {{"default_payment_method", "pm_2"}}}}},
              {"metadata", {{"account", "acme"}}},
              {"latest_invoice", Invoice("open")}};
  Json paid = sub;
  paid["latest_invoice"] = Invoice("paid");
  paid["customer"] = {{"id", "cus_1"}, {"default_source", "card_1"}};
  ScriptedHttp server({Answer(200, sub.dump()),
                       Answer(200, WithIntent(Invoice("open"), {{"id", "pi_1"}, {"status", "processing"}}).dump()),
                       Answer(200, paid.dump())});
  const auto api = Client(server.url());
  const Result<SubscriptionAnswer> owing = api->FetchSubscription(SubscriptionId{"sub_1"});
  ASSERT_TRUE(owing) << owing.error().detail;
  EXPECT_EQ(owing->snapshot.status, ProviderStatus::kPastDue);
  EXPECT_EQ(owing->snapshot.latest_invoice, "in_1");
  EXPECT_EQ(owing->aliases.at(0).alias, "acme");
  ASSERT_TRUE(owing->latest_invoice);
  EXPECT_TRUE(owing->latest_invoice->processing);
  EXPECT_EQ(owing->account.str(), "cus_1");
  EXPECT_EQ(owing->snapshot.customer_method, "pm_2");
  const Result<SubscriptionAnswer> settled = api->FetchSubscription(SubscriptionId{"sub_1"});
  ASSERT_TRUE(settled) << settled.error().detail;
  EXPECT_EQ(settled->snapshot.customer_method, "card_1") << "of an old integration";
  EXPECT_EQ(server.requests().size(), 3U) << "a settled invoice has no payments to ask for";
  EXPECT_EQ(server.requests().at(0).line,
            "GET /v1/subscriptions/sub_1?expand%5B%5D=latest_invoice&expand%5B%5D=customer HTTP/1.1");
}

TEST(StripeApiTest, CancellingTwiceAnswersHowItStands) {
  const std::string ended = R"({"id":"sub_1","status":"canceled","customer":"cus_1","ended_at":1790000009})";
  ScriptedHttp server(
      {Answer(404, Error("invalid_request_error", "resource_missing").dump()), Answer(200, ended), Answer(200, ended)});
  const auto api = Client(server.url());
  for (int i = 0; i < 2; ++i) {
    const Result<SubscriptionAnswer> answer = api->Cancel(SubscriptionId{"sub_1"}, "job/4");
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_EQ(answer->snapshot.status, ProviderStatus::kCanceled);
  }
  EXPECT_EQ(server.requests().at(0).line, "DELETE /v1/subscriptions/sub_1 HTTP/1.1");
  EXPECT_EQ(server.requests().at(0).Header("Idempotency-Key"), "job/4");
  EXPECT_THAT(server.requests().at(1).line, HasSubstr("GET /v1/subscriptions/sub_1"));
}

TEST(StripeApiTest, TakingOverStopsTheProvidersCollection) {
  ScriptedHttp server({Answer(200, Invoice("open").dump())});
  const Result<InvoiceAnswer> answer = Client(server.url())->TakeOver(InvoiceId{"in_1"}, "job/5");
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(server.requests().at(0).line, "POST /v1/invoices/in_1 HTTP/1.1");
  EXPECT_THAT(server.requests().at(0).body, HasSubstr("auto_advance=false&"));
  EXPECT_EQ(server.requests().at(0).Header("Idempotency-Key"), "job/5");
  EXPECT_FALSE(answer->invoice.auto_advance);
}

TEST(StripeApiTest, APaymentLeadsToItsInvoice) {
  ScriptedHttp server({Answer(200, R"({"object":"list","data":[{"id":"inpay_1","invoice":"in_1"}]})"),
                       Answer(200, R"({"object":"list","data":[]})"),
                       Answer(200, R"({"id":"pi_1","invoice":"in_7"})")});
  const auto api = Client(server.url());
  EXPECT_EQ(api->InvoiceOfPayment("pi_1"), InvoiceId{"in_1"});
  const Result<InvoiceId> none = api->InvoiceOfPayment("pi_2");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::kNotFound);
  StripeOptions old;
  old.api_version = "2020-08-27";
  EXPECT_EQ(Client(server.url(), old)->InvoiceOfPayment("pi_1"), InvoiceId{"in_7"});
  EXPECT_EQ(server.requests().at(0).line,
            "GET /v1/invoice_payments?payment%5Btype%5D=payment_intent&payment%5Bpayment_intent%5D=pi_1 HTTP/1.1");
  EXPECT_EQ(server.requests().at(2).line, "GET /v1/payment_intents/pi_1 HTTP/1.1");
}

TEST(StripeApiTest, EventsAreListedPageByPage) {
  ScriptedHttp server(
      {Answer(200,
              R"({"object":"list","has_more":true,"data":[{"id":"evt_2","created":5},{"id":"evt_1","created":4}]})"),
       Answer(200, R"({"object":"list","has_more":false,"data":[{"id":"evt_0","created":3}]})")});
  const auto api = Client(server.url());
  const Result<EventsPage> first = api->ListEvents(FromUnixSeconds(3), "");
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(first->bodies.size(), 2U);
  EXPECT_EQ(Json::parse(first->bodies.at(0)), (Json{{"id", "evt_2"}, {"created", 5}}));
  EXPECT_EQ(first->next, "evt_1");
  const Result<EventsPage> last = api->ListEvents(FromUnixSeconds(3), first->next);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->next, "");
  EXPECT_EQ(server.requests().at(0).line, "GET /v1/events?created%5Bgte%5D=3&limit=100 HTTP/1.1");
  EXPECT_EQ(server.requests().at(1).line, "GET /v1/events?created%5Bgte%5D=3&limit=100&starting_after=evt_1 HTTP/1.1");
}

TEST(StripeApiTest, ThreadsCallSideBySide) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 5;
  std::deque<Reply> replies(kThreads * kCalls, Answer(200, Invoice("paid").dump()));
  ScriptedHttp server(std::move(replies));
  const auto api = Client(server.url());
  std::atomic<int> paid{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) paid += api->Pay(PayAttempt()).outcome == PayOutcome::kPaid;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(paid, kThreads * kCalls);
  EXPECT_LE(server.connections(), kThreads);
}

TEST(StripeApiTest, OptionsThatWouldLeakOrFailAreRefused) {
  const auto open = [](std::string url, std::string key) {
    StripeOptions options;
    options.base_url = std::move(url);
    options.api_key = std::move(key);
    return StripeApi::Open(options).has_value();
  };
  EXPECT_TRUE(open("https://api.stripe.com/", "sk_live_x"));
  EXPECT_TRUE(open("http://127.0.0.1:12111", "sk_test_x"));
  EXPECT_FALSE(open("http://127.0.0.1:12111", "sk_live_x"));
  EXPECT_FALSE(open("http://127.0.0.1:12111", "rk_live_x"));
  EXPECT_FALSE(open("https://user:pass@api.stripe.com", "sk_test_x"));
  EXPECT_FALSE(open("ftp://api.stripe.com", "sk_test_x"));
  EXPECT_FALSE(open("https://", "sk_test_x"));
  EXPECT_FALSE(open("https://api.stripe.com?x=1", "sk_test_x"));
  EXPECT_FALSE(open("https://api.stripe.com", "sk_test_x\r\nHost: evil.example"));
}

TEST(StripeApiTest, WithoutAKeyNothingIsSent) {
  ScriptedHttp server({});
  StripeOptions options;
  options.base_url = server.url();
  const Result<std::unique_ptr<StripeApi>> api = StripeApi::Open(options);
  ASSERT_TRUE(api);
  EXPECT_EQ((*api)->Pay(PayAttempt()).outcome, PayOutcome::kNotExecuted);
  const Result<InvoiceAnswer> fetched = (*api)->FetchInvoice(InvoiceId{"in_1"});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Errc::kUnauthenticated);
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace dunlin
