// Every live scenario, played against real processes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/redis_server.h"
#include "tests/support/world.h"

namespace dunlin::testing {
namespace {

void PlayAll(World& world) {
  int played = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(DUNLIN_SOURCE_DIR) + "/fixtures/scenarios/live")) {
    if (entry.path().extension() != ".json") continue;
    ++played;
    const nlohmann::json scenario = nlohmann::json::parse(std::ifstream(entry.path()));
    play::Player player(world.targets());
    ASSERT_TRUE(player.Run({{"do", "catalog"}, {"prices", world.prices()}}).ok);
    for (const nlohmann::json& step : scenario.at("steps")) {
      const play::StepReport report = player.Run(step);
      ASSERT_TRUE(report.ok) << entry.path().filename() << ", " << report.what << ": " << report.problem;
    }
    world.Sim("/_sim/faults", {{"webhooks", nlohmann::json::object()}, {"api", nlohmann::json::object()}});
  }
  EXPECT_GT(played, 0);
}

TEST(LiveTest, ScenariosPlayWithTheQueueInMemory) {
  World world({.seed = 1});
  PlayAll(world);
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
