// What follows from the state of a subscription that the marketplace collects: questions, warnings, what staff are
// told.
#pragma once

#include "state/derive.h"
#include "workflows/decide.h"

namespace dunlin {

// Adds to `out`, whose `next` holds the derived values. Pure.
void FollowMarket(const Situation& situation, const Derived& derived, Decision& out);

}  // namespace dunlin
