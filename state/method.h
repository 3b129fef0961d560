// Which payment method is charged, and when it became another one (R5).
#pragma once

#include <span>
#include <vector>

#include "state/facts.h"

namespace dunlin {

// The newest change: an event told of it, or two snapshots, one after the other, show another method. What both tell is
// one change. An empty source: none is known.
MethodChange NewestMethodChange(const Facts& facts);

// The same, for collecting `invoice` (may be null): a method that was declined on it is no newer than that decline,
// however late it was seen.
MethodChange NewestMethodChange(const Facts& facts, const InvoiceFact* invoice);

// What the snapshots, which are oldest first, show to be charged, those that tell.
std::vector<MethodChange> MethodSightings(std::span<const SubscriptionSnapshot* const> ordered);

}  // namespace dunlin
