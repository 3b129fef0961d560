// Errors as the API tells them: application/problem+json (RFC 9457).
#pragma once

#include <string>
#include <string_view>

#include "webhooks/http/message.h"

namespace dunlin {

// `title` names the kind of problem and is the same each time; `detail` is about this one and may be empty. Both are
// read by the caller: no secrets. `code` is a word for programs, left out when empty.
HttpResponse Problem(int status, std::string_view title, std::string_view detail, std::string_view code = {});

// The same with the usual title of the status: 404 is "Not found".
HttpResponse Problem(int status, std::string_view detail);

}  // namespace dunlin
