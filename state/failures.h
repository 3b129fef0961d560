// The failed payments of an invoice, each counted once, whoever tells of it (R26, R19).
//
// An event tells of one failure. An answer only counts the attempts that the provider made by its schedule: with an
// invoice that is open, attempts 1 to `attempt_count` have failed. What an answer counts and no event has told leaves a
// failure of its own, without a key and with the attempt for its source, so that it is one fact whichever answers it
// was counted by.
#pragma once

#include <vector>

#include "state/facts.h"

namespace dunlin {

// No event has told of this failure.
bool IsOnlyCounted(const Failure& failure);

// Adds to an answer's invoice that its attempts `first` to `last` have failed, the last of them at `by` or before.
// `first` is at least 1. Of very many only the last are added.
void CountFailures(InvoiceFact& invoice, int first, int last, Timestamp by);

// Are both of the same attempt? One can be told by two events: failed, and action required. Attempts that somebody
// asked for leave the count as it was, so it is the request that tells them apart.
bool SameAttempt(const Failure& a, const Failure& b);

// The failed attempts, by time: what events tell, each attempt once, and what no event tells but an answer counts.
std::vector<Failure> FailedAttempts(const InvoiceFact& invoice);

}  // namespace dunlin
