#include "webhooks/stripe/envelope.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dunlin {
namespace {

const std::string kSubscriptionUpdated = R"({
  "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1800000000, "livemode": true,
  "data": {
    "object": {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "past_due",
               "items": {"object": "list", "data": [{"id": "si_1", "object": "subscription_item", "customer": "no",
                         "subscription": "no", "price": {"id": "price_1", "type": "recurring"}}]},
               "metadata": {"id": "no", "customer": "no"}},
    "previous_attributes": {"id": "no", "object": {"id": "no"}, "status": "active"}
  },
  "request": {"id": "req_1", "idempotency_key": null}, "pending_webhooks": 1, "type": "customer.subscription.updated"
})";

std::string ErrorOf(std::string_view body) {
  const Result<StripeEnvelope> envelope = ReadStripeEnvelope(body);
  if (envelope) return "it was read";
  EXPECT_EQ(envelope.error().code, Errc::kInvalidArgument);
  return envelope.error().detail;
}

// A small event with `object` as its data.object.
Result<StripeEnvelope> About(const std::string& object) {
  return ReadStripeEnvelope(R"({"id":"evt_1","object":"event","type":"x","created":1,"data":{"object":)" + object +
                            "}}");
}

TEST(EnvelopeTest, ASnapshotEventIsRead) {
  const Result<StripeEnvelope> e = ReadStripeEnvelope(kSubscriptionUpdated);
  ASSERT_TRUE(e) << e.error().detail;
  EXPECT_EQ(e->id, EventId("evt_1"));
  EXPECT_EQ(e->type, "customer.subscription.updated");
  EXPECT_EQ(e->created, FromUnixSeconds(1800000000));
  EXPECT_EQ(e->livemode, true);
  EXPECT_FALSE(e->thin);
  EXPECT_EQ(e->object_id, "sub_1");
  EXPECT_EQ(e->object_kind, "subscription");
  EXPECT_EQ(e->customer, "cus_1");
  EXPECT_EQ(e->subscription, "sub_1");
  EXPECT_EQ(e->related_object_id, "");
}

TEST(EnvelopeTest, AThinEventIsRead) {
  const Result<StripeEnvelope> e = ReadStripeEnvelope(
      R"({"id":"evt_2","object":"v2.core.event","type":"v1.customer.subscription.updated","livemode":false,
          "created":"2022-02-15T00:27:45.330Z","context":"acct_1","reason":{"type":"request","request":{"id":"req_1"}},
          "related_object":{"id":"sub_1","type":"subscription","url":"/v1/subscriptions/sub_1"}})");
  ASSERT_TRUE(e) << e.error().detail;
  EXPECT_TRUE(e->thin);
  EXPECT_EQ(e->id, EventId("evt_2"));
  EXPECT_EQ(e->type, "v1.customer.subscription.updated");
  EXPECT_EQ(FormatRfc3339(e->created), "2022-02-15T00:27:45.330Z");
  EXPECT_EQ(e->related_object_id, "sub_1");
  EXPECT_EQ(e->related_object_type, "subscription");
  EXPECT_EQ(e->object_id, "");
}

TEST(EnvelopeTest, TheSubscriptionOfAnInvoiceIsFoundInBothShapes) {
  EXPECT_EQ(About(R"({"id":"in_1","object":"invoice","subscription":"sub_old"})")->subscription, "sub_old");
  EXPECT_EQ(About(R"({"id":"in_1","object":"invoice","parent":{"type":"subscription_details",
                      "subscription_details":{"metadata":{"subscription":"no"},"subscription":"sub_new"}}})")
                ->subscription,
            "sub_new");
  EXPECT_EQ(About(R"({"id":"in_1","object":"invoice","parent":{"type":"quote_details"}})")->subscription, "");
  EXPECT_EQ(About(R"({"id":"in_1","object":"invoice","subscription":null,"customer":{"id":"cus_1"}})")->customer, "");
}

TEST(EnvelopeTest, AnObjectWithoutIdAndUnknownTypesAreTaken) {
  const Result<StripeEnvelope> upcoming = About(R"({"object":"invoice","customer":"cus_1","amount_due":4000})");
  ASSERT_TRUE(upcoming);
  EXPECT_EQ(upcoming->object_id, "");
  EXPECT_EQ(upcoming->customer, "cus_1");
  EXPECT_EQ(upcoming->livemode, std::nullopt);
  EXPECT_TRUE(ReadStripeEnvelope(R"({"type":"a.b.c_2","new":[{"id":1},[[]]],"object":"event","created":5,"id":"e"})"));
}

