// What every queue promises, played against each of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <ostream>
#include <thread>

#include "tests/support/redis_server.h"
#include "workflows/queue/fallback_queue.h"
#include "workflows/queue/memory_queue.h"
#include "workflows/queue/redis_queue.h"

namespace dunlin {
namespace {

using testing::RedisServer;

struct Kind {
  const char* name;
  bool needs_redis;
  std::function<std::unique_ptr<Queue>(const RedisServer*)> make;
};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

std::unique_ptr<Queue> OverRedis(const std::string& url) {
  return std::make_unique<RedisQueue>(ParseQueueUrl(url)->redis, "dunlin:test:apply");
}

const Kind kKinds[] = {
    {"Memory", false, [](const RedisServer*) { return std::make_unique<MemoryQueue>(); }},
    {"RedisTcp", true, [](const RedisServer* server) { return OverRedis(server->tcp_url()); }},
    {"RedisUnixSocket", true, [](const RedisServer* server) { return OverRedis(server->unix_url() + "?db=3"); }},
    {"FallbackHealthy", true,
     [](const RedisServer* server) { return std::make_unique<FallbackQueue>(OverRedis(server->tcp_url())); }},
    {"FallbackAlone", true,
     [](const RedisServer*) {
       return std::make_unique<FallbackQueue>(OverRedis("redis+unix:///nonexistent/dunlin.sock"));
     }},
};

class QueueContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam().needs_redis) server_ = std::make_unique<RedisServer>();
    queue_ = GetParam().make(server_.get());
  }

  void Offer(std::vector<QueueItem> items) { ASSERT_TRUE(queue_->Offer(items)); }

  std::vector<std::int64_t> Claim(std::int64_t now_ms, std::size_t max) {
    const Result<std::vector<JobId>> claimed = queue_->Claim(FromUnixMillis(now_ms), max);
    EXPECT_TRUE(claimed) << claimed.error().detail;
    std::vector<std::int64_t> ids;
    for (const JobId id : claimed.value_or(std::vector<JobId>{})) ids.push_back(ToInt(id));
    return ids;
  }

  static QueueItem Item(std::int64_t id, std::int64_t due_ms) { return {JobId{id}, FromUnixMillis(due_ms)}; }

  std::unique_ptr<RedisServer> server_;
  std::unique_ptr<Queue> queue_;
};

using Ids = std::vector<std::int64_t>;

TEST_P(QueueContract, ItemsComeOutEarliestFirst) {
  Offer({Item(1, 3000), Item(2, 1000), Item(10, 2000)});
  Offer({Item(4, 500)});
  EXPECT_EQ(Claim(5000, 10), (Ids{4, 2, 10, 1}));
}

TEST_P(QueueContract, AnItemIsNotHandedOutBeforeItIsDue) {
  Offer({Item(1, 1'800'000'000'001)});
  EXPECT_EQ(Claim(1'800'000'000'000, 10), Ids{});
  EXPECT_EQ(Claim(1'800'000'000'001, 10), Ids{1});
}

TEST_P(QueueContract, AClaimTakesAtMostWhatItAskedForAndTheRestStays) {
  Offer({Item(1, 1), Item(2, 2), Item(3, 3)});
  EXPECT_EQ(Claim(9, 0), Ids{});
  EXPECT_EQ(Claim(9, 2), (Ids{1, 2}));
  EXPECT_EQ(queue_->Size().value(), 1U);
  EXPECT_EQ(Claim(9, 2), Ids{3});
  EXPECT_EQ(Claim(9, 2), Ids{});
}

TEST_P(QueueContract, AnIdOfferedAgainWaitsOnce) {
  Offer({Item(7, 10), Item(7, 10)});
  Offer({Item(7, 10)});
  EXPECT_EQ(queue_->Size().value(), 1U);
  EXPECT_EQ(Claim(10, 10), Ids{7});
  EXPECT_EQ(Claim(10, 10), Ids{});
}

