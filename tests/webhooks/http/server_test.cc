#include "webhooks/http/server.h"

#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/http_client.h"

namespace dunlin {
namespace {

using testing_support::HttpAnswer;
using testing_support::HttpConnection;
using testing_support::HttpSend;
using testing_support::RequestBytes;

constexpr std::size_t kBodyMax = 100'000;

// A server whose /echo tells what its handler saw.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({.body_bytes_max = kBodyMax, .threads = 8, .request_timeout = 700ms}); }

  void Start(HttpServer::Options options) {
    options.on_answered = [this](const HttpAnswered& a) {
      const std::lock_guard lock(mutex_);
      answered_.push_back(std::string(a.method) + " " + std::string(a.route) + " " + std::to_string(a.status));
      request_ids_.insert(std::string(a.request_id));
    };
    options.on_exception = [this](std::string_view, std::string_view what) {
      const std::lock_guard lock(mutex_);
      exceptions_.emplace_back(what);
    };
    server_.emplace(std::move(options));
    server_->Route("POST", "/echo/{name}", &Echo);
    server_->Route("GET", "/echo/{name}", &Echo);
    server_->Route("POST", "/body",
                   [](const HttpRequest& r) { return HttpResponse{.body = r.body, .content_type = "x/y"}; });
    server_->Route("POST", "/throw",
                   [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("the secret"); });
    server_->Route("POST", "/throw-int", [](const HttpRequest&) -> HttpResponse { throw 5; });
    server_->Route("GET", "/inject", [](const HttpRequest&) {
      return HttpResponse{.headers = {{"X-Bad", "a\r\nSet-Cookie: b"}}};
    });
    server_->Route("GET", "/teapot", [](const HttpRequest&) {
      return HttpResponse{
          .status = 418, .body = "short", .content_type = "text/plain", .headers = {{"Retry-After", "7"}}};
    });
    server_->Route("GET", "/empty", [](const HttpRequest&) { return HttpResponse{.status = 204}; });
    const Result<int> port = server_->Listen();
    ASSERT_TRUE(port) << port.error().detail;
    port_ = *port;
    server_->Start();
  }

  static HttpResponse Echo(const HttpRequest& r) {
    nlohmann::json seen = {{"method", r.method},      {"path", r.path},
                           {"name", r.Param("name")}, {"body", r.body},
                           {"peer", r.peer},          {"request_id", r.request_id},
                           {"query", r.query},        {"count", r.HeaderCount("X-Value")}};
    for (const char* name : {"X-Value", "Range"}) {
      if (r.Header(name) != nullptr) seen["headers"][name] = *r.Header(name);
    }
    return {.body = seen.dump()};
  }

  // Sends bytes, expects a problem document with that status and then the end of the connection.
  void ExpectRefused(const std::string& bytes, int status) {
    HttpConnection connection(port_);
    connection.Send(bytes);
    const HttpAnswer answer = connection.Receive();
    ExpectProblem(answer, status);
    EXPECT_EQ(answer.Header("Connection"), "close");
    EXPECT_TRUE(connection.ClosedWithin(3s));
  }

  static void ExpectProblem(const HttpAnswer& answer, int status) {
    ASSERT_EQ(answer.status, status);
    EXPECT_EQ(answer.Header("Content-Type"), "application/problem+json");
    EXPECT_EQ(nlohmann::json::parse(answer.body).at("status"), status);
    EXPECT_EQ(answer.Header("X-Request-Id").substr(0, 4), "req_");
  }

  // After everything that came before it was answered.
  std::vector<std::string> Answered() {
    const std::lock_guard lock(mutex_);
    return answered_;
  }

