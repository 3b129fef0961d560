#include "webhooks/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto kCrowdedIdle = 500ms;  // an idle connection's patience while others wait for a thread
constexpr auto kIdleStep = 250ms;     // how often an idle connection looks whether others wait
constexpr auto kLinger = 1000ms;

int Remaining(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
}

// Waits until `socket` is ready for `events`. False: the deadline passed.
bool WaitFor(int socket, short events, steady_clock::time_point deadline) {
  while (true) {
    pollfd wanted{.fd = socket, .events = events, .revents = 0};
    const int ready = poll(&wanted, 1, Remaining(deadline));
    if (ready > 0) return true;  // errors too: the next call on the socket tells which
    if (ready < 0 && errno != EINTR) return true;
    if (steady_clock::now() >= deadline) return false;
  }
}

}  // namespace

void Connection::Serve() {
  while (WaitForRequest() && ServeOne()) {
  }
}

// True once there is something to read: a request, or the end of the connection.
bool Connection::WaitForRequest() {
  if (!buffer_.empty()) return true;  // the client sent several requests in a row
  const auto idle_since = steady_clock::now();
  while (!host_.stopping()) {
    std::array<pollfd, 2> wanted = {
        {{.fd = socket_, .events = POLLIN, .revents = 0}, {.fd = host_.stop_event, .events = POLLIN, .revents = 0}}};
    const int ready = poll(wanted.data(), wanted.size(), static_cast<int>(milliseconds(kIdleStep).count()));
    if (ready > 0 && wanted[0].revents != 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    const auto idle = steady_clock::now() - idle_since;
    if (idle >= limits_.keep_alive || (idle >= kCrowdedIdle && host_.crowded())) return false;
  }
  return false;
}

bool Connection::ServeOne() {
  const SteadyTime deadline = steady_clock::now() + limits_.request_timeout;
  std::size_t head_size = std::string::npos;
  while (true) {
    // Some clients end a body with a line break that its length does not count.
    while (buffer_.starts_with("\r\n")) buffer_.erase(0, 2);
    head_size = FindHeadEnd(buffer_);
    if (std::min(head_size, buffer_.size()) > kHeadBytesMax) {
      return Refuse(Problem(431, "at most 16384 bytes of request line and header fields")), false;
    }
    if (head_size != std::string::npos) break;
    switch (Receive(deadline)) {
      case Read::kMore: break;
      case Read::kClosed: return false;
      case Read::kTimeout:
        if (!buffer_.empty()) Refuse(Problem(408, "the request took too long to arrive"));
        return false;
    }
  }
  auto head = ParseRequestHead(std::string_view(buffer_).substr(0, head_size), limits_.body_bytes_max);
  if (!head) return Refuse(Problem(head.error().status, head.error().detail)), false;

  HttpRequest request{.method = std::move(head->method), .peer = peer_, .request_id = host_.new_request_id()};
  if (!ReadBody(*head, head_size, deadline, request.body)) return false;
  request.headers = std::move(head->headers);
  bool close = !head->keep_alive;
  const auto decide_close = [&close, this] { return close = close || host_.stopping(); };
  if (!Send(host_.engine.Respond(request, head->target, host_.answer, decide_close))) return false;
  if (close && !buffer_.empty()) Linger();
  return !close;
}

// Takes head and body off the buffer. False: the connection is over.
bool Connection::ReadBody(const RequestHead& head, std::size_t head_size, SteadyTime deadline, std::string& body) {
  const std::size_t request_size = head_size + head.content_length;
  if (head.expects_continue && buffer_.size() < request_size && !Send("HTTP/1.1 100 Continue\r\n\r\n")) return false;
  while (buffer_.size() < request_size) {
    switch (Receive(deadline)) {
      case Read::kMore: break;
      case Read::kClosed: return false;
      case Read::kTimeout: return Refuse(Problem(408, "the request took too long to arrive")), false;
    }
  }
  body = buffer_.substr(head_size, head.content_length);
  buffer_.erase(0, request_size);
  if (buffer_.empty() && buffer_.capacity() > 2 * kHeadBytesMax) buffer_.shrink_to_fit();
  return true;
}

Connection::Read Connection::Receive(SteadyTime deadline) {
  std::array<char, 16 * 1024> chunk;
  while (true) {
    if (steady_clock::now() >= deadline) return Read::kTimeout;
    const ssize_t n = recv(socket_, chunk.data(), chunk.size(), MSG_DONTWAIT);
    if (n > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(n));
      return Read::kMore;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) return Read::kClosed;
    if (errno == EAGAIN && !WaitFor(socket_, POLLIN, deadline)) return Read::kTimeout;
  }
}

bool Connection::Send(std::string_view bytes) {
  const SteadyTime deadline = steady_clock::now() + limits_.request_timeout;
  while (!bytes.empty()) {
    const ssize_t n = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN || !WaitFor(socket_, POLLOUT, deadline)) return false;
  }
  return true;
}

void Connection::Refuse(HttpResponse response) {
  const std::string request_id = host_.new_request_id();
  host_.refused(response, request_id);
  if (Send(host_.engine.Refuse(std::move(response), request_id))) Linger();
}

// Closing while the client still sends would reset the connection and could take our answer away before it was read.
void Connection::Linger() {
  if (shutdown(socket_, SHUT_WR) != 0) return;
  const SteadyTime deadline = steady_clock::now() + kLinger;
  while (!host_.stopping()) {
    buffer_.clear();
    if (Receive(deadline) != Read::kMore) return;
  }
}

}  // namespace dunlin
