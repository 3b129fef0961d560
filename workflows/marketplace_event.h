// What AWS Marketplace tells a seller, in our own terms: both families of notifications.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "state/id.h"
#include "state/market_facts.h"
#include "state/money.h"
#include "state/time.h"

namespace dunlin {

enum class MarketplaceFamily : std::uint8_t {
  kAction,       // the old one: a product's SNS topic. Names buyers by customer identifier, and no licence
  kEventBridge,  // the new one. Names buyers by AWS account, agreement and licence
};

enum class MarketplaceKind : std::uint8_t {
  kUnknown,  // not known to us, or not meant for a seller: it is kept
  // Actions.
  kSubscribeSuccess,  // metering and access may begin; again with another offer when the agreement is amended
  kSubscribeFail,
  kUnsubscribePending,  // about an hour is left to send usage
  kUnsubscribeSuccess,  // access ends. Does not come when the buyer subscribes again first
  kEntitlementUpdated,  // ask for the entitlements
  // EventBridge.
  kAgreementCreated,
  kAgreementAmended,
  kAgreementEnded,  // usage is to be sent at once. No end for the buyer if IsContinued(agreement_status)
  kLicenceUpdated,  // ask for the entitlements; may come before the buyer has registered
  kLicenceDeprovisioned,
  kAdvisoryIssued,
  kAdvisoryResolved,
  kAgreementEnding,  // 180, 120, 90, 60, 30 days before
  kRenewalTermsFinalized,
  kRenewalUpcoming,
  kCancellationPending,  // approved by itself after 7 days
  kCancellationApproved,
  kCancellationRejected,
  kCancellationWithdrawn,
  kCancellationInvalid,
  kAdjustmentCompleted,
  kAdjustmentFailed,
};

// As whom the seller gets an EventBridge event. One who is both gets an agreement's events as proposer, and those of
// licences as manufacturer.
enum class MarketplaceRole : std::uint8_t { kNone, kProposer, kManufacturer };

enum class AgreementIntent : std::uint8_t { kNone, kNew, kRenew, kReplace, kAmend, kOther };

struct CancellationRequest {
  std::string id;
  std::string status;  // PENDING_APPROVAL, …
  bool operator==(const CancellationRequest&) const = default;
};

struct BillingAdjustment {
  std::string id;
  Money amount;  // negative: back to the buyer
  bool operator==(const BillingAdjustment&) const = default;
};

// Empty ids and absent values: not told.
struct MarketplaceEvent {
  MarketplaceFamily family = MarketplaceFamily::kAction;
  MarketplaceKind kind = MarketplaceKind::kUnknown;
  MarketplaceRole role = MarketplaceRole::kNone;
  std::string type;  // the action or the detail type, as it came
  EventId id;        // of the SNS message; of an EventBridge event its own, whichever way it came
  Timestamp time{};  // when AWS sent the message; when the EventBridge event happened

  ProductCode product;
  CustomerIdentifier customer;
  AwsAccountId account;  // the buyer's (the acceptor)
  OfferId offer;
  LicenceArn licence;
  std::optional<bool> free_trial;

  AgreementId agreement;
  AgreementId previous_agreement;
  AgreementIntent intent = AgreementIntent::kNone;
  AgreementStatus agreement_status = AgreementStatus::kNone;
  std::optional<Timestamp> accepted_at;
  std::optional<Timestamp> starts_at;
  std::optional<Timestamp> ends_at;  // the year 9999: open-ended
  std::optional<std::int64_t> days_before_end;

  std::optional<Timestamp> advisory_issued_at;
  std::optional<Timestamp> advisory_resolved_at;
  std::optional<CancellationRequest> cancellation;
  std::optional<BillingAdjustment> adjustment;
};

}  // namespace dunlin