TEST(EnvelopeTest, TheLastOfTwoEqualKeysCounts) {
  const std::string head = R"("object":"event","type":"x","created":1)";
  EXPECT_EQ(ReadStripeEnvelope(R"({"id":"evt_1",)" + head + R"(,"id":"evt_2"})")->id, EventId("evt_2"));
  EXPECT_EQ(ErrorOf(R"({"id":"evt_1",)" + head + R"(,"id":2})"), "not an event: id is not a text");
  EXPECT_EQ(ErrorOf(R"({"id":"evt_1",)" + head + R"(,"id":null})"), "not an event: id is missing");
  const Result<StripeEnvelope> e = ReadStripeEnvelope(
      R"({"id":"evt_1",)" + head +
      R"(,"data":{"object":{"id":"a","customer":"b","parent":{"subscription_details":{"subscription":"c"}}}},
          "data":{"object":{"id":"d"}}})");
  ASSERT_TRUE(e);
  EXPECT_EQ(e->object_id, "d");
  EXPECT_EQ(e->customer, "");
  EXPECT_EQ(e->subscription, "");
  EXPECT_EQ(ReadStripeEnvelope(R"({"id":"evt_1",)" + head + R"(,"data":{"object":{"id":"a"}},"data":7})")->object_id,
            "");
}

TEST(EnvelopeTest, EscapedKeysAreTheSameKeys) {
  EXPECT_EQ(ReadStripeEnvelope(R"({"\u0069d":"evt\u005f1","object":"event","type":"x","created":1})")->id,
            EventId("evt_1"));
}

TEST(EnvelopeTest, WhatIsNotJsonToTheLastByteIsRefused) {
  for (const std::string& body : std::vector<std::string>{
           "", " ", "} I am not valid JSON; 123][", "this is not valid JSON", kSubscriptionUpdated + "[",
           kSubscriptionUpdated + "{}", kSubscriptionUpdated.substr(0, kSubscriptionUpdated.size() - 1),
           kSubscriptionUpdated + std::string(1, '\0'), kSubscriptionUpdated + std::string("\0}", 2),
           "{\"id\":\"evt_1\",}", "{'id':1}", "{\"a\":NaN}", "{\"a\":01}", "{\"a\":\"\xff\"}", R"({"a":"\ud802"})",
           "{\"a\":\"\n\"}", "{\"a\":1e999}"}) {
    EXPECT_EQ(ErrorOf(body).substr(0, 9), "not JSON:") << body;
  }
}

TEST(EnvelopeTest, EveryCutOfAnEventIsRefused) {
  for (std::size_t size = 0; size < kSubscriptionUpdated.size(); ++size) {
    EXPECT_FALSE(ReadStripeEnvelope(std::string_view(kSubscriptionUpdated).substr(0, size))) << size;
  }
}

TEST(EnvelopeTest, WhatIsMissingOrWrongIsNamed) {
  const auto event = [](const std::string& id, const std::string& object, const std::string& type,
                        const std::string& created, const std::string& more = "") {
    return "{\"x\":0" + id + object + type + created + more + "}";
  };
  const std::string id = R"(,"id":"evt_1")", object = R"(,"object":"event")", type = R"(,"type":"t")",
                    created = R"(,"created":1)", thin = R"(,"object":"v2.core.event")";
  ASSERT_TRUE(ReadStripeEnvelope(event(id, object, type, created)));
  EXPECT_EQ(ErrorOf(event("", object, type, created)), "not an event: id is missing");
  EXPECT_EQ(ErrorOf(event(R"(,"id":{"id":"evt_1"})", object, type, created)), "not an event: id is not a text");
  EXPECT_EQ(ErrorOf(event(R"(,"id":["evt_1"])", object, type, created)), "not an event: id is not a text");
  EXPECT_EQ(ErrorOf(event(R"(,"id":"")", object, type, created)),
            "not an event: id is not 1 to 255 printable characters");
  EXPECT_EQ(ErrorOf(event(",\"id\":\"" + std::string(256, 'a') + "\"", object, type, created)),
            "not an event: id is not 1 to 255 printable characters");
  EXPECT_EQ(ErrorOf(event(R"(,"id":"a\u0000b")", object, type, created)),
            "not an event: id is not 1 to 255 printable characters");
  EXPECT_EQ(ErrorOf(event(id, "", type, created)), "not an event: object is missing");
  EXPECT_EQ(ErrorOf(event(id, R"(,"object":"list")", type, created)),
            "not an event: object is neither event nor v2.core.event");
  EXPECT_EQ(ErrorOf(event(id, object, "", created)), "not an event: type is missing");
  EXPECT_EQ(ErrorOf(event(id, object, R"(,"type":7)", created)), "not an event: type is not a text");
  EXPECT_EQ(ErrorOf(event(id, object, type, "")), "not an event: created is missing");
  for (const char* wrong : {R"(,"created":"1")", R"(,"created":1.5)", R"(,"created":18446744073709551615)"}) {
    EXPECT_EQ(ErrorOf(event(id, object, type, wrong)), "not an event: created is not a whole number");
  }
  for (const char* wrong : {R"(,"created":0)", R"(,"created":-5)", R"(,"created":253402300800)"}) {
    EXPECT_EQ(ErrorOf(event(id, object, type, wrong)), "not an event: created is not a time");
  }
  EXPECT_EQ(ErrorOf(event(id, thin, type, created)), "not an event: created is not a text");
  EXPECT_EQ(ErrorOf(event(id, thin, type, R"(,"created":"today")")), "not an event: created is not a time");
  EXPECT_EQ(ErrorOf(event(id, object, type, created, R"(,"livemode":"yes")")),
            "not an event: livemode is neither true nor false");
  for (const char* other :
       {"5", "null", "\"evt_1\"", "[]", R"([{"id":"evt_1","object":"event","type":"t","created":1}])"}) {
    EXPECT_EQ(ErrorOf(other), "not an event: it is not an object") << other;
  }
}

