// The one place that knows cpp-httplib. It reads the request line we hand it and writes the answer; sockets, framing,
// header fields, routing and bodies never reach it, because 0.11.4 trusts what comes in more than the open internet
// deserves (it decodes header values, honours Range on POST, inflates bodies past the limit, …).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "webhooks/http/message.h"

namespace dunlin {

class HttpEngine {  // thread-safe
 public:
  using Answer = std::function<HttpResponse(HttpRequest&)>;

  // The seconds an idle connection stays open, as answers announce it.
  explicit HttpEngine(int keep_alive_seconds);
  ~HttpEngine();

  // Splits `target` into request.path and request.query, calls `answer` and returns the bytes of the whole answer with
  // X-Request-Id and, if `close` says so once the answer is there, "Connection: close". Neither may throw.
  std::string Respond(HttpRequest& request, const std::string& target, const Answer& answer,
                      const std::function<bool()>& close) const;

  // The bytes of an answer to a request that could not be read; it closes the connection.
  std::string Refuse(HttpResponse response, const std::string& request_id) const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace dunlin