  std::mutex mutex_;
  std::vector<std::string> answered_;
  std::vector<std::string> exceptions_;
  std::set<std::string> request_ids_;
  std::optional<HttpServer> server_;
  int port_ = 0;
};

TEST_F(ServerTest, ABodyArrivesByteForByte) {
  const std::string body("\0\r\n\xff{}", 6);
  const HttpAnswer bytes = HttpSend(port_, "POST", "/body", {}, body);
  EXPECT_EQ(bytes.body, body);
  EXPECT_EQ(bytes.Header("Content-Type"), "x/y");
}

TEST_F(ServerTest, NothingInTheHeadIsDecodedButPathAndQuery) {
  const HttpAnswer answer =
      HttpSend(port_, "POST", "/echo/a%2Fb?x=1&y=a%20b+c&x=2", {{"x-value", "a%0D%0Ab%41"}, {"X-VALUE", "2"}}, "plain");
  ASSERT_EQ(answer.status, 200);
  const auto seen = nlohmann::json::parse(answer.body);
  EXPECT_EQ(seen["path"], "/echo/a%2Fb");
  EXPECT_EQ(seen["name"], "a/b");
  EXPECT_EQ(seen["body"], "plain");
  EXPECT_EQ(seen["peer"], "127.0.0.1");
  EXPECT_EQ(seen["count"], 2);
  EXPECT_EQ(seen["headers"]["X-Value"], "a%0D%0Ab%41");
  EXPECT_EQ(seen["query"], nlohmann::json::parse(R"([["x","1"],["x","2"],["y","a b c"]])"));
  EXPECT_EQ(seen["request_id"], answer.Header("X-Request-Id"));
}

TEST_F(ServerTest, RequestIdsAreOursAndUnique) {
  std::set<std::string> ids;
  for (int i = 0; i < 50; ++i) {
    ids.insert(HttpSend(port_, "GET", "/echo/a", {{"X-Request-Id", "theirs"}}).Header("X-Request-Id"));
  }
  EXPECT_EQ(ids.size(), 50U);
  EXPECT_FALSE(ids.contains("theirs"));
  EXPECT_EQ(ids.begin()->size(), 22U);
}

TEST_F(ServerTest, AnAnswerIsSentAsTheHandlerMadeIt) {
  const HttpAnswer teapot = HttpSend(port_, "GET", "/teapot");
  EXPECT_EQ(teapot.status, 418);
  EXPECT_EQ(teapot.body, "short");
  EXPECT_EQ(teapot.Header("Content-Type"), "text/plain");
  EXPECT_EQ(teapot.Header("Retry-After"), "7");
  const HttpAnswer head = HttpSend(port_, "HEAD", "/teapot");
  EXPECT_EQ(head.status, 418);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.Header("Content-Length"), "5");
  EXPECT_EQ(HttpSend(port_, "GET", "/empty").status, 204);
}

TEST_F(ServerTest, RangeIsIgnored) {
  for (const char* range : {"bytes=0-1048575", "bytes=0-1", "bytes=5-2", "nonsense", "bytes=0-0,2-2"}) {
    const HttpAnswer answer = HttpSend(port_, "POST", "/body", {{"Range", range}}, "0123456789");
    EXPECT_EQ(answer.status, 200) << range;
    EXPECT_EQ(answer.body, "0123456789") << range;
  }
}

TEST_F(ServerTest, WhatHasNoRouteIsAProblem) {
  ExpectProblem(HttpSend(port_, "GET", "/nothing"), 404);
  const HttpAnswer wrong_method = HttpSend(port_, "DELETE", "/echo/a");
  ExpectProblem(wrong_method, 405);
  EXPECT_EQ(wrong_method.Header("Allow"), "POST, GET");
  ExpectProblem(HttpSend(port_, "GET", "/echo/a%00"), 400);
}

TEST_F(ServerTest, AnExceptionIsNotToldToTheClient) {
  const HttpAnswer answer = HttpSend(port_, "POST", "/throw");
  ExpectProblem(answer, 500);
  EXPECT_EQ(answer.body.find("secret"), std::string::npos);
  for (const auto& [name, value] : answer.headers) EXPECT_EQ(value.find("secret"), std::string::npos) << name;
  ExpectProblem(HttpSend(port_, "POST", "/throw-int"), 500);
  EXPECT_EQ(exceptions_, (std::vector<std::string>{"the secret", "not a std::exception"}));
}

