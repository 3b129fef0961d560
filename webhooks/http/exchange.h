// One request on its way to its answer: what the loops, the handlers and whoever answers later pass to each other.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "webhooks/http/address.h"
#include "webhooks/http/message.h"

namespace dunlin {

class Mailbox;
struct Connection;  // of one loop, which alone looks into it; it lives until the answer of its request has come

struct Exchange {
  Connection* connection;
  Mailbox* loop;  // where the answer goes
  std::string target;
  bool close;  // the client wants the connection to end with the answer
  HttpRequest request;
};

// What is left of an exchange once its handler took the request: enough to write the answer.
struct Ticket {
  Connection* connection;
  bool close;
  std::string method;
  std::string peer;
  std::string request_id;
  std::string_view route;
  std::chrono::steady_clock::time_point begun;
};

struct Answer {
  Connection* connection;
  std::string bytes;
  bool close;  // the connection, after them
};

struct LateAnswer {
  Ticket ticket;
  HttpResponse response;
};

struct Accepted {
  int socket;
  IpAddress peer;
};

}  // namespace dunlin
