// Applies an event of the marketplace. It may touch several subscriptions, so it is a unit of its own.
#pragma once

#include "workflows/engine.h"

namespace dunlin {

struct MarketApplied {
  EventOutcome outcome = EventOutcome::kApplied;
  std::optional<Access> access;  // it changed to this
};

// Commits the event's outcome and the end of its job together. Errors: kConflict (load the work and apply it again),
// the ledger's.
Result<MarketApplied> ApplyMarket(Engine& engine, const Work& work, const Digest& digest, Timestamp now);

}  // namespace dunlin
