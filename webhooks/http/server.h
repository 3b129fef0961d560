// The HTTP server: sockets and threads in front of handlers.
//
// A few I/O threads hold all connections; idle ones and slow ones cost no thread. Requests are read whole, within
// limits, before a handler sees them: at most 16 KiB of head, `body_bytes_max` of body and `request_timeout` from first
// byte to last. Then they wait, in a bounded queue, for one of the handler threads; when that is full the client is
// told 503. A handler may also answer later (RouteLater), and then no thread waits for it.
//
// Refused without a handler: transfer codings (411), encoded bodies (415), what is not well formed (400, see head.h),
// and methods and paths without a route (405, 404). Range is ignored. Every answer carries X-Request-Id, never one that
// the client chose, and every error of the server's own is application/problem+json.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "state/time.h"
#include "webhooks/http/address.h"
#include "webhooks/http/message.h"
#include "webhooks/http/router.h"

namespace dunlin {

struct HttpAnswered {
  std::string_view method;  // empty if the request could not be read
  std::string_view route;   // the pattern, a bounded set of names; empty if there is none
  int status;
  std::string_view refused;  // why it never came to a handler, one of a few words; else empty
  std::string_view peer;     // as in HttpRequest
  std::string_view request_id;
  std::chrono::nanoseconds took;  // from the handler's begin to the answer
};

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";  // numeric, or a name that resolves
    int port = 0;                       // 0: any free one
    std::size_t body_bytes_max = 1024 * 1024;
    int io_threads = 2;
    int threads = 8;               // for handlers
    std::size_t queue_max = 1024;  // whole requests that wait for one
    Millis request_timeout = 10s;  // also to take an answer
    Millis keep_alive = 60s;
    std::size_t connections_max = 4096;
    // From one address (of IPv6: one /64); any number from `exempt` and from trusted proxies, for each of whose clients
    // it bounds the requests under way.
    std::size_t connections_per_address_max = 512;
    std::vector<IpRange> exempt = LoopbackRanges();
    std::vector<IpRange> trusted_proxies;  // whose X-Forwarded-For is believed
    // Both optional, called on the server's threads, and must not throw.
    std::function<void(const HttpAnswered&)> on_answered;
    // `what` may quote anything: for logs only.
    std::function<void(std::string_view request_id, std::string_view what)> on_exception;
  };

  explicit HttpServer(Options options);
  // Stops without patience, but waits for every handler that still runs and for every answer that was promised.
  ~HttpServer();

  // Before Start. See Router::Add for patterns.
  void Route(std::string method, std::string pattern, HttpHandler handler);
  void RouteLater(std::string method, std::string pattern, HttpLaterHandler handler);

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
