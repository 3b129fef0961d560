// What only Redis can do to us: die, freeze, forget, come back empty, refuse.
#include "workflows/queue/redis_queue.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "tests/support/redis_server.h"

namespace dunlin {
namespace {

using testing::RedisServer;
using SteadyClock = std::chrono::steady_clock;

constexpr const char* kKey = "dunlin:test:apply";
constexpr Timestamp kNow = FromUnixMillis(1'800'000'000'000);

RedisQueue MakeQueue(const std::string& url) { return RedisQueue(ParseQueueUrl(url)->redis, kKey); }

Status OfferOne(Queue& queue, std::int64_t id) {
  const QueueItem item{JobId{id}, kNow};
  return queue.Offer(std::span(&item, 1));
}

Millis Took(const std::function<void()>& call) {
  const auto start = SteadyClock::now();
  call();
  return std::chrono::duration_cast<Millis>(SteadyClock::now() - start);
}

bool WorksWithin(Queue& queue, Millis limit) {
  const auto give_up = SteadyClock::now() + limit;
  while (SteadyClock::now() < give_up) {
    if (queue.Size()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(RedisQueueTest, AKilledServerIsUnavailableAtOnceAndWorksAgainWhenItIsBackEmpty) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url());
  ASSERT_TRUE(OfferOne(queue, 1));
  server.Kill();
  for (int i = 0; i < 20; ++i) {
    EXPECT_LT(Took([&] {
                const Result<std::vector<JobId>> claimed = queue.Claim(kNow, 10);
                ASSERT_FALSE(claimed);
                EXPECT_EQ(claimed.error().code, Errc::kUnavailable);
                EXPECT_NE(claimed.error().detail.find(std::to_string(server.port())), std::string::npos);
              }),
              100ms);
  }
  server.Start();
  ASSERT_TRUE(WorksWithin(queue, 5s));
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector<JobId>{});
  ASSERT_TRUE(OfferOne(queue, 2));
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{2}});
}

TEST(RedisQueueTest, AServerReplacedBetweenTwoCallsIsNotEvenNoticed) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.unix_url());
  ASSERT_TRUE(OfferOne(queue, 1));
  server.Kill();
  server.Start();
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector<JobId>{});
  ASSERT_TRUE(OfferOne(queue, 1));
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{1}});
}

TEST(RedisQueueTest, AServerThatStartsLaterIsFound) {
  RedisServer server;
  server.Kill();
  RedisQueue queue = MakeQueue(server.tcp_url());
  EXPECT_FALSE(OfferOne(queue, 1));
  server.Start();
  ASSERT_TRUE(WorksWithin(queue, 5s));
  EXPECT_TRUE(OfferOne(queue, 1));
}

TEST(RedisQueueTest, AFlushedServerIsEmptyAndTakesTheOffersAgain) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url());
  ASSERT_TRUE(OfferOne(queue, 1));
  ASSERT_EQ(server.Command("FLUSHALL"), "+OK");
  EXPECT_EQ(queue.Size().value(), 0U);
  ASSERT_TRUE(OfferOne(queue, 1));
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{1}});
}

TEST(RedisQueueTest, AFlushedScriptIsLoadedAgain) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url());
  for (std::int64_t id = 1; id <= 3; ++id) {
    ASSERT_EQ(server.Command("SCRIPT FLUSH"), "+OK");
    ASSERT_TRUE(OfferOne(queue, id));
    EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector{JobId{id}});
  }
}

TEST(RedisQueueTest, AFrozenServerHoldsACallNoLongerThanTheTimeoutAndTheNextOnesNotAtAll) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url() + "?timeout=300ms");
  ASSERT_TRUE(OfferOne(queue, 1));
  server.Freeze();
  const Millis first = Took([&] { EXPECT_FALSE(queue.Claim(kNow, 10)); });
  EXPECT_GE(first, 290ms);
  EXPECT_LT(first, 600ms);
  for (int i = 0; i < 50; ++i) {
    EXPECT_LT(Took([&] { EXPECT_FALSE(queue.Claim(kNow, 10)); }), 100ms);
    std::this_thread::sleep_for(10ms);
  }
  server.Unfreeze();
  EXPECT_TRUE(WorksWithin(queue, 5s));
}

TEST(RedisQueueTest, AnOfferTooLargeForTheSocketIsBoundedByTheTimeoutToo) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.unix_url() + "?timeout=300ms");
  std::vector<QueueItem> items;
  for (std::int64_t id = 0; id < 50'000; ++id) items.push_back({JobId{id}, kNow});
  server.Freeze();
  const Millis took = Took([&] { EXPECT_FALSE(queue.Offer(items)); });
  EXPECT_LT(took, 600ms);
  server.Unfreeze();
}

TEST(RedisQueueTest, ConnectingToAFrozenServerIsBoundedByTheTimeout) {
  RedisServer server;
  server.Freeze();
  EXPECT_LT(Took([&] {
              RedisQueue queue = MakeQueue(server.tcp_url() + "?timeout=200ms");
              EXPECT_FALSE(queue.Size());
            }),
            1500ms);
  server.Unfreeze();
}

TEST(RedisQueueTest, AClientKilledByTheServerCostsNoCall) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(OfferOne(queue, 1));
    ASSERT_EQ(server.Command("CLIENT KILL TYPE normal SKIPME yes"), ":1");
  }
  EXPECT_EQ(queue.Size().value(), 1U);
}

