#include <algorithm>

#include "fixtures/provider_sim/render.h"
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

using EventsTest = SimFixture;

bool Contains(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

TEST(PreviousAttributesTest, NameOnlyWhatChangedWithItsOldValue) {
  const Json before = Json::parse(R"({"a":1,"b":{"c":1,"d":2},"list":[1,2],"same":0})");
  const Json after = Json::parse(R"({"a":2,"b":{"c":1,"d":3},"list":[1],"same":0,"new":5})");
  EXPECT_EQ(PreviousAttributes(before, after), Json::parse(R"({"a":1,"b":{"d":2},"list":[1,2],"new":null})"));
  EXPECT_TRUE(PreviousAttributes(before, before).is_null());
}

TEST_F(EventsTest, AFirstPaymentTellsTheWholeStory) {
  Subscribe(MakeCustomer(), MakePrice());
  const std::vector<std::string> types = TypesOfEvents();
  for (const char* type :
       {"product.created", "price.created", "customer.created", "payment_method.attached", "invoice.created",
        "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
        "invoice_payment.paid", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.created"}) {
    EXPECT_TRUE(Contains(types, type)) << type;
  }
}

void PutBack(Json& object, const Json& previous) {
  for (const auto& [key, value] : previous.items()) {
    if (value.is_object() && object[key].is_object()) {
      PutBack(object[key], value);
    } else {
      object[key] = value;
    }
  }
}

// Checks that each event about `id` starts from where the one before it ended. The number of "….updated" among them.
int CountConsistentUpdates(const std::vector<Json>& events, const std::string& id) {
  Json last;
  int updates = 0;
  for (const Json& event : events) {
    const Json& object = event["data"]["object"];
    if (object["id"] != id) continue;
    if (event["data"].contains("previous_attributes")) {
      Json before = object;
      PutBack(before, event["data"]["previous_attributes"]);
      // Several events of one change carry its result: then the update has nothing left to add. What happened more
      // than 30 days ago is not listed: the first that is listed has none before it.
      EXPECT_TRUE(last.is_null() || before == last || object == last) << event.dump(1) << last.dump(1);
      ++updates;
    }
    last = object;
  }
  return updates;
}

TEST_F(EventsTest, EachUpdateFollowsFromTheEventBefore) {
  const std::string customer = MakeCustomer();
  const std::string sub = Subscribe(customer, MakePrice())["id"];
  CardsOf(customer, {{"behavior", "decline"}, {"times", 2}});
  Advance("45d");
  Post("/v1/subscriptions/" + sub, "cancel_at_period_end=true");
  const std::vector<Json> events = Events();
  EXPECT_EQ(CountConsistentUpdates(events, sub), 4);  // renewed, past_due, active, cancel_at_period_end
  EXPECT_EQ(CountConsistentUpdates(events, LatestInvoice(sub)["id"]), 4);  // finalised, two failures, paid
  EXPECT_EQ(CountConsistentUpdates(events, customer), 2);                  // delinquent, and not any more
}

TEST_F(EventsTest, AnEventNamesTheRequestThatCausedItOrNobody) {
  const std::string customer = MakeCustomer();
  const std::string sub = Subscribe(customer, MakePrice())["id"];
  const Reply changed = Post("/v1/subscriptions/" + sub, "metadata[team]=blue", "key-7");
  Json event = Events("type=customer.subscription.updated")[0];
  EXPECT_EQ(event["request"]["id"], changed.headers.at("Request-Id"));
  EXPECT_EQ(event["request"]["idempotency_key"], "key-7");
  EXPECT_EQ(event["data"]["previous_attributes"]["metadata"], Json::parse(R"({"team":null})"));
  EXPECT_EQ(event["livemode"], false);
  EXPECT_EQ(event["api_version"], "2026-10-28.endive");
  Advance("32d");
  event = Events("type=customer.subscription.updated").back();
  EXPECT_EQ(event["request"], Json::parse(R"({"id":null,"idempotency_key":null})"));
}

TEST_F(EventsTest, AFailedRenewalHasItsEventsInOrder) {
  const std::string customer = MakeCustomer();
  Subscribe(customer, MakePrice());
  CardsOf(customer, {{"behavior", "decline"}, {"decline_code", "lost_card"}});
  Control("/_sim/clock", {{"to", "2026-02-01T02:00:00Z"}});
  const std::vector<std::string> types = TypesOfEvents("limit=100&created[gte]=1769907600");  // 01:00
  const std::vector<std::string> expected = {"payment_intent.created",
                                             "invoice.finalized",
                                             "invoice.updated",
                                             "charge.failed",
                                             "payment_intent.payment_failed",
                                             "invoice.payment_failed",
                                             "invoice.updated",
                                             "customer.subscription.updated",
                                             "customer.updated"};
  EXPECT_EQ(types, expected);
  const Json intent = Events("type=payment_intent.payment_failed")[0]["data"]["object"];
  EXPECT_EQ(intent["last_payment_error"]["decline_code"], "lost_card");
  const Json links =
      Read("/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]=" + std::string(intent["id"]));
  ASSERT_EQ(links["data"].size(), 1u);
  const Json failed = Events("type=invoice.payment_failed")[0]["data"]["object"];
  EXPECT_EQ(links["data"][0]["invoice"], failed["id"]);
  EXPECT_FALSE(failed.contains("payments"));
  const Json expanded =
      Read("/v1/invoices/" + std::string(failed["id"]) + "?expand[]=payments.data.payment.payment_intent");
  EXPECT_EQ(expanded["payments"]["data"][0]["payment"]["payment_intent"]["id"], intent["id"]);
}

TEST_F(EventsTest, PagesGoBothWays) {
  for (int i = 0; i < 5; ++i) MakeCustomer();
  const std::string query = "/v1/events?type=customer.created&limit=2";
  const Json first = Read(query);
  EXPECT_EQ(first["has_more"], true);
  const std::string last_id = first["data"][1]["id"];
  const Json second = Read(query + "&starting_after=" + last_id);
  ASSERT_EQ(second["data"].size(), 2u);
  EXPECT_NE(second["data"][0]["id"], first["data"][1]["id"]);
  const Json back = Read(query + "&ending_before=" + std::string(second["data"][0]["id"]));
  EXPECT_EQ(back["data"], first["data"]);
  EXPECT_EQ(Read("/v1/events?types[]=customer.created&types[]=price.created&limit=100")["data"].size(), 5u);
  EXPECT_EQ(Get("/v1/events?limit=101").status, 400);
  EXPECT_EQ(Get("/v1/events?limit=0").status, 400);
}

TEST_F(EventsTest, OldVersionsHaveTheOldShape) {
  Control("/_sim/settings", {{"webhook_api_version", "2020-08-27"}});
  const Json sub = Subscribe(MakeCustomer(), MakePrice());
  EXPECT_FALSE(sub.contains("current_period_end"));  // the API itself answers in the newest shape
  const Json created = Events("type=customer.subscription.created")[0];
  EXPECT_EQ(created["api_version"], "2020-08-27");
  const Json object = created["data"]["object"];
  EXPECT_EQ(object["current_period_end"], sub["items"]["data"][0]["current_period_end"]);
  EXPECT_FALSE(object["items"]["data"][0].contains("current_period_end"));
  const Json invoice = Events("type=invoice.paid")[0]["data"]["object"];
  EXPECT_EQ(invoice["subscription"], sub["id"]);
  EXPECT_EQ(invoice["paid"], true);
  EXPECT_TRUE(invoice["payment_intent"].is_string());
  EXPECT_TRUE(invoice["charge"].is_string());
  EXPECT_FALSE(invoice.contains("parent"));
}

TEST_F(EventsTest, AnEventNeverChangesAfterwardsAndIsListedForThirtyDays) {
  const std::string customer = MakeCustomer();
  const Json event = Events("type=customer.created")[0];
  Post("/v1/customers/" + customer, "name=Later");
  Control("/_sim/settings", {{"webhook_api_version", "2020-08-27"}});
  EXPECT_EQ(Read("/v1/events/" + std::string(event["id"])), event);
  const Json thin = Read("/v2/core/events/" + std::string(event["id"]));
  EXPECT_EQ(thin["object"], "v2.core.event");
  EXPECT_EQ(thin["type"], "v1.customer.created");
  EXPECT_EQ(thin["related_object"]["url"], "/v1/customers/" + customer);
  EXPECT_FALSE(thin.contains("data"));
  Advance("31d");
  EXPECT_EQ(Get("/v1/events/" + std::string(event["id"])).status, 404);
}

}  // namespace
}  // namespace dunlin::sim
