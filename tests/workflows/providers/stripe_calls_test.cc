// What a call to Stripe does with an answer that is not quite what was asked for, and what it asks next.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/workflows/providers/scripted_http.h"
#include "workflows/providers/stripe/api.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using testing::Reply;
using testing::ScriptedHttp;
using Json = nlohmann::json;

std::unique_ptr<StripeApi> Client(const std::string& url) {
  StripeOptions options;
  options.base_url = url;
  options.api_key = "sk_test_fictional4242424242";
  return *StripeApi::Open(options);
}

TEST(StripeCallsTest, OptionsThatCannotWorkAreNamed) {
  const auto trouble = [](auto change) {
    StripeOptions options;
    options.api_key = "sk_test_x";
    change(options);
    const Result<std::unique_ptr<StripeApi>> api = StripeApi::Open(options);
    return api ? std::string() : api.error().detail;
  };
  EXPECT_EQ(trouble([](StripeOptions&) {}), "");
  EXPECT_THAT(trouble([](StripeOptions& o) { o.api_key = "sk_test_x\x7f"; }), HasSubstr("API key"));
  EXPECT_THAT(trouble([](StripeOptions& o) { o.api_version = ""; }), HasSubstr("API version"));
  EXPECT_THAT(trouble([](StripeOptions& o) { o.api_version = "2026-10-28 endive"; }), HasSubstr("API version"));
  EXPECT_THAT(trouble([](StripeOptions& o) { o.api_version = "2026-10-28\r\nA: b"; }), HasSubstr("API version"));
  EXPECT_THAT(trouble([](StripeOptions& o) { o.timeout = 0ms; }), HasSubstr("timeouts must be positive"));
  EXPECT_THAT(trouble([](StripeOptions& o) { o.connect_timeout = 0ms; }), HasSubstr("timeouts must be positive"));
}

TEST(StripeCallsTest, AListOfEventsThatIsNoneIsTriedAgainLater) {
  const std::vector<std::string> bodies = {R"({"object":"list"})", R"({"data":null})", R"({"data":{"id":"evt_1"}})"};
  ScriptedHttp server({Answer(200, bodies[0]), Answer(200, bodies[1]), Answer(200, bodies[2])});
  const auto api = Client(server.url());
  for (const std::string& body : bodies) {
    const Result<EventsPage> page = api->ListEvents(FromUnixSeconds(3), "");
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().code, Errc::kUnavailable) << body;
    EXPECT_EQ(page.error().detail, "the list of events could not be read") << body;
  }
}

TEST(StripeCallsTest, AnEmptyPageIsTheLastWhateverItSays) {
  ScriptedHttp server({Answer(200, R"({"has_more":true,"data":[]})")});
  const Result<EventsPage> page = Client(server.url())->ListEvents(FromUnixSeconds(3), "evt_9");
  ASSERT_TRUE(page) << page.error().detail;
  EXPECT_TRUE(page->bodies.empty());
  EXPECT_EQ(page->next, "");
}

TEST(StripeCallsTest, OnlyACancellationThatFindsNothingLooksHowItStands) {
  const std::string body = R"({"error":{"type":"invalid_request_error"}})";
  const std::vector<std::pair<int, Errc>> cases = {{400, Errc::kInvalidArgument},
                                                   {401, Errc::kUnauthenticated},
                                                   {429, Errc::kUnavailable},
                                                   {500, Errc::kUnavailable}};
  for (const auto& [status, code] : cases) {
    ScriptedHttp server({Answer(status, body), Answer(200, R"({"id":"sub_1","status":"canceled"})")});
    const Result<SubscriptionAnswer> ended = Client(server.url())->Cancel(SubscriptionId{"sub_1"}, "job/4");
    ASSERT_FALSE(ended) << status;
    EXPECT_EQ(ErrcName(ended.error().code), ErrcName(code)) << status;
    EXPECT_EQ(server.requests().size(), 1U) << status;
  }
}

TEST(StripeCallsTest, AChargeIsAskedForOnlyWhenItsTimeIsNotToldAndItsIdIs) {
  const auto open = [](const Json& intent) {
    const Json payment = {{"payment", {{"payment_intent", intent}}}};
    return Json{{"id", "in_1"},
                {"created", 1'790'000'000},
                {"status", "open"},
                {"payments", {{"data", Json::array({payment})}}}};
  };
  const Json told = {{"id", "pi_1"},
                     {"last_payment_error", {{"code", "card_declined"}, {"charge", "ch_1"}}},
                     {"latest_charge", {{"id", "ch_1"}, {"created", 1'790'001'234}}}};
  const Json unnamed = {{"id", "pi_1"}, {"last_payment_error", {{"code", "card_declined"}}}};
  ScriptedHttp server({Answer(200, open(told).dump()), Answer(200, open(unnamed).dump())});
  const auto api = Client(server.url());
  for (const Timestamp at : {FromUnixSeconds(1'790'001'234), Timestamp{}}) {
    const Result<InvoiceAnswer> invoice = api->FetchInvoice(InvoiceId{"in_1"});
    ASSERT_TRUE(invoice) << invoice.error().detail;
    ASSERT_TRUE(invoice->invoice.decline);
    EXPECT_EQ(invoice->invoice.decline_at, at);
  }
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST(StripeCallsTest, APaymentLeadsToTheFirstInvoiceThatIsNamed) {
  ScriptedHttp server({Answer(200, R"({"data":[{"id":"inpay_1","invoice":null},{"id":"inpay_2","invoice":"in_2"}]})")});
  EXPECT_EQ(Client(server.url())->InvoiceOfPayment("pi_1"), InvoiceId{"in_2"});
}

}  // namespace
}  // namespace dunlin
