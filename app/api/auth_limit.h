// How often an address may fail to authorise itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

#include "webhooks/http/address.h"

namespace dunlin::api {

// Counts failures by address (of IPv6: by /64) in windows of a minute. What it bounds is noise and work, not guessing:
// a token is 256 random bits. So it never stands in the way of a token that is good, and clients that share an address
// (a proxy that is not configured as trusted, loopback) cannot lock each other out. Thread-safe.
class AuthLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kFailuresMax = 30;     // of one address in a window
  static constexpr std::size_t kAddressesMax = 4096;  // remembered at a time; further ones are not limited
  static constexpr std::chrono::seconds kWindow{60};

  // One more failure of `peer` (HttpRequest::peer). Set when there were enough: how long to wait, at least a second.
  std::optional<std::chrono::seconds> Failed(std::string_view peer, Time now);

 private:
  std::mutex mutex_;
  Time begin_{};
  std::map<IpAddress, std::size_t> failures_;  // since begin_
};

}  // namespace dunlin::api
