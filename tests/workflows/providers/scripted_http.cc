#include "tests/workflows/providers/scripted_http.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

#include "state/check.h"

namespace dunlin::testing {
namespace {

int ListenOnFreePort(int& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  DUNLIN_CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  DUNLIN_CHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
  DUNLIN_CHECK(::listen(fd, 64) == 0);
  DUNLIN_CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port = ntohs(address.sin_port);
  return fd;
}

void SendAll(int fd, const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

Reply Answer(int status, const std::string& body, const std::string& header_lines) {
  return {Reply::Manner::kAnswer, "HTTP/1.1 " + std::to_string(status) +
                                      " Status\r\nContent-Type: application/json\r\n" + header_lines +
                                      "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body};
}

std::string SeenRequest::Header(const std::string& name) const {
  const std::size_t at = Lower(head).find("\r\n" + Lower(name) + ":");
  if (at == std::string::npos) return "";
  const std::size_t start = head.find_first_not_of(' ', at + 3 + name.size());
  return head.substr(start, head.find("\r\n", start) - start);
}

int ClosedPort() {
  int port = 0;
  ::close(ListenOnFreePort(port));
  return port;
}

ScriptedHttp::ScriptedHttp(std::deque<Reply> replies) : replies_(std::move(replies)) {
  listener_ = ListenOnFreePort(port_);
  acceptor_ = std::thread([this] { Accept(); });
}

ScriptedHttp::~ScriptedHttp() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  changed_.notify_all();
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& server : servers_) server.join();
  for (const int fd : open_) ::close(fd);
  ::close(listener_);
}

std::vector<SeenRequest> ScriptedHttp::requests() {
  const std::lock_guard lock(mutex_);
  return requests_;
}

int ScriptedHttp::connections() {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(open_.size());
}

void ScriptedHttp::Accept() {
  while (true) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    if (stopping_) return;
    servers_.emplace_back([this, fd] { Serve(fd); });
  }
}

Reply ScriptedHttp::Next() {
  const std::lock_guard lock(mutex_);
  if (replies_.empty()) return {Reply::Manner::kHangUpAfter, ""};
  Reply reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

bool ScriptedHttp::ReadRequest(int fd, std::string& buffer, SeenRequest& request) {
  std::size_t need = std::string::npos;
  std::size_t end = std::string::npos;
  char chunk[4096];
  while (buffer.size() < need || need == std::string::npos) {
    end = buffer.find("\r\n\r\n");
    if (end != std::string::npos && need == std::string::npos) {
      const std::size_t first = buffer.find("\r\n");
      request.line = buffer.substr(0, first);
      request.head = buffer.substr(first, end + 2 - first);
      const std::string length = request.Header("Content-Length");
      need = end + 4 + (length.empty() ? 0 : static_cast<std::size_t>(std::stoul(length)));
      continue;
    }
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n <= 0) return false;
    buffer.append(chunk, static_cast<std::size_t>(n));
  }
  const std::size_t body = buffer.find("\r\n\r\n") + 4;
  request.body = buffer.substr(body, need - body);
  buffer.erase(0, need);
  return true;
}

void ScriptedHttp::Keep(SeenRequest request, std::size_t wait_for_requests) {
  std::unique_lock lock(mutex_);
  requests_.push_back(std::move(request));
  changed_.notify_all();
  changed_.wait(lock, [&] { return stopping_ || requests_.size() >= wait_for_requests; });
}

void ScriptedHttp::Serve(int fd) {
  std::string buffer;
  while (true) {
    // Taken when a request begins, so that an idle connection costs no reply.
    char peek = 0;
    if (::recv(fd, &peek, 1, MSG_PEEK) <= 0) return;
    const Reply reply = Next();
    if (reply.manner == Reply::Manner::kHangUpFirst) break;
    SeenRequest request;
    if (!ReadRequest(fd, buffer, request)) return;
    Keep(std::move(request), reply.after_requests);
    if (reply.manner == Reply::Manner::kSilence) return;  // the destructor ends it
    SendAll(fd, reply.bytes);
    if (reply.manner == Reply::Manner::kHangUpAfter) break;
  }
  ::shutdown(fd, SHUT_RDWR);
}

}  // namespace dunlin::testing
