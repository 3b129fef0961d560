// One connection to Redis. hiredis writes and reads the protocol; the socket is ours, because hiredis 0.14 has no
// timeout for a whole call, forgets its timeouts on reconnect, resolves names without a limit and lets a closed peer
// kill the process with SIGPIPE. Here every call has one deadline, and nothing in the process's signals is touched.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "workflows/queue/queue_url.h"

struct redisReader;
struct redisReply;

namespace dunlin {

using SteadyTime = std::chrono::steady_clock::time_point;

struct FreeRedisReply {
  void operator()(redisReply* reply) const;
};
using RedisReplyPtr = std::unique_ptr<redisReply, FreeRedisReply>;

// Commands to be sent in one go.
class RedisCommands {
 public:
  void Add(std::span<const std::string> args);  // binary-safe
  std::string_view bytes() const { return bytes_; }
  std::size_t count() const { return count_; }

 private:
  std::string bytes_;
  std::size_t count_ = 0;
};

struct RedisEndpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

// The addresses of `target`. A Unix socket and a numeric address need no look-up; a name is looked up on a thread of
// its own that is left behind if it takes longer than target.timeout. Errors: kUnavailable.
Result<std::vector<RedisEndpoint>> ResolveRedis(const RedisTarget& target);

// Not thread-safe. After any error it is of no more use: the command may or may not have been carried out.
class RedisConnection {
 public:
  // Connects to the first endpoint that accepts, authenticates, selects the database and pings.
  // Errors: kUnavailable, also for a wrong password; the text never holds it.
  static Result<std::unique_ptr<RedisConnection>> Open(std::span<const RedisEndpoint> endpoints,
                                                       const RedisTarget& target, SteadyTime deadline);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Sends all commands and returns one reply for each, in order; a reply may be an error the server answered.
  // Errors: kUnavailable (closed, broken protocol, or no answer by the deadline).
  Result<std::vector<RedisReplyPtr>> Run(const RedisCommands& commands, SteadyTime deadline);

  // Nothing may arrive between two calls: when something has, the server closed the connection or is about to.
  bool ClosedByServer() const;

 private:
  explicit RedisConnection(int fd);
  Status Introduce(const RedisTarget& target, SteadyTime deadline);
  Status SendSome(std::string_view& unsent);
  Status ReceiveSome();
  Status CollectReplies(std::vector<RedisReplyPtr>& replies, std::size_t wanted);

  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  int fd_;  // owned
  std::unique_ptr<redisReader, FreeReader> reader_;
};

}  // namespace dunlin
