#include "webhooks/aws_marketplace/cached_certificates.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <map>
#include <thread>
#include <vector>

#include "tests/support/test_ca.h"

namespace dunlin {
namespace {

using testing::FixedClock;
using testing::KeyPair;

// Gives what a test says and counts the questions; can be made to wait.
class CountingSource final : public CertificateSource {
 public:
  Result<Certificate> At(const std::string& url) override {
    {
      const std::lock_guard lock(mutex_);
      ++asked_[url];
    }
    open_.wait(false);
    if (url.starts_with("bad")) return Fail(Errc::kUnavailable, "bad " + url);
    return certificate_;
  }
  void Close() { open_ = false; }
  void Open() {
    open_ = true;
    open_.notify_all();
  }
  int asked(const std::string& url) const {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(url);
    return found == asked_.end() ? 0 : found->second;
  }
  int asked() const {
    const std::lock_guard lock(mutex_);
    int sum = 0;
    for (const auto& [url, count] : asked_) sum += count;
    return sum;
  }

 private:
  const Certificate certificate_ = ReadCertificates(testing::Issue({}, KeyPair::Ec()).Pem())->front();
  mutable std::mutex mutex_;
  std::map<std::string, int> asked_;
  std::atomic<bool> open_{true};
};

class CachedCertificatesTest : public ::testing::Test {
 protected:
  CachedCertificates Cache(CachedCertificates::Options options = {}) { return {source_, clock_, options}; }
  void WaitUntil(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    ASSERT_TRUE(holds());
  }

  CountingSource source_;
  FixedClock clock_{SystemClock().Now()};
};

TEST_F(CachedCertificatesTest, ACertificateIsAskedForOnce) {
  CachedCertificates cache = Cache();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(cache.At("a"));
  EXPECT_EQ(source_.asked("a"), 1);
}

TEST_F(CachedCertificatesTest, AnExpiredOneIsAskedForAnew) {
  CachedCertificates cache = Cache();
  const Timestamp end = cache.At("a")->not_after();
  clock_.Set(end);
  EXPECT_TRUE(cache.At("a"));
  EXPECT_EQ(source_.asked("a"), 1);
  clock_.Set(end + 1ms);
  EXPECT_TRUE(cache.At("a"));
  EXPECT_EQ(source_.asked("a"), 2);
}

TEST_F(CachedCertificatesTest, TheLeastRecentlyUsedOneMakesRoom) {
  CachedCertificates cache = Cache({.certificates_max = 2});
  for (const char* url : {"a", "b", "a", "c", "a", "c"}) EXPECT_TRUE(cache.At(url));
  EXPECT_EQ(source_.asked(), 3);
  EXPECT_TRUE(cache.At("b"));
  EXPECT_EQ(source_.asked("b"), 2);
}

TEST_F(CachedCertificatesTest, AFailureIsKeptForAMomentAndThenLookedAtAnew) {
  CachedCertificates cache = Cache({.failure_kept = 1h});
  for (int i = 0; i < 100; ++i) {
    const Result<Certificate> failed = cache.At("bad");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().detail, "bad bad");
  }
  EXPECT_EQ(source_.asked("bad"), 1);

  CachedCertificates brief = Cache({.failure_kept = 20ms});
  EXPECT_FALSE(brief.At("bad"));
  WaitUntil([&] { return !brief.At("bad") && source_.asked("bad") >= 3; });
}

TEST_F(CachedCertificatesTest, FailuresNeverPushACertificateOutAndAreBounded) {
  CachedCertificates cache = Cache({.certificates_max = 1, .failures_max = 2, .failure_kept = 1h});
  EXPECT_TRUE(cache.At("a"));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(cache.At("bad" + std::to_string(i)));
  EXPECT_TRUE(cache.At("a"));
  EXPECT_EQ(source_.asked("a"), 1);
  EXPECT_FALSE(cache.At("bad99"));
  EXPECT_EQ(source_.asked("bad99"), 1);
  EXPECT_FALSE(cache.At("bad0"));
  EXPECT_EQ(source_.asked("bad0"), 2) << "the oldest was let go";
}

TEST_F(CachedCertificatesTest, ManyThreadsThatWantOneUrlCauseOneQuestion) {
  CachedCertificates cache = Cache({.failure_kept = 1h});
  for (const char* url : {"a", "bad"}) {
    source_.Close();
    constexpr int kThreads = 32;
    std::latch started(kThreads);
    std::atomic<int> good{0};
    std::atomic<int> bad{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        started.arrive_and_wait();
        (cache.At(url) ? good : bad) += 1;
      });
    }
    WaitUntil([&] { return source_.asked(url) == 1; });
    source_.Open();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(source_.asked(url), 1);
    EXPECT_EQ(good, url == std::string("a") ? kThreads : 0);
    EXPECT_EQ(good + bad, kThreads);
  }
}

TEST_F(CachedCertificatesTest, OnlySoManyQuestionsRunAtOnceAndWhatIsKeptNeedsNone) {
  CachedCertificates cache = Cache({.questions_max = 2, .failure_kept = 1h});
  EXPECT_TRUE(cache.At("kept"));
  source_.Close();
  std::vector<std::thread> slow;
  for (const char* url : {"bad1", "bad2"}) slow.emplace_back([&cache, url] { (void)cache.At(url); });
  WaitUntil([&] { return source_.asked("bad1") == 1 && source_.asked("bad2") == 1; });
  const Result<Certificate> third = cache.At("c");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::kUnavailable);
  EXPECT_EQ(source_.asked("c"), 0);
  EXPECT_TRUE(cache.At("kept"));
  source_.Open();
  for (std::thread& thread : slow) thread.join();
  EXPECT_TRUE(cache.At("c")) << "being turned away is not remembered";
}

TEST_F(CachedCertificatesTest, ManyThreadsAndManyUrlsAgree) {
  CachedCertificates cache = Cache({.certificates_max = 3, .failures_max = 3, .failure_kept = 1ms});
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string url = ((i + t) % 3 == 0 ? "bad" : "good") + std::to_string((i * 7 + t) % 6);
        const Result<Certificate> got = cache.At(url);
        const bool turned_away = !got && got.error().detail.starts_with("too many");
        if (!turned_away && got.has_value() != url.starts_with("good")) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace dunlin
