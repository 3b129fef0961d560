// Which payment method is charged, and when it became another one (R5).
#pragma once

#include "state/facts.h"

namespace dunlin {

// The newest change: the one an event told of, or the one that snapshots show: two of them, one after the other, with
// another method. What both tell is one change. An empty source: none is known.
MethodChange NewestMethodChange(const Facts& facts);

// The same, for collecting `invoice` (may be null): a method that was declined on it is no newer than that decline,
// however late it was seen.
MethodChange NewestMethodChange(const Facts& facts, const InvoiceFact* invoice);

}  // namespace dunlin
