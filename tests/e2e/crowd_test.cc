// The running service among crowds and attackers: it answers the others, and its memory stays bounded.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/support/instrumented.h"
#include "tests/support/served.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing_support::HttpAnswer;
using testing_support::HttpConnection;
using testing_support::HttpSend;
using testing_support::RequestBytes;

constexpr double kMemoryMiB = kInstrumented ? 1024 : 64;  // a sanitizer's own bookkeeping takes more
constexpr int kSlower = kInstrumented ? 10 : 1;

using Connections = std::vector<std::unique_ptr<HttpConnection>>;

class CrowdTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2500) GTEST_SKIP() << "this test needs 2,500 file descriptors";
  }

  static Connections Connect(int port, int count) {
    Connections connections;
    for (int i = 0; i < count; ++i) {
      connections.push_back(std::make_unique<HttpConnection>(port));
      EXPECT_TRUE(connections.back()->connected());
    }
    return connections;
  }

  // How long a webhook takes from its first byte to its answer: of 25 the third slowest, as the machine has other work.
  static std::chrono::microseconds WebhookTakes(Served& served, HttpConnection& connection) {
    std::vector<steady_clock::duration> took;
    for (int i = 0; i < 25; ++i) {
      const std::string bytes = served.Webhook();
      const auto begin = steady_clock::now();
      connection.Send(bytes);
      EXPECT_EQ(connection.Receive().status, 200);
      took.push_back(steady_clock::now() - begin);
    }
    std::ranges::sort(took);
    EXPECT_LT(took.back(), 1s * kSlower);
    return std::chrono::duration_cast<std::chrono::microseconds>(took[22]);
  }
};

