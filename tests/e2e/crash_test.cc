// The service is killed in the middle of everything, Redis and the disk fail it, again and again; nothing that was
// acknowledged may be lost, and nobody may be charged twice.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>

#include "tests/e2e/strike.h"
#include "tests/support/redis_server.h"
#include "tests/support/small_disk.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;

// Emptied by each blow, and by every third killed and replaced by an empty one.
Blows WithRedisThatForgets(RedisServer& redis, Blows blows) {
  blows.trouble = [&redis](int blow) {
    redis.Command("FLUSHALL");
    if (blow % 3 != 2) return;
    redis.Kill();
    std::this_thread::sleep_for(std::chrono::milliseconds(70 * (blow % 4)));
    redis.Start();
  };
  return blows;
}

// Takes connections and answers nothing for a while, while the service is not killed; answers again, and hangs again.
Blows WithRedisThatHangs(RedisServer& redis, Blows blows, int seconds) {
  const auto hangs = std::make_shared<int>(0);
  blows.trouble = [&redis, seconds, hangs](int) {
    if (redis.Command("PING") != "+PONG") return;
    redis.Command("DEBUG SLEEP " + std::to_string(seconds));
    ++*hangs;
  };
  blows.enough = [hangs] { return *hangs > 1; };
  blows.kill_every = 3;
  return blows;
}

// Gone, for so long at a time, while the service goes on, and back.
Blows WithRedisThatIsAway(RedisServer& redis, Blows blows, std::chrono::seconds away) {
  struct State {
    std::optional<std::chrono::steady_clock::time_point> since;
    int times = 0;
  };
  const auto state = std::make_shared<State>();
  const auto come_back = [&redis, state] {
    redis.Start();
    state->since.reset();
    ++state->times;
  };
  blows.trouble = [&redis, away, state, come_back](int) {
    const auto now = std::chrono::steady_clock::now();
    if (!state->since) {
      redis.Kill();
      state->since = now;
    } else if (now - *state->since >= away) {
      come_back();
    }
  };
  blows.enough = [state] { return state->times > 0; };
  blows.end = [state, come_back] {
    if (state->since) come_back();
  };
  blows.kill_every = 5;
  return blows;
}

// Full, with every second blow deadly.
Blows WithAFullDisk(SmallDisk& disk, Blows blows) {
  blows.trouble = [&disk](int) {
    disk.Fill();
    std::this_thread::sleep_for(400ms);
  };
  blows.relief = [&disk](int) { disk.Free(); };
  blows.kill_every = 2;
  return blows;
}

TEST(CrashTest, TwentyKillsLoseNothingAndChargeNobodyTwice) {
  World world({.seed = 41});
  Figures figures;
  StrikeAgainAndAgain(world, {.count = 20}, figures);
  Print("crashes", figures);
}

TEST(CrashTest, TheSameWithARedisThatForgets) {
  RedisServer redis;
  World world({.queue = redis.unix_url(), .seed = 42});
  Figures figures;
  StrikeAgainAndAgain(world, WithRedisThatForgets(redis, {.count = 20, .subscribers = kInstrumented ? 8 : 25}),
                      figures);
  Print("crashes with a Redis that forgets", figures);
}

TEST(CrashTest, TheSameWithARedisThatHangs) {
  RedisServer redis;
  World world({.queue = redis.tcp_url(), .seed = 44});
  Figures figures;
  StrikeAgainAndAgain(world, WithRedisThatHangs(redis, {.count = 6, .subscribers = kInstrumented ? 8 : 25}, 2),
                      figures);
  Print("a Redis that hangs", figures);
}

TEST(CrashTest, TheSameWithARedisThatIsAway) {
  RedisServer redis;
  World world({.queue = redis.unix_url(), .seed = 46});
  Figures figures;
  StrikeAgainAndAgain(world, WithRedisThatIsAway(redis, {.count = 12, .subscribers = kInstrumented ? 8 : 25}, 2s),
                      figures);
  Print("a Redis that is away", figures);
}

TEST(CrashTest, TheSameWithADiskThatIsFull) {
  SmallDisk disk(256 << 20);
  if (!disk.usable()) GTEST_SKIP() << "no file system can be mounted here: " << disk.problem();
  World world({.seed = 45, .ledger_folder = disk.folder()});
  Figures figures;
  StrikeAgainAndAgain(world, WithAFullDisk(disk, {.count = 10, .subscribers = kInstrumented ? 8 : 25}), figures);
  Print("a full disk", figures);
  EXPECT_GT(figures.put_off, 5U) << "the disk was never full";
}

// Round after round with other chances, for as long as SOAK_SECONDS says (tests/soak/run).
TEST(SoakTest, CrashesForAsLongAsItIsTold) {
  const char* seconds = std::getenv("SOAK_SECONDS");
  if (seconds == nullptr) GTEST_SKIP() << "a soak takes long; run tests/soak/run SECONDS";
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(seconds));
  SmallDisk disk(std::size_t{2} << 30);
  if (!disk.usable())
    std::printf("without a full disk: no file system can be mounted here: %s\n", disk.problem().c_str());
  Figures all;
  for (unsigned round = 1; std::chrono::steady_clock::now() < end && !::testing::Test::HasFailure(); ++round) {
    enum Kind { kCrashes, kForgets, kHangs, kAway, kFull };
    constexpr std::array kNames = {"crashes", "a Redis that forgets", "a Redis that hangs", "a Redis that is away",
                                   "a full disk"};
    const Kind kind = static_cast<Kind>(round % (disk.usable() ? 5 : 4));
    RedisServer redis;
    const bool with_redis = kind == kForgets || kind == kHangs || kind == kAway;
    World world({.queue = with_redis ? redis.unix_url() : "memory",
                 .seed = static_cast<int>(round),
                 .ledger_folder = kind == kFull ? disk.folder() : ""});
    Blows blows = {.count = 40, .senders = 8, .sender_pause = 0us, .pace = 4, .seed = round, .settle_seconds = 120};
    if (kind == kForgets) blows = WithRedisThatForgets(redis, blows);
    if (kind == kHangs) blows = WithRedisThatHangs(redis, blows, 60);
    if (kind == kAway) blows = WithRedisThatIsAway(redis, blows, 60s);
    if (kind == kFull) blows = WithAFullDisk(disk, blows);
    Figures figures;
    StrikeAgainAndAgain(world, blows, figures);
    Print("round " + std::to_string(round) + ", " + kNames[kind], figures);
    all = {all.blows + figures.blows,       all.acknowledged + figures.acknowledged, all.put_off + figures.put_off,
           all.webhooks + figures.webhooks, all.charges + figures.charges,           all.ours + figures.ours};
  }
  Print("in all", all);
}

TEST(CrashTest, DeliveriesLostForEverAreCaughtUpWith) {
  World world({.seed = 43});
  world.Sim("/_sim/faults", {{"webhooks", {{"lose", 0.3}}}});
  MakeSubscribers(world, kInstrumented ? 10 : 30);
  for (int day = 0; day < 40; ++day) {
    world.Sim("/_sim/clock", {{"advance", "1d"}});
    ASSERT_TRUE(world.Settle(20));
  }
  world.Sim("/_sim/clock", {{"advance", "10m"}});
  ASSERT_TRUE(world.Settle(20));
  const nlohmann::json truth = world.SimGet("/_sim/truth");
  EXPECT_GT(truth.at("webhooks").at("lost"), 20);
  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  ASSERT_TRUE(ledger);
  ExpectTruth(**ledger, world);
}

}  // namespace
}  // namespace dunlin::testing
