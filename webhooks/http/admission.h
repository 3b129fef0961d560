// How many connections there may be at a time, in all and from one address.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

#include "webhooks/http/address.h"

namespace dunlin {

class Admission {  // thread-safe
 public:
  // Of `exempt` there may be any number: many clients share such an address.
  Admission(std::size_t in_all, std::size_t from_one, std::vector<IpRange> exempt)
      : in_all_(in_all), from_one_(from_one), exempt_(std::move(exempt)) {}

  bool full() const { return open_.load(std::memory_order_relaxed) >= in_all_; }
  void Opened() { ++open_; }
  void Closed() { --open_; }

  // Counts one more from there. False, and not counted: there are enough. Each that was counted must leave.
  bool Enter(const IpAddress& address);
  void Leave(const IpAddress& address);

 private:
  bool IsExempt(const IpAddress& address) const { return IsIn(exempt_, address); }

  const std::size_t in_all_;
  const std::size_t from_one_;
  const std::vector<IpRange> exempt_;
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::map<IpAddress, std::size_t> by_address_;
};

}  // namespace dunlin
