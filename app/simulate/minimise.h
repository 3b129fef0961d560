// Finds the little that still fails in a simulation that failed.
#pragma once

#include "app/simulate/simulation.h"

namespace dunlin::simulate {

// Leaves out kinds of fault and actions of customers, one at a time, for as long as something of the same kind still
// breaks. Returns the options with which it does; the trace is kept with them. `failed`: what the simulation of
// `options` came to.
SimulationOptions Minimise(SimulationOptions options, const SimulationResult& failed);

// The command that repeats a simulation.
std::string CommandOf(const SimulationOptions& options);

}  // namespace dunlin::simulate
