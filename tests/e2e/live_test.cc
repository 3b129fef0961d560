// Every live scenario, played against real processes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/redis_server.h"
#include "tests/support/world.h"

namespace dunlin::testing {
namespace {

std::vector<std::filesystem::path> Scenarios(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(DUNLIN_SOURCE_DIR) + "/fixtures/scenarios/" + folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// One after another against one service, whose clock goes on from where the scenario before left it.
void PlayAll(World& world, const std::string& folder = "live") {
  const std::vector<std::filesystem::path> files = Scenarios(folder);
  ASSERT_FALSE(files.empty());
  for (const std::filesystem::path& file : files) {
    const nlohmann::json scenario = nlohmann::json::parse(std::ifstream(file));
    play::Player player(world.targets());
    ASSERT_TRUE(player.Run({{"do", "catalog"}, {"prices", world.prices()}}).ok);
    for (const nlohmann::json& step : scenario.at("steps")) {
      const play::StepReport report = player.Run(step);
      EXPECT_TRUE(report.ok) << file.filename() << ", " << report.what << ": " << report.problem;
      if (!report.ok) break;
    }
    world.Sim("/_sim/faults", {{"webhooks", nlohmann::json::object()}, {"api", nlohmann::json::object()}});
  }
}

TEST(LiveTest, ScenariosPlayWithTheQueueInMemory) {
  World world({.seed = 1});
  PlayAll(world);
}

TEST(LiveTest, ScenariosOfTheMarketplacePlay) {
  World world({.seed = 5, .aws = true});
  PlayAll(world, "live-aws");
}

TEST(LiveTest, ScenariosPlayWithRedis) {
  RedisServer redis;
  World world({.queue = redis.unix_url(), .seed = 2});
  PlayAll(world);
}

TEST(LiveTest, ScenariosPlayWithEventsInTheOldShape) {
  World world({.seed = 3});
  world.Sim("/_sim/settings", {{"webhook_api_version", "2020-08-27"}});
  PlayAll(world);
}

TEST(LiveTest, ScenariosPlayWithThinEvents) {
  World world({.seed = 4});
  world.Sim("/_sim/settings", {{"thin_events", true}});
  PlayAll(world);
}

}  // namespace
}  // namespace dunlin::testing
