// What all parts of one simulation share: the time, the faults, the trace.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "state/clock.h"
#include "workflows/simulate/faults.h"

namespace dunlin::simulate {

// What happened, line by line. Lines are kept only when asked for; the fingerprint covers them all, so that two runs
// with equal fingerprints did the same.
class Trace {
 public:
  explicit Trace(bool keep) : keep_(keep) {}
  void Add(Timestamp at, std::string text);
  const std::vector<std::string>& lines() const { return lines_; }
  std::uint64_t fingerprint() const { return fingerprint_; }

 private:
  const bool keep_;
  std::vector<std::string> lines_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325ULL;
};

struct World {
  World(std::uint64_t seed, FaultSet off, bool keep_trace, Timestamp start)
      : now(start), faults(seed, off), trace(keep_trace) {}

  void Note(std::string text) { trace.Add(now, std::move(text)); }

  Timestamp now;
  Faults faults;
  Trace trace;
  // Lets that much time pass; whatever is due meanwhile happens, inside this call.
  std::function<void(Millis)> pass;
};

// A machine's clock: the world's time, and how wrong it is.
class MachineClock final : public Clock {
 public:
  explicit MachineClock(const World& world) : world_(world) {}
  Timestamp Now() const override { return world_.now + error; }
  Millis error{0};

 private:
  const World& world_;
};

class Node;
// Thrown where a process dies; it unwinds all that the process was doing and is caught by its Node alone.
struct Crash {
  const Node* node;
};

}  // namespace dunlin::simulate
