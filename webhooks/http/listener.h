// A listening TCP socket.
#pragma once

#include <optional>
#include <string>

#include "state/result.h"

namespace dunlin {

class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  struct Peer {
    int socket;           // the caller closes it; TCP_NODELAY is set
    std::string address;  // numeric
  };

  // Returns the port. The port is never shared with another process. Errors: kUnavailable, kInvalidArgument.
  Result<int> Listen(const std::string& address, int port);

  // Blocks until a connection comes; std::nullopt once Close was called. Waits out the lack of file descriptors and
  // memory. Thread-safe: one connection wakes one caller.
  std::optional<Peer> Accept() const;

  // Wakes every Accept; what waits in the queue is refused. Thread-safe; the descriptor lives on until destruction.
  void Close();

 private:
  int socket_ = -1;
};

}  // namespace dunlin
