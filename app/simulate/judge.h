// The judgement at the end of a simulation: the ledger against what the provider knows to be true.
#pragma once

#include <map>
#include <string>

#include "fixtures/provider_sim/world.h"
#include "workflows/simulate/oracles.h"

namespace dunlin::simulate {

struct End {
  Oracles& oracles;
  Ledger& ledger;
  const sim::World& provider;
  const std::map<std::string, Timestamp>& cancelled;  // by customers, and when
  const std::map<std::string, int>& stayed;           // customers who left and stayed after all, and how often
  Timestamp now;
  Millis grace;         // of the policy
  int card_limit;       // likewise
  Millis heard_within;  // after this, what happened at the provider is known
  bool clocks_wrong;    // for a while: then what the service takes for an hour can be less
};
void JudgeEnd(const End& end);

}  // namespace dunlin::simulate
