// The threads that run handlers, and the bounded queue of whole requests before them.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "webhooks/http/exchange.h"

namespace dunlin {

class HandlerPool {
 public:
  // `handle` runs on several threads at a time and must not throw.
  using Handle = std::function<void(Exchange)>;
  HandlerPool(std::size_t queue_max, Handle handle) : queue_max_(queue_max), handle_(std::move(handle)) {}
  // Handles what is queued, then ends.
  ~HandlerPool();

  void Start(int threads);

  // Takes as many as the queue has room for; those that it does not take stay. Thread-safe.
  void Submit(std::vector<Exchange>& exchanges);

 private:
  void Work();

  const std::size_t queue_max_;
  const Handle handle_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Exchange> queue_;
  std::size_t idle_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dunlin
