// Whether this program runs with a sanitizer, which makes it up to ten times slower.
#pragma once

namespace dunlin::testing {

#ifdef DUNLIN_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace dunlin::testing
