// A queue on a server whose answers are of another kind than a sorted set of job ids gives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "tests/support/redis_server.h"
#include "tests/workflows/queue/scripted_redis.h"
#include "workflows/queue/redis_queue.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using testing::RedisServer;
using testing::ScriptedRedis;

constexpr const char* kKey = "dunlin:test:apply";
constexpr Timestamp kNow = FromUnixMillis(1'800'000'000'000);

RedisQueue QueueAt(const std::string& url) { return RedisQueue(ParseQueueUrl(url)->redis, kKey); }

// A server whose every answer but the greeting is `bytes`.
ScriptedRedis Answering(const std::string& bytes) {
  return ScriptedRedis([bytes](const ScriptedRedis::Command& command) {
    return ScriptedRedis::Reply{command.front() == "PING" ? "+PONG\r\n" : bytes};
  });
}

template <class T>
void ExpectNotOurs(const Result<T>& answer, const std::string& bytes) {
  ASSERT_FALSE(answer) << bytes;
  EXPECT_EQ(answer.error().code, Errc::kUnavailable) << bytes;
  EXPECT_THAT(answer.error().detail, HasSubstr(std::string(kKey) + " holds something other than job ids")) << bytes;
}

TEST(RedisAnswersTest, AClaimIsAListOfNumbersInText) {
  for (const std::string bytes : {":1\r\n", "+OK\r\n", "$1\r\n7\r\n", "*1\r\n:7\r\n", "*1\r\n*0\r\n", "*1\r\n$-1\r\n",
                                  "*1\r\n$0\r\n\r\n", "*1\r\n$2\r\n7x\r\n", "*1\r\n$1\r\nx\r\n", "*1\r\n$3\r\n7.5\r\n",
                                  "*1\r\n$20\r\n99999999999999999999\r\n", "*2\r\n$1\r\n7\r\n$2\r\n 8\r\n"}) {
    ScriptedRedis server = Answering(bytes);
    RedisQueue queue = QueueAt(server.url());
    ExpectNotOurs(queue.Claim(kNow, 10), bytes);
  }
  ScriptedRedis server = Answering("*2\r\n$1\r\n7\r\n$2\r\n-8\r\n");
  RedisQueue queue = QueueAt(server.url());
  EXPECT_EQ(queue.Claim(kNow, 10).value(), (std::vector{JobId{7}, JobId{-8}}));
}

TEST(RedisAnswersTest, WhatIsDueNextIsAMemberAndATime) {
  const auto scored = [](const std::string& score) {
    return "*2\r\n$1\r\n7\r\n$" + std::to_string(score.size()) + "\r\n" + score + "\r\n";
  };
  for (const std::string& bytes :
       {std::string(":1\r\n"), std::string("+OK\r\n"), std::string("$-1\r\n"), std::string("*1\r\n$1\r\n7\r\n"),
        std::string("*3\r\n$1\r\n7\r\n$1\r\n1\r\n$1\r\n8\r\n"), std::string("*2\r\n$1\r\n7\r\n:5\r\n"), scored(""),
        scored("soon"), scored("5x"), scored("inf"), scored("-inf"), scored("nan"), scored("1e300"), scored("-1e300"),
        scored("9007199254740994")}) {
    ScriptedRedis server = Answering(bytes);
    RedisQueue queue = QueueAt(server.url());
    ExpectNotOurs(queue.NextDue(), bytes);
  }
  const std::vector<std::pair<std::string, std::optional<Timestamp>>> good = {
      {"*0\r\n", std::nullopt},
      {scored("1800000000000"), kNow},
      {scored("-5"), FromUnixMillis(-5)},
      {scored("9007199254740992"), FromUnixMillis(9'007'199'254'740'992)}};
  for (const auto& [bytes, due] : good) {
    ScriptedRedis server = Answering(bytes);
    RedisQueue queue = QueueAt(server.url());
    EXPECT_EQ(queue.NextDue().value(), due) << bytes;
  }
}

TEST(RedisAnswersTest, ASizeIsANumberAndNotANegativeOne) {
  for (const std::string bytes : {"+OK\r\n", "$1\r\n7\r\n", "*0\r\n", ":-1\r\n"}) {
    ScriptedRedis server = Answering(bytes);
    RedisQueue queue = QueueAt(server.url());
    ExpectNotOurs(queue.Size(), bytes);
  }
}

TEST(RedisAnswersTest, AStrangersMembersAreNoJobsAndTheConnectionOutlivesThem) {
  RedisServer server;
  RedisQueue queue = QueueAt(server.tcp_url());
  ASSERT_EQ(server.Command(std::string("ZADD ") + kKey + " inf 5"), ":1");
  ExpectNotOurs(queue.NextDue(), "an endless time");
  EXPECT_EQ(queue.Size().value(), 1U) << "at once: nothing is wrong with the server";
  ASSERT_EQ(server.Command(std::string("ZADD ") + kKey + " 1 12x"), ":1");
  ExpectNotOurs(queue.Claim(kNow, 10), "a member that only begins as a number");
  EXPECT_EQ(queue.Size().value(), 1U);
}

// Holds every question but the greeting back until `calls` of them have come.
class Crowd {
 public:
  ScriptedRedis::Reply Answer(const ScriptedRedis::Command& command) {
    if (command.front() == "PING") return {"+PONG\r\n"};
    std::unique_lock lock(mutex_);
    ++come_;
    changed_.notify_all();
    changed_.wait_for(lock, 10s, [this] { return come_ >= awaited_; });
    return {":0\r\n"};
  }
  void Await(int more) {
    const std::lock_guard lock(mutex_);
    awaited_ = come_ + more;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int come_ = 0;
  int awaited_ = 0;
};

// 20 calls under way at once, and all of them once more: 16 of the connections are there for them.
TEST(RedisAnswersTest, SixteenConnectionsAreKeptBetweenCalls) {
  constexpr int kCalls = 20;
  Crowd crowd;
  ScriptedRedis server([&](const ScriptedRedis::Command& command) { return crowd.Answer(command); });
  RedisQueue queue = QueueAt(server.url() + "?timeout=10s");
  for (const std::size_t connections : {20U, 24U}) {
    crowd.Await(kCalls);
    std::vector<std::thread> threads;
    for (int i = 0; i < kCalls; ++i) threads.emplace_back([&] { EXPECT_TRUE(queue.Size()); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(server.connections(), connections);
  }
}

}  // namespace
}  // namespace dunlin
