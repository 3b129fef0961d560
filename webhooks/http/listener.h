// A listening TCP socket.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "state/result.h"
#include "webhooks/http/exchange.h"

namespace dunlin {

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  // Returns the port. The port is never shared with another process. Errors: kUnavailable, kInvalidArgument.
  Result<int> Listen(const std::string& address, int port);

  enum class Nobody : std::uint8_t {
    kWaits,   // in the queue
    kNoRoom,  // for one who may wait: file descriptors or memory are used up
  };
  // Takes the next connection off the queue, without blocking. It does not block either, and TCP_NODELAY is set; the
  // caller closes it.
  tl::expected<Accepted, Nobody> Accept() const;

  // Readable while someone waits; -1 when it does not listen.
  int socket() const { return socket_; }

  // What waits in the queue is refused.
  void Close();

 private:
  int socket_ = -1;
};

}  // namespace dunlin
