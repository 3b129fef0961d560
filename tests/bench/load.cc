#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>

namespace dunlin::bench {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

double Since(SteadyTime begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

class Connection {
 public:
  explicit Connection(int port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    open_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  bool open() const { return open_; }
  bool busy() const { return busy_; }
  SteadyTime sent_at() const { return sent_at_; }

  // A request is far smaller than the socket's buffer, so this does not block.
  void Send(const std::string& request) {
    sent_at_ = std::chrono::steady_clock::now();
    busy_ = true;
    answer_.clear();
    if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      open_ = false;
  }

  // Returns the status of a complete answer, 0 while there is more to come, -1 when the connection is over.
  int Receive() {
    char buffer[8192];
    const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
    if (n <= 0) {
      open_ = false;
      return -1;
    }
    answer_.append(buffer, static_cast<std::size_t>(n));
    const std::size_t head = answer_.find("\r\n\r\n");
    if (head == std::string::npos) return 0;
    const std::size_t length = answer_.find("Content-Length: ");
    const std::size_t body = length == std::string::npos ? 0 : std::stoul(answer_.substr(length + 16));
    if (answer_.size() < head + 4 + body) return 0;
    busy_ = false;
    return std::stoi(answer_.substr(9, 3));
  }

 private:
  int socket_ = -1;
  bool open_ = false;
  bool busy_ = false;
  SteadyTime sent_at_;
  std::string answer_;
};

}  // namespace

LoadResult Load(int port, int connections, double seconds, double rate, const std::function<std::string()>& next) {
  LoadResult result;
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> all;
  for (int i = 0; i < connections; ++i) {
    all.push_back(std::make_unique<Connection>(port));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = all.back().get()}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, all.back()->socket(), &event);
  }
  const SteadyTime begin = std::chrono::steady_clock::now();
  std::uint64_t sent = 0;
  std::size_t busy = 0;
  bool more = true;
  std::vector<Connection*> idle;
  for (const auto& connection : all) {
    if (connection->open()) idle.push_back(connection.get());
  }
  epoll_event events[256];
  while (more || busy > 0) {
    if (Since(begin) >= seconds) more = false;
    while (more && !idle.empty() && (rate == 0 || static_cast<double>(sent) < Since(begin) * rate)) {
      const std::string request = next();
      if (request.empty()) {
        more = false;
        break;
      }
      idle.back()->Send(request);
      idle.pop_back();
      ++sent;
      ++busy;
    }
    const int ready = ::epoll_wait(epoll, events, 256, rate == 0 ? 100 : 1);
    for (int i = 0; i < ready; ++i) {
      auto* connection = static_cast<Connection*>(events[i].data.ptr);
      const int status = connection->Receive();
      if (status == 0) continue;
      --busy;
      if (status == 200) {
        ++result.ok;
        result.latencies_ms.push_back(Since(connection->sent_at()) * 1000);
      } else {
        ++result.failed;
      }
      if (connection->open()) {
        idle.push_back(connection);
      } else {
        ::epoll_ctl(epoll, EPOLL_CTL_DEL, connection->socket(), nullptr);
      }
    }
    if (Since(begin) > seconds + 30) break;  // what has not answered by then will not
  }
  result.seconds = Since(begin);
  result.failed += busy;
  ::close(epoll);
  return result;
}

double Percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(p * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace dunlin::bench
