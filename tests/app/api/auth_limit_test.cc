// Failed authorisation is answered more briefly after a while, and locks nobody out.
#include "app/api/auth_limit.h"

#include <gtest/gtest.h>

#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

using api::AuthLimit;
using std::chrono::seconds;

const AuthLimit::Time kStart{std::chrono::hours{100}};

// Fails `times` times; the last answer.
std::optional<seconds> Fail(AuthLimit& limit, const std::string& peer, std::size_t times,
                            AuthLimit::Time now = kStart) {
  std::optional<seconds> answer;
  for (std::size_t i = 0; i < times; ++i) answer = limit.Failed(peer, now);
  return answer;
}

TEST(AuthLimitTest, AnAddressIsTimedOutUntilItsMinuteIsOver) {
  AuthLimit limit;
  EXPECT_FALSE(Fail(limit, "192.0.2.1", AuthLimit::kFailuresMax));
  EXPECT_EQ(limit.Failed("192.0.2.1", kStart), seconds{60});
  EXPECT_EQ(limit.Failed("192.0.2.1", kStart + seconds{59} + std::chrono::milliseconds{1}), seconds{1});
  EXPECT_FALSE(limit.Failed("192.0.2.1", kStart + seconds{60}));
}

TEST(AuthLimitTest, AddressesCountApartAndOneIpv6NetworkTogether) {
  AuthLimit limit;
  Fail(limit, "192.0.2.1", AuthLimit::kFailuresMax);
  EXPECT_FALSE(limit.Failed("192.0.2.2", kStart));
  Fail(limit, "2001:db8::1", AuthLimit::kFailuresMax);
  EXPECT_TRUE(limit.Failed("2001:db8::ffff", kStart));
  EXPECT_FALSE(limit.Failed("2001:db8:0:1::1", kStart));
}

TEST(AuthLimitTest, MemoryIsBoundedHoweverManyAddressesFail) {
  AuthLimit limit;
  for (std::size_t i = 0; i < AuthLimit::kAddressesMax; ++i) {
    limit.Failed("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256), kStart);
  }
  EXPECT_FALSE(Fail(limit, "192.0.2.1", AuthLimit::kFailuresMax * 2));  // not remembered
  EXPECT_TRUE(Fail(limit, "10.0.0.0", AuthLimit::kFailuresMax));
  EXPECT_TRUE(Fail(limit, "192.0.2.1", AuthLimit::kFailuresMax + 1, kStart + seconds{60}));
}

using AuthLimitApiTest = ApiTest;

TEST_F(AuthLimitApiTest, AfterManyFailuresTheAnswerIs429WithRetryAfter) {
  HttpAnswer answer;
  for (std::size_t i = 0; i <= AuthLimit::kFailuresMax; ++i) {
    if (i > 0) {
      EXPECT_EQ(answer.status, 401);
    }
    answer = Send("GET", "/v1/alerts", {{"Authorization", "Bearer dnl_" + std::to_string(i)}});
  }
  Detail(answer, 429);
  const int wait = std::stoi(answer.Header("Retry-After"));
  EXPECT_GE(wait, 1);
  EXPECT_LE(wait, 60);
}

TEST_F(AuthLimitApiTest, AGoodTokenFromTheSameAddressStillPasses) {
  for (std::size_t i = 0; i < AuthLimit::kFailuresMax * 2; ++i) {
    Send("GET", "/v1/alerts", {{"Authorization", "Bearer dnl_wrong"}});
  }
  ASSERT_EQ(Send("GET", "/v1/alerts", {{"Authorization", "Bearer dnl_wrong"}}).status, 429);
  EXPECT_EQ(Get("/v1/alerts").status, 200);
  // A right that its role does not have is no failure of the token.
  EXPECT_EQ(Get("/v1/alerts", Role::kProduct).status, 403);
}

}  // namespace
}  // namespace dunlin
