#include "workflows/queue/queue_url.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

RedisTarget Read(std::string_view text) {
  const Result<QueueUrl> url = ParseQueueUrl(text);
  EXPECT_TRUE(url) << text << ": " << url.error().detail;
  if (!url) return {};
  EXPECT_EQ(url->kind, QueueUrl::Kind::kRedis);
  return url->redis;
}

TEST(QueueUrlTest, MemoryIsMemory) { EXPECT_EQ(ParseQueueUrl("memory")->kind, QueueUrl::Kind::kMemory); }

TEST(QueueUrlTest, TcpTakesHostPortDatabaseAndTimeout) {
  const RedisTarget plain = Read("redis://10.0.0.7");
  EXPECT_EQ(plain.host, "10.0.0.7");
  EXPECT_EQ(plain.port, 6379);
  EXPECT_EQ(plain.db, 0);
  EXPECT_EQ(plain.timeout, 1s);
  EXPECT_TRUE(plain.password.empty());
  const RedisTarget full = Read("redis://cache.internal:7000/12?timeout=250ms");
  EXPECT_EQ(full.host, "cache.internal");
  EXPECT_EQ(full.port, 7000);
  EXPECT_EQ(full.db, 12);
  EXPECT_EQ(full.timeout, 250ms);
  EXPECT_EQ(full.Shown(), "redis://cache.internal:7000/12");
  EXPECT_EQ(Read("redis://localhost:7000/").host, "127.0.0.1");
  EXPECT_EQ(Read("redis://[::1]:7000").host, "::1");
  EXPECT_EQ(Read("redis://[::1]").port, 6379);
  EXPECT_EQ(Read("redis://[::1]:7000").Shown(), "redis://[::1]:7000/0");
}

TEST(QueueUrlTest, UserAndPasswordAreReadAndNeverShown) {
  const RedisTarget target = Read("redis://app:s%3Acr%40t%2f@127.0.0.1:7000");
  EXPECT_EQ(target.user, "app");
  EXPECT_EQ(target.password, "s:cr@t/");
  EXPECT_EQ(target.Shown(), "redis://127.0.0.1:7000/0");
  EXPECT_EQ(Read("redis://:p@ss@h").password, "p@ss");
  const RedisTarget local = Read("redis+unix://:s3cret@/run/redis.sock?db=1");
  EXPECT_EQ(local.password, "s3cret");
  EXPECT_EQ(local.Shown(), "redis+unix:///run/redis.sock?db=1");
}

TEST(QueueUrlTest, UnixSocketsTakeAPathADatabaseAndATimeout) {
  const RedisTarget target = Read("redis+unix:///run/re%20dis.sock?timeout=2s&db=2");
  EXPECT_EQ(target.unix_path, "/run/re dis.sock");
  EXPECT_EQ(target.db, 2);
  EXPECT_EQ(target.timeout, 2s);
  EXPECT_EQ(Read("redis+unix:///a@/b.sock").unix_path, "/a@/b.sock");
}

TEST(QueueUrlTest, WhatIsWrongIsNamed) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "it must be memory"},
      {"memoryy", "it must be memory"},
      {"http://127.0.0.1", "it must be memory"},
      {"rediss://127.0.0.1", "TLS"},
      {"redis://", "the host is missing"},
      {"redis://:7000", "the host is missing"},
      {"redis://a b", "the host must be"},
      {"redis://[::1", "IPv6"},
      {"redis://[::1]7000", "IPv6"},
      {"redis://h:", "the port must be"},
      {"redis://h:0", "the port must be"},
      {"redis://h:65536", "the port must be"},
      {"redis://h:70x", "the port must be"},
      {"redis://h/x", "the database must be"},
      {"redis://h/-1", "the database must be"},
      {"redis://h?db=1", "is its path"},
      {"redis://h?color=red", "only the options"},
      {"redis://h?timeout=soon", "timeout must be"},
      {"redis://h?timeout=0s", "timeout must be"},
      {"redis://h?timeout=2m", "timeout must be"},
      {"redis://secret@h", "user:password"},
      {"redis://u:@h", "user:password"},
      {"redis://u:%zz@h", "%25"},
      {"redis://u:%4@h", "%25"},
      {"redis://%zz:p@h", "%25"},
      {"redis://%2:p@h", "%25"},
      {"redis://[]", "the host is missing"},
      {"redis+unix:///a.sock?db=x", "the database must be"},
      {"redis+unix:///a.sock?db=65536", "the database must be"},
      {"redis+unix://secret@/a.sock", "user:password"},
      {"redis+unix:///a%2.sock", "%XX"},
      {"redis+unix:///a%zz.sock", "%XX"},
      {"redis+unix://run/redis.sock", "absolute path"},
      {"redis+unix:///", "path is missing"},
      {"redis+unix:///%00", "%XX"},
      {"redis+unix:///" + std::string(200, 'x'), "107 bytes"},
  };
  for (const auto& [text, expected] : cases) {
    const Result<QueueUrl> url = ParseQueueUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, Errc::kInvalidArgument);
    EXPECT_NE(url.error().detail.find(expected), std::string::npos) << text << ": " << url.error().detail;
  }
}

TEST(QueueUrlTest, AnErrorNeverRepeatsAPasswordWhateverPartItEndedUpIn) {
  for (const char* text : {"redis://:hunter2/x@h:1", "redis://:hun?hunter2=1@h", "redis://:hun/hunter2@h", "hunter2@h",
                           "redis://hunter2@h", "redis://:hunter2@h:x", "redis+unix://:hunter2@h/x"}) {
    const Result<QueueUrl> url = ParseQueueUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().detail.find("hunter2"), std::string::npos) << url.error().detail;
  }
}

}  // namespace
}  // namespace dunlin
