// One connection to what is called Redis: servers that are none, that break off, that never come, and the system's own
// ways to get between.
#include "workflows/queue/redis_connection.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/support/redis_server.h"
#include "tests/workflows/queue/scripted_redis.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using testing::RedisServer;
using testing::ScriptedRedis;
using Connection = Result<std::unique_ptr<RedisConnection>>;
using Replies = Result<std::vector<RedisReplyPtr>>;

SteadyTime In(Millis left) { return std::chrono::steady_clock::now() + left; }

Connection OpenAt(const std::string& url, Millis patience = 5s) {
  const RedisTarget target = ParseQueueUrl(url)->redis;
  return RedisConnection::Open(ResolveRedis(target).value(), target, In(patience));
}

// Where a connection cannot be opened: why.
std::string WhyNot(const std::string& url) {
  const Connection opened = OpenAt(url);
  if (opened) return "it was opened";
  EXPECT_EQ(opened.error().code, Errc::kUnavailable);
  return opened.error().detail;
}

RedisCommands One(std::vector<std::string> words) {
  RedisCommands commands;
  commands.Add(words);
  return commands;
}

// Greets as Redis does, and answers the rest as told.
ScriptedRedis::Answer Behind(ScriptedRedis::Answer rest) {
  return [rest = std::move(rest)](const ScriptedRedis::Command& command) {
    return command.front() == "PING" ? ScriptedRedis::Reply{"+PONG\r\n"} : rest(command);
  };
}

// ---- What answers ------------------------------------------------------------------------------------------------

TEST(RedisConnectionTest, WhatDoesNotGreetAsRedisDoesIsNotTakenForIt) {
  const std::vector<std::pair<ScriptedRedis::Reply, std::string>> cases = {
      {{"HTTP/1.1 400 Bad Request\r\n\r\n"}, "reading: "},
      {{"220 mail.example.com ESMTP\r\n"}, "reading: "},
      {{"+PONG\r\n+PONG\r\n"}, "reading: more answers than commands"},
      {{"-LOADING Redis is loading the dataset in memory\r\n"}, "the server answered LOADING"},
      {{"", true}, "the server closed the connection"},
      {{"+PO", true}, "the server closed the connection"},
      {{"$4\r\nPO", true}, "the server closed the connection"},
  };
  for (const auto& [reply, why] : cases) {
    ScriptedRedis server([&reply = reply](const auto&) { return reply; });
    EXPECT_THAT(WhyNot(server.url()), HasSubstr(why)) << reply.bytes;
  }
}

TEST(RedisConnectionTest, AConnectionThatWentWrongStaysWrong) {
  std::atomic<int> asked{0};
  ScriptedRedis server(
      Behind([&](const auto&) { return ScriptedRedis::Reply{asked++ == 0 ? "rubbish\r\n" : ":1\r\n"}; }));
  const Connection opened = OpenAt(server.url());
  ASSERT_TRUE(opened) << opened.error().detail;
  for (int i = 0; i < 2; ++i) {
    const Replies replies = (*opened)->Run(One({"ZCARD", "key"}), In(5s));
    ASSERT_FALSE(replies) << "what comes now may be the answer to anything";
    EXPECT_THAT(replies.error().detail, HasSubstr("reading: "));
  }
}

TEST(RedisConnectionTest, WordsAndAnswersLargerThanAnyBufferPassWhole) {
  ScriptedRedis server(Behind([](const ScriptedRedis::Command& command) {
    return ScriptedRedis::Reply{"$" + std::to_string(command.at(1).size()) + "\r\n" + command.at(1) + "\r\n"};
  }));
  const Connection opened = OpenAt(server.url());
  ASSERT_TRUE(opened) << opened.error().detail;
  std::string word(std::size_t{16} << 20, 'x');
  for (std::size_t i = 0; i < word.size(); i += 1000) word[i] = static_cast<char>('a' + i / 1000 % 26);
  const Replies replies = (*opened)->Run(One({"ECHO", word}), In(30s));
  ASSERT_TRUE(replies) << replies.error().detail;
  ASSERT_EQ(replies->size(), 1U);
  EXPECT_TRUE(word == std::string_view(replies->front()->str, replies->front()->len));
}

// ---- Who we say we are -------------------------------------------------------------------------------------------

TEST(RedisConnectionTest, AUserOfTheServersIsLetInWithHisOwnPassword) {
  RedisServer server;
  ASSERT_EQ(server.Command("ACL SETUSER app on >correct-horse ~* +@all"), "+OK");
  const std::string at = "127.0.0.1:" + std::to_string(server.port());
  const Connection opened = OpenAt("redis://app:correct-horse@" + at);
  ASSERT_TRUE(opened) << opened.error().detail;
  const Replies who = (*opened)->Run(One({"ACL", "WHOAMI"}), In(5s));
  ASSERT_TRUE(who) << who.error().detail;
  EXPECT_EQ(std::string_view(who->front()->str, who->front()->len), "app");
  EXPECT_EQ(WhyNot("redis://app:battery-staple@" + at), "the server refused the user or password (WRONGPASS)");
}

TEST(RedisConnectionTest, WhatIsRefusedBehindAPasswordIsNotBlamedOnIt) {
  RedisServer server("correct-horse");
  const std::string why = WhyNot(server.tcp_url() + "/999");
  EXPECT_THAT(why, HasSubstr("the server answered ERR"));
  EXPECT_THAT(why, HasSubstr("DB index"));
}

// ---- What the system does ----------------------------------------------------------------------------------------

