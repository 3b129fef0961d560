// Calling AWS Marketplace's metering and entitlement services.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "workflows/marketplace_api.h"
#include "workflows/providers/http_call.h"

namespace dunlin {

struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // of temporary credentials; empty: none
};

struct AwsMarketplaceOptions {
  AwsCredentials credentials;  // empty: nothing is sent; every call says that there are none
  // Empty: AWS's own hosts. Else both services stand there: scheme, host and port.
  std::string base_url;
  Millis timeout{20s};  // of a whole call, all pages and connecting included
  Millis connect_timeout{5s};
  std::size_t answer_bytes_max = std::size_t{8} << 20;
};

// Thread-safe: calls of several threads run side by side, each on a connection of its own, kept alive between calls.
// Requests are signed with Signature Version 4, dated by the machine's clock: AWS refuses one that is off by minutes.
// No detail of an error holds a credential or a registration token (I10).
class AwsMarketplaceApi final : public MarketplaceApi {
 public:
  // Errors: kInvalidArgument (half of the credentials, or characters that none have; a base URL that holds more than
  // scheme, host and port, or is plain http and not this machine; a timeout that is not positive).
  static Result<std::unique_ptr<AwsMarketplaceApi>> Open(AwsMarketplaceOptions options);

  MarketplaceResult<ResolvedCustomer> ResolveCustomer(std::string_view registration_token) override;
  // 25 a page, until there is no token for a next one, even past empty pages. More than 200 pages and a token that
  // comes twice are kUnreadable.
  MarketplaceResult<std::vector<Entitlement>> GetEntitlements(const EntitlementQuery& query) override;
  MarketplaceResult<std::vector<UsageOutcome>> BatchMeterUsage(std::span<const UsageRecord> records) override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit AwsMarketplaceApi(AwsMarketplaceOptions options);
  Deadline Start() const { return std::chrono::steady_clock::now() + options_.timeout; }
  // The answer to a request that AWS accepted.
  MarketplaceResult<HttpAnswer> Ask(std::string_view operation, std::string_view body, Deadline deadline);

  const AwsMarketplaceOptions options_;
  const AwsSigning signing_;
  HttpCaller caller_;
};

}  // namespace dunlin
