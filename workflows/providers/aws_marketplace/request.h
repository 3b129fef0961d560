// Requests to AWS Marketplace as they go over the wire: AWS JSON 1.1. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "workflows/marketplace_api.h"
#include "workflows/providers/http_call.h"

namespace dunlin::aws_marketplace {

inline constexpr std::string_view kResolveCustomer = "AWSMPMeteringService.ResolveCustomer";
inline constexpr std::string_view kBatchMeterUsage = "AWSMPMeteringService.BatchMeterUsage";
inline constexpr std::string_view kGetEntitlements = "AWSMPEntitlementService.GetEntitlements";

// SaaS records live in us-east-1 alone. Both services sign under one name.
inline constexpr std::string_view kSigningScope = "aws:amz:us-east-1:aws-marketplace";

// The errors of these are kInvalidParameter or, for the token, kInvalidToken: AWS would refuse it, so it is not sent.
MarketplaceResult<std::string> ResolveCustomerBody(std::string_view registration_token);
MarketplaceResult<std::string> GetEntitlementsBody(const EntitlementQuery& query, std::string_view next_token);
MarketplaceResult<std::string> BatchMeterUsageBody(std::span<const UsageRecord> records);

// The call for an operation at a base URL without a path (empty: AWS's own host). `body` and `signing` must outlive it.
HttpCall CallFor(std::string_view operation, std::string_view base_url, std::string_view session_token,
                 std::string_view body, const AwsSigning& signing);

}  // namespace dunlin::aws_marketplace
