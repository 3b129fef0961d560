#include "state/clock.h"

#include <random>

namespace dunlin {

Timestamp SystemClock::Now() const { return std::chrono::floor<Millis>(std::chrono::system_clock::now()); }

std::uint64_t SystemRandom::Next() {
  thread_local std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace dunlin
