#include "tests/support/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace dunlin::testing_support {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

HttpAnswer ParseHead(std::string_view head) {
  HttpAnswer answer;
  if (head.size() < 12 || !head.starts_with("HTTP/1.1 ")) return answer;
  answer.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    if (line.empty()) break;
    const std::size_t colon = line.find(": ");
    if (colon != std::string_view::npos) answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    at = end + 2;
  }
  return answer;
}

}  // namespace

std::string HttpAnswer::Header(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (SameName(header, name)) return value;
  }
  return {};
}

std::string RequestBytes(std::string_view method, std::string_view target, const Headers& headers,
                         std::string_view body) {
  std::string bytes = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
  for (const auto& [name, value] : headers) bytes += name + ": " + value + "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return bytes + "\r\n" + std::string(body);
}

HttpConnection::HttpConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(socket_);
    socket_ = -1;
  }
}

HttpConnection::~HttpConnection() {
  if (socket_ >= 0) close(socket_);
}

bool HttpConnection::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool HttpConnection::FillBuffer(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
  if (poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(0, left.count()))) <= 0) return false;
  std::array<char, 16 * 1024> chunk;
  const ssize_t n = recv(socket_, chunk.data(), chunk.size(), 0);
  if (n <= 0) return false;
  buffer_.append(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

HttpAnswer HttpConnection::Receive(std::chrono::milliseconds timeout, bool interim, bool head_only) {
  if (!connected()) return {};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    std::size_t head_end = 0;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!FillBuffer(deadline)) return {};
    }
    HttpAnswer answer = ParseHead(std::string_view(buffer_).substr(0, head_end + 4));
    buffer_.erase(0, head_end + 4);
    if (answer.status >= 100 && answer.status < 200) {
      if (interim) return answer;
      continue;
    }
    const std::size_t length =
        head_only ? 0 : static_cast<std::size_t>(std::strtoul(answer.Header("Content-Length").c_str(), nullptr, 10));
    while (buffer_.size() < length) {
      if (!FillBuffer(deadline)) return {};
    }
    answer.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return answer;
  }
}

bool HttpConnection::ClosedWithin(std::chrono::milliseconds timeout) {
  pollfd wanted{.fd = socket_, .events = POLLIN, .revents = 0};
  if (!buffer_.empty() || poll(&wanted, 1, static_cast<int>(timeout.count())) <= 0) return false;
  char byte = 0;
  return recv(socket_, &byte, 1, MSG_DONTWAIT) <= 0;
}

void HttpConnection::FinishSending() { shutdown(socket_, SHUT_WR); }

HttpAnswer HttpSend(int port, std::string_view method, std::string_view target, const Headers& headers,
                    std::string_view body) {
  HttpConnection connection(port);
  if (!connection.connected() || !connection.Send(RequestBytes(method, target, headers, body))) return {};
  return connection.Receive(std::chrono::seconds(10), false, method == "HEAD");
}

}  // namespace dunlin::testing_support
