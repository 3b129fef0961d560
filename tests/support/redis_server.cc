#include "tests/support/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void Give(const char* what) {
  std::perror(what);
  std::abort();
}

std::uint16_t FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) Give("a free port");
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) Give("a free port");
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace

RedisServer::RedisServer(std::string password) : password_(std::move(password)) {
  std::string name = (std::filesystem::temp_directory_path() / "dunlin-redis-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) Give("mkdtemp");
  directory_ = name;
  Start();
}

RedisServer::~RedisServer() {
  Kill();
  std::error_code ignored;  // what is left of a temporary directory harms nobody
  std::filesystem::remove_all(directory_, ignored);
}

std::string RedisServer::tcp_url() const {
  return "redis://" + (password_.empty() ? "" : ":" + password_ + "@") + "127.0.0.1:" + std::to_string(port_);
}

std::string RedisServer::unix_url() const { return "redis+unix://" + socket_path(); }

void RedisServer::Kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void RedisServer::Start() {
  // Between asking for a free port and taking it, another program may take it: then once more with another.
  const bool port_is_given = port_ != 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    if (!port_is_given) port_ = FreePort();
    if (port_is_given && attempt > 0) std::this_thread::sleep_for(500ms);
    std::vector<std::string> args{"redis-server",
                                  "--port",
                                  std::to_string(port_),
                                  "--bind",
                                  "127.0.0.1",
                                  "--unixsocket",
                                  socket_path(),
                                  "--dir",
                                  directory_,
                                  "--save",
                                  "",
                                  "--appendonly",
                                  "no",
                                  "--logfile",
                                  directory_ + "/log",
                                  "--enable-debug-command",
                                  "local"};
    if (!password_.empty()) args.insert(args.end(), {"--requirepass", password_});
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) Give("fork");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a crashed test leaves no server behind
      ::execvp("redis-server", argv.data());
      ::_exit(127);
    }
    if (AnswersSoon()) return;
    Kill();
  }
  std::fprintf(stderr, "redis-server does not start; see %s/log\n", directory_.c_str());
  std::abort();
}

void RedisServer::Freeze() { ::kill(pid_, SIGSTOP); }

void RedisServer::Unfreeze() { ::kill(pid_, SIGCONT); }

bool RedisServer::AnswersSoon() const {
  for (int i = 0; i < 500; ++i) {
    if (Command("PING") == "+PONG") return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) return false;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

std::string RedisServer::Command(std::string_view words) const {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Give("socket");
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0) Give("SO_RCVTIMEO");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    const std::string auth = password_.empty() ? "" : "AUTH " + password_ + "\r\n";
    const std::string request = auth + std::string(words) + "\r\n";
    std::array<char, 4096> buffer;
    std::size_t lines = auth.empty() ? 1 : 2;
    if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      for (ssize_t n = 0; lines > 0 && (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
        for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(n))) {
          if (lines == 1 && c != '\r' && c != '\n') answer += c;
          if (c == '\n' && lines > 0) --lines;
        }
      }
    }
  }
  ::close(fd);
  return answer;
}

}  // namespace dunlin::testing
