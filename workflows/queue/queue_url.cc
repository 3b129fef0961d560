#include "workflows/queue/queue_url.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace dunlin {
namespace {

constexpr int kDbMax = 65'535;
constexpr Millis kTimeoutMax{60'000};
constexpr std::size_t kUnixPathMax = sizeof(sockaddr_un::sun_path) - 1;  // longer ones would be cut silently
constexpr std::string_view kForms = "memory, redis://host:port/db or redis+unix:///path/to.sock";

tl::unexpected<Error> Wrong(std::string what) { return Fail(Errc::kInvalidArgument, "queue URL: " + std::move(what)); }

std::optional<int> WholeNumber(std::string_view text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < min || value > max) return std::nullopt;
  return value;
}

std::optional<std::string> PercentDecoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + i + 1;
    if (text.size() - i < 3) return std::nullopt;
    if (const auto read = std::from_chars(digits, digits + 2, byte, 16); read.ptr != digits + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// Cuts `text` at the first `mark` and returns what stood behind it; nullopt when there is none.
std::optional<std::string_view> CutAt(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

Status ReadUserInfo(std::string_view text, RedisTarget& target) {
  const std::optional<std::string_view> password = CutAt(text, ':');
  if (!password || password->empty()) return Wrong("before the @ it must say user:password or :password");
  std::optional<std::string> user = PercentDecoded(text);
  std::optional<std::string> decoded = PercentDecoded(*password);
  if (!user || !decoded) return Wrong("a % in the user or password must be written %25, other reserved characters %XX");
  target.user = std::move(*user);
  target.password = std::move(*decoded);
  return {};
}

Status ReadHostAndPort(std::string_view text, RedisTarget& target) {
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::optional<std::string_view> rest = CutAt(text, ']');
    if (!rest || (!rest->empty() && !rest->starts_with(':'))) return Wrong("an IPv6 host is written [::1]:port");
    target.host = text.substr(1);
    if (!rest->empty()) port = rest->substr(1);
  } else {
    port = CutAt(text, ':');
    target.host = text;
  }
  constexpr std::string_view kHostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:%";
  if (target.host.empty()) return Wrong("the host is missing");
  if (target.host.find_first_not_of(kHostCharacters) != std::string::npos) {
    return Wrong("the host must be a numeric address or a name");
  }
  if (port) {
    const std::optional<int> number = WholeNumber(*port, 1, 65'535);
    if (!number) return Wrong("the port must be a number from 1 to 65535");
    target.port = static_cast<std::uint16_t>(*number);
  }
  if (target.host == "localhost") target.host = "127.0.0.1";
  return {};
}

Status ReadDb(std::string_view text, RedisTarget& target) {
  const std::optional<int> db = WholeNumber(text, 0, kDbMax);
  if (!db) return Wrong("the database must be a number from 0 to " + std::to_string(kDbMax));
  target.db = *db;
  return {};
}

Status ReadOptions(std::string_view text, bool db_allowed, RedisTarget& target) {
  while (!text.empty()) {
    std::string_view name = text;
    const std::string_view rest = CutAt(name, '&').value_or(std::string_view{});
    const std::string_view value = CutAt(name, '=').value_or(std::string_view{});
    if (name == "timeout") {
      const Result<Millis> timeout = ParseDuration(value);
      if (!timeout || *timeout <= Millis{0} || *timeout > kTimeoutMax) {
        return Wrong("the option timeout must be a duration such as 500ms or 1s, at most 1m");
      }
      target.timeout = *timeout;
    } else if (name == "db" && db_allowed) {
      if (Status read = ReadDb(value, target); !read) return read;
    } else if (name == "db") {
      return Wrong("the database of redis:// is its path: redis://host:port/db");
    } else {
      return Wrong("behind the ? only the options db (redis+unix) and timeout are known");
    }
    text = rest;
  }
  return {};
}

Status ReadUnix(std::string_view rest, RedisTarget& target) {
  const std::string_view options = CutAt(rest, '?').value_or(std::string_view{});
  if (!rest.starts_with('/')) {
    const std::size_t at = rest.find("@/");
    if (at == std::string_view::npos) return Wrong("redis+unix needs an absolute path: redis+unix:///path/to.sock");
    if (Status read = ReadUserInfo(rest.substr(0, at), target); !read) return read;
    rest.remove_prefix(at + 1);
  }
  const std::optional<std::string> path = PercentDecoded(rest);
  if (!path || path->find('\0') != std::string::npos) return Wrong("the socket's path has a % that is not %XX");
  if (path->size() < 2) return Wrong("the socket's path is missing");
  if (path->size() > kUnixPathMax) {
    return Wrong("the socket's path is longer than the " + std::to_string(kUnixPathMax) + " bytes the system allows");
  }
  target.unix_path = *path;
  return ReadOptions(options, true, target);
}

Status ReadTcp(std::string_view rest, RedisTarget& target) {
  const std::string_view options = CutAt(rest, '?').value_or(std::string_view{});
  const std::string_view db = CutAt(rest, '/').value_or(std::string_view{});
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    if (Status read = ReadUserInfo(rest.substr(0, at), target); !read) return read;
    rest.remove_prefix(at + 1);
  }
  if (Status read = ReadHostAndPort(rest, target); !read) return read;
  if (!db.empty()) {
    if (Status read = ReadDb(db, target); !read) return read;
  }
  return ReadOptions(options, false, target);
}

}  // namespace

std::string RedisTarget::Shown() const {
  if (!unix_path.empty()) return "redis+unix://" + unix_path + (db == 0 ? "" : "?db=" + std::to_string(db));
  const bool v6 = host.find(':') != std::string::npos;
  return "redis://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" + std::to_string(db);
}

Result<QueueUrl> ParseQueueUrl(std::string_view text) {
  if (text == "memory") return QueueUrl{};
  constexpr std::string_view kTcp = "redis://";
  constexpr std::string_view kUnix = "redis+unix://";
  QueueUrl url{.kind = QueueUrl::Kind::kRedis, .redis = {}};
  Status read;
  if (text.starts_with(kTcp)) {
    read = ReadTcp(text.substr(kTcp.size()), url.redis);
  } else if (text.starts_with(kUnix)) {
    read = ReadUnix(text.substr(kUnix.size()), url.redis);
  } else if (text.starts_with("rediss://")) {
    return Wrong("rediss:// (TLS) is not supported; use a Unix socket, or a TLS tunnel on this machine");
  } else {
    return Wrong("it must be " + std::string(kForms));
  }
  if (!read) return tl::unexpected(read.error());
  return url;
}

}  // namespace dunlin