std::atomic<int> signals_seen{0};
static_assert(std::atomic<int>::is_always_lock_free);

TEST(RedisConnectionTest, SignalsDoNotEndAWaitForAnAnswer) {
  constexpr int kSignals = 50;
  signals_seen = 0;
  struct sigaction count {};
  count.sa_handler = [](int) { ++signals_seen; };
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGUSR1, &count, &before), 0);
  const pthread_t client = ::pthread_self();
  ScriptedRedis server(Behind([client](const auto&) {
    for (int sent = 1; sent <= kSignals; ++sent) {
      ::pthread_kill(client, SIGUSR1);
      while (signals_seen < sent) std::this_thread::yield();
    }
    return ScriptedRedis::Reply{":7\r\n"};
  }));
  const Connection opened = OpenAt(server.url());
  ASSERT_TRUE(opened) << opened.error().detail;
  const Replies replies = (*opened)->Run(One({"ZCARD", "key"}), In(10s));
  ::sigaction(SIGUSR1, &before, nullptr);
  ASSERT_TRUE(replies) << replies.error().detail;
  EXPECT_EQ(replies->front()->integer, 7);
  EXPECT_EQ(signals_seen, kSignals);
}

class Listener {
 public:
  explicit Listener(int backlog) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address_), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size), 0);
    EXPECT_EQ(::listen(fd_, backlog), 0);
  }
  ~Listener() {
    for (const int fd : waiting_) ::close(fd);
    ::close(fd_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Connections that nobody accepts.
  void Crowd(int connections) {
    for (int i = 0; i < connections; ++i) {
      waiting_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(waiting_.back(), reinterpret_cast<sockaddr*>(&address_), sizeof address_);
    }
  }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)); }

 private:
  const int fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address_{};
  std::vector<int> waiting_;
};

TEST(RedisConnectionTest, AServerThatTakesNoMoreConnectionsIsWaitedForUntilTheDeadline) {
  Listener full(0);
  full.Crowd(8);
  const SteadyTime begun = std::chrono::steady_clock::now();
  const Connection opened = OpenAt(full.url(), 100ms);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().detail, HasSubstr("no answer in time"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
}

TEST(RedisConnectionTest, AnAddressOfAKindTheSystemDoesNotKnowIsPassedOver) {
  RedisServer server;
  const RedisTarget target = ParseQueueUrl(server.tcp_url())->redis;
  RedisEndpoint odd;
  odd.address.ss_family = 9999;
  odd.size = sizeof(sockaddr_in);
  std::vector<RedisEndpoint> endpoints = {odd};
  const Connection none = RedisConnection::Open(endpoints, target, In(5s));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().detail, HasSubstr("socket: "));
  endpoints.push_back(ResolveRedis(target).value().front());
  EXPECT_TRUE(RedisConnection::Open(endpoints, target, In(5s)));
  EXPECT_EQ(RedisConnection::Open({}, target, In(5s)).error().detail, "it has no address");
}

// A port from the range that outgoing connections take theirs from, tried until one of ours gets the very same: it is
// then connected to itself, echoes what it says, and would look like a server. Linux gives connections the even ports
// and listeners the odd ones, so that no other test takes it in the meantime.
TEST(RedisConnectionTest, APortWhereNobodyListensNeverAnswersNotEvenWithOurOwnWords) {
  constexpr int kTriesMax = 40'000;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int port = 40'000; address.sin_port == 0; port += 2) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) address.sin_port = 0;
    ::close(fd);
  }
  RedisTarget target;
  target.host = "127.0.0.1";
  target.port = ntohs(address.sin_port);
  const std::vector<RedisEndpoint> endpoints = ResolveRedis(target).value();
  bool met_itself = false;
  for (int i = 0; i < kTriesMax && !met_itself; ++i) {
    const Connection opened = RedisConnection::Open(endpoints, target, In(5s));
    ASSERT_FALSE(opened);
    met_itself = opened.error().detail == "connect: nobody listens there";
    ASSERT_TRUE(met_itself || opened.error().detail == "connect: Connection refused") << opened.error().detail;
  }
  RecordProperty("met_itself", met_itself ? "yes" : "no");
}

// ---- Names and addresses -----------------------------------------------------------------------------------------

TEST(RedisConnectionTest, ANumericAddressNeedsNoLookUpInEitherFamily) {
  const std::vector<RedisEndpoint> v4 = ResolveRedis(ParseQueueUrl("redis://10.0.0.7:7000")->redis).value();
  ASSERT_EQ(v4.size(), 1U);
  EXPECT_EQ(v4[0].address.ss_family, AF_INET);
  EXPECT_EQ(v4[0].size, sizeof(sockaddr_in));
  const std::vector<RedisEndpoint> v6 = ResolveRedis(ParseQueueUrl("redis://[fd00::7]:7000")->redis).value();
  ASSERT_EQ(v6.size(), 1U);
  EXPECT_EQ(v6[0].address.ss_family, AF_INET6);
  EXPECT_EQ(v6[0].size, sizeof(sockaddr_in6));
  EXPECT_EQ(reinterpret_cast<const sockaddr_in6&>(v6[0].address).sin6_port, htons(7000));
}

TEST(RedisConnectionTest, ALookUpIsGivenUpAfterTheTimeout) {
  RedisTarget target;
  target.host = "no-such-host.invalid";
  target.timeout = 0ms;
  const Result<std::vector<RedisEndpoint>> found = ResolveRedis(target);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::kUnavailable);
  EXPECT_THAT(found.error().detail, HasSubstr("looking up the host"));
}

}  // namespace
}  // namespace dunlin
