// A small blocking HTTP/1.1 client for tests. It sends exactly the bytes it is given, so it can also be wrong on
// purpose. Talks to 127.0.0.1 only.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::testing_support {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpAnswer {
  int status = 0;  // 0: there was no whole answer
  Headers headers;
  std::string body;

  // Empty if there is none; any letter case.
  std::string Header(std::string_view name) const;
};

// The bytes of a request with Host and, if there is a body or the method usually has one, Content-Length.
std::string RequestBytes(std::string_view method, std::string_view target, const Headers& headers = {},
                         std::string_view body = {});

// One connection. Not thread-safe.
class HttpConnection {
 public:
  explicit HttpConnection(int port);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  bool connected() const { return socket_ >= 0; }
  // False: the other side no longer takes bytes.
  bool Send(std::string_view bytes);
  // The next answer; interim 1xx answers are skipped unless `interim`. Status 0: closed or too late.
  // `head_only`: the request was HEAD, no body follows.
  HttpAnswer Receive(std::chrono::milliseconds timeout = std::chrono::seconds(10), bool interim = false,
                     bool head_only = false);
  // True if the other side closes within the time without sending another byte.
  bool ClosedWithin(std::chrono::milliseconds timeout);
  // We send no more.
  void FinishSending();

 private:
  bool FillBuffer(std::chrono::steady_clock::time_point deadline);

  int socket_ = -1;
  std::string buffer_;
};

// One request on a connection of its own.
HttpAnswer HttpSend(int port, std::string_view method, std::string_view target, const Headers& headers = {},
                    std::string_view body = {});

}  // namespace dunlin::testing_support
