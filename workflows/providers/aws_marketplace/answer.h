// What AWS Marketplace's answers say. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/marketplace_api.h"

namespace dunlin::aws_marketplace {

struct EntitlementsPage {
  std::vector<Entitlement> entitlements;
  std::string next_token;  // empty: that was the last page
};

// Each reads the body of a success. Errors: kTemporary (not JSON: torn on the way), kUnreadable (JSON of another
// shape, naming what is wrong).
MarketplaceResult<ResolvedCustomer> ReadResolvedCustomer(std::string_view body);
MarketplaceResult<EntitlementsPage> ReadEntitlements(std::string_view body);
// The outcomes stand in the order of the records that were sent. What the answer does not name is unprocessed: to send
// a record again is harmless.
MarketplaceResult<std::vector<UsageOutcome>> ReadUsage(std::string_view body, std::span<const UsageRecord> sent);

}  // namespace dunlin::aws_marketplace
