// The service as a process: what it answers, and how it stops and starts again.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "fixtures/player/http.h"
#include "tests/support/redis_server.h"
#include "tests/support/world.h"
#include "workflows/simulate/truth.h"

namespace dunlin::testing {
namespace {

std::string EventBody(const std::string& id, const std::string& more = "") {
  return R"({"id":")" + id + R"(","object":"event","type":"customer.created","created":1767225600,"livemode":)" +
         (more.empty() ? "false" : more) + R"(,"data":{"object":{"id":"cus_s","object":"customer"}}})";
}

TEST(ServiceTest, WebhooksAreAnsweredByWhatBecameOfThem) {
  World world({.seed = 61});
  EXPECT_EQ(world.Post(EventBody("evt_a")), 200);
  EXPECT_EQ(world.Post(EventBody("evt_a")), 200) << "a duplicate";
  EXPECT_EQ(world.Post(EventBody("evt_live", "true")), 200) << "the other mode is kept and ignored";
  EXPECT_EQ(world.Post(EventBody("evt_bad"), "whsec_another"), 400);
  EXPECT_EQ(world.Post("this is no JSON"), 400);
  EXPECT_EQ(world.Post(R"({"id":"evt_no_type"})"), 400);
  EXPECT_EQ(world.Post(EventBody(std::string(1100000, 'x'))), 413);
  ASSERT_TRUE(world.Settle(10));
  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  ASSERT_TRUE(ledger);
  const auto live = (*ledger)->FindEvent(Provider::kStripe, EventId{"evt_live"});
  ASSERT_TRUE(live && *live);
  EXPECT_EQ((*live)->outcome, EventOutcome::kKept);
  const auto refused = (*ledger)->FindEvent(Provider::kStripe, EventId{"evt_bad"});
  EXPECT_TRUE(refused && !*refused) << "nothing is stored of what is refused";
}

// What came of an event counts in the histogram, and what an answer brought is counted as well.
TEST(ServiceTest, EveryChangeOfAccessIsCounted) {
  World world({.seed = 65});
  const nlohmann::json customer =
      world.Provider("/v1/customers", {{"email", "count@example.com"},
                                       {"payment_method", "pm_card_visa"},
                                       {"invoice_settings[default_payment_method]", "pm_card_visa"}});
  world.Provider("/v1/subscriptions", {{"customer", customer.at("id")}, {"items[0][price]", world.prices().at("pro")}});
  world.Sim(
      "/_sim/cards",
      {{"customer", customer.at("id")}, {"behavior", "decline"}, {"decline_code", "insufficient_funds"}, {"times", 1}});
  for (const char* leap : {"31d", "2h", "30h"}) {
    world.Sim("/_sim/clock", {{"advance", leap}});
    EXPECT_TRUE(world.Settle(20));
  }
  const std::string metrics = play::Get(world.url() + "/metrics", "")->body;
  const auto sample = [&](const std::string& name) {
    const std::size_t at = metrics.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(metrics.substr(at + name.size() + 2));
  };
  EXPECT_EQ(sample("dunlin_access_changes_total{to=\"revoked\"}"), 1);
  EXPECT_EQ(sample("dunlin_access_changes_total{to=\"granted\"}"), 2) << "at first, and when the retry succeeded";
  EXPECT_GE(sample("dunlin_event_to_access_seconds_count"), 1) << "the first; an answer may tell of the others sooner";
}

// One service through it all: Redis goes, comes back empty, and is emptied.
TEST(ServiceTest, WorkGoesOnWithoutRedisAndWithAnEmptyOne) {
  RedisServer redis;
  World world({.queue = redis.unix_url(), .seed = 64});
  const auto is = [&](const char* queue) { return world.Api("/readyz").second.value("queue", "") == queue; };
  const auto comes_to_be = [&](const char* queue) {
    for (int i = 0; i < 400 && !is(queue); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(25));
    return is(queue);
  };
  EXPECT_EQ(world.Post(EventBody("evt_before")), 200);
  EXPECT_TRUE(world.Settle(10));
  EXPECT_TRUE(comes_to_be("ok"));
  redis.Kill();
  EXPECT_EQ(world.Post(EventBody("evt_without")), 200);
  EXPECT_TRUE(world.Settle(10)) << "from the ledger";
  EXPECT_TRUE(comes_to_be("degraded"));
  EXPECT_EQ(world.Api("/readyz").first, 200) << "no reason to take it out of service";
  redis.Start();
  EXPECT_TRUE(comes_to_be("ok"));
  EXPECT_EQ(world.Post(EventBody("evt_back")), 200);
  EXPECT_EQ(redis.Command("FLUSHALL"), "+OK");
  EXPECT_EQ(world.Post(EventBody("evt_flushed")), 200);
  EXPECT_TRUE(world.Settle(10));
  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  ASSERT_TRUE(ledger);
  for (const char* id : {"evt_before", "evt_without", "evt_back", "evt_flushed"}) {
    const auto event = (*ledger)->FindEvent(Provider::kStripe, EventId{id});
    ASSERT_TRUE(event && *event) << id;
    EXPECT_NE((*event)->outcome, EventOutcome::kWaiting) << id;
  }
}

// A renewal whose first retry is due, and an API that takes far longer than the service waits when it stops.
std::string OpenCharge(World& world) {
  const nlohmann::json customer =
      world.Provider("/v1/customers", {{"email", "stop@example.com"},
                                       {"payment_method", "pm_card_visa"},
                                       {"invoice_settings[default_payment_method]", "pm_card_visa"}});
  const nlohmann::json made = world.Provider(
      "/v1/subscriptions", {{"customer", customer.at("id")}, {"items[0][price]", world.prices().at("pro")}});
  world.Sim(
      "/_sim/cards",
      {{"customer", customer.at("id")}, {"behavior", "decline"}, {"decline_code", "insufficient_funds"}, {"times", 1}});
  for (const char* leap : {"31d", "2h"}) {
    world.Sim("/_sim/clock", {{"advance", leap}});
    EXPECT_TRUE(world.Settle(20));
  }
  world.Sim("/_sim/faults", {{"api", {{"delay_ms", 15000}, {"paths", "/v1/invoices"}, {"method", "POST"}}}});
  world.Sim("/_sim/clock", {{"advance", "30h"}});
  return made.at("id");
}

std::vector<Attempt> AttemptsOf(World& world, const std::string& subscription) {
  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  if (!ledger) return {};
  const auto record = (*ledger)->LoadSubscription(SubscriptionId{subscription});
  return record && *record ? (*record)->attempts : std::vector<Attempt>{};
}

TEST(ServiceTest, AChargeThatIsOpenWhenItStopsIsResolvedAtTheNextStart) {
  World world({.seed = 62});
  const std::string subscription = OpenCharge(world);
  for (int i = 0; i < 500 && AttemptsOf(world, subscription).empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ASSERT_EQ(AttemptsOf(world, subscription).size(), 1U);
  world.service().Signal(SIGTERM);
  EXPECT_EQ(world.service().Wait(std::chrono::seconds(12)), 0);
  const std::vector<Attempt> open = AttemptsOf(world, subscription);
  ASSERT_EQ(open.size(), 1U);
  EXPECT_EQ(open[0].state, AttemptState::kSending);

  world.Sim("/_sim/faults", {{"api", nlohmann::json::object()}});
  world.StartService();
  for (int i = 0; i < 1000 && IsOpen(AttemptsOf(world, subscription).front().state); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const std::vector<Attempt> closed = AttemptsOf(world, subscription);
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].key, open[0].key);
  EXPECT_EQ(closed[0].state, AttemptState::kSucceeded);
  EXPECT_TRUE(simulate::DoubleCaptures(world.SimGet("/_sim/charges")).empty());
}

TEST(ServiceTest, AnIdleServiceStopsAtOnceAndLeaksNoSecret) {
  World world({.seed = 63});
  EXPECT_EQ(world.Post(EventBody("evt_a")), 200);
  EXPECT_EQ(world.Post(EventBody("evt_b"), "whsec_another"), 400);
  ASSERT_TRUE(world.Settle(10));
  world.service().Signal(SIGTERM);
  EXPECT_EQ(world.service().Wait(std::chrono::seconds(3)), 0);
  const std::string said = world.service().Out() + world.service().Err();
  EXPECT_EQ(said.find(World::kSecret), std::string::npos);
  EXPECT_EQ(said.find(World::kApiKey), std::string::npos);
  EXPECT_EQ(said.find(world.token()), std::string::npos);
}

}  // namespace
}  // namespace dunlin::testing
