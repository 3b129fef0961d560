// Stories that together take every row of the transition table, each with the rows that it takes.
#pragma once

#include <vector>

#include "tests/workflows/play.h"

namespace dunlin::testing {

// The schedule's steps; `exhausted` is what happens after the last.
CollectionPolicy Steps(std::vector<Millis> retry_after, Exhausted exhausted = Exhausted::kCancel);
CollectionPolicy OneStep(Exhausted exhausted = Exhausted::kCancel);
CollectionPolicy ProviderPolicy();
CollectionPolicy MethodWaits();  // a new payment method is not tried before the schedule says so

struct Script {
  const char* name;
  CollectionPolicy policy;
  const char* words;
  const char* rows;
};

const std::vector<Script>& Scripts();

}  // namespace dunlin::testing
