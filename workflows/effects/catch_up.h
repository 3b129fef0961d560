// Catch-up with the provider's list of recent events, at start and every five minutes.
#pragma once

#include "state/ledger.h"

namespace dunlin {

// Makes the catch-up job, or lets the one that waits run now; what it has noted of its progress stays. Durable on
// return. Errors: the ledger's.
Status RequestCatchUp(Ledger& ledger, Timestamp now);

// Adds to `unit` that the catch-up that waits runs within half a minute: something has happened that only the list of
// events tells. However often that is said, it is one run. Errors: the ledger's.
Status HurryCatchUp(Ledger& ledger, Unit& unit, Timestamp now);

}  // namespace dunlin
