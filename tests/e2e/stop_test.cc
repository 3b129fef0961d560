// SIGTERM: what is under way is finished or left for the next start, and nobody waits for long.
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "tests/support/world.h"
#include "workflows/simulate/truth.h"

namespace dunlin::testing {
namespace {

using std::chrono::steady_clock;

// How long the service took to end by itself.
std::chrono::milliseconds Stop(World& world) {
  const auto begin = steady_clock::now();
  world.service().Signal(SIGTERM);
  EXPECT_EQ(world.service().Wait(), 0) << world.service().Err();
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - begin);
}

std::optional<Attempt> NewestAttempt(World& world, const SubscriptionId& subscription) {
  const auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  const auto record = ledger ? (*ledger)->LoadSubscription(subscription) : Result<std::optional<SubscriptionRecord>>();
  if (!record || !*record || (*record)->attempts.empty()) return std::nullopt;
  return (*record)->attempts.back();
}

TEST(StopTest, WithNothingUnderWayItEndsWithinASecond) {
  World world({.seed = 51});
  ASSERT_TRUE(world.Settle(10));
  EXPECT_LT(Stop(world), std::chrono::seconds(1));
  EXPECT_NE(world.service().Err().find("\"stopped\""), std::string::npos) << world.service().Err();
}

TEST(StopTest, AChargeThatIsHeldUpIsLeftForTheNextStartAndMadeOnce) {
  World world({.seed = 52});
  play::Player player(world.targets());
  const std::vector<nlohmann::json> steps = {
      {{"do", "catalog"}, {"prices", world.prices()}},
      {{"do", "customer"}},
      {{"do", "subscribe"}},
      {{"expect", {{"status", "active"}}}},
      {{"do", "card_behaves"}, {"as", {{"behavior", "decline"}, {"decline_code", "generic_decline"}, {"times", 1}}}},
      {{"do", "advance"}, {"by", "31d"}},
      {{"do", "advance"}, {"by", "2h"}},
      {{"expect", {{"status", "past_due"}, {"collection.state", "waiting"}}}},
      {{"do", "quiet"}},
      {{"do", "faults"}, {"set", {{"api", {{"paths", "/v1/invoices/"}, {"method", "POST"}, {"delay_ms", 14000}}}}}},
      {{"do", "advance"}, {"by", "27h"}},
      {{"expect", {{"collection.state", "charging"}}}}};
  for (const nlohmann::json& step : steps) {
    const play::StepReport report = player.Run(step);
    ASSERT_TRUE(report.ok) << report.what << ": " << report.problem;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the request is out

  const auto took = Stop(world);
  EXPECT_GT(took, std::chrono::seconds(4)) << "nothing was under way";
  EXPECT_LT(took, std::chrono::seconds(10));
  const SubscriptionId subscription{player.subscription()};
  const std::optional<Attempt> left = NewestAttempt(world, subscription);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->state, AttemptState::kSending);

  world.Sim("/_sim/faults", {{"api", nlohmann::json::object()}});
  world.StartService();
  const play::StepReport paid =
      player.Run({{"expect", {{"status", "active"}, {"access", "granted"}, {"collection.state", "none"}}}});
  ASSERT_TRUE(paid.ok) << paid.problem;
  ASSERT_TRUE(world.Settle(20));
  const std::optional<Attempt> ended = NewestAttempt(world, subscription);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->key, left->key);
  EXPECT_EQ(ended->state, AttemptState::kSucceeded);
  const nlohmann::json charges = world.SimGet("/_sim/charges");
  EXPECT_TRUE(simulate::DoubleCaptures(charges).empty());
  int ours = 0;
  for (const nlohmann::json& charge : charges.at("charges")) {
    if (charge.at("idempotency_key") == left->key.str()) ++ours;
  }
  EXPECT_EQ(ours, 1);
}

}  // namespace
}  // namespace dunlin::testing
