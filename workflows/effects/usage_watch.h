// Warnings about usage that waits to be sent for too long.
#pragma once

#include "workflows/effects/steps.h"

namespace dunlin::effects {

// Raises them, and settles those that are over. Errors: the ledger's.
Status WatchUsage(Engine& engine);

}  // namespace dunlin::effects
