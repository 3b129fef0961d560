// Takes what the product reports as used, and books it on an hour that will be sent (R12, R15).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

// Reports may be this much ahead of our clock.
inline constexpr Millis kUsageAheadMax{5min};

struct UsageReport {
  std::string account;  // any id or alias of it, or an id of the subscription: its licence, its agreement
  std::string user;     // may be empty
  std::string dimension;
  std::int64_t quantity = 0;  // 0 to kUsageQuantityMax
  Timestamp at{};             // at most kUsageAheadMax ahead
  std::string key;            // the account's idempotency key
};

struct UsageAnswer {
  BookedUsage booked;
  bool is_new = false;               // false: this report was booked before
  std::optional<Timestamp> send_at;  // while its hour is open
};

// Durable on return; the same report again is booked once. What comes after the end, when no hour is left, is kept
// without one, and support is told. Errors, each saying what to do: kNotFound (nobody knows the account, or it has no
// subscription of the marketplace), kInvalidArgument (the dimension is not metered), kConflict (the key was used for
// something else; the subscription is pending; several fit), the ledger's.
Result<UsageAnswer> BookUsage(Ledger& ledger, const PolicyBook& policies, const UsageReport& report, Timestamp now);

// The subscriptions of the marketplace that an id stands for: an id or alias of their account, or one of their own.
// Not empty. Errors: kNotFound, the ledger's.
Result<std::vector<Subscription>> MarketSubscriptionsOf(Ledger& ledger, const std::string& any_id);

}  // namespace dunlin
