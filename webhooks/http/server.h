// The HTTP server: sockets and threads in front of handlers.
//
// One thread serves one connection at a time; further connections wait in the listen queue. While every thread is
// taken, a connection that is idle for half a second is closed to make room. Requests are read whole, within limits,
// before a handler sees them: at most 16 KiB of head, `body_bytes_max` of body and `request_timeout` from first byte to
// last. Refused without a handler: transfer codings (411), encoded bodies (415), what is not well formed (400, see
// head.h), and methods and paths without a route (405, 404). Range is ignored. Every answer carries X-Request-Id, never
// one that the client chose, and every error of the server's own is application/problem+json.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "state/result.h"
#include "state/time.h"
#include "webhooks/http/message.h"
#include "webhooks/http/router.h"

namespace dunlin {

struct HttpAnswered {
  std::string_view method;  // empty if the request could not be read
  std::string_view route;   // the pattern, a bounded set of names; empty if there is none
  int status;
  std::string_view request_id;
  std::chrono::nanoseconds took;  // in the handler
};

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";  // numeric, or a name that resolves
    int port = 0;                       // 0: any free one
    std::size_t body_bytes_max = 1024 * 1024;
    int threads = 96;  // connections served at a time
    Millis request_timeout = 10s;
    Millis keep_alive = 75s;
    // Both optional, called on the server's threads, and must not throw.
    std::function<void(const HttpAnswered&)> on_answered;
    // `what` may quote anything: for logs only.
    std::function<void(const HttpRequest&, std::string_view what)> on_exception;
  };

  explicit HttpServer(Options options);
  // Stops without patience, but waits for every handler that still runs.
  ~HttpServer();

  // Before Start. See Router::Add for patterns.
  void Route(std::string method, std::string pattern, HttpHandler handler);

  // Binds and listens; returns the port. Connections made from now on wait for Start. Call once.
  // Errors: kUnavailable (the address is in use or not ours), kInvalidArgument (it does not resolve).
  Result<int> Listen();

  // Starts the threads and returns. Call once, after Listen.
  void Start();

  // Stops accepting and closes idle connections at once; requests that have begun are answered if they are done within
  // `patience`, after which their connections are cut. Returns whether all were done; a handler that was not still runs
  // and is waited for in the destructor. Handlers must not call this.
  bool Stop(Millis patience);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin
