// Every scenario with events ends as it says, in whatever order the events come and however often.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "app/commands/offline.h"
#include "app/commands/replay_order.h"
#include "tests/app/program.h"
#include "workflows/providers/aws_marketplace/read_event.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;
using Order = OfflineOptions::Order;

constexpr int kShuffles = 20;

std::vector<std::string> ScenarioNames() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(testing::FixturePath("scenarios"))) {
    if (file.path().extension() == ".json") names.push_back(file.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What `wanted` names must be so; what it does not name may be anything.
void ExpectHolds(const Json& wanted, const Json& found, const std::string& where) {
  if (wanted.is_object() && found.is_object()) {
    for (const auto& [key, value] : wanted.items()) {
      ASSERT_TRUE(found.contains(key)) << where << "." << key << " is not there";
      ExpectHolds(value, found.at(key), where + "." + key);
    }
    return;
  }
  EXPECT_EQ(wanted, found) << where;
}

class ScenarioTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string path = testing::FixturePath("scenarios/" + GetParam() + ".json");
    scenario_ = Json::parse(testing::ReadFile(path));
    Result<ReplayFiles> files = ReadReplayFiles({path});
    ASSERT_TRUE(files) << files.error().detail;
    files_ = std::move(*files);
    options_.until = files_.until;
    if (files_.policy.empty()) return;
    Result<Policy> policy = LoadPolicy(files_.policy, &options_.policy_text);
    ASSERT_TRUE(policy) << policy.error().detail;
    options_.policy = std::move(*policy);
  }

  // The events in that order, applied.
  Json Apply(const std::vector<std::size_t>& places, Order order) {
    std::vector<ReplayEvent> events;
    for (const std::size_t place : places) events.push_back(files_.events[place]);
    OfflineOptions options = options_;
    options.order = order;
    Result<OfflineRun> run = RunOffline(events, options);
    EXPECT_TRUE(run) << run.error().detail;
    if (!run) return {};
    EXPECT_EQ(run->left_out, 0U);
    rows_.clear();
    Result<Json> view = OfflineView(*run);
    EXPECT_TRUE(view) << view.error().detail;
    for (const Json& s : view->at("subscriptions")) {
      const auto rows = run->ledger->Timeline(SubscriptionId{s.at("id").get<std::string>()});
      EXPECT_TRUE(rows);
      for (const TimelineRow& row : *rows) rows_.insert(row.row);
    }
    return std::move(*view);
  }

  std::vector<std::vector<std::size_t>> Orders() const {
    std::vector<std::size_t> given = OrderToSend(files_.events.size(), {});
    std::vector<std::vector<std::size_t>> orders = {given, given};
    std::reverse(orders[1].begin(), orders[1].end());
    for (int seed = 1; seed <= kShuffles; ++seed) {
      const std::uint64_t twice = files_.events.size() / 2;
      orders.push_back(OrderToSend(files_.events.size(), {true, twice, static_cast<std::uint64_t>(seed)}));
    }
    return orders;
  }

  Json scenario_;
  ReplayFiles files_;
  OfflineOptions options_;
  std::set<std::string> rows_;  // of the timelines of the last Apply
};

TEST_P(ScenarioTest, EndsAsItSays) {
  const Json view = Apply(OrderToSend(files_.events.size(), {}), Order::kAsMade);
  const Json& wanted = scenario_.at("expect").at("subscriptions");
  ASSERT_EQ(view.at("subscriptions").size(), wanted.size());
  for (const Json& s : view.at("subscriptions")) {
    const std::string id = s.at("id").get<std::string>();
    ASSERT_TRUE(wanted.contains(id)) << id;
    ExpectHolds(wanted.at(id), s, id);
  }
  for (const Json& row : scenario_.at("expect").value("timeline_rows", Json::array())) {
    EXPECT_TRUE(rows_.contains(row.get<std::string>())) << row << " is not in the timeline";
  }
}

TEST_P(ScenarioTest, PrintsTheSameBytesInEveryOrder) {
  std::string first;
  for (const auto& order : Orders()) {
    const std::string printed = Apply(order, Order::kAsMade).dump();
    if (first.empty()) first = printed;
    ASSERT_EQ(printed, first);
  }
}

// The values of I3, by the core alone: here nothing is sorted before it arrives.
TEST_P(ScenarioTest, ArrivesAtTheSameValuesInEveryOrder) {
  Json wanted;
  for (const auto& [id, values] : scenario_.at("expect").at("subscriptions").items()) {
    for (const char* name : {"status", "access", "plan", "paid_until"}) {
      if (values.contains(name)) wanted[id][name] = values.at(name);
    }
  }
  for (const auto& order : Orders()) {
    const Json view = Apply(order, Order::kAsGiven);
    ASSERT_EQ(view.at("subscriptions").size(), wanted.size());
    for (const Json& s : view.at("subscriptions")) {
      const std::string id = s.at("id").get<std::string>();
      ASSERT_TRUE(wanted.contains(id)) << id;
      ExpectHolds(wanted.at(id), s, id);
    }
    if (HasFailure()) return;
  }
}

std::string TestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, ::testing::ValuesIn(ScenarioNames()), TestName);

TEST(ScenariosTest, ThereAreThoseThatThePagePromises) {
  const std::vector<std::string> names = ScenarioNames();
  for (const char* name : {"payment-fails-and-recovers", "all-retries-fail", "hard-decline-then-new-card",
                           "cancels-while-past-due", "upgrade-while-past-due", "paid-by-hand", "late-and-duplicated",
                           "first-payment-fails", "renewal-webhook-late"}) {
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  }
  for (const std::string& name : names) {
    const Json scenario = Json::parse(testing::ReadFile(testing::FixturePath("scenarios/" + name + ".json")));
    EXPECT_EQ(scenario.at("name"), name);
    EXPECT_FALSE(scenario.at("title").get<std::string>().empty());
  }
}

MarketplaceKind KindOf(const Json& event) {
  const Result<MarketplaceEvent> read =
      event.contains("Message") ? ReadMarketplaceMessage(event.at("Message").get<std::string>(), EventId{"m"}, {})
                                : ReadEventBridgeEvent(event.dump());
  return read ? read->kind : MarketplaceKind::kUnknown;
}

TEST(ScenariosTest, EachActionAndEachEventOfAwsMarketplaceOccurs) {
  std::set<MarketplaceKind> seen;
  for (const std::string& name : ScenarioNames()) {
    if (!name.starts_with("aws-")) continue;
    const Json scenario = Json::parse(testing::ReadFile(testing::FixturePath("scenarios/" + name + ".json")));
    for (const Json& event : scenario.at("events")) seen.insert(KindOf(event));
  }
  for (int kind = 1; kind <= static_cast<int>(MarketplaceKind::kAdjustmentFailed); ++kind) {
    EXPECT_TRUE(seen.contains(static_cast<MarketplaceKind>(kind))) << "number " << kind << " of MarketplaceKind";
  }
}

}  // namespace
}  // namespace dunlin
