// How an attempt of ours ended, told by an event that carries its key or by the provider's answer (design: an event
// whose request carries our idempotency key IS the outcome, whichever comes first). Pure.
#pragma once

#include "workflows/digest.h"

namespace dunlin {

// What the event says of the attempt behind it, as the attempt then stands; nullopt when it says nothing of one of
// `attempts`, or nothing new.
std::optional<Attempt> OutcomeInEvent(const Digest& digest, const std::vector<Attempt>& attempts);

// Adds to the unit that the attempt has ended, and its job with it.
void Close(Unit& unit, const Attempt& ended);

// For people: the outcome of an attempt that is out cannot be learnt. Close settles it.
Alert Unresolved(const Attempt& attempt, const std::string& why, Timestamp now);

// Replaces the attempt with that key.
void Update(std::vector<Attempt>& attempts, const Attempt& attempt);

}  // namespace dunlin
