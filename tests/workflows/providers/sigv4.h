// AWS Signature Version 4 from its description, to check what signs for us: the official cases check this one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dunlin::testing {

struct SignedRequest {
  std::string method;
  std::string target;                                        // path and query as sent
  std::vector<std::pair<std::string, std::string>> headers;  // in lower case and without spaces around the value
  std::string body;
  // Empty: none. Several of one name are joined by commas, as the signature sees them.
  std::string Header(std::string_view name) const;
};

// "GET / HTTP/1.1", header lines, an empty line, the body. Lines end with \n or \r\n; one that begins with a space
// continues the one before.
SignedRequest ParseRequest(std::string_view text);

std::string CanonicalRequest(const SignedRequest& request, std::string_view signed_headers);

// What the request's Authorization header must be for the key, scope and signed headers that it names itself.
std::string RightAuthorization(const SignedRequest& request, std::string_view secret_key);

}  // namespace dunlin::testing
