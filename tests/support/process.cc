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

std::vector<std::string> Environment(const std::map<std::string, std::string>& env) {
  std::vector<std::string> variables;
  for (const auto& [name, value] : env) variables.push_back(name + "=" + value);
  for (char** v = environ; *v != nullptr; ++v) {
    const std::string variable = *v;
    if (!env.contains(variable.substr(0, variable.find('=')))) variables.push_back(variable);
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

void Redirect(const char* file, int to) {
  const int descriptor = ::open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (descriptor >= 0) ::dup2(descriptor, to);
}

}  // namespace

Process::Process(std::vector<std::string> command, const std::map<std::string, std::string>& env, std::string log)
    : log_(std::move(log)) {
  const std::string out = log_ + ".out";
  const std::string err = log_ + ".err";
  std::ofstream(out, std::ios::trunc).flush();
  std::vector<std::string> variables = Environment(env);
  const std::vector<char*> words = Pointers(command);
  const std::vector<char*> settings = Pointers(variables);
  pid_ = ::fork();
  if (pid_ == 0) {
    // Nothing here may allocate: another thread of the test may have held the allocator's lock when it was copied, and
    // nobody is left to let go of it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test leaves no program behind
    Redirect(out.c_str(), 1);
    Redirect(err.c_str(), 2);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(words[0], words.data(), settings.data());
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
