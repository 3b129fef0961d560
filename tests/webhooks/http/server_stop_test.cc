#include <gtest/gtest.h>

#include <atomic>
#include <future>
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
using SteadyClock = std::chrono::steady_clock;

// A server with a handler that says when it has begun and takes its time.
class ServerStopTest : public ::testing::Test {
 protected:
  void Start(Millis handler_takes) {
    server_->Route("GET", "/slow", [this, handler_takes](const HttpRequest&) {
      begun_.set_value();
      std::this_thread::sleep_for(handler_takes);
      return HttpResponse{.body = "done"};
    });
    server_->Route("GET", "/large", [this](const HttpRequest&) {
      begun_.set_value();
      return HttpResponse{.body = std::string(kLarge, 'a')};
    });
    server_->Route("GET", "/fast", [](const HttpRequest&) { return HttpResponse{.body = "fast"}; });
    port_ = server_->Listen().value();
    server_->Start();
  }

  static constexpr std::size_t kLarge = 32'000'000;  // more than the sockets hold

  static Millis Since(SteadyClock::time_point begin) { return std::chrono::floor<Millis>(SteadyClock::now() - begin); }

  std::promise<void> begun_;
  std::optional<HttpServer> server_{std::in_place, HttpServer::Options{.threads = 16}};
  int port_ = 0;
};

TEST_F(ServerStopTest, IdleConnectionsDoNotHoldItUp) {
  Start(0ms);
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 12; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(port_));
    idle.back()->Send(RequestBytes("GET", "/fast"));
    ASSERT_EQ(idle.back()->Receive().status, 200);
  }
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(server_->Stop(10s));
  EXPECT_LT(Since(begin), 5s);
  for (const auto& connection : idle) EXPECT_TRUE(connection->ClosedWithin(1s));
  EXPECT_FALSE(HttpConnection(port_).connected());
}

TEST_F(ServerStopTest, BlankLinesAndHalfOnesDoNotHoldItUp) {
  Start(0ms);
  HttpConnection half(port_), two_pieces(port_);
  for (HttpConnection* connection : {&half, &two_pieces}) {
    connection->Send(RequestBytes("GET", "/fast"));
    ASSERT_EQ(connection->Receive().status, 200);
    connection->Send("\r");
  }
  std::this_thread::sleep_for(50ms);
  two_pieces.Send("\n");
  ASSERT_EQ(HttpSend(port_, "GET", "/fast").status, 200);
  const auto begin = SteadyClock::now();
  EXPECT_TRUE(server_->Stop(10s));
  EXPECT_LT(Since(begin), 5s);
  EXPECT_TRUE(half.ClosedWithin(1s));
  EXPECT_TRUE(two_pieces.ClosedWithin(1s));
}

TEST_F(ServerStopTest, ABlankLineBehindTheLastRequestDoesNotHoldItUp) {
  server_.emplace(HttpServer::Options{.threads = 1});
  Start(0ms);
  HttpConnection connection(port_);
  connection.Send(RequestBytes("GET", "/large") + "\r\n");
  begun_.get_future().wait();
  ASSERT_EQ(HttpSend(port_, "GET", "/fast").status, 200) << "by the one thread, so /large has its answer";
  std::future<bool> stopped = std::async(std::launch::async, [this] { return server_->Stop(10s); });
  std::this_thread::sleep_for(100ms);  // the stop finds the answer half written
  const HttpAnswer answer = connection.Receive();
  EXPECT_EQ(answer.body.size(), kLarge);
  EXPECT_NE(answer.Header("Connection"), "close") << "it was made before the stop";
  EXPECT_TRUE(stopped.get());
}

TEST_F(ServerStopTest, ARunningHandlerIsWaitedForAndItsAnswerArrives) {
  Start(400ms);
  HttpConnection connection(port_);
  connection.Send(RequestBytes("GET", "/slow"));
  begun_.get_future().wait();
  EXPECT_TRUE(server_->Stop(10s));
  const HttpAnswer answer = connection.Receive(1s);
  EXPECT_EQ(answer.body, "done");
  EXPECT_EQ(answer.Header("Connection"), "close");
}

TEST_F(ServerStopTest, PatienceEnds) {
  Start(900ms);
  HttpConnection connection(port_);
  connection.Send(RequestBytes("GET", "/slow"));
  begun_.get_future().wait();
  const auto begin = SteadyClock::now();
  EXPECT_FALSE(server_->Stop(200ms));
  EXPECT_LT(Since(begin), 700ms);
  EXPECT_EQ(connection.Receive(2s).status, 0) << "cut";
  server_.reset();
  EXPECT_GE(Since(begin), 700ms) << "the destructor waits for the handler";
}

TEST_F(ServerStopTest, ARequestThatNeverEndsDoesNotOutliveThePatience) {
  Start(0ms);
  HttpConnection connection(port_);
  connection.Send("POST /fast HTTP/1.1\r\nHost: h\r\nContent-Le");
  ASSERT_EQ(HttpSend(port_, "GET", "/fast").status, 200);
  const auto begin = SteadyClock::now();
  server_->Stop(200ms);
  server_.reset();
  EXPECT_LT(Since(begin), 1500ms);
}

TEST_F(ServerStopTest, StoppingTwiceOrBeforeTheStartIsHarmless) {
  EXPECT_TRUE(server_->Stop(1s));
  EXPECT_TRUE(server_->Stop(1s));
  HttpServer never_started({.threads = 1});
  ASSERT_TRUE(never_started.Listen());
}

TEST_F(ServerStopTest, APortIsNeverSharedAndCanBeTakenAgain) {
  Start(0ms);
  HttpServer second({.port = port_, .threads = 1});
  const Result<int> refused = second.Listen();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_NE(refused.error().detail.find("127.0.0.1:" + std::to_string(port_)), std::string::npos);
  ASSERT_EQ(HttpSend(port_, "GET", "/fast").status, 200);
  server_.reset();
  HttpServer third({.port = port_, .threads = 1});
  EXPECT_TRUE(third.Listen());
}

TEST_F(ServerStopTest, AnAddressThatIsNotOneIsAnError) {
  const Result<int> port = HttpServer({.address = "not an address", .threads = 1}).Listen();
  ASSERT_FALSE(port);
  EXPECT_EQ(port.error().code, Errc::kInvalidArgument);
  EXPECT_EQ(HttpServer({.address = "192.0.2.1", .threads = 1}).Listen().error().code, Errc::kUnavailable);
}

// A listen queue of the usual five would lose most of these for seconds.
TEST_F(ServerStopTest, ABurstOfConnectionsIsServed) {
  Start(0ms);
  std::vector<std::unique_ptr<HttpConnection>> burst;
  for (int i = 0; i < 300; ++i) {
    burst.push_back(std::make_unique<HttpConnection>(port_));
    burst.back()->Send("GET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  for (const auto& connection : burst) {
    ASSERT_EQ(connection->Receive(5s).body, "fast");
  }
}

}  // namespace
}  // namespace dunlin
