// One GET of an absolute URL and its body. The only file of the edge that knows curl.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "state/result.h"
#include "state/time.h"

namespace dunlin {

struct HttpGetOptions {
  std::string ca_file;                  // trust anchors, PEM; empty: the system's trust store
  std::vector<std::string> connect_to;  // "HOST:PORT:ADDRESS:PORT": to reach a host elsewhere, as curl's option says it
  bool plain_http = false;              // http:// is allowed besides https://
  Millis timeout{};                     // connecting and resolving included
  std::size_t bytes_max = 0;            // of the body
};

// Follows no redirect, uses no proxy, sends no cookie or credential, checks the server's certificate. Thread-safe.
// Returns the body of a 200.
// Errors: kUnavailable (no whole answer in time, or 408, 429 or 5xx: later it may work), kInvalidArgument (any other
// status, too large a body, a scheme that is not allowed). The detail names neither the URL nor the answer's text.
Result<std::string> HttpGet(const std::string& url, const HttpGetOptions& options);

}  // namespace dunlin
