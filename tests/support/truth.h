// Compares what a service has in its ledger with what the provider simulator knows to be true.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "state/ledger.h"

namespace dunlin::testing {

// Each thing that differs, one line; empty: all is as the provider says. `truth` is GET /_sim/truth.
std::vector<std::string> DifferencesFromTruth(Ledger& ledger, const nlohmann::json& truth);

// Each invoice that was captured more than once. `charges` is GET /_sim/charges.
std::vector<std::string> DoubleCaptures(const nlohmann::json& charges);

// Each break of I9 (the change rows of a subscription chain, and end at what its row says) and of I6 (automatic
// attempts within the schedule of `steps`).
std::vector<std::string> BrokenInvariants(Ledger& ledger, const nlohmann::json& truth, int steps);

}  // namespace dunlin::testing
