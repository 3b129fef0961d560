// An attempt that is committed as being sent: sending it, or asking what became of it, and recording how it ended.
#pragma once

#include "workflows/effects/filing.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {

struct Begun {
  Attempt attempt;
  Fence fence;            // noted before the request of Send or AskAbout goes out
  bool moved_on = false;  // it was sent before, and what is known now would not send it any more: only ask
};

// Sends the attempt's frozen parameters under its key; a refusal is looked into in the same step.
Outcome Send(Engine& engine, const Job& job, const Begun& begun);

// The provider is asked how the invoice stands, instead of being told to charge it.
Outcome AskAbout(Engine& engine, const Job& job, const Begun& begun);

}  // namespace dunlin::effects
