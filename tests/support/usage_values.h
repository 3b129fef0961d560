// Usage to test with; a test names only what matters to it.
#pragma once

#include <string>
#include <utility>

#include "state/usage.h"
#include "tests/support/market_values.h"

namespace dunlin::testing {

inline Meter OfLicenceOne() { return {kProduct, MakeLicence("l-01"), AwsAccountId{"1"}, {}}; }

inline UsageHour MakeHour(Timestamp hour, std::int64_t quantity = 0, UsageState state = UsageState::kOpen,
                          const std::string& dimension = "tokens") {
  UsageHour made;
  made.subscription = SubscriptionId{"l-01"};
  made.meter = OfLicenceOne();
  made.dimension = dimension;
  made.hour = hour;
  made.quantity = quantity;
  made.state = state;
  return made;
}

inline UsageHour MakeFrozen(UsageHour hour, const std::string& batch = "meter/1") {
  hour.state = UsageState::kFrozen;
  hour.stamp = hour.hour;
  hour.frozen_at = hour.hour + 70min;
  hour.closes_at = hour.hour + 24h;
  hour.batch = batch;
  return hour;
}

inline UsageBooking MakeBooking(const std::string& key, std::optional<Timestamp> hour, std::int64_t quantity = 1) {
  UsageBooking booking;
  booking.entry.account = AccountId{"1"};
  booking.entry.key = key;
  booking.entry.subscription = SubscriptionId{"l-01"};
  booking.entry.user = "robin";
  booking.entry.dimension = "tokens";
  booking.entry.quantity = quantity;
  booking.entry.at = kNoon + 5min;
  booking.entry.received_at = kNoon + 6min;
  booking.version = 1;
  booking.meter = OfLicenceOne();
  booking.hour = hour;
  return booking;
}

// A subscription of the marketplace with the values that usage looks at.
inline Subscription Metered(MarketFacts facts, SubscriptionStatus status = SubscriptionStatus::kActive) {
  Subscription s = MakeSubscription("l-01", "1");
  s.provider = Provider::kAwsMarketplace;
  s.values.status = status;
  if (status == SubscriptionStatus::kPending) s.values.access = Access::kRevoked;
  s.facts.market = std::move(facts);
  return s;
}

}  // namespace dunlin::testing
