// Reading application/x-www-form-urlencoded, as a browser sends it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dunlin {

// The values of every field of that name, in order, each decoded once: `+` is a blank, %41 is A. A `%` that two
// hexadecimal digits do not follow stands for itself.
std::vector<std::string> FormValues(std::string_view body, std::string_view name);

}  // namespace dunlin
