// Runs the recovery's transition table over what the facts say now (state/transitions.h). Pure; part of Decide.
#pragma once

#include "state/derive.h"
#include "workflows/decide.h"
#include "workflows/schedule.h"

namespace dunlin {

// Moves `decision.next.recovery` along as far as it goes, and adds what each row asks for to the decision.
// `derived` is what the facts say; `decision.next` already holds the new facts and values.
void RunRecovery(const Situation& situation, const Derived& derived, const PolicyBook& policies, Decision& decision);

}  // namespace dunlin
