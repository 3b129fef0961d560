// A real program under test, started and always ended by the test that owns it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace dunlin::testing {

class Process {
 public:
  // Standard output and error go to files `log` + ".out" and ".err". The environment is this process's and `env`.
  Process(std::vector<std::string> command, const std::map<std::string, std::string>& env, std::string log);
  ~Process();  // kill -9, should it still run
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The address after "listening on ". Empty when the program ended, or said nothing within 20 s.
  std::string WaitForAddress();
  void Signal(int signal) const;
  // The exit code, or -signal. -1000 when it still runs after `patience`.
  int Wait(std::chrono::milliseconds patience = std::chrono::seconds(30));
  void KillNow();  // kill -9 and reap

  pid_t pid() const { return pid_; }
  std::string Out() const;
  std::string Err() const;

 private:
  const std::string log_;
  pid_t pid_ = -1;
  bool running_ = false;
};

}  // namespace dunlin::testing
