#pragma once

#include <cstddef>
#include <string>

namespace dunlin {

// That many random bytes, fit for a secret, as lower-case hex digits. At most 32.
std::string RandomHex(std::size_t bytes);

}  // namespace dunlin
