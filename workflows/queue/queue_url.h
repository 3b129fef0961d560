// What `--queue` says: "memory", or where a Redis is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "state/result.h"
#include "state/time.h"

namespace dunlin {

struct RedisTarget {
  std::string host;  // a numeric address or a name; empty when unix_path is set
  std::uint16_t port = 6379;
  std::string unix_path;  // a socket file; empty for TCP
  std::string user;       // empty: the server's default user
  std::string password;   // empty: no AUTH is sent
  int db = 0;
  Millis timeout{1000};  // one call, with connecting if it must: the longest it blocks

  // For logs and error texts: "redis://127.0.0.1:6379/0", "redis+unix:///run/redis.sock?db=2". Never the password.
  std::string Shown() const;
};

struct QueueUrl {
  enum class Kind : std::uint8_t { kMemory, kRedis };
  Kind kind = Kind::kMemory;
  RedisTarget redis;  // meaningful when kind is kRedis
};

// Reads one of
//   memory
//   redis://[[user]:password@]host[:port][/db][?timeout=500ms]        host may be [::1]; "localhost" is 127.0.0.1
//   redis+unix://[[user]:password@]/path/to.sock[?db=2&timeout=500ms]
// User, password and path may hold %XX. Errors: kInvalidArgument, naming the part that is wrong and what it must be.
// The text of the URL is never repeated: a password with an unescaped '/' or '@' can end up in any part of it.
Result<QueueUrl> ParseQueueUrl(std::string_view text);

}  // namespace dunlin
