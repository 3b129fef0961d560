#include "tests/support/tls_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "state/check.h"

namespace dunlin::testing {
namespace {

constexpr int kPatienceMs = 10'000;  // with a client that goes silent
constexpr int kTickMs = 20;

// Plain or over TLS.
class Connection {
 public:
  Connection(int fd, SSL_CTX* tls) : fd_(fd), ssl_(tls == nullptr ? nullptr : SSL_new(tls)) {
    const timeval patience{kPatienceMs / 1000, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (ssl_ != nullptr) SSL_set_fd(ssl_, fd);
  }
  ~Connection() {
    if (ssl_ != nullptr) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool Accept() { return ssl_ == nullptr || SSL_accept(ssl_) == 1; }
  std::string ReadHead() {
    std::string head;
    char block[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const auto got = ssl_ == nullptr ? static_cast<int>(recv(fd_, block, sizeof block, 0))
                                       : SSL_read(ssl_, block, static_cast<int>(sizeof block));
      if (got <= 0) return {};
      head.append(block, static_cast<std::size_t>(got));
    }
    return head;
  }
  void Write(const std::string& bytes) {
    if (ssl_ == nullptr) {
      (void)!send(fd_, bytes.data(), bytes.size(), 0);
    } else {
      SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    }
  }

 private:
  const int fd_;
  SSL* const ssl_;
};

SSL_CTX* ServerContext(const Issued& certificate) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  DUNLIN_CHECK(SSL_CTX_use_certificate(context, certificate.x509.get()) == 1);
  DUNLIN_CHECK(SSL_CTX_use_PrivateKey(context, certificate.key.get()) == 1);
  return context;
}

}  // namespace

TlsServer::TlsServer(Answer answer, const Issued* certificate)
    : answer_(std::move(answer)), tls_(certificate == nullptr ? nullptr : ServerContext(*certificate)) {
  std::signal(SIGPIPE, SIG_IGN);  // clients that hang up are what some tests are about
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  DUNLIN_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
  DUNLIN_CHECK(listen(listener_, SOMAXCONN) == 0);
  DUNLIN_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

TlsServer::~TlsServer() {
  stop_ = true;
  thread_.join();
  close(listener_);
  SSL_CTX_free(tls_);
}

std::vector<std::string> TlsServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void TlsServer::Run() {
  while (!stop_) {
    pollfd waiting{listener_, POLLIN, 0};
    if (poll(&waiting, 1, kTickMs) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) Serve(fd);
  }
}

// Until the client closes, or sends more, or the server stops.
bool TlsServer::Hold(int fd) const {
  while (!stop_) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, kTickMs) > 0) return true;
  }
  return false;
}

void TlsServer::Serve(int fd) {
  Connection connection(fd, tls_);
  if (!connection.Accept()) return;
  const std::string head = connection.ReadHead();
  if (head.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(head);
  }
  const std::string answer = answer_(head.substr(0, head.find("\r\n")));
  if (answer.empty()) {
    Hold(fd);
  } else {
    connection.Write(answer);
  }
}

std::string HttpAnswer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Word\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nConnection: close\r\n\r\n" + body;
}

}  // namespace dunlin::testing
