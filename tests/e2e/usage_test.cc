// Usage from the product's report to AWS's book, with the real processes, while the service is killed again and again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "fixtures/player/http.h"
#include "tests/support/http_client.h"
#include "tests/support/world.h"

namespace dunlin::testing {
namespace {

using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr int kKills = 20;
constexpr int kBuyers = 3;

bool Settle(World& world) {
  for (int i = 0; i < 20; ++i) {
    if (world.Sim("/_sim/quiesce", Json::object()).at("quiet") == true && world.Settle(10)) return true;
  }
  return false;
}

// A subscribed and registered buyer; the agreement as the simulator tells it.
Json Buyer(World& world) {
  const Json agreement = world.Sim("/_sim/aws/subscribe", {{"product", "prod-new"}, {"integration", "current"}});
  world.Sim("/_sim/clock", {{"advance", "2m"}});
  EXPECT_TRUE(Settle(world));
  const std::string token =
      world.Sim("/_sim/aws/registration-token", {{"agreement", agreement.at("agreement")}}).at("token");
  std::string form = "x-amzn-marketplace-token=";
  for (const char c : token) {
    char text[4];
    std::snprintf(text, sizeof text, "%%%02X", static_cast<unsigned char>(c));
    form += text;
  }
  const auto answer = testing_support::HttpSend(world.port(), "POST", "/aws-marketplace/register",
                                                {{"Content-Type", "application/x-www-form-urlencoded"}}, form);
  EXPECT_EQ(answer.status, 303) << answer.body;
  EXPECT_TRUE(Settle(world));
  return agreement;
}

// Until nothing that was reported waits any more; half a minute at most.
bool AllIsSent(World& world, const std::string& subscription) {
  for (int i = 0; i < 600; ++i) {
    const Json usage = world.Api("/v1/subscriptions/" + subscription).second.at("usage");
    if (usage.at("waiting").at("records") == 0 && usage.at("frozen").at("records") == 0) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

// The product: reports usage, each until it is acknowledged, as fast as it can.
class Product {
 public:
  Product(World& world, std::string account, unsigned seed, const std::atomic<std::int64_t>& now)
      : world_(world), account_(std::move(account)), chance_(seed), now_(now), thread_([this] { Run(); }) {}
  // Acknowledged to the last report.
  void Finish() {
    stop_ = true;
    thread_.join();
  }
  const std::map<std::string, std::int64_t>& reports() const { return reports_; }  // key, quantity; after Finish
  int repeated() const { return repeated_; }

 private:
  void Run() {
    for (int n = 0; !stop_; ++n) {
      const std::string key = account_ + "-" + std::to_string(n);
      const std::int64_t quantity = chance_() % 1000;
      // Some reports are late.
      const Timestamp at = FromUnixMillis(now_) - Millis{1min} * (chance_() % 5 == 0 ? chance_() % 200 : 0);
      const Json report = {{"account", account_},
                           {"dimension", "requests"},
                           {"quantity", quantity},
                           {"key", key},
                           {"at", FormatRfc3339(at)}};
      for (int attempt = 0; attempt < 1000; ++attempt) {
        const auto answer = play::PostJson(world_.url() + "/v1/usage", world_.token(), report.dump());
        if (answer && (answer->status == 201 || answer->status == 200)) {
          reports_[key] = quantity;
          if (answer->status == 200) ++repeated_;
          break;
        }
        EXPECT_TRUE(!answer || answer->status == 503) << answer->body;
        std::this_thread::sleep_for(20ms);
      }
      std::this_thread::sleep_for(3ms);
    }
  }

  World& world_;
  const std::string account_;
  std::minstd_rand chance_;
  const std::atomic<std::int64_t>& now_;
  std::map<std::string, std::int64_t> reports_;
  int repeated_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST(UsageTest, NoReportIsLostAndNoHourChangesWhileTheServiceIsKilled) {
  World world({.seed = 91, .aws = true});
  world.Sim("/_sim/aws/products", {{"code", "prod-new"}, {"dimensions", {{"requests", "metered"}}}});
  ASSERT_TRUE(Settle(world));
  // The first calls for sure, then by chance.
  world.Sim(
      "/_sim/faults",
      {{"aws_api",
        {{"operations", "BatchMeterUsage"}, {"drop_answer", 0.2}, {"drop_answer_next", 2}, {"unprocessed", 0.1}}}});
  std::vector<std::string> accounts;
  for (int i = 0; i < kBuyers; ++i) accounts.push_back(Buyer(world).at("agreement"));
  std::atomic<std::int64_t> now = ToUnixMillis(world.Now());
  std::vector<std::unique_ptr<Product>> products;
  for (unsigned i = 0; i < kBuyers; ++i) products.push_back(std::make_unique<Product>(world, accounts[i], i + 1, now));

  std::minstd_rand chance(7);
  for (int kill = 0; kill < kKills; ++kill) {
    now = ToUnixMillis(world.Now());  // the service's clock follows: the product's is never ahead of it
    world.Sim("/_sim/clock", {{"advance", std::to_string(5 + chance() % 50) + "m"}});
    std::this_thread::sleep_for(Millis{50 + chance() % 300});
    world.service().KillNow();
    world.StartService();
  }
  for (const auto& product : products) product->Finish();
  world.Sim("/_sim/faults", {{"aws_api", Json::object()}});
  world.Sim("/_sim/clock", {{"advance", "3h"}});
  for (const std::string& account : accounts) ASSERT_TRUE(AllIsSent(world, account));

  const Json usage = world.SimGet("/_sim/aws/usage");
  for (const Json& refused : usage.at("refused")) EXPECT_EQ(refused.at("reason"), "Unprocessed") << refused.dump(1);
  std::map<std::string, std::int64_t> at_aws;  // agreement and hour
  std::map<std::string, std::int64_t> sums;
  int sent_again = 0;
  for (const Json& record : usage.at("accepted")) {
    const std::string agreement = record.at("agreement");
    sent_again += record.at("times") > 1;
    at_aws[agreement + " " + record.at("hour").get<std::string>()] += record.at("quantity").get<std::int64_t>();
    sums[agreement] += record.at("quantity").get<std::int64_t>();
  }
  EXPECT_GT(sent_again, 0) << "no answer was lost";
  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  ASSERT_TRUE(ledger);
  for (int i = 0; i < kBuyers; ++i) {
    std::int64_t reported = 0;
    const auto found = (*ledger)->LoadSubscription(SubscriptionId{accounts[static_cast<std::size_t>(i)]});
    ASSERT_TRUE(found && *found);
    const AccountId account = (*found)->subscription.account;
    for (const auto& [key, quantity] : products[static_cast<std::size_t>(i)]->reports()) {
      reported += quantity;
      const auto booked = (*ledger)->FindUsage(account, key);
      ASSERT_TRUE(booked && *booked && (*booked)->hour) << key;
      const UsageHour& hour = *(*booked)->hour;
      EXPECT_EQ(hour.state, UsageState::kSent) << key;
      EXPECT_EQ(at_aws[accounts[static_cast<std::size_t>(i)] + " " + FormatRfc3339(hour.hour)], hour.quantity) << key;
    }
    EXPECT_GT(products[static_cast<std::size_t>(i)]->reports().size(), 100U);
    EXPECT_EQ(sums[accounts[static_cast<std::size_t>(i)]], reported);
  }
}

TEST(UsageTest, ARenewalInTheMidstOfAnHourLosesNoUsage) {
  World world({.seed = 93, .aws = true});
  world.Sim("/_sim/aws/products", {{"code", "prod-new"}, {"dimensions", {{"requests", "metered"}}}});
  ASSERT_TRUE(Settle(world));
  const Json agreement = Buyer(world);
  const std::string account = agreement.at("agreement");
  int reports = 0;
  const auto use = [&](int quantity) {
    const Json report = {{"account", account},
                         {"dimension", "requests"},
                         {"quantity", quantity},
                         {"key", "k" + std::to_string(++reports)},
                         {"at", FormatRfc3339(world.Now())}};
    EXPECT_EQ(play::PostJson(world.url() + "/v1/usage", world.token(), report.dump())->status, 201);
  };
  const auto advance = [&](const char* by) {
    world.Sim("/_sim/clock", {{"advance", by}});
    ASSERT_TRUE(Settle(world));
  };
  use(100);
  const Json renewed = world.Sim("/_sim/aws/renew", {{"agreement", account}});
  advance("20s");
  use(20);
  advance("45s");  // the new licence is up, and the old one is taken for a minute more
  use(3);
  advance("3m");
  advance("3h");
  ASSERT_TRUE(AllIsSent(world, account));
  const Json usage = world.SimGet("/_sim/aws/usage");
  EXPECT_THAT(usage.at("refused"), IsEmpty()) << usage.at("refused").dump(1);
  std::map<std::string, std::int64_t> sums;
  for (const Json& record : usage.at("accepted")) {
    sums[record.at("agreement")] += record.at("quantity").get<std::int64_t>();
  }
  EXPECT_EQ(sums[account] + sums[renewed.at("agreement")], 123) << usage.dump(1);
  EXPECT_GE(sums[account], 100);
  EXPECT_GE(sums[renewed.at("agreement")], 3);
  EXPECT_EQ(world.Api("/v1/subscriptions/" + account).second.at("usage").at("sent").at("quantity"), 123);
  EXPECT_THAT(world.Api("/v1/alerts").second.at("items"), IsEmpty());
}

TEST(UsageTest, TheLastUsageIsSentAtOnceWhenTheAgreementEnds) {
  World world({.seed = 92, .aws = true});
  world.Sim("/_sim/aws/products", {{"code", "prod-new"}, {"dimensions", {{"requests", "metered"}}}});
  ASSERT_TRUE(Settle(world));
  const std::string agreement = Buyer(world).at("agreement");
  const Json report = {{"account", agreement},
                       {"dimension", "requests"},
                       {"quantity", 12},
                       {"key", "k1"},
                       {"at", FormatRfc3339(world.Now())}};
  ASSERT_EQ(play::PostJson(world.url() + "/v1/usage", world.token(), report.dump())->status, 201);
  world.Sim("/_sim/aws/end", {{"agreement", agreement}, {"as", "CANCELLED"}});
  ASSERT_TRUE(Settle(world));
  const Json usage = world.SimGet("/_sim/aws/usage");
  ASSERT_EQ(usage.at("accepted").size(), 1U) << usage.dump(1);
  EXPECT_EQ(usage.at("accepted")[0].at("quantity"), 12);
  const Json shown = world.Api("/v1/subscriptions/" + agreement).second;
  EXPECT_EQ(shown.at("usage").at("sent").at("quantity"), 12);
}

}  // namespace
}  // namespace dunlin::testing
