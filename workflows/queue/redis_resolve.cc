#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "workflows/queue/redis_connection.h"

namespace dunlin {
namespace {

template <class Address>
RedisEndpoint EndpointOf(const Address& address) {
  RedisEndpoint endpoint{.size = sizeof address};
  std::memcpy(&endpoint.address, &address, sizeof address);
  return endpoint;
}

RedisEndpoint UnixEndpoint(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);  // ParseQueueUrl refused longer ones
  return EndpointOf(address);
}

std::optional<RedisEndpoint> NumericEndpoint(const std::string& host, std::uint16_t port) {
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) return EndpointOf(v4);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) return EndpointOf(v6);
  return std::nullopt;
}

Result<std::vector<RedisEndpoint>> LookUp(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return Fail(Errc::kUnavailable, std::string("looking up the host: ") + ::gai_strerror(error));
  }
  std::vector<RedisEndpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    RedisEndpoint endpoint{.size = entry->ai_addrlen};
    std::memcpy(&endpoint.address, entry->ai_addr, entry->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  ::freeaddrinfo(found);
  return endpoints;
}

// Shared with a look-up that may outlive the one who asked for it.
struct Inquiry {
  std::mutex mutex;
  std::condition_variable answered;
  std::optional<Result<std::vector<RedisEndpoint>>> answer;
};

}  // namespace

Result<std::vector<RedisEndpoint>> ResolveRedis(const RedisTarget& target) {
  if (!target.unix_path.empty()) return std::vector{UnixEndpoint(target.unix_path)};
  if (const std::optional<RedisEndpoint> numeric = NumericEndpoint(target.host, target.port))
    return std::vector{*numeric};
  const auto inquiry = std::make_shared<Inquiry>();
  std::thread([inquiry, host = target.host, port = std::to_string(target.port)] {
    Result<std::vector<RedisEndpoint>> answer = LookUp(host, port);
    const std::scoped_lock lock(inquiry->mutex);
    inquiry->answer = std::move(answer);
    inquiry->answered.notify_all();
  }).detach();
  std::unique_lock lock(inquiry->mutex);
  if (!inquiry->answered.wait_for(lock, target.timeout, [&] { return inquiry->answer.has_value(); })) {
    return Fail(Errc::kUnavailable, "looking up the host: no answer in time");
  }
  return *inquiry->answer;
}

}  // namespace dunlin
