// Why AWS Marketplace refused a call. Pure.
#pragma once

#include <string>
#include <string_view>

#include "workflows/marketplace_api.h"
#include "workflows/providers/http_call.h"

namespace dunlin::aws_marketplace {

// Why there is no success:
//   no answer, half of one or too large a one; 3xx; 429; 5xx; throttled; a 4xx that names no error   kTemporary
//   an error of AWS's gate (signature, keys, rights), and any other with 401 or 403                  kCredentials
//   the services' documented errors                                                                  by name
//   any other error                                                                                  kRefused
// A token is the registration token in an answer to ResolveCustomer, unless the gate speaks of it: then, and in any
// other answer, it is the session token.
MarketplaceError ReadError(std::string_view operation, const HttpAnswer& http);

// `text` without what must not be in a log: tokens, signatures, e-mail addresses. At most 200 bytes.
std::string Scrub(std::string_view text);

}  // namespace dunlin::aws_marketplace
