// One simulated history, from a seed: a provider and its customers, the real service, everything that can go wrong
// between them, and the oracles. One thread; the same seed does the same, bit by bit.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "state/ledger.h"
#include "state/time.h"
#include "workflows/simulate/faults.h"

namespace dunlin::simulate {

struct SimulationOptions {
  std::uint64_t seed = 1;
  FaultSet off;                    // kinds of fault that are left out
  std::set<std::size_t> left_out;  // actions of customers that are left out, by number
  bool keep_trace = false;
  // For tests of the oracles: stands between the service and its ledger and makes mistakes. Empty: nothing does.
  std::function<std::unique_ptr<Ledger>(Ledger&)> between;
};

struct SimulationResult {
  std::vector<std::string> broken;  // what did not hold; empty: all is well
  std::uint64_t fingerprint = 0;    // of everything that happened
  Millis simulated{0};
  std::size_t steps = 0;
  std::size_t actions = 0;  // of customers, those left out included
  FaultSet faults;          // that were at work
  FaultSet struck;          // of these: those that struck, each at least once
  std::vector<std::string> trace;
};

SimulationResult Simulate(const SimulationOptions& options);

}  // namespace dunlin::simulate
