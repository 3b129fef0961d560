// What the ledger lets go of: what was kept long enough, and what identifies a person who is to be forgotten. Rows of
// events stay, so that a duplicate is still a duplicate (I2), and so do all sums.
#pragma once

#include <cstddef>
#include <cstdint>

#include "state/id.h"
#include "state/time.h"

namespace dunlin {

// Drops raw bodies of events, a bounded batch of them in the order of arrival. One that work still waits for is left.
struct BodyDrop {
  Timestamp received_before{};  // the first one that came later ends the batch
  AccountId naming;             // only bodies that name this account or belong to a subscription of it; empty: all
  std::int64_t after = 0;       // looks at events that arrived after this one (StoredEvent::seq)
  std::size_t limit = 500;      // at how many
};

// Drops old answers to idempotent requests, and old alerts that are settled; at most `limit` of each.
struct Expiry {
  Timestamp replies_before{};
  Timestamp alerts_before{};  // by when they were raised
  std::size_t limit = 500;
};

struct Dropped {
  std::int64_t bodies = 0;
  std::int64_t bodies_after = 0;  // where the next BodyDrop goes on; 0: there is nothing more to look at
  std::int64_t replies = 0;
  std::int64_t alerts = 0;
  // Of an erased account (Unit::erase).
  std::int64_t messages = 0;  // mails and alerts that waited
  std::int64_t aliases = 0;   // and the registrations that our own ids claimed
  std::int64_t texts = 0;     // of alerts, attempts, what staff wrote in the timeline, and who used what
};

}  // namespace dunlin
