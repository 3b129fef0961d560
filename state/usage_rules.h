// Which hour usage is booked on, and when an hour is frozen and may be sent (rule R15). Pure: no clock, no I/O.
//
// Nothing that was reported is lost: what comes too late for its own hour is booked on the next open one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "state/subscription.h"
#include "state/usage.h"

namespace dunlin {

inline constexpr Millis kUsageHour{1h};
// An hour stays open this long after its end, for reports that are on their way.
inline constexpr Millis kFreezeAfter{10min};
// The last hour before an end is sent this long before AWS takes nothing more.
inline constexpr Millis kLastFreezeBefore{10min};

Timestamp UsageHourOf(Timestamp at);

// From this moment on AWS refuses a record of `at`: 24 hours later, and for the last hours of a month at 06:00 UTC on
// the first of the next (BatchMeterUsage, service model of 2026).
Timestamp UsageClosesAt(Timestamp at);

// When the freezing of all subscriptions runs next: ten minutes past an hour, later than `now`.
Timestamp NextFreezeRun(Timestamp now);

// When an open hour is frozen and sent, not before `now`. `until`: the end of its subscription, if there is one.
Timestamp UsageFreezesAt(Timestamp hour, const std::optional<Timestamp>& until, Timestamp now);

// A licence that usage was metered under before another one took its place.
struct FormerMeter {
  std::string id;  // MeterId
  Timestamp from{};
  std::optional<Timestamp> until;  // AWS takes usage for it until then, if that is known
  bool is_withdrawn = false;       // AWS takes nothing for it any more
};

// How usage of one product by one subscription is metered.
struct UsageTerms {
  Meter meter;
  Timestamp from{};                // AWS provides what is metered since then
  std::optional<Timestamp> until;  // no hour from then on: an end was announced, or has come
  bool ended = false;              // it has come
  // Its agreement was renewed or replaced: AWS takes usage for this meter until then.
  std::optional<Timestamp> passes_on = {};
  std::vector<FormerMeter> former = {};
};

// nullopt: nobody has registered for the product, or AWS does not provide it yet.
std::optional<UsageTerms> UsageTermsOf(const Subscription& subscription, const ProductCode& product);

// Where usage goes.
struct UsagePlace {
  Timestamp hour{};
  Meter meter;             // the hour's, where it has one already
  Timestamp freezes_at{};  // when it is frozen and sent; not before `now`
};

// The first open hour, from that of `at` on, that holds `quantity` more and can still be sent. `hours` holds those of
// the subscription since a day before `now`. What was booked before a licence was known goes on under its meter; what
// was booked under another licence is no business of this one. nullopt: the end leaves none.
std::optional<UsagePlace> PlaceUsage(std::span<const UsageHour> hours, const UsageTerms& terms,
                                     const std::string& dimension, std::int64_t quantity, Timestamp at, Timestamp now);

// What is to be frozen now.
struct UsageFreeze {
  // An open hour that AWS would not take any more goes to a later one, or to the licence that took the place of its
  // own. Commit that alone, and ask again.
  std::optional<UsageShift> shift;
  std::vector<UsageHour> freeze;  // as they are to be stored: open ones, and new ones that say zero
};

// `hours`, of one product: every open one of the subscription, and all since a day before `now`. `metered`: the
// product's dimensions; each idle hour of theirs says zero, as AWS advises. `at_once`: where an end was announced or
// the meter passes on, every hour that has begun is sent. What is open under a former meter always is. Without terms,
// what is open is frozen. They have no batch yet.
UsageFreeze FreezeUsage(std::span<const UsageHour> hours, const SubscriptionId& subscription,
                        const std::optional<UsageTerms>& terms, const std::vector<std::string>& metered, Timestamp now,
                        bool at_once);

}  // namespace dunlin
