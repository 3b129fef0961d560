// IP addresses: whose a connection is, and which proxies may say that it is someone else's.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "webhooks/http/message.h"

namespace dunlin {

// IPv4 addresses are kept as IPv6 does (::ffff:a.b.c.d), so that the same one is the same however it came.
class IpAddress {
 public:
  IpAddress() = default;  // "::"
  static IpAddress Of(const sockaddr_storage& address);
  // "192.0.2.1", "2001:db8::1"; std::nullopt for anything else.
  static std::optional<IpAddress> Parse(std::string_view text);

  std::string Text() const;
  bool IsV4() const;
  // Of an IPv6 address its /64, which one customer of a network usually has whole; of an IPv4 address itself.
  IpAddress Neighbourhood() const;

  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  auto operator<=>(const IpAddress&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

// Some addresses: "10.0.0.0/8", "2001:db8::/32", or a single one.
class IpRange {
 public:
  // Errors: kInvalidArgument, with what is wrong and what is wanted.
  static Result<IpRange> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;

 private:
  IpAddress base_;
  int bits_ = 128;  // how many leading ones count
};

std::vector<IpRange> LoopbackRanges();

bool IsIn(const std::vector<IpRange>& ranges, const IpAddress& address);

// Who asked, when `peer` is at the other end of the socket: `peer`, unless it is one of `trusted`; then what it wrote
// into X-Forwarded-For, read from its end, where each proxy adds who spoke to it, as far as trusted proxies wrote it.
IpAddress ClientOf(const IpAddress& peer, const HttpHeaders& headers, const std::vector<IpRange>& trusted);

}  // namespace dunlin
