// A small HTTP or HTTPS server on 127.0.0.1 that answers with raw bytes: right ones, wrong ones, or none.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/test_ca.h"

struct ssl_ctx_st;

namespace dunlin::testing {

class TlsServer {
 public:
  // The whole answer, status line and all, to a request's first line ("GET /x HTTP/1.1"). Empty: it never answers, and
  // holds the connection until the client lets go.
  using Answer = std::function<std::string(const std::string& request_line)>;

  // One connection at a time, one request each. With `certificate` over TLS. Stops when it goes.
  explicit TlsServer(Answer answer, const Issued* certificate = nullptr);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // For HttpGetOptions::connect_to: what is meant for that host and port comes here.
  std::string InsteadOf(const std::string& host, int port) const {
    return host + ":" + std::to_string(port) + ":" + address();
  }
  std::vector<std::string> requests() const;  // their heads, so far

 private:
  void Run();
  void Serve(int fd);
  bool Hold(int fd) const;

  const Answer answer_;
  ssl_ctx_st* tls_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::thread thread_;
};

std::string HttpAnswer(int status, const std::string& body);

}  // namespace dunlin::testing
