// The one place that knows cpp-httplib. It reads the request line we hand it and writes the answer; sockets, framing,
// header fields, routing and bodies never reach it, because 0.11.4 trusts what comes in more than the open internet
// deserves (it decodes header values, honours Range on POST, inflates bodies past the limit, …).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "webhooks/http/message.h"

namespace dunlin {

class HttpEngine {  // thread-safe
 public:
  // std::nullopt: the answer comes later.
  using Answer = std::function<std::optional<HttpResponse>(HttpRequest&)>;

  // The seconds an idle connection stays open, as answers announce it.
  explicit HttpEngine(int keep_alive_seconds);
  ~HttpEngine();

  // Splits `target` into request.path and request.query, calls `answer` and returns the bytes of the whole answer with
  // X-Request-Id and, if `close` says so once the answer is there, "Connection: close". Neither may throw. `answer` may
  // take the request when it answers later; then there are no bytes yet.
  std::optional<std::string> Respond(HttpRequest& request, const std::string& target, const Answer& answer,
                                     const std::function<bool()>& close) const;

  // The bytes of an answer that is known by itself: it came later, or the request could not be read.
  std::string Write(std::string_view method, HttpResponse response, const std::string& request_id, bool close) const;

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace dunlin
