// The only sources of time and chance. The core takes both as arguments; only the edge holds one of these.
#pragma once

#include <cstdint>

#include "state/time.h"

namespace dunlin {

class Clock {  // thread-safe
 public:
  virtual ~Clock() = default;
  // May step backwards (NTP) or leap ahead (a simulated clock); never use it for elapsed time.
  virtual Timestamp Now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() const override;
};

class Random {  // thread-safe
 public:
  virtual ~Random() = default;
  virtual std::uint64_t Next() = 0;  // uniform over all 64 bits
};

class SystemRandom final : public Random {
 public:
  std::uint64_t Next() override;
};

}  // namespace dunlin