TEST(RedisQueueTest, WritingToAServerThatIsGoneIsAnErrorAndNoSignal) {
  RedisServer server;
  const RedisTarget target = ParseQueueUrl(server.unix_url())->redis;
  const auto deadline = SteadyClock::now() + 5s;
  const Result<std::unique_ptr<RedisConnection>> opened =
      RedisConnection::Open(ResolveRedis(target).value(), target, deadline);
  ASSERT_TRUE(opened);
  RedisCommands commands;
  commands.Add(std::array<std::string, 1>{"PING"});
  EXPECT_TRUE((*opened)->Run(commands, deadline));
  EXPECT_FALSE((*opened)->ClosedByServer());
  server.Kill();
  EXPECT_TRUE((*opened)->ClosedByServer());
  EXPECT_FALSE((*opened)->Run(commands, deadline));
  EXPECT_FALSE((*opened)->Run(commands, deadline));
}

TEST(RedisQueueTest, TheRightPasswordIsUsedAndAWrongOrMissingOneSaysSoWithoutShowingAny) {
  RedisServer server("correct-horse");
  RedisQueue right = MakeQueue(server.tcp_url());
  EXPECT_TRUE(OfferOne(right, 1));
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  RedisQueue wrong = MakeQueue("redis://:battery-staple@" + address);
  const Status refused = OfferOne(wrong, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_NE(refused.error().detail.find("refused the user or password"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(refused.error().detail.find("battery"), std::string::npos);
  RedisQueue without = MakeQueue("redis://" + address);
  EXPECT_NE(OfferOne(without, 1).error().detail.find("NOAUTH"), std::string::npos);
}

TEST(RedisQueueTest, APasswordTheServerDoesNotHaveSaysSoWithoutShowingIt) {
  RedisServer server;
  RedisQueue queue = MakeQueue("redis://:battery-staple@127.0.0.1:" + std::to_string(server.port()));
  const Status refused = OfferOne(queue, 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("refused to authenticate"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(refused.error().detail.find("battery"), std::string::npos);
}

TEST(RedisQueueTest, AWrongPasswordPutRightOnTheServerNeedsNoRestart) {
  RedisServer server("first");
  RedisQueue queue = MakeQueue("redis://:second@127.0.0.1:" + std::to_string(server.port()));
  ASSERT_FALSE(queue.Size());
  ASSERT_EQ(server.Command("CONFIG SET requirepass second"), "+OK");
  EXPECT_TRUE(WorksWithin(queue, 5s));
}

TEST(RedisQueueTest, ADatabaseTheServerLacksIsNamedInTheError) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.unix_url() + "?db=999");
  EXPECT_NE(queue.Size().error().detail.find("DB index"), std::string::npos) << queue.Size().error().detail;
}

TEST(RedisQueueTest, AHostNameIsLookedUpAndAnUnknownOneIsNamed) {
  RedisServer server;
  // ParseQueueUrl turns "localhost" into a number; spelled otherwise it is a name like any other.
  RedisQueue queue = MakeQueue("redis://LOCALHOST:" + std::to_string(server.port()));
  EXPECT_TRUE(WorksWithin(queue, 5s));
  RedisQueue unknown = MakeQueue("redis://no-such-host.invalid:6379");
  const Status refused = OfferOne(unknown, 1);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("looking up the host"), std::string::npos) << refused.error().detail;
}

TEST(RedisQueueTest, AKeyThatHoldsSomethingElseIsAnErrorNotACrash) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url());
  ASSERT_EQ(server.Command(std::string("SET ") + kKey + " x"), "+OK");
  EXPECT_NE(OfferOne(queue, 1).error().detail.find("WRONGTYPE"), std::string::npos);
  ASSERT_EQ(server.Command("FLUSHALL"), "+OK");
  ASSERT_EQ(server.Command(std::string("ZADD ") + kKey + " 1 junk"), ":1");
  ASSERT_TRUE(WorksWithin(queue, 5s));
  const Result<std::vector<JobId>> claimed = queue.Claim(kNow, 10);
  ASSERT_FALSE(claimed);
  EXPECT_NE(claimed.error().detail.find("other than job ids"), std::string::npos);
  EXPECT_EQ(queue.Claim(kNow, 10).value(), std::vector<JobId>{});  // the junk went with the claim
}

TEST(RedisQueueTest, TwoQueuesOnOneKeyShareTheWorkAndOtherKeysDoNot) {
  RedisServer server;
  RedisQueue one = MakeQueue(server.tcp_url());
  RedisQueue two = MakeQueue(server.unix_url());
  RedisQueue other(ParseQueueUrl(server.tcp_url())->redis, "dunlin:test:other");
  ASSERT_TRUE(OfferOne(one, 1));
  EXPECT_EQ(other.Size().value(), 0U);
  EXPECT_EQ(two.Claim(kNow, 10).value(), std::vector{JobId{1}});
  EXPECT_EQ(one.Size().value(), 0U);
}

TEST(RedisQueueTest, KillsUnderLoadFromManyThreadsNeitherHangNorEndTheProcess) {
  RedisServer server;
  RedisQueue queue = MakeQueue(server.tcp_url() + "?timeout=500ms");
  std::atomic<bool> stop{false};
  std::atomic<int> worked{0};
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::int64_t i = 0; !stop; ++i) {
        if (OfferOne(queue, t * 1'000'000 + i) && queue.Claim(kNow, 3)) ++worked;
      }
    });
  }
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(30ms);
    server.Kill();
    std::this_thread::sleep_for(20ms);
    server.Start();
  }
  EXPECT_TRUE(WorksWithin(queue, 5s));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(worked, 0);
}

}  // namespace
}  // namespace dunlin