TEST_P(QueueContract, TheEarlierDueTimeWinsWhicheverCameFirst) {
  Offer({Item(1, 5000), Item(2, 1000)});
  Offer({Item(1, 2000), Item(2, 9000)});
  EXPECT_EQ(Claim(1000, 10), Ids{2});
  EXPECT_EQ(Claim(1999, 10), Ids{});
  EXPECT_EQ(Claim(2000, 10), Ids{1});
  EXPECT_EQ(Claim(99'000, 10), Ids{});
}

TEST_P(QueueContract, AClaimedIdCanBeOfferedAgain) {
  Offer({Item(1, 10)});
  EXPECT_EQ(Claim(10, 1), Ids{1});
  Offer({Item(1, 30)});
  EXPECT_EQ(Claim(29, 1), Ids{});
  EXPECT_EQ(Claim(30, 1), Ids{1});
}

TEST_P(QueueContract, IdsOf63BitsStayExact) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  Offer({Item(kMax, 1), Item(kMax - 1, 2), Item((std::int64_t{1} << 53) + 1, 3)});
  EXPECT_EQ(Claim(3, 10), (Ids{kMax, kMax - 1, (std::int64_t{1} << 53) + 1}));
}

TEST_P(QueueContract, DueTimesAreExactToTheMillisecondFarAway) {
  constexpr std::int64_t kFar = (std::int64_t{1} << 53) - 1;
  Offer({Item(1, kFar), Item(2, -5)});
  EXPECT_EQ(queue_->NextDue().value(), FromUnixMillis(-5));
  EXPECT_EQ(Claim(kFar - 1, 10), Ids{2});
  EXPECT_EQ(queue_->NextDue().value(), FromUnixMillis(kFar));
  EXPECT_EQ(Claim(kFar, 10), Ids{1});
}

TEST_P(QueueContract, AnEmptyQueueAnswersEmpty) {
  EXPECT_EQ(Claim(1'000'000, 10), Ids{});
  EXPECT_EQ(queue_->NextDue().value(), std::nullopt);
  EXPECT_EQ(queue_->Size().value(), 0U);
  Offer({});
  EXPECT_EQ(queue_->Size().value(), 0U);
}

TEST_P(QueueContract, NextDueIsThatOfTheEarliestWaiting) {
  Offer({Item(1, 3000), Item(2, 1000)});
  EXPECT_EQ(queue_->NextDue().value(), FromUnixMillis(1000));
  EXPECT_EQ(Claim(1000, 1), Ids{2});
  EXPECT_EQ(queue_->NextDue().value(), FromUnixMillis(3000));
}

TEST_P(QueueContract, TwentyThousandItemsOfferedAtOnceAllComeOutInOrder) {
  std::vector<QueueItem> items;
  for (std::int64_t i = 0; i < 20'000; ++i) items.push_back(Item(i, (i * 7919) % 20'000));
  Offer(items);
  ASSERT_EQ(queue_->Size().value(), 20'000U);
  std::vector<bool> seen(20'000, false);
  std::int64_t last_due = -1;
  for (Ids batch = Claim(20'000, 1'000); !batch.empty(); batch = Claim(20'000, 1'000)) {
    for (const std::int64_t id : batch) {
      const std::int64_t due = (id * 7919) % 20'000;
      ASSERT_GT(due, last_due);
      last_due = due;
      seen[static_cast<std::size_t>(id)] = true;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 20'000);
}

TEST_P(QueueContract, ClaimersAtTheSameTimeEachGetAnIdOnce) {
  constexpr std::int64_t kItems = 5'000;
  std::vector<std::atomic<int>> times_claimed(kItems);
  std::atomic<std::int64_t> claimed{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {  // offers while the others claim
    for (std::int64_t from = 0; from < kItems; from += 250) {
      std::vector<QueueItem> items;
      for (std::int64_t i = from; i < from + 250; ++i) items.push_back(Item(i, i));
      EXPECT_TRUE(queue_->Offer(items));
    }
  });
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const auto give_up = std::chrono::steady_clock::now() + 30s;
      while (claimed < kItems && std::chrono::steady_clock::now() < give_up) {
        for (const std::int64_t id : Claim(kItems, 37)) {
          ++times_claimed[static_cast<std::size_t>(id)];
          ++claimed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(claimed, kItems);
  EXPECT_TRUE(std::all_of(times_claimed.begin(), times_claimed.end(), [](const auto& n) { return n == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Queues, QueueContract, ::testing::ValuesIn(kKinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace dunlin
