// The answer to a request, to be given once, at any time, from any thread.
#pragma once

#include <memory>

#include "webhooks/http/message.h"

namespace dunlin {

class Mailbox;
struct Ticket;

// Copies stand for the same answer. If the last one goes without it, the client is told 500. The server's destructor
// waits until every request is answered, so none may be kept beyond that.
class HttpResponder {
 public:
  HttpResponder(std::shared_ptr<Mailbox> loop, Ticket ticket);

  // Quick, never blocks. A second answer is a bug.
  void Send(HttpResponse response) const;

 private:
  class Owed;
  std::shared_ptr<Owed> owed_;
};

}  // namespace dunlin
