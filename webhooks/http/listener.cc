#include "webhooks/http/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

namespace dunlin {
namespace {

constexpr int kBacklog = 4096;  // the kernel may cap it: net.core.somaxconn

std::string Reason() { return std::generic_category().message(errno); }

// Returns the socket, or -1 with errno.
int BindTo(const addrinfo& address) {
  const int fd = socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  // Not SO_REUSEPORT: with it a second process would silently take half of our connections.
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
      bind(fd, address.ai_addr, address.ai_addrlen) == 0 && listen(fd, kBacklog) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

}  // namespace

Listener::~Listener() { Close(); }

Result<int> Listener::Listen(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string where = address + ":" + std::to_string(port);
  if (const int error = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    return Fail(Errc::kInvalidArgument, "cannot listen on " + where + ": " + gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  for (const addrinfo* next = found; next != nullptr && socket_ < 0; next = next->ai_next) socket_ = BindTo(*next);
  if (socket_ < 0) return Fail(Errc::kUnavailable, "cannot listen on " + where + ": " + Reason());

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (getsockname(socket_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return Fail(Errc::kUnavailable, "cannot listen on " + where + ": " + Reason());
  }
  return PortOf(bound);
}

tl::expected<Accepted, Listener::Nobody> Listener::Accept() const {
  while (true) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const int fd = accept4(socket_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      const int on = 1;
      // Without it an answer can wait 40 ms for the client's delayed ACK. A failure means that the peer is gone.
      if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0) return Accepted{fd, IpAddress::Of(from)};
      close(fd);
    } else if (errno == EAGAIN) {
      return tl::unexpected(Nobody::kWaits);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return tl::unexpected(Nobody::kNoRoom);
    }
    // Otherwise it is about that one connection, which is gone already.
  }
}

void Listener::Close() {
  if (socket_ >= 0) close(std::exchange(socket_, -1));
}

}  // namespace dunlin
