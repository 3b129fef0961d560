// What a provider says of an error, made fit for a log.
#pragma once

#include <string>
#include <string_view>

namespace dunlin {

// `text` on one line, with "[hidden]" for each word that `is_secret` says so of. At most 200 bytes (I10).
std::string HideWords(std::string_view text, bool (*is_secret)(std::string_view word));

}  // namespace dunlin
