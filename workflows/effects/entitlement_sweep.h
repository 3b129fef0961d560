// The sweep over the marketplace's subscriptions, every six hours: a notice that was lost is then late, not lost.
#pragma once

#include "state/ledger.h"

namespace dunlin {

// Makes the sweep's job, if there is none. Durable on return. Errors: the ledger's.
Status RequestEntitlementSweep(Ledger& ledger, Timestamp now);

}  // namespace dunlin
