// Where nothing is sold on AWS Marketplace, or nothing is sent to it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "workflows/marketplace_api.h"

namespace dunlin {

// Every call is temporary trouble.
class NoMarketplace final : public MarketplaceApi {
 public:
  MarketplaceResult<ResolvedCustomer> ResolveCustomer(std::string_view) override { return Nobody(); }
  MarketplaceResult<std::vector<Entitlement>> GetEntitlements(const EntitlementQuery&) override { return Nobody(); }
  MarketplaceResult<std::vector<UsageOutcome>> BatchMeterUsage(std::span<const UsageRecord>) override {
    return Nobody();
  }

 private:
  static tl::unexpected<MarketplaceError> Nobody() {
    return Fail(MarketplaceErrc::kTemporary, "AWS Marketplace is not called here");
  }
};

}  // namespace dunlin
