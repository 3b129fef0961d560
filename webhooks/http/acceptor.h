// The thread that takes in connections and deals them out to the loops in turn.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "webhooks/http/admission.h"
#include "webhooks/http/listener.h"
#include "webhooks/http/mailbox.h"

namespace dunlin {

// While there are as many connections as may be, or no file descriptors, further ones wait in the listen queue, and
// those that have been idle longest are closed to make room. One from an address that has too many is closed at once.
class Acceptor {
 public:
  // All must outlive it. `turned_away` is told of each connection that is closed for its address, on the thread.
  Acceptor(const Listener& listener, Admission& admission, std::vector<std::shared_ptr<Mailbox>> loops,
           std::function<void(const Accepted&)> turned_away);
  ~Acceptor();  // no connection is taken in after it
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  void Run();
  void Take(const Accepted& accepted);
  bool WaitFor(int socket, int millis) const;  // false: it is time to stop

  const Listener& listener_;
  Admission& admission_;
  const std::vector<std::shared_ptr<Mailbox>> loops_;
  const std::function<void(const Accepted&)> turned_away_;
  std::size_t next_ = 0;  // loop
  const int stop_event_;
  std::thread thread_;
};

}  // namespace dunlin