TEST_F(CrowdTest, IdleAndDrippingConnectionsDoNotDelayARealRequest) {
  Served served;
  ASSERT_NE(served.port(), 0) << served.process().Err();
  const Connections idle = Connect(served.port(), 500);
  const Connections heads = Connect(served.port(), 500);
  const Connections bodies = Connect(served.port(), 500);
  const Connections working = Connect(served.port(), 500);
  const std::string head = RequestBytes("POST", "/webhooks/stripe", {}, std::string(50, 'a'));
  const std::size_t body = head.size() - 50;
  for (const auto& connection : bodies) connection->Send(head.substr(0, body));
  std::size_t turn = 0;
  for (std::size_t second = 0; second < 5; ++second) {
    for (const auto& connection : heads) connection->Send(head.substr(second, 1));
    for (const auto& connection : bodies) connection->Send("a");
    for (const auto& connection : working) {
      connection->Send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    const auto took = WebhookTakes(served, *std::make_unique<HttpConnection>(served.port()));
    EXPECT_LT(took, 20ms * kSlower) << "in second " << second;
    for (const auto& connection : working) EXPECT_EQ(connection->Receive().status, 200);
    EXPECT_LT(WebhookTakes(served, *working[turn++]), 20ms * kSlower) << "in second " << second;
    std::this_thread::sleep_for(1s);
  }
  EXPECT_LT(served.PeakMiB(), kMemoryMiB);
  std::this_thread::sleep_for(6s);  // a request has 10 s
  EXPECT_EQ(heads[0]->Receive(2s).status, 408);
  EXPECT_EQ(bodies[0]->Receive(2s).status, 408);
  EXPECT_FALSE(idle[0]->ClosedWithin(0ms)) << "an idle one may stay a minute";
}

TEST_F(CrowdTest, ACrowdOfBodiesThatStopHalfWayTakesNoMemoryFromTheOthers) {
  Served served;
  ASSERT_NE(served.port(), 0) << served.process().Err();
  struct Kind {
    int count;
    std::size_t bytes;
  };
  for (const Kind kind : {Kind{1500, 16'000}, Kind{1500, 60'000}, Kind{200, 900'000}}) {
    const std::string request = RequestBytes("POST", "/webhooks/stripe", {}, std::string(kind.bytes, 'a'));
    const Connections crowd = Connect(served.port(), kind.count);
    for (const auto& connection : crowd) connection->Send(std::string_view(request).substr(0, request.size() - 1000));
    HttpConnection other(served.port());
    EXPECT_LT(WebhookTakes(served, other), 20ms * kSlower) << kind.count << " bodies of " << kind.bytes;
    EXPECT_LT(served.PeakMiB(), kMemoryMiB) << kind.count << " bodies of " << kind.bytes;
  }
}

TEST_F(CrowdTest, AThousandConnectsAtOnceAreServedWithinASecond) {
  Served served;
  ASSERT_NE(served.port(), 0) << served.process().Err();
  std::vector<std::string> requests;
  for (int i = 0; i < 1000; ++i) requests.push_back(served.Webhook());
  const auto begin = steady_clock::now();
  const Connections burst = Connect(served.port(), 1000);
  for (std::size_t i = 0; i < burst.size(); ++i) burst[i]->Send(requests[i]);
  for (const auto& connection : burst) ASSERT_EQ(connection->Receive().status, 200);
  EXPECT_LT(steady_clock::now() - begin, 1s * kSlower);
  EXPECT_LT(served.PeakMiB(), kMemoryMiB);
}

TEST_F(CrowdTest, WithoutFileDescriptorsItGoesOnServingAndRecovers) {
  Served served(96);
  ASSERT_NE(served.port(), 0) << served.process().Err();
  HttpConnection early(served.port());
  early.Send(served.Webhook());
  ASSERT_EQ(early.Receive().status, 200);
  Connections crowd = Connect(served.port(), 300);  // more than there are descriptors; the rest wait in the queue
  std::this_thread::sleep_for(200ms);
  early.Send(served.Webhook());
  EXPECT_EQ(early.Receive().status, 200) << "whoever is in is served";
  crowd.clear();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(HttpSend(served.port(), "GET", "/healthz").status, 200);
  EXPECT_EQ(HttpSend(served.port(), "GET", "/readyz").status, 200);
}

TEST_F(CrowdTest, IdleConnectionsThatHoldAllDescriptorsMakeRoomForANewOne) {
  Served served(96);
  ASSERT_NE(served.port(), 0) << served.process().Err();
  const Connections idle = Connect(served.port(), 200);
  HttpConnection late(served.port());
  late.Send(served.Webhook());
  EXPECT_EQ(late.Receive(10s).status, 200);
}

// Every attack many times, with far more bytes than may be kept.
TEST_F(CrowdTest, AttacksAreRefusedAndMemoryDoesNotGrow) {
  Served served;
  ASSERT_NE(served.port(), 0) << served.process().Err();
  const std::string post = "POST /webhooks/stripe HTTP/1.1\r\nHost: h\r\n";
  std::string fields;
  for (int i = 0; i < 5000; ++i) fields += "A: b\r\n";
  const std::string megabyte(1 << 20, 'a');
  struct Attack {
    const char* name;
    int status;
    std::string begin;
    std::string again;  // and this, many times
  };
  const std::vector<Attack> attacks = {
      {"chunked without end", 411, post + "Transfer-Encoding: chunked\r\n\r\n", "100000\r\n" + megabyte + "\r\n"},
      {"both framings", 411, post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", megabyte},
      {"a header line without end", 431, post + "A: ", megabyte},
      {"header fields without end", 431, post, fields},
      {"a target without end", 431, "GET /", megabyte},
      {"a huge length", 413, post + "Content-Length: 4000000000\r\n\r\n", megabyte},
      {"a length that overflows", 400, post + "Content-Length: 18446744073709551617\r\n\r\n", megabyte},
      {"two lengths", 400, post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", megabyte},
      {"a signed length", 400, post + "Content-Length: +5\r\n\r\n", megabyte},
      {"a listed length", 400, post + "Content-Length: 5, 5\r\n\r\n", megabyte},
      {"no length", 411, post + "\r\n", megabyte},
      {"an encoded body", 415, post + "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\n", megabyte},
      {"lines without CR", 400, "POST / HTTP/1.1\nHost: h\n", megabyte},
      {"a folded line", 400, post + "A: b\r\n c\r\n\r\n", megabyte},
      {"a NUL", 400, post + std::string("A: \0\r\n\r\n", 8), megabyte},
      {"a blank before the colon", 400, post + "A : b\r\n\r\n", megabyte},
      {"an internal name", 400, post + "REMOTE_ADDR: 127.0.0.1\r\n\r\n", megabyte},
      {"HTTP/0.9", 400, "GET /\r\n\r\n", megabyte},
      {"HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", megabyte},
      {"an unknown method", 501, "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", megabyte},
      {"TLS", 400, std::string("\x16\x03\x01\x02\x00\x01\x00\x01\n", 9), megabyte},
  };
  for (const Attack& attack : attacks) {
    for (int round = 0; round < 3; ++round) {
      HttpConnection connection(served.port());
      connection.Send(attack.begin);
      for (int i = 0; i < 20 && connection.Send(attack.again); ++i) continue;
      EXPECT_EQ(connection.Receive().status, attack.status) << attack.name;
    }
  }
  EXPECT_LT(served.PeakMiB(), kMemoryMiB);
  HttpConnection connection(served.port());
  EXPECT_LT(WebhookTakes(served, connection), 20ms * kSlower);
  const std::string metrics = HttpSend(served.port(), "GET", "/metrics").body;
  for (const char* verdict : {"no_length", "body_too_large", "encoded_body", "malformed_request", "head_too_large"}) {
    EXPECT_NE(metrics.find("dunlin_webhooks_total{provider=\"stripe\",verdict=\"" + std::string(verdict) + "\"}"),
              std::string::npos)
        << verdict << " is not counted";
  }
}

}  // namespace
}  // namespace dunlin::testing
