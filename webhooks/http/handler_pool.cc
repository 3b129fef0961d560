#include "webhooks/http/handler_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dunlin {

HandlerPool::~HandlerPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void HandlerPool::Start(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

void HandlerPool::Submit(std::vector<Exchange>& exchanges) {
  std::size_t wake = 0;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t taken = std::min(exchanges.size(), queue_max_ - queue_.size());
    const auto end = exchanges.begin() + static_cast<std::ptrdiff_t>(taken);
    std::move(exchanges.begin(), end, std::back_inserter(queue_));
    exchanges.erase(exchanges.begin(), end);
    wake = std::min(taken, idle_);
  }
  for (; wake > 0; --wake) work_.notify_one();
}

void HandlerPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    Exchange exchange = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    handle_(std::move(exchange));
    lock.lock();
  }
}

}  // namespace dunlin
