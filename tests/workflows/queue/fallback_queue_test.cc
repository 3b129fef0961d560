#include "workflows/queue/fallback_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/redis_server.h"
#include "workflows/queue/redis_queue.h"

namespace dunlin {
namespace {

using testing::RedisServer;
using SteadyClock = std::chrono::steady_clock;

constexpr Timestamp kNow = FromUnixMillis(1'800'000'000'000);

std::unique_ptr<Queue> OverRedis(const std::string& url) {
  return std::make_unique<RedisQueue>(ParseQueueUrl(url)->redis, "dunlin:test:apply");
}

void Offer(Queue& queue, std::int64_t id, Timestamp due = kNow) {
  const QueueItem item{JobId{id}, due};
  ASSERT_TRUE(queue.Offer(std::span(&item, 1)));
}

bool HealthyWithin(FallbackQueue& queue, Millis limit) {
  const auto give_up = SteadyClock::now() + limit;
  while (SteadyClock::now() < give_up) {
    EXPECT_TRUE(queue.Size());
    if (!queue.degraded()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(FallbackQueueTest, WorkGoesOnWhenThePrimaryDiesAndReturnsToItWhenItIsBack) {
  RedisServer server;
  FallbackQueue queue(OverRedis(server.tcp_url()));
  EXPECT_FALSE(queue.degraded());
  EXPECT_EQ(queue.PrimaryError(), std::nullopt);
  Offer(queue, 1);
  server.Kill();

  Offer(queue, 1);  // what the feeder does: the ledger still has it
  Offer(queue, 2, kNow + 1ms);
  EXPECT_TRUE(queue.degraded());
  ASSERT_TRUE(queue.PrimaryError());
  EXPECT_EQ(queue.PrimaryError()->code, Errc::kUnavailable);
  EXPECT_EQ(queue.NextDue().value(), kNow);
  EXPECT_EQ(queue.Size().value(), 2U);
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{1}});

  server.Start();
  ASSERT_TRUE(HealthyWithin(queue, 5s));
  EXPECT_EQ(queue.PrimaryError(), std::nullopt);
  Offer(queue, 3, kNow - 1ms);
  EXPECT_EQ(server.Command("ZCARD dunlin:test:apply"), ":1");  // the primary has it, not the memory
  EXPECT_EQ(queue.NextDue().value(), kNow - 1ms);
  EXPECT_EQ(queue.Claim(kNow + 1ms, 10).value(), (std::vector{JobId{2}, JobId{3}}));  // what was left in memory too
  EXPECT_EQ(queue.NextDue().value(), std::nullopt);
}

TEST(FallbackQueueTest, APrimaryThatIsAwayFromTheStartIsDegradedAtOnce) {
  FallbackQueue queue(OverRedis("redis+unix:///nonexistent/dunlin.sock"));
  EXPECT_TRUE(queue.degraded());
  Offer(queue, 1);
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{1}});
}

TEST(FallbackQueueTest, AnEmptyOfferSaysNothingAboutThePrimary) {
  RedisServer server;
  FallbackQueue queue(OverRedis(server.tcp_url()));
  server.Kill();
  EXPECT_TRUE(queue.Offer({}));
  EXPECT_FALSE(queue.degraded());
  EXPECT_TRUE(queue.Size());
  EXPECT_TRUE(queue.degraded());
  EXPECT_TRUE(queue.Offer({}));
  EXPECT_TRUE(queue.degraded());
}

TEST(FallbackQueueTest, EachChangeIsToldOnceWithItsReason) {
  RedisServer server;
  std::vector<std::optional<Error>> told;
  FallbackQueue queue(OverRedis(server.tcp_url()), [&](const std::optional<Error>& error) { told.push_back(error); });
  EXPECT_TRUE(queue.Size());
  EXPECT_TRUE(told.empty());
  server.Kill();
  EXPECT_TRUE(queue.Size());
  Offer(queue, 1);
  EXPECT_TRUE(queue.Claim(kNow, 1));
  ASSERT_EQ(told.size(), 1U);
  ASSERT_TRUE(told[0]);
  EXPECT_NE(told[0]->detail, "");
  server.Start();
  ASSERT_TRUE(HealthyWithin(queue, 10s));
  ASSERT_EQ(told.size(), 2U);
  EXPECT_FALSE(told[1]);
}

TEST(FallbackQueueTest, ARedisThatTakesNothingIsDegradedThoughItCanBeRead) {
  RedisServer server;
  FallbackQueue queue(OverRedis(server.tcp_url()));
  ASSERT_EQ(server.Command("CONFIG SET maxmemory 1"), "+OK");
  Offer(queue, 1);
  EXPECT_TRUE(queue.degraded());
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{1}});
  EXPECT_TRUE(queue.Size());
  EXPECT_TRUE(queue.degraded()) << "that it answers does not mean that it takes jobs";
  ASSERT_EQ(server.Command("CONFIG SET maxmemory 0"), "+OK");
  const auto give_up = SteadyClock::now() + 10s;
  do {  // after an error it is left alone for a moment
    std::this_thread::sleep_for(5ms);
    Offer(queue, 2);
    EXPECT_TRUE(queue.Size());
  } while (queue.degraded() && SteadyClock::now() < give_up);
  EXPECT_FALSE(queue.degraded());
}

TEST(FallbackQueueTest, NothingIsLostWhenThePrimaryIsKilledAgainAndAgainAndAFeederOffersAgain) {
  constexpr std::int64_t kJobs = 2'000;
  RedisServer server;
  FallbackQueue queue(OverRedis(server.tcp_url() + "?timeout=500ms"));
  std::vector<std::atomic<bool>> done(kJobs);
  std::atomic<std::int64_t> open{kJobs};
  const auto give_up = SteadyClock::now() + 30s;

  std::thread worker([&] {
    while (open > 0 && SteadyClock::now() < give_up) {
      const Result<std::vector<JobId>> claimed = queue.Claim(kNow, 20);
      ASSERT_TRUE(claimed);
      for (const JobId id : *claimed) {
        if (!done[static_cast<std::size_t>(ToInt(id))].exchange(true)) --open;
      }
      std::this_thread::sleep_for(2ms);
    }
  });
  std::thread feeder([&] {
    while (open > 0 && SteadyClock::now() < give_up) {
      std::vector<QueueItem> items;
      for (std::int64_t id = 0; id < kJobs; ++id) {
        if (!done[static_cast<std::size_t>(id)]) items.push_back({JobId{id}, kNow});
      }
      ASSERT_TRUE(queue.Offer(items));
      std::this_thread::sleep_for(20ms);
    }
  });
  for (int round = 0; round < 3; ++round) {
    std::this_thread::sleep_for(30ms);
    server.Kill();
    std::this_thread::sleep_for(30ms);
    server.Start();
  }
  worker.join();
  feeder.join();
  EXPECT_EQ(open, 0);
}

}  // namespace
}  // namespace dunlin
