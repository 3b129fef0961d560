#include "app/followed_clock.h"

#include <curl/curl.h>

#include <nlohmann/json.hpp>

namespace dunlin {
namespace {

constexpr Millis kAskEvery{20};
constexpr long kTimeoutMs = 2000;
constexpr std::size_t kAnswerMax = 4096;

std::int64_t SteadyMs() {
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t Append(char* data, std::size_t size, std::size_t count, void* to) {
  std::string& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > kAnswerMax) return 0;
  text.append(data, size * count);
  return size * count;
}

// One connection for each thread that asks.
class Asker {
 public:
  Asker() : curl_(curl_easy_init()) {}
  ~Asker() { curl_easy_cleanup(curl_); }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  Result<std::int64_t> NowMs(const std::string& url) {
    std::string answer;
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl_, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl_, CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Append);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK)
      return Fail(Errc::kUnavailable, "the clock at " + url + " does not answer: " + curl_easy_strerror(code));
    const nlohmann::json body = nlohmann::json::parse(answer, nullptr, false);
    if (!body.is_object() || !body.contains("now_ms") || !body["now_ms"].is_number_integer()) {
      return Fail(Errc::kUnavailable, "the clock at " + url + " does not answer with now_ms");
    }
    return body["now_ms"].get<std::int64_t>();
  }

 private:
  CURL* curl_;
};

}  // namespace

Result<std::unique_ptr<FollowedClock>> FollowedClock::Follow(std::string url) {
  std::unique_ptr<FollowedClock> clock(new FollowedClock(std::move(url)));
  if (const Status asked = clock->Ask(); !asked) return tl::unexpected(asked.error());
  clock->thread_ = std::thread([raw = clock.get()] { raw->Run(); });
  return clock;
}

FollowedClock::~FollowedClock() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Timestamp FollowedClock::Now() const { return FromUnixMillis(SteadyMs() + offset_ms_.load(std::memory_order_relaxed)); }

Timestamp FollowedClock::AskNow() {
  static_cast<void>(Ask());  // not answered: it goes on by itself
  return Now();
}

Status FollowedClock::Ask() {
  thread_local Asker asker;
  const Result<std::int64_t> now = asker.NowMs(url_);
  if (!now) return tl::unexpected(now.error());
  offset_ms_.store(*now - SteadyMs(), std::memory_order_relaxed);
  return {};
}

void FollowedClock::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_changed_.wait_for(lock, kAskEvery, [this] { return stop_; })) {
    lock.unlock();
    static_cast<void>(Ask());  // not answered: it goes on by itself, and asks again
    lock.lock();
  }
}

}  // namespace dunlin
