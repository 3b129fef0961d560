// Merging facts: commutative, associative and idempotent (I3; tests/property proves it).
#pragma once

#include <vector>

#include "state/facts.h"

namespace dunlin {

// Adds one fact. Returns false when the set already held it, or it is older than the baseline: nothing changed.
bool Merge(Facts& facts, const SubscriptionSnapshot& snapshot);
bool Merge(Facts& facts, const InvoiceFact& invoice);
bool Merge(Facts& facts, const MethodChange& change);

// The snapshots in the order of R25, oldest first, and whether the last place is beyond doubt.
struct SnapshotOrder {
  std::vector<const SubscriptionSnapshot*> oldest_first;  // points into the facts
  bool tied =
      false;  // the newest was chosen by rank and id only, or may be older than the answer before it: a refetch is owed
  bool predecessor_missing = false;  // what the newest says was before it is not what we know: a refetch is owed
};
SnapshotOrder OrderSnapshots(const Facts& facts);

// Folds what is older than `horizon` (cut to the second) into the baseline. Derive() gives the same values before and
// after, and facts that are not older than the horizon merge as if nothing had been folded. Where that cannot be said,
// nothing is folded: while the newest snapshot that is old is in doubt, and where what is kept shares a second.
void Fold(Facts& facts, Timestamp horizon);

// The newest moment that any fact speaks of, folded ones included; the fence of a fetch. Timestamp{}: there is none.
Timestamp NewestFact(const Facts& facts);
// The ids of all events of that second.
std::vector<EventId> EventsAt(const Facts& facts, Timestamp second);

const InvoiceFact* FindInvoice(const Facts& facts, const InvoiceId& id);

}  // namespace dunlin
