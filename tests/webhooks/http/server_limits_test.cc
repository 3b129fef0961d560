// What the server does when there is too much of something: requests, connections, one client, large bodies.
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/http_client.h"
#include "webhooks/http/server.h"

namespace dunlin {
namespace {

using testing_support::HttpAnswer;
using testing_support::HttpConnection;
using testing_support::HttpSend;
using testing_support::RequestBytes;

class ServerLimitsTest : public ::testing::Test {
 protected:
  void Start(HttpServer::Options options) {
    options.on_answered = [this](const HttpAnswered& a) {
      const std::lock_guard lock(mutex_);
      answered_.push_back(std::string(a.route) + " " + std::to_string(a.status) + " " + std::string(a.refused) + " " +
                          std::string(a.peer));
    };
    server_.emplace(std::move(options));
    server_->Route("POST", "/hold", [this](const HttpRequest&) {
      ++held_;
      open_.get_future().wait();
      return HttpResponse{.body = "held"};
    });
    server_->Route("POST", "/now", [](const HttpRequest& r) { return HttpResponse{.body = r.peer}; });
    server_->RouteLater("POST", "/later", [this](const HttpRequest&, HttpResponder responder) {
      const std::lock_guard lock(mutex_);
      owed_.push_back(std::move(responder));
    });
    port_ = server_->Listen().value();
    server_->Start();
  }
  std::vector<std::string> Answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }
  std::size_t OwedCount() {
    const std::lock_guard lock(mutex_);
    return owed_.size();
  }
  static void WaitFor(const std::function<bool()>& fact) {
    for (int i = 0; i < 5000 && !fact(); ++i) std::this_thread::sleep_for(1ms);
    EXPECT_TRUE(fact());
  }

  std::mutex mutex_;
  std::vector<std::string> answered_;
  std::vector<HttpResponder> owed_;
  std::atomic<int> held_ = 0;
  std::promise<void> open_;
  std::optional<HttpServer> server_;
  int port_ = 0;
};

TEST_F(ServerLimitsTest, AFullQueueIsAnswered503AndTheConnectionStays) {
  Start({.threads = 1, .queue_max = 2});
  HttpConnection held(port_);
  held.Send(RequestBytes("POST", "/hold"));
  WaitFor([this] { return held_ == 1; });
  HttpConnection first(port_), second(port_);
  first.Send(RequestBytes("POST", "/now"));
  second.Send(RequestBytes("POST", "/now"));
  EXPECT_EQ(first.Receive(100ms).status, 0) << "it waits";
  HttpConnection third(port_);
  third.Send(RequestBytes("POST", "/now") + RequestBytes("POST", "/now"));
  for (int i = 0; i < 2; ++i) {
    const HttpAnswer refused = third.Receive();
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.Header("Retry-After"), "1");
    EXPECT_EQ(refused.Header("Content-Type"), "application/problem+json");
  }
  EXPECT_EQ(Answered(), (std::vector<std::string>{"/now 503 overloaded 127.0.0.1", "/now 503 overloaded 127.0.0.1"}));
  open_.set_value();
  EXPECT_EQ(held.Receive().body, "held");
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_EQ(second.Receive().status, 200);
  third.Send(RequestBytes("POST", "/now"));
  EXPECT_EQ(third.Receive().status, 200);
}

TEST_F(ServerLimitsTest, ARefusalTellsWhichRouteItWasFor) {
  Start({.body_bytes_max = 1000});
  HttpSend(port_, "POST", "/now", {}, std::string(1001, 'a'));
  HttpSend(port_, "POST", "/now", {{"Content-Encoding", "gzip"}}, "a");
  HttpSend(port_, "POST", "/nothing", {{"Transfer-Encoding", "chunked"}}, "a");
  EXPECT_EQ(Answered(), (std::vector<std::string>{"/now 413 body_too_large 127.0.0.1",
                                                  "/now 415 encoded_body 127.0.0.1", " 411 no_length 127.0.0.1"}));
}

TEST_F(ServerLimitsTest, OnlyATrustedProxyMaySayWhoAsks) {
  Start({});
  EXPECT_EQ(HttpSend(port_, "POST", "/now", {{"X-Forwarded-For", "192.0.2.1"}}).body, "127.0.0.1");
  server_.reset();
  Start({.trusted_proxies = {IpRange::Parse("127.0.0.1").value()}});
  EXPECT_EQ(HttpSend(port_, "POST", "/now", {{"X-Forwarded-For", "6.6.6.6, 192.0.2.1"}}).body, "192.0.2.1");
  EXPECT_EQ(HttpSend(port_, "POST", "/now").body, "127.0.0.1");
}

TEST_F(ServerLimitsTest, OneClientBehindAProxyCannotTakeAllOfIt) {
  Start({.connections_per_address_max = 3, .trusted_proxies = {IpRange::Parse("127.0.0.1").value()}});
  const auto request = [](const char* path, const char* client) {
    return RequestBytes("POST", path, {{"X-Forwarded-For", client}});
  };
  std::vector<std::unique_ptr<HttpConnection>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::make_unique<HttpConnection>(port_));
    waiting.back()->Send(request("/later", "192.0.2.1"));
  }
  WaitFor([this] { return OwedCount() == 3; });
  HttpConnection greedy(port_), other(port_);
  greedy.Send(request("/now", "192.0.2.1"));
  EXPECT_EQ(greedy.Receive().status, 503);
  EXPECT_TRUE(greedy.ClosedWithin(3s));
  other.Send(request("/now", "192.0.2.2"));
  EXPECT_EQ(other.Receive().body, "192.0.2.2");
  for (const HttpResponder& owed : owed_) owed.Send({});
  for (const auto& connection : waiting) EXPECT_EQ(connection->Receive().status, 200);
  other.Send(request("/now", "192.0.2.1"));
  EXPECT_EQ(other.Receive().body, "192.0.2.1") << "counted only while its requests are under way";
}

