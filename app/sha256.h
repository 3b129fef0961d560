#pragma once

#include <string>
#include <string_view>

namespace dunlin {

// SHA-256 as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);

std::string HexOf(std::string_view bytes);

}  // namespace dunlin
