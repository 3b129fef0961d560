// Reading what a command was given.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/result.h"
#include "state/time.h"

namespace dunlin {

// The bytes of a file; "-": of stdin. Errors: kNotFound, with the path and why.
Result<std::string> ReadInput(const std::string& path);

// Errors: kInvalidArgument, naming the option.
Result<std::int64_t> ParseWholeNumber(std::string_view option, std::string_view text);

}  // namespace dunlin
