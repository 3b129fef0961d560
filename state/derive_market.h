// What is true of a subscription that AWS Marketplace collects (rule R15). Pure: no clock, no I/O.
#pragma once

#include "state/derive.h"
#include "state/market_facts.h"

namespace dunlin {

// After the notice of an end AWS takes usage for this long.
inline constexpr Millis kLastUsageWindow{1h};
// An end that was announced and not confirmed within this time needs a look.
inline constexpr Millis kEndConfirmedWithin{2h};
// Likewise the licence of a renewal that was not heard of so long after the old one went.
inline constexpr Millis kLicenceHeardWithin{24h};
// An answer that was asked for this soon after an end may still show what has ended.
inline constexpr Millis kAnswerSettlesIn{1h};

// The answer that says what the buyer holds: the newest. One that holds nothing counts only if it was asked about every
// licence that runs and none is awaited: over a renewal the old licence holds nothing any more, and the new one is not
// known yet. Until then what was held before counts. A part of `facts`.
const EntitlementAnswer& CountingAnswer(const MarketFacts& facts);

// Pending until the buyer has registered and AWS has provided. Never past due: nothing of it is ours to collect.
Derived DeriveMarket(const MarketFacts& facts, const PlanCatalog& plans, Timestamp now);

}  // namespace dunlin
