// One connection, from its first byte to its last: reads whole requests within their limits, hands each on, writes
// the answer. Blocks the thread it runs on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "webhooks/http/engine.h"
#include "webhooks/http/head.h"
#include "webhooks/http/message.h"

namespace dunlin {

class Connection {
 public:
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Limits {
    std::size_t body_bytes_max;
    std::chrono::milliseconds request_timeout;  // from a request's first byte to its last, and to write an answer
    std::chrono::milliseconds keep_alive;       // how long it may be idle between requests
  };
  // What the server it belongs to does and knows; all of it is called on the connection's thread.
  struct Host {
    const HttpEngine& engine;
    std::function<HttpResponse(HttpRequest&)> answer;  // must not throw
    std::function<std::string()> new_request_id;
    std::function<void(const HttpResponse&, const std::string& request_id)> refused;
    std::function<bool()> stopping;  // then each answer closes the connection
    std::function<bool()> crowded;   // then an idle connection soon makes room for others
    int stop_event;                  // becomes readable when the server stops
  };

  // Owns neither the socket nor anything of `host`; both must outlive this.
  Connection(int socket, std::string peer, const Limits& limits, const Host& host)
      : socket_(socket), peer_(std::move(peer)), limits_(limits), host_(host) {}

  // Returns when the connection is over; the caller closes the socket.
  void Serve();

 private:
  enum class Read { kMore, kClosed, kTimeout };

  bool WaitForRequest();
  bool ServeOne();  // false: the connection is over
  Read Receive(SteadyTime deadline);
  bool Send(std::string_view bytes);
  bool ReadBody(const RequestHead& head, std::size_t head_size, SteadyTime deadline, std::string& body);
  void Refuse(HttpResponse response);
  void Linger();

  const int socket_;
  const std::string peer_;
  const Limits& limits_;
  const Host& host_;
  std::string buffer_;  // received and not used yet
};

}  // namespace dunlin
