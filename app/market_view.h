// What AWS Marketplace has told about a subscription, as staff see it (docs/api.md).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "state/market_facts.h"

namespace dunlin {

nlohmann::json MarketView(const MarketFacts& facts);

}  // namespace dunlin
