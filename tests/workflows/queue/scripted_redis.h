// A server on 127.0.0.1 that takes Redis's commands and answers what a test tells it to: wrong, torn or too much.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace dunlin::testing {

class ScriptedRedis {
 public:
  using Command = std::vector<std::string>;
  struct Reply {
    std::string bytes;
    bool hang_up = false;  // after the bytes
  };
  // Called by one thread for each connection.
  using Answer = std::function<Reply(const Command&)>;

  explicit ScriptedRedis(Answer answer);
  ~ScriptedRedis();
  ScriptedRedis(const ScriptedRedis&) = delete;
  ScriptedRedis& operator=(const ScriptedRedis&) = delete;

  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  std::size_t connections();  // so far

 private:
  void Accept();
  void Serve(int fd) const;

  const Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;  // guards what follows
  std::vector<int> open_;
  std::vector<std::thread> servers_;
  std::thread acceptor_;
};

}  // namespace dunlin::testing
