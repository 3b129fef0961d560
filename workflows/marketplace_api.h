// Calling AWS Marketplace: who a buyer is, what is entitled, what was used.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "state/id.h"
#include "state/result.h"
#include "state/time.h"

namespace dunlin {

// Why a call did not give what was asked for. All but the first are permanent: the same call would end the same way.
enum class MarketplaceErrc : std::uint8_t {
  kTemporary,     // throttled, an internal error, a timeout, no connection: the same call again later
  kCredentials,   // our AWS credentials or their rights were not accepted: an operator's to mend
  kDisabled,      // AWS has switched the call off for the seller
  kExpiredToken,  // the registration token is too old: the buyer has to come again
  kInvalidToken,  // the registration token is none
  // One usage record is wrong, and AWS has taken none of its batch.
  kTimestampOutOfBounds,
  kInvalidDimension,
  kInvalidCustomer,
  kInvalidLicence,
  kInvalidTag,
  kInvalidAllocations,
  // The whole request is wrong.
  kInvalidProduct,
  kInvalidParameter,  // a parameter is wrong, found by AWS or before anything was sent
  kRefused,           // another error by AWS, named in the detail
  kUnreadable,        // an answer that does not keep to what AWS documents
};

constexpr std::string_view MarketplaceErrcName(MarketplaceErrc code) {
  switch (code) {
    case MarketplaceErrc::kTemporary: return "temporary";
    case MarketplaceErrc::kCredentials: return "credentials";
    case MarketplaceErrc::kDisabled: return "disabled";
    case MarketplaceErrc::kExpiredToken: return "expired_token";
    case MarketplaceErrc::kInvalidToken: return "invalid_token";
    case MarketplaceErrc::kTimestampOutOfBounds: return "timestamp_out_of_bounds";
    case MarketplaceErrc::kInvalidDimension: return "invalid_dimension";
    case MarketplaceErrc::kInvalidCustomer: return "invalid_customer";
    case MarketplaceErrc::kInvalidLicence: return "invalid_licence";
    case MarketplaceErrc::kInvalidTag: return "invalid_tag";
    case MarketplaceErrc::kInvalidAllocations: return "invalid_allocations";
    case MarketplaceErrc::kInvalidProduct: return "invalid_product";
    case MarketplaceErrc::kInvalidParameter: return "invalid_parameter";
    case MarketplaceErrc::kRefused: return "refused";
    case MarketplaceErrc::kUnreadable: return "unreadable";
  }
  return "unknown";
}

// `detail` is for staff and logs: no credential, no token (I10).
struct MarketplaceError {
  MarketplaceErrc code = MarketplaceErrc::kTemporary;
  std::string detail;
};

template <class T>
using MarketplaceResult = tl::expected<T, MarketplaceError>;

inline tl::unexpected<MarketplaceError> Fail(MarketplaceErrc code, std::string detail) {
  return tl::unexpected<MarketplaceError>(MarketplaceError{code, std::move(detail)});
}

// ---- What is asked and answered ----------------------------------------------------------------------------------

// The buyer behind a registration token. Keyed by (account, licence) in new integrations, by `customer` in old ones.
struct ResolvedCustomer {
  CustomerIdentifier customer;  // empty in new integrations
  ProductCode product;
  AwsAccountId account;
  LicenceArn licence;  // empty: the product is of the old kind
  bool operator==(const ResolvedCustomer&) const = default;
};

struct EntitlementQuery {
  ProductCode product;
  std::variant<LicenceArn, AwsAccountId, CustomerIdentifier> owner;
};

// Something bought. No entitlement, or none but expired ones: no access.
struct Entitlement {
  std::string dimension;
  std::variant<std::int64_t, double, bool, std::string> value;
  std::optional<Timestamp> expires_at;
  LicenceArn licence;
  AwsAccountId account;
  CustomerIdentifier customer;
  ProductCode product;
  bool operator==(const Entitlement&) const = default;
};

// One hour's usage of one dimension. AWS keeps one record for (product or licence, buyer, dimension, hour).
struct UsageRecord {
  ProductCode product;
  LicenceArn licence;           // empty: an old integration, where the product is the key
  AwsAccountId account;         // the buyer: either this …
  CustomerIdentifier customer;  // … or this, which needs an empty licence
  std::string dimension;
  Timestamp at{};             // sent in whole seconds
  std::int64_t quantity = 0;  // 0 to 2^31 - 1
  bool operator==(const UsageRecord&) const = default;
};

enum class UsageStatus : std::uint8_t {
  kSuccess,                // recorded, or recorded before with the same quantity
  kCustomerNotSubscribed,  // no such buyer, no active agreement, or a suspended account
  kDuplicateRecord,        // the hour was recorded before with another quantity, which stays
  kUnprocessed,            // not taken: send it again, as it is
  kOther,                  // a word that AWS has not documented: `word`
};

struct UsageOutcome {
  UsageStatus status = UsageStatus::kUnprocessed;
  std::string metering_record_id;  // kSuccess
  std::string word;                // the status as AWS says it
  bool operator==(const UsageOutcome&) const = default;
};

// ---- The calls ---------------------------------------------------------------------------------------------------

inline constexpr std::size_t kUsageRecordsMax = 25;              // of one request
inline constexpr std::size_t kUsageRequestBytesMax = 1'000'000;  // a request must be smaller

// Thread-safe; a call blocks for at most the timeout of its configuration. Nothing is tried twice in here.
class MarketplaceApi {
 public:
  virtual ~MarketplaceApi() = default;

  // The token as the buyer's form had it, decoded once. It is good for about an hour and may be resolved several times.
  virtual MarketplaceResult<ResolvedCustomer> ResolveCustomer(std::string_view registration_token) = 0;

  // All of them, expired ones too, gathered over all pages: all or an error.
  virtual MarketplaceResult<std::vector<Entitlement>> GetEntitlements(const EntitlementQuery& query) = 0;

  // One request: at most 25 records, less than 1 MB, of one product, and either all with a licence or none
  // (workflows/usage_batch.h makes such). The outcomes stand in the records' order. After an error nothing was
  // recorded or, for kTemporary and kUnreadable, it is not known. The same records may always be sent again.
  virtual MarketplaceResult<std::vector<UsageOutcome>> BatchMeterUsage(std::span<const UsageRecord> records) = 0;
};

}  // namespace dunlin
