#include <set>
#include <thread>

#include "fixtures/provider_sim/signature.h"
#include "tests/provider_sim/receiver.h"
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

class WebhookTest : public SimFixture {
 protected:
  void SetUp() override { Restart(receiver_.url()); }
  void TearDown() override { sim_.reset(); }  // before the receiver: its connections end
  Json Quiesce() { return Control("/_sim/quiesce", Json::object()).body; }
  Json Counts() { return Read("/_sim/truth")["webhooks"]; }
  std::multiset<std::string> EventIds() {
    std::multiset<std::string> ids;
    for (const Hook& hook : receiver_.hooks()) ids.insert(hook.json()["id"]);
    return ids;
  }
  std::size_t Listed() { return Read("/v1/events?limit=100")["data"].size(); }
  Receiver receiver_;
};

TEST_F(WebhookTest, EveryEventIsDeliveredOnceAndSignedWithEverySecret) {
  Subscribe(MakeCustomer(), MakePrice());
  EXPECT_EQ(Quiesce()["quiet"], true);
  const std::vector<Hook> hooks = receiver_.hooks();
  EXPECT_EQ(hooks.size(), Listed());
  for (const Hook& hook : hooks) {
    const std::int64_t t = std::stoll(hook.Header("Stripe-Signature").substr(2));
    EXPECT_NEAR(static_cast<double>(t), static_cast<double>(ToUnixSeconds(*ParseRfc3339("2026-01-01T00:00:00Z"))), 30);
    EXPECT_EQ(hook.Header("Stripe-Signature"), "t=" + std::to_string(t) + ",v1=" + SignV1("whsec_new", t, hook.body) +
                                                   ",v1=" + SignV1("whsec_old", t, hook.body));
  }
  EXPECT_EQ(Counts()["acknowledged"], hooks.size());
}

TEST_F(WebhookTest, WhatIsRefusedIsSentAgainWhenSimulatedTimeGoesOn) {
  receiver_.Answer(503);
  MakeCustomer();
  receiver_.WaitFor(2);
  const std::size_t refused = receiver_.hooks().size();
  EXPECT_EQ(refused, 2u);  // payment_method.attached and customer.created
  EXPECT_EQ(Read("/v1/events?delivery_success=false")["data"].size(), 2u);
  receiver_.Answer(204);
  Advance("1h");
  EXPECT_EQ(Quiesce()["quiet"], true);
  const std::vector<Hook> hooks = receiver_.hooks();
  ASSERT_EQ(hooks.size(), 4u);
  EXPECT_NE(hooks[0].Header("Stripe-Signature").substr(0, 12),
            hooks[3].Header("Stripe-Signature").substr(0, 12));  // a new timestamp
  EXPECT_EQ(Read("/v1/events?delivery_success=false")["data"].size(), 0u);
}

TEST_F(WebhookTest, AndAlsoWhenOnlyRealTimeGoesOn) {
  receiver_.Answer(500);
  MakeCustomer();
  receiver_.WaitFor(2);
  receiver_.Answer(200);
  EXPECT_EQ(Quiesce()["quiet"], true);
  EXPECT_EQ(receiver_.hooks().size(), 4u);
}

TEST_F(WebhookTest, ALostEventIsNeverDeliveredButIsListed) {
  Control("/_sim/faults", {{"webhooks", {{"lose", 1.0}}}});
  MakeCustomer();
  Control("/_sim/faults", {{"webhooks", Json::object()}});
  Advance("1d");
  MakePrice();
  EXPECT_EQ(Quiesce()["quiet"], true);
  EXPECT_EQ(receiver_.hooks().size(), 2u);  // product.created and price.created
  EXPECT_EQ(Listed(), 4u);
  EXPECT_EQ(Counts()["lost"], 2);
  EXPECT_EQ(Read("/v1/events?delivery_success=false")["data"].size(), 2u);
}

TEST_F(WebhookTest, DuplicatesDelaysAndReorderingLoseNothing) {
  Control("/_sim/faults",
          {{"webhooks", {{"duplicate", 1.0}, {"reorder", 1.0}, {"delay", 0.2}, {"delay_by", "100ms"}}}});
  Subscribe(MakeCustomer(), MakePrice());
  EXPECT_EQ(Quiesce()["quiet"], true);
  const std::multiset<std::string> ids = EventIds();
  EXPECT_EQ(ids.size(), 2 * Listed());
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), Listed());
}

TEST_F(WebhookTest, AllEventsOfASubscriptionCanBeSentAgain) {
  const std::string sub = Subscribe(MakeCustomer(), MakePrice())["id"];
  Quiesce();
  const std::size_t before = receiver_.hooks().size();
  const int emitted = Control("/_sim/emit", {{"subscription", sub}}).body["emitted"];
  EXPECT_GT(emitted, 5);
  Quiesce();
  EXPECT_EQ(receiver_.hooks().size(), before + static_cast<std::size_t>(emitted));
  EXPECT_EQ(Control("/_sim/emit", {{"subscription", "sub_none"}}).status, 404);
}

TEST_F(WebhookTest, ThinEventsCarryNoData) {
  Control("/_sim/settings", {{"thin_events", true}});
  MakeCustomer();
  Quiesce();
  const Json thin = receiver_.hooks().at(0).json();
  EXPECT_EQ(thin["object"], "v2.core.event");
  EXPECT_FALSE(thin.contains("data"));
  EXPECT_EQ(Read("/v2/core/events/" + std::string(thin["id"])), thin);
}

TEST_F(WebhookTest, WithoutATargetNothingIsSentAndTheTargetCanBeSetLater) {
  Control("/_sim/webhook", {{"url", ""}});
  MakeCustomer();
  EXPECT_EQ(Control("/_sim/webhook", {{"url", "ftp://x"}}).status, 400);
  EXPECT_EQ(Control("/_sim/webhook", {{"url", receiver_.url()}}).status, 200);
  MakePrice();
  EXPECT_EQ(Quiesce()["quiet"], true);
  EXPECT_EQ(receiver_.hooks().size(), 2u);
}

}  // namespace
}  // namespace dunlin::sim
