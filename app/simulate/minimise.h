// What is said of a simulation that failed: what broke, how to repeat it, and the little that still fails.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/simulate/simulation.h"

namespace dunlin::simulate {

// Leaves out kinds of fault and actions of customers, one at a time, for as long as something of the same kind still
// breaks. Returns the options with which it does; the trace is kept with them. `failed`: what the simulation of
// `options` came to.
SimulationOptions Minimise(SimulationOptions options, const SimulationResult& failed);

// The command that repeats a simulation.
std::string CommandOf(const SimulationOptions& options);

// "seed", "broken" and "repeat", a command; with `least` also "least": the same of what Minimise finds, which takes
// some dozen runs, and the end of its trace. `failed`: what the simulation of `options` came to.
nlohmann::json Explain(const SimulationOptions& options, const SimulationResult& failed, bool least);
std::string TextOf(const nlohmann::json& explanation);  // for people

}  // namespace dunlin::simulate
