// Which handler answers a path. Patterns are literal segments and {names}: "/v1/subscriptions/{id}/retry".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "webhooks/http/message.h"
#include "webhooks/http/responder.h"

namespace dunlin {

// Runs on one of the server's threads, several at a time. What it throws becomes a 500 that does not say why.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;
// The same for an answer that is known later: it takes the request, and no thread waits meanwhile. What it throws is a
// 500 too.
using HttpLaterHandler = std::function<void(HttpRequest, HttpResponder)>;
using HttpAnyHandler = std::variant<HttpHandler, HttpLaterHandler>;

class Router {
 public:
  struct Found {
    const HttpAnyHandler* handler = nullptr;  // nullptr: `status` says why
    std::string_view pattern;                 // of the route, also for 405; empty for 404
    std::vector<std::pair<std::string, std::string>> params;
    int status = 200;   // or 400 (a name holds a control character), 404, 405
    std::string allow;  // for 405: the methods there are
  };

  // A pattern that is not well formed, or stands already, is a bug. A GET route answers HEAD too.
  void Add(std::string method, std::string pattern, HttpAnyHandler handler);

  // `path` as sent. Segments are compared after they were split, so "%2F" never makes one more of them. A {name} takes
  // one segment that is not empty; a literal goes before a {name}. Views point into this object.
  Found Find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    HttpAnyHandler handler;
  };

  std::vector<Route> routes_;  // of two that match the same path, the more literal one first
};

}  // namespace dunlin