// Rows 27 to 31 of the cases that the provider's own libraries test: both kinds of event come in at one door, unknown
// types and versions of the API are taken, and what other carriers wrap around an event is not an event.
TEST(EnvelopeTest, UnknownTypesAndVersionsAreTakenAndWrappersAreNot) {
  const std::string event = R"({"id":"evt_1","object":"event","type":"t","created":1,"api_version":)";
  for (const char* version :
       {R"("2020-01-01"})", R"("2099-10-10.the_larch"})", R"("2026-10-28.preview"})", "null}", "7}"}) {
    EXPECT_TRUE(ReadStripeEnvelope(event + version)) << version;
  }
  const Result<StripeEnvelope> thin = ReadStripeEnvelope(
      R"({"id":"evt_1","object":"v2.core.event","type":"v3.not.yet.known","created":"2026-01-01T00:00:00Z",
          "related_object":null})");
  ASSERT_TRUE(thin) << thin.error().detail;
  EXPECT_EQ(thin->type, "v3.not.yet.known");
  EXPECT_EQ(thin->related_object_id, "");
  EXPECT_EQ(ErrorOf(R"({"version":"0","id":"a","source":"aws.partner/stripe.com/ed_1","detail":)" + event + "null}}"),
            "not an event: object is missing");
  EXPECT_EQ(ErrorOf(R"({"specversion":"1.0","id":"a","type":"t","data":)" + event + "null}}"),
            "not an event: object is missing");
}

TEST(EnvelopeTest, FieldsInOtherPlacesAreNotTaken) {
  const Result<StripeEnvelope> e = ReadStripeEnvelope(
      R"({"list":[{"id":"no","data":{"object":{"id":"no"}}}],"id":"evt_1","object":"event","type":"t","created":1,
          "data":[{"object":{"id":"no"}}],"related_object":{"url":{"id":"no"}},"request":{"type":"no","id":"no"}})");
  ASSERT_TRUE(e) << e.error().detail;
  EXPECT_EQ(e->id, EventId("evt_1"));
  EXPECT_EQ(e->type, "t");
  EXPECT_EQ(e->object_id, "");
  EXPECT_EQ(e->related_object_id, "");
}

TEST(EnvelopeTest, NestingIsBounded) {
  const auto nested = [](std::size_t depth, const std::string& open, const std::string& close) {
    std::string body = R"({"id":"evt_1","object":"event","type":"t","created":1,"deep":)";
    for (std::size_t i = 1; i < depth; ++i) body += open;
    body += "0";
    for (std::size_t i = 1; i < depth; ++i) body += close;
    return body + "}";
  };
  EXPECT_TRUE(ReadStripeEnvelope(nested(kEventDepthMax, "[", "]")));
  EXPECT_TRUE(ReadStripeEnvelope(nested(kEventDepthMax, R"({"data":)", "}")));
  EXPECT_EQ(ErrorOf(nested(kEventDepthMax + 1, "[", "]")), "not an event: nested deeper than 64");
  EXPECT_EQ(ErrorOf(nested(500000, R"({"a":)", "}")), "not an event: nested deeper than 64");
}

TEST(EnvelopeTest, ErrorsNeverQuoteTheBody) {
  for (const char* body : {"{\"id\":4242424242424242", "4242424242424242x", R"({"object":"4242424242424242"})",
                           R"({"id":"4242424242424242\n","object":"event"})"}) {
    EXPECT_EQ(ErrorOf(body).find("4242"), std::string::npos) << ErrorOf(body);
  }
}

}  // namespace
}  // namespace dunlin