TEST_F(ServerTest, AHeaderThatWouldSplitTheAnswerIsNotSent) {
  const HttpAnswer answer = HttpSend(port_, "GET", "/inject");
  ExpectProblem(answer, 500);
  EXPECT_EQ(answer.Header("Set-Cookie"), "");
}

TEST_F(ServerTest, BodiesAreBounded) {
  EXPECT_EQ(HttpSend(port_, "POST", "/body", {}, std::string(kBodyMax, 'a')).body.size(), kBodyMax);
  ExpectRefused(RequestBytes("POST", "/body", {}, std::string(kBodyMax + 1, 'a')), 413);
  ExpectRefused("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000000\r\n\r\n", 413);
}

TEST_F(ServerTest, TheClientReadsTheRefusalThoughItStillSends) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/body", {}, std::string(3'000'000, 'a')));
  ExpectProblem(connection.Receive(), 413);
}

TEST_F(ServerTest, HeadsAreBounded) {
  ExpectRefused("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", 431);
  ExpectRefused("GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(200'000, 'a'), 431);
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 1000; ++i) many += "A: b\r\n";
  ExpectRefused(many + "\r\n", 431);
  ExpectRefused("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414);
}

TEST_F(ServerTest, WhatTwoProgramsCouldReadDifferentlyIsRefused) {
  const auto post = [](const std::string& fields) {
    return "POST /body HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n5\r\nhello\r\n0\r\n\r\n";
  };
  ExpectRefused(post("Transfer-Encoding: chunked\r\n"), 411);
  ExpectRefused(post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 411);
  ExpectRefused(post("Content-Length: 5\r\nContent-Length: 6\r\n"), 400);
  ExpectRefused(post("Content-Length: +5\r\n"), 400);
  ExpectRefused(post(""), 411);
  ExpectRefused(post("Content-Length: 5\r\nContent-Encoding: gzip\r\n"), 415);
  ExpectRefused("\x16\x03\x01\x02\r\n\r\n", 400);  // someone speaks TLS to us
  ExpectRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
  ExpectRefused("GET /\r\n\r\n", 400);  // HTTP/0.9
  ExpectRefused("GET / HTTP/1.1\r\nHost: h\r\nREMOTE_ADDR: 6.6.6.6\r\n\r\n", 400);
  ExpectRefused("GET / HTTP/1.1\nHost: h\n\n", 400);
  ExpectRefused("GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400);
  ExpectRefused("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400);
  ExpectRefused(std::string("GET / HTTP/1.1\r\nHost: h\0\r\n\r\n", 29), 400);
  ExpectRefused("BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501);
  ExpectRefused("PUT /body HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400);
}

TEST_F(ServerTest, AWrongRequestLineIsRefusedWithoutTheRestOfTheHead) {
  ExpectRefused("GET /\r\n", 400);  // HTTP/0.9 sends no more and waits
  ExpectRefused("PRI * HTTP/2.0\r\n", 505);
  ExpectRefused("BREW / HTTP/1.1\r\n", 501);
  ExpectRefused("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n", 414);
}

TEST_F(ServerTest, ManyRequestsShareAConnection) {
  HttpConnection connection(port_);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(connection.Send(RequestBytes("POST", "/body", {}, std::to_string(i))));
    ASSERT_EQ(connection.Receive().body, std::to_string(i));
  }
}

TEST_F(ServerTest, RequestsSentInARowAreAllAnsweredInOrder) {
  HttpConnection connection(port_);
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += RequestBytes("POST", "/body", {}, std::to_string(i)) + "\r\n";
  connection.Send(bytes);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(connection.Receive().body, std::to_string(i));
}

TEST_F(ServerTest, ARequestMayComeByteByByte) {
  HttpConnection connection(port_);
  for (const char c : RequestBytes("POST", "/body", {{"A", "b"}}, "slow")) {
    ASSERT_TRUE(connection.Send(std::string(1, c)));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(connection.Receive().body, "slow");
}

TEST_F(ServerTest, ARequestThatDripsIsGivenUp) {
  HttpConnection head(port_);
  HttpConnection body(port_);
  head.Send("GET / HTTP/1.1\r\nHost");
  body.Send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  ExpectProblem(head.Receive(), 408);
  ExpectProblem(body.Receive(), 408);
  EXPECT_TRUE(head.ClosedWithin(3s));
}

TEST_F(ServerTest, ABlankLineInTwoPiecesIsNoRequestThatDrips) {
  HttpConnection connection(port_);
  connection.Send(RequestBytes("POST", "/body", {}, "one"));
  EXPECT_EQ(connection.Receive().body, "one");
  connection.Send("\r");
  std::this_thread::sleep_for(50ms);
  connection.Send("\n");
  EXPECT_FALSE(connection.ClosedWithin(1200ms)) << "longer than a request may take";
  connection.Send(RequestBytes("POST", "/body", {}, "two"));
  EXPECT_EQ(connection.Receive().body, "two") << "and nothing before it";
}

TEST_F(ServerTest, AClientThatLeavesInTheMiddleIsForgotten) {
  for (const char* part : {"", "GET / HT", "POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"}) {
    HttpConnection connection(port_);
    connection.Send(part);
    connection.FinishSending();
    EXPECT_TRUE(connection.ClosedWithin(3s)) << part;
  }
  EXPECT_EQ(HttpSend(port_, "GET", "/teapot").status, 418);
  EXPECT_EQ(Answered(), std::vector<std::string>{"GET /teapot 418"});
}

TEST_F(ServerTest, AClientThatWaitsForContinueGetsIt) {
  HttpConnection connection(port_);
  connection.Send("POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.Receive(3s, true).status, 100);
  connection.Send("hello");
  EXPECT_EQ(connection.Receive().body, "hello");
}

TEST_F(ServerTest, ConnectionsCloseWhenTheClientWantsIt) {
  for (const char* bytes :
       {"GET /teapot HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /teapot HTTP/1.0\r\n\r\n"}) {
    HttpConnection connection(port_);
    connection.Send(bytes);
    const HttpAnswer answer = connection.Receive();
    EXPECT_EQ(answer.status, 418);
    EXPECT_EQ(answer.Header("Connection"), "close");
    EXPECT_TRUE(connection.ClosedWithin(3s));
  }
}

TEST_F(ServerTest, EveryAnswerIsToldOnce) {
  HttpSend(port_, "GET", "/echo/a");
  HttpSend(port_, "GET", "/nothing");
  HttpSend(port_, "PUT", "/echo/a");
  ExpectRefused("nonsense\r\n\r\n", 400);
  EXPECT_EQ(Answered(),
            (std::vector<std::string>{"GET /echo/{name} 200", "GET  404", "PUT /echo/{name} 405", "  400"}));
  EXPECT_EQ(request_ids_.size(), 4U);
}

TEST_F(ServerTest, MoreConnectionsThanThreadsAreAllServed) {
  std::vector<std::unique_ptr<HttpConnection>> idle;
  for (int i = 0; i < 8; ++i) {
    idle.push_back(std::make_unique<HttpConnection>(port_));
    idle.back()->Send(RequestBytes("GET", "/teapot"));
    ASSERT_EQ(idle.back()->Receive().status, 418);
  }
  std::vector<std::thread> clients;
  std::atomic<int> served = 0;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back([this, &served] { served += HttpSend(port_, "GET", "/teapot").status == 418 ? 1 : 0; });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(served, 40);
}

}  // namespace
}  // namespace dunlin
