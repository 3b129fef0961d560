#include "webhooks/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace dunlin {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// An element of X-Forwarded-For; some proxies add the port: "192.0.2.1:80", "[2001:db8::1]:80".
std::optional<IpAddress> ParseForwarded(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('[')) return IpAddress::Parse(text.substr(1, text.find(']') - 1));
  if (std::ranges::count(text, ':') == 1) text = text.substr(0, text.find(':'));
  return IpAddress::Parse(text);
}

}  // namespace

IpAddress IpAddress::Of(const sockaddr_storage& address) {
  IpAddress result;
  if (address.ss_family == AF_INET6) {
    std::memcpy(result.bytes_.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, 16);
  } else if (address.ss_family == AF_INET) {
    std::ranges::copy(kV4Prefix, result.bytes_.begin());
    std::memcpy(result.bytes_.data() + 12, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, 4);
  }
  return result;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string whole(text);
  IpAddress result;
  if (inet_pton(AF_INET6, whole.c_str(), result.bytes_.data()) == 1) return result;
  if (inet_pton(AF_INET, whole.c_str(), result.bytes_.data() + 12) != 1) return std::nullopt;
  std::ranges::copy(kV4Prefix, result.bytes_.begin());
  return result;
}

std::string IpAddress::Text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = IsV4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes_.data() + (v4 ? 12 : 0), text.data(), text.size());
  return text.data();
}

bool IpAddress::IsV4() const { return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes_.begin()); }

IpAddress IpAddress::Neighbourhood() const {
  IpAddress result = *this;
  if (!IsV4()) std::fill(result.bytes_.begin() + 8, result.bytes_.end(), std::uint8_t{0});
  return result;
}

Result<IpRange> IpRange::Parse(std::string_view text) {
  const std::string_view whole = Trim(text);
  const std::size_t slash = std::min(whole.find('/'), whole.size());
  const std::optional<IpAddress> base = IpAddress::Parse(whole.substr(0, slash));
  const int most = base && base->IsV4() ? 32 : 128;
  int bits = most;
  if (slash < whole.size()) {
    const auto [end, error] = std::from_chars(whole.data() + slash + 1, whole.data() + whole.size(), bits);
    if (error != std::errc{} || end != whole.data() + whole.size()) bits = -1;
  }
  if (!base || bits < 0 || bits > most) {
    return Fail(Errc::kInvalidArgument,
                "'" + std::string(text) + "' is not an address such as 10.0.0.1, nor a range such as 10.0.0.0/8");
  }
  IpRange range;
  range.base_ = *base;
  range.bits_ = bits + (128 - most);
  return range;
}

bool IpRange::Contains(const IpAddress& address) const {
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  const auto& a = address.bytes();
  const auto& b = base_.bytes();
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  return bits_ % 8 == 0 || ((a[whole] ^ b[whole]) >> (8 - bits_ % 8)) == 0;
}

std::vector<IpRange> LoopbackRanges() { return {*IpRange::Parse("127.0.0.0/8"), *IpRange::Parse("::1")}; }

bool IsIn(const std::vector<IpRange>& ranges, const IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const IpRange& range) { return range.Contains(address); });
}

IpAddress ClientOf(const IpAddress& peer, const HttpHeaders& headers, const std::vector<IpRange>& trusted) {
  if (!IsIn(trusted, peer)) return peer;
  IpAddress client = peer;
  const std::vector<const std::string*> fields = headers.All("X-Forwarded-For");
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    std::string_view rest = **field;
    while (true) {
      const std::size_t comma = rest.rfind(',');
      const std::optional<IpAddress> said = ParseForwarded(rest.substr(comma + 1));  // npos + 1 is 0
      if (!said) return client;
      client = *said;
      if (!IsIn(trusted, client)) return client;
      if (comma == std::string_view::npos) break;
      rest = rest.substr(0, comma);
    }
  }
  return client;
}

}  // namespace dunlin
