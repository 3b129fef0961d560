// Whether this program runs with a sanitizer or measures coverage, which makes it up to ten times slower.
#pragma once

namespace dunlin::testing {

#ifdef DUNLIN_INSTRUMENTED
inline constexpr bool kInstrumented = true;
#else
inline constexpr bool kInstrumented = false;
#endif

}  // namespace dunlin::testing
