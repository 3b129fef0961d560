// A real redis-server of the test's own: in a temporary directory, without persistence, on a Unix socket and on a free
// port of 127.0.0.1. Started by the constructor, killed and cleaned up by the destructor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace dunlin::testing {

// Not thread-safe. What cannot be done ends the test program with a message: no test can go on without its server.
class RedisServer {
 public:
  explicit RedisServer(std::string password = "");
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string tcp_url() const;   // redis://127.0.0.1:PORT
  std::string unix_url() const;  // redis+unix:///tmp/…/redis.sock

  void Kill();    // kill -9; returns when it is gone
  void Start();   // again after Kill(), empty, on the same addresses; returns when it answers
  void Freeze();  // SIGSTOP: connections are accepted by the system and nothing answers
  void Unfreeze();

  // Sends one command of plain words over a connection of its own; the first line of the answer ("+OK", "-ERR …",
  // ":3"), or "" when the server does not answer within a second.
  std::string Command(std::string_view words) const;

 private:
  std::string socket_path() const { return directory_ + "/redis.sock"; }
  bool AnswersSoon() const;

  const std::string password_;
  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace dunlin::testing
