// Asking the provider how things stand right before a charge or a cancellation. What the ledger knows can be old: a
// webhook may be late or lost, and what happened while the service was away is heard of only after its due jobs.
#pragma once

#include "workflows/effects/filing.h"
#include "workflows/engine.h"

namespace dunlin::effects {

struct Recheck {
  SubscriptionAnswer subscription;
  InvoiceAnswer invoice;  // the one that the recovery collects
  Fence fence;            // noted before the requests went out
};

// Between the answer and the call that follows, a customer can still pay or cancel: milliseconds that no request
// closes. Errors: those of the provider's fetches. kNotFound: an alert tells that the provider does not know it.
Result<Recheck> AskAgain(Engine& engine, const Job& job, const Subscription& subscription);

// The facts of `record` and of an answer, merged; links and aliases go to the unit.
Facts FactsWith(const SubscriptionRecord& record, const SubscriptionAnswer& answer, const Fence& fence, Unit& unit,
                Timestamp now);
Facts FactsWith(const SubscriptionRecord& record, const Recheck& recheck, Unit& unit, Timestamp now);

// For people: the provider does not know `what`.
Alert NotAtProvider(const std::string& what, Timestamp now);

}  // namespace dunlin::effects
