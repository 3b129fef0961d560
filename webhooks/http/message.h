// What a handler gets and gives. Nothing here knows which library serves it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin {

// Header fields in the order and with the bytes they were sent in, without the blanks around a value. Nothing is
// decoded: "%41" stays three characters. A value never holds CR, LF, NUL or another control character except TAB.
class HttpHeaders {
 public:
  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }

  // The first field of that name, in any letter case; nullptr if there is none. Valid as long as this object.
  const std::string* Find(std::string_view name) const;
  std::size_t Count(std::string_view name) const;
  std::vector<const std::string*> All(std::string_view name) const;  // the values, in order
  std::size_t size() const { return fields_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;                                       // GET HEAD POST PUT PATCH DELETE OPTIONS
  std::string path;                                         // as sent, percent-encoded, without the query
  std::vector<std::pair<std::string, std::string>> query;   // decoded; a name may occur several times, in no set order
  std::vector<std::pair<std::string, std::string>> params;  // decoded {names} of the route's pattern
  HttpHeaders headers;
  std::string body;        // exactly the bytes received
  std::string peer;        // who asked: the socket's other end, or whom a trusted proxy there speaks for (address.h)
  std::string request_id;  // ours, unique; also in the answer's X-Request-Id

  // nullptr if absent. A header whose meaning matters must be sent once: see HeaderCount.
  const std::string* Header(std::string_view name) const { return headers.Find(name); }
  std::size_t HeaderCount(std::string_view name) const { return headers.Count(name); }
  // The first value of that name; nullptr if absent.
  const std::string* Query(std::string_view name) const;
  // For the names of the route's own pattern; any other name is a bug.
  const std::string& Param(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";             // sent if there is a body
  std::vector<std::pair<std::string, std::string>> headers;  // one with a control character becomes a 500
};

bool EqualIgnoringCase(std::string_view a, std::string_view b);  // ASCII

}  // namespace dunlin
