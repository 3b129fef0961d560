// Answers that come later, from other threads, while no thread waits for them.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
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

// POST /later leaves its body and its answer to the test; one thread handles everything.
class ServerLaterTest : public ::testing::Test {
 protected:
  struct Owed {
    std::string body;
    std::optional<HttpResponder> responder;
  };

  void SetUp() override {
    HttpServer::Options options{.threads = 1};
    options.on_answered = [this](const HttpAnswered& a) {
      const std::lock_guard lock(mutex_);
      answered_.push_back(std::string(a.method) + " " + std::string(a.route) + " " + std::to_string(a.status));
    };
    options.on_exception = [](std::string_view, std::string_view) {};
    server_.emplace(std::move(options));
    for (const char* method : {"POST", "GET"}) {
      server_->RouteLater(method, "/later", [this](HttpRequest request, HttpResponder responder) {
        const std::lock_guard lock(mutex_);
        owed_.push_back({std::move(request.body), std::move(responder)});
        came_.notify_all();
      });
    }
    server_->RouteLater("POST", "/at-once", [](const HttpRequest& r, const HttpResponder& responder) {
      responder.Send({.body = r.body, .content_type = "text/plain", .headers = {{"X-A", "b"}}});
    });
    server_->RouteLater("POST", "/forget", [](const HttpRequest&, const HttpResponder&) {});
    server_->RouteLater("POST", "/throw",
                        [](const HttpRequest&, const HttpResponder&) { throw std::runtime_error("the secret"); });
    server_->Route("GET", "/now", [](const HttpRequest&) { return HttpResponse{.body = "now"}; });
    port_ = server_->Listen().value();
    server_->Start();
  }
  void TearDown() override {
    {
      const std::lock_guard lock(mutex_);
      owed_.clear();
    }
    server_.reset();
  }

  // The requests so far, once there are that many.
  std::vector<Owed> TakeOwed(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(came_.wait_for(lock, 10s, [&] { return owed_.size() >= count; }));
    return std::exchange(owed_, {});
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<Owed> owed_;
  std::vector<std::string> answered_;
  std::optional<HttpServer> server_;
  int port_ = 0;
};

TEST_F(ServerLaterTest, TheAnswerArrivesWholeWheneverItComes) {
  const HttpAnswer at_once = HttpSend(port_, "POST", "/at-once", {}, "body");
  EXPECT_EQ(at_once.status, 200);
  EXPECT_EQ(at_once.body, "body");
  EXPECT_EQ(at_once.Header("Content-Type"), "text/plain");
  EXPECT_EQ(at_once.Header("X-A"), "b");
  EXPECT_EQ(at_once.Header("X-Request-Id").substr(0, 4), "req_");

  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/later", {}, "x"));
  std::vector<Owed> owed = TakeOwed(1);
  EXPECT_EQ(connection.Receive(50ms).status, 0);
  std::thread([&] { owed[0].responder->Send({.status = 202, .body = owed[0].body}); }).join();
  const HttpAnswer later = connection.Receive();
  EXPECT_EQ(later.status, 202);
  EXPECT_EQ(later.body, "x");
  EXPECT_EQ(later.Header("Keep-Alive").substr(0, 10), "timeout=60");
}

TEST_F(ServerLaterTest, WaitingCostsNoThread) {
  constexpr std::size_t kMany = 300;
  std::vector<std::unique_ptr<HttpConnection>> waiting;
  for (std::size_t i = 0; i < kMany; ++i) {
    waiting.push_back(std::make_unique<HttpConnection>(port_));
    waiting.back()->Send(RequestBytes("POST", "/later", {}, std::to_string(i)));
  }
  std::vector<Owed> owed = TakeOwed(kMany);
  EXPECT_EQ(HttpSend(port_, "GET", "/now").body, "now");
  ASSERT_EQ(owed.size(), kMany);
  for (std::size_t i = kMany; i-- > 0;) owed[i].responder->Send({.body = owed[i].body});
  for (std::size_t i = 0; i < kMany; ++i) EXPECT_EQ(waiting[i]->Receive().body, std::to_string(i));
}

TEST_F(ServerLaterTest, RequestsInARowAreAnsweredInTheirOrder) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/later", {}, "first") + RequestBytes("GET", "/now"));
  std::vector<Owed> owed = TakeOwed(1);
  EXPECT_EQ(connection.Receive(50ms).status, 0) << "the second waits for the first";
  owed[0].responder->Send({.body = "first"});
  EXPECT_EQ(connection.Receive().body, "first");
  EXPECT_EQ(connection.Receive().body, "now");
}

TEST_F(ServerLaterTest, HeadIsAnsweredWithoutABody) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("HEAD", "/later"));
  TakeOwed(1)[0].responder->Send({.body = "12345"});
  const HttpAnswer head = connection.Receive(10s, false, true);
  EXPECT_EQ(head.Header("Content-Length"), "5");
  connection.Send(RequestBytes("GET", "/now"));
  EXPECT_EQ(connection.Receive().body, "now");
}

TEST_F(ServerLaterTest, AnAnswerThatIsForgottenOrFailsIsA500) {
  for (const char* path : {"/forget", "/throw"}) {
    const HttpAnswer answer = HttpSend(port_, "POST", path);
    EXPECT_EQ(answer.status, 500) << path;
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  }
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(answered_, (std::vector<std::string>{"POST /forget 500", "POST /throw 500"})) << "each is told once";
}

TEST_F(ServerLaterTest, AClientThatLeftMissesItsAnswerAndHarmsNobody) {
  std::vector<Owed> owed;
  {
    HttpConnection connection(port_);
    connection.Send(RequestBytes("POST", "/later", {}, "x"));
    owed = TakeOwed(1);
  }
  owed[0].responder->Send({.body = "too late"});
  EXPECT_EQ(HttpSend(port_, "GET", "/now").body, "now");
}

TEST_F(ServerLaterTest, AClientThatOnlyStoppedSendingGetsItsAnswer) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/later", {}, "x"));
  connection.FinishSending();
  std::vector<Owed> owed = TakeOwed(1);
  std::this_thread::sleep_for(20ms);  // the loop hears of it first
  owed[0].responder->Send({.body = "answer"});
  EXPECT_EQ(connection.Receive().body, "answer");
  EXPECT_TRUE(connection.ClosedWithin(3s));
}

TEST_F(ServerLaterTest, StopWaitsForAnswersThatWerePromised) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/later", {}, "x"));
  std::vector<Owed> owed = TakeOwed(1);
  std::future<bool> stopped = std::async(std::launch::async, [&] { return server_->Stop(10s); });
  EXPECT_EQ(stopped.wait_for(100ms), std::future_status::timeout);
  owed[0].responder->Send({.body = "answer"});
  EXPECT_TRUE(stopped.get());
  const HttpAnswer answer = connection.Receive();
  EXPECT_EQ(answer.body, "answer");
  EXPECT_EQ(answer.Header("Connection"), "close");
}

TEST_F(ServerLaterTest, TheServerOutlivesEveryAnswerItOwes) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/later", {}, "x"));
  std::vector<Owed> owed = TakeOwed(1);
  std::future<void> gone = std::async(std::launch::async, [&] { server_.reset(); });
  EXPECT_EQ(connection.Receive(5s).status, 0) << "cut";
  EXPECT_EQ(gone.wait_for(100ms), std::future_status::timeout);
  owed[0].responder->Send({.body = "nobody reads it"});
  gone.get();
}

}  // namespace
}  // namespace dunlin
