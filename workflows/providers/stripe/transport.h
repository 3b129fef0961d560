// One HTTP request to Stripe and what came of it. Knows curl, and nothing of what the objects mean.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/time.h"

namespace dunlin::stripe {

struct HttpRequest {
  std::string_view method;           // GET, POST, DELETE
  std::string path;                  // from "/v1", with its query
  std::string_view form;             // POST: the body, already encoded
  std::string_view idempotency_key;  // empty: none
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
  std::optional<bool> should_retry;   // Stripe-Should-Retry
  std::optional<Millis> retry_after;  // Retry-After, at most an hour
  std::string request_id;
  std::string trouble;  // what went wrong on the way; empty when an answer came
};

struct TransportOptions {
  std::string base_url;  // no slash at the end
  std::string api_key;   // goes into the Authorization header and nowhere else
  std::string api_version;
  Millis connect_timeout{};
  std::size_t answer_bytes_max = 0;
};

// Thread-safe. Keeps connections alive between requests. Follows no redirect, uses no proxy, checks certificates.
class Transport {
 public:
  explicit Transport(TransportOptions options);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Blocks for at most `timeout`, connecting included.
  HttpAnswer Send(const HttpRequest& request, Millis timeout);

 private:
  struct Handle;
  std::unique_ptr<Handle> Take();
  void GiveBack(std::unique_ptr<Handle> handle);

  const TransportOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Handle>> idle_;  // guarded by mutex_
};

// Percent-encodes everything but letters, digits and "-._~".
std::string UrlEncode(std::string_view text);

}  // namespace dunlin::stripe
