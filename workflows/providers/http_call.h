// One HTTP call to a provider and what came of it. Knows curl, and nothing of any provider.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/time.h"

namespace dunlin {

// Signs a call with AWS Signature Version 4: the host, the date, the headers given with the call, the path and the
// body. The date is the machine's.
struct AwsSigning {
  std::string scope;  // "aws:amz:us-east-1:aws-marketplace": provider, its prefix, region, service
  std::string access_key;
  std::string secret_key;
};

struct HttpHeader {
  std::string name;
  std::string value;  // one with a control character is refused: it could start another header
};

struct HttpCall {
  std::string_view method;  // GET, POST, DELETE
  std::string url;          // with its query; a signed one has none, and no path that needs encoding
  std::vector<HttpHeader> headers;
  std::string_view body;                // POST
  const AwsSigning* signing = nullptr;  // nullptr: not signed
};

struct HttpAnswer {
  enum class End : std::uint8_t {
    kAnswered,  // a whole answer came
    kNotSent,   // not one byte of the request left: nothing can have been executed
    kNoAnswer,  // it may have been executed
    kTooLarge,  // there is an answer, too large to be read
  };
  End end = End::kNotSent;
  int status = 0;  // kAnswered and kTooLarge
  std::string body;
  std::string head;                   // the header lines
  std::optional<Millis> retry_after;  // Retry-After, at most an hour
  std::string trouble;                // what went wrong on the way; empty when an answer came

  bool success() const { return end == End::kAnswered && status >= 200 && status < 300; }
  // A header's value without the space around it; the last one of several. Empty: none.
  std::string_view Header(std::string_view name) const;
};

struct HttpCallerOptions {
  Millis connect_timeout{5s};
  std::size_t answer_bytes_max = 0;
};

// Carries calls to where they go. Thread-safe.
class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Blocks for at most `timeout`, connecting included.
  virtual HttpAnswer Send(const HttpCall& call, Millis timeout) = 0;
};

// Over the network. Keeps connections alive between calls. Follows no redirect, uses no proxy, checks certificates.
class HttpCaller final : public HttpTransport {
 public:
  explicit HttpCaller(HttpCallerOptions options);
  ~HttpCaller() override;
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  HttpAnswer Send(const HttpCall& call, Millis timeout) override;

 private:
  struct Handle;
  std::unique_ptr<Handle> Take();
  void GiveBack(std::unique_ptr<Handle> handle);

  const HttpCallerOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;  // guarded by mutex_
};

// Percent-encodes everything but letters, digits and "-._~".
std::string UrlEncode(std::string_view text);

// http:// or https:// with a host, a port and a path only: no user, query or fragment, nothing that ends a line.
bool IsBaseUrl(std::string_view url);

}  // namespace dunlin