TEST_F(ServerLimitsTest, OneAddressHasSoManyConnectionsAndFurtherOnesAreTurnedAway) {
  Start({.connections_per_address_max = 2, .exempt = {}});
  const auto ask = [](HttpConnection& connection) {
    connection.Send(RequestBytes("POST", "/now"));
    return connection.Receive().status;
  };
  auto first = std::make_unique<HttpConnection>(port_);
  HttpConnection second(port_);
  EXPECT_EQ(ask(*first), 200);
  EXPECT_EQ(ask(second), 200);
  HttpConnection third(port_);
  const HttpAnswer refused = third.Receive();
  EXPECT_EQ(refused.status, 503) << "before it asked";
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_EQ(refused.Header("Connection"), "close");
  EXPECT_TRUE(third.ClosedWithin(3s));
  EXPECT_EQ(Answered().back(), " 503 overloaded 127.0.0.1");
  EXPECT_EQ(ask(*first), 200);
  EXPECT_EQ(ask(second), 200) << "whoever is in is served";
  first.reset();
  int status = 0;
  WaitFor([&] { return status == 200 || (status = HttpSend(port_, "POST", "/now").status) == 200; });
}

TEST_F(ServerLimitsTest, LoopbackIsExempt) {
  Start({.connections_per_address_max = 1});
  std::vector<std::unique_ptr<HttpConnection>> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(std::make_unique<HttpConnection>(port_));
    many.back()->Send(RequestBytes("POST", "/now"));
    EXPECT_EQ(many.back()->Receive().status, 200);
  }
}

TEST_F(ServerLimitsTest, AConnectionIsClosedWithoutAByteWhenItHasBeenIdleForItsTime) {
  constexpr Millis kKeepAlive = 1s;
  Start({.keep_alive = kKeepAlive});
  const auto begin = std::chrono::steady_clock::now();
  HttpConnection silent(port_), idle(port_);
  idle.Send(RequestBytes("POST", "/now"));
  const HttpAnswer answer = idle.Receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Keep-Alive").substr(0, 10), "timeout=1,");
  for (HttpConnection* connection : {&silent, &idle}) {
    EXPECT_TRUE(connection->ClosedWithin(3s));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, kKeepAlive);
  }
}

TEST_F(ServerLimitsTest, EveryRequestGivesAConnectionItsIdleTimeAnew) {
  Start({.keep_alive = 2s});
  HttpConnection connection(port_);
  for (int i = 0; i < 5; ++i) {
    if (i > 0) std::this_thread::sleep_for(600ms);
    connection.Send(RequestBytes("POST", "/now"));
    ASSERT_EQ(connection.Receive().status, 200) << i;
  }
}

TEST_F(ServerLimitsTest, BeyondTheMostConnectionsTheLongestIdleMakesRoom) {
  Start({.io_threads = 2, .connections_max = 4});
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 3; ++i) idle.push_back(std::make_unique<HttpConnection>(port_));
  HttpConnection busy(port_);
  busy.Send(RequestBytes("POST", "/later"));
  WaitFor([this] { return OwedCount() == 1; });
  HttpConnection next(port_);
  next.Send(RequestBytes("POST", "/now"));
  EXPECT_EQ(next.Receive(5s).status, 200);
  EXPECT_TRUE(idle[0]->ClosedWithin(1s));
  owed_[0].Send({});
  EXPECT_EQ(busy.Receive().status, 200) << "one with a request under way never does";
}

TEST_F(ServerLimitsTest, LargeBodiesThatDoNotEndShareABudget) {
  constexpr std::size_t kBody = 30'000'000;
  Start({.body_bytes_max = kBody, .request_timeout = 60s});
  std::vector<std::unique_ptr<HttpConnection>> heavy;
  std::vector<std::future<HttpAnswer>> answers;
  for (int i = 0; i < 3; ++i) {
    heavy.push_back(std::make_unique<HttpConnection>(port_));
    HttpConnection& connection = *heavy.back();
    answers.push_back(std::async(std::launch::async, [&connection] {
      connection.Send(RequestBytes("POST", "/now", {}, std::string(kBody, 'a')).substr(0, kBody - 1000));
      return connection.Receive(2s);
    }));
  }
  int refused = 0;
  for (auto& answer : answers) {
    const HttpAnswer got = answer.get();
    if (got.status == 0) continue;  // it waits for the rest
    EXPECT_EQ(got.status, 503);
    EXPECT_EQ(got.Header("Retry-After"), "1");
    ++refused;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(HttpSend(port_, "POST", "/now", {}, std::string(15'000, 'a')).status, 200) << "ordinary ones go on";
  heavy.clear();
  HttpConnection later(port_);
  const auto large = [&] { return HttpSend(port_, "POST", "/now", {}, std::string(kBody, 'a')).status == 200; };
  WaitFor(large);
}

}  // namespace
}  // namespace dunlin
