// For our own bugs only, always on, release builds too. What comes off a socket, a file or a row is never CHECKed:
// the world returns errors (state/result.h).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace dunlin {

[[noreturn]] inline void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: bug: this must hold and does not: %s\n", file, line, condition);
  std::abort();
}

}  // namespace dunlin

// One condition per check, so that the failure names it.
#define DUNLIN_CHECK(condition) ((condition) ? (void)0 : ::dunlin::CheckFailed(#condition, __FILE__, __LINE__))
