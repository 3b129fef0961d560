// What a marketplace event comes to in our own terms: a fact about a subscription, and what to do about it.
#pragma once

#include <optional>

#include "workflows/digest.h"
#include "workflows/marketplace_event.h"

namespace dunlin {

// Pure. nullopt: a type that we do not act on.
std::optional<MarketNews> NewsOf(const MarketplaceEvent& event);

}  // namespace dunlin
