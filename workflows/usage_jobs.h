// The jobs that freeze usage and make those that send it.
#pragma once

#include "state/ledger.h"

namespace dunlin {

// Of all subscriptions, every hour.
NewJob FreezeUsageRun(Timestamp due);
// Of one, when its end was announced or has come: every hour that has begun.
NewJob FreezeUsageNow(const SubscriptionId& id, Timestamp now);
// Of one that is ending: the hours that are due before the hourly run.
NewJob FreezeLastUsage(const SubscriptionId& id, Timestamp due);
bool IsFreezeUsageNow(const Job& job);

// Sees to it that the hourly run exists; called once when the service starts. Errors: the ledger's.
Status RequestUsageFreezing(Ledger& ledger, Timestamp now);

}  // namespace dunlin
