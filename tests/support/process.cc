#include "tests/support/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

namespace dunlin::testing {
namespace {

constexpr std::chrono::milliseconds kLookEvery{10};

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

void Redirect(const std::string& file, int to) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (descriptor >= 0) ::dup2(descriptor, to);
}

}  // namespace

Process::Process(std::vector<std::string> command, const std::map<std::string, std::string>& env, std::string log)
    : log_(std::move(log)) {
  std::ofstream(log_ + ".out", std::ios::trunc).flush();
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test leaves no program behind
    for (const auto& [name, value] : env) ::setenv(name.c_str(), value.c_str(), 1);
    Redirect(log_ + ".out", 1);
    Redirect(log_ + ".err", 2);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  running_ = pid_ > 0;
}

Process::~Process() { KillNow(); }

std::string Process::WaitForAddress() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const std::string prefix = "listening on ";
  while (std::chrono::steady_clock::now() < until) {
    const std::string out = Out();
    const std::size_t at = out.find(prefix);
    const std::size_t end = out.find('\n', at == std::string::npos ? 0 : at);
    if (at != std::string::npos && end != std::string::npos)
      return out.substr(at + prefix.size(), end - at - prefix.size());
    if (Wait(std::chrono::milliseconds(0)) != -1000) return "";
    std::this_thread::sleep_for(kLookEvery);
  }
  return "";
}

void Process::Signal(int signal) const {
  if (running_) ::kill(pid_, signal);
}

int Process::Wait(std::chrono::milliseconds patience) {
  static constexpr int kStillRuns = -1000;
  const auto until = std::chrono::steady_clock::now() + patience;
  while (running_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      running_ = false;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
    if (std::chrono::steady_clock::now() >= until) return kStillRuns;
    std::this_thread::sleep_for(kLookEvery);
  }
  return 0;
}

void Process::KillNow() {
  Signal(SIGKILL);
  if (running_) ::waitpid(pid_, nullptr, 0);
  running_ = false;
}

std::string Process::Out() const { return ReadAll(log_ + ".out"); }
std::string Process::Err() const { return ReadAll(log_ + ".err"); }

}  // namespace dunlin::testing
