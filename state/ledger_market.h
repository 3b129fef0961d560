// What a ledger keeps for subscriptions of AWS Marketplace besides the rows that every subscription has: the ids each
// is known by, events that wait for their registration, and the codes of registrations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "state/id.h"
#include "state/time.h"

namespace dunlin {

// An id by which a subscription is known from now on (state/market_facts.h: MarketKey). Events that wait for one that
// binds get a kApply job each, due at `at`, in the same unit; they wait no longer. Written again, it changes nothing.
struct MarketLink {
  std::string key;
  SubscriptionId subscription;
  bool binds = true;
  Timestamp at{};
};

// A subscription goes by another id: its row, its timeline, its events, jobs, alerts, links and usage follow.
struct MarketMove {
  SubscriptionId from;
  std::int64_t version = 0;  // of `from`; another one stored makes the unit fail with kConflict
  SubscriptionId to;
  // false: `to` has no row yet, else kConflict; a `save` of `to` in the same unit carries `version`.
  // true: the row goes, because `to` is the same subscription; a `save` of `to` holds what was known of both. Where
  // both have a job or an alert of one kind, that of `to` stays.
  bool joins = false;
};

// An event whose ids belong to no registered subscription yet. kConflict when one of them does by now.
struct MarketOrphan {
  std::int64_t event_seq = 0;
  std::vector<std::string> keys;  // not empty
};

// The one-time code by which the product ties a registration to an account of its own. The code itself is kept nowhere.
struct RegistrationCode {
  std::string code_hash;  // SHA-256 in hex
  EventId event;          // the registration
  AccountId account;      // the buyer's, as AWS calls it
  Timestamp created_at{};
  std::string claimed_by;  // the product's account; empty: not claimed yet
  std::optional<Timestamp> claimed_at;
};

// kConflict when another account has claimed it, or there is no such code; the same account again changes nothing.
struct RegistrationClaim {
  std::string code_hash;
  std::string account;  // the product's
  Timestamp at{};
};

}  // namespace dunlin
