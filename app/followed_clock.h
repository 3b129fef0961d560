// A clock that follows a simulator's (`serve --clock URL`). Never used with a live key.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "state/clock.h"
#include "state/result.h"

namespace dunlin {

class FollowedClock final : public Clock {
 public:
  // Asks the URL once; afterwards every 20 ms, on a thread of its own. Between two answers it goes on by itself, and
  // while the URL does not answer too. Errors: kUnavailable.
  static Result<std::unique_ptr<FollowedClock>> Follow(std::string url);
  ~FollowedClock() override;

  Timestamp Now() const override;
  Timestamp AskNow();  // asks the URL first

 private:
  explicit FollowedClock(std::string url) : url_(std::move(url)) {}
  Status Ask();
  void Run();

  const std::string url_;
  std::atomic<std::int64_t> offset_ms_{0};  // what it is ahead of the machine's steady clock
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace dunlin
