// What AWS Marketplace has told us about one subscription, as a set of facts: merging is set union (I3), so the order
// in which they come never matters.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "state/id.h"
#include "state/time.h"

namespace dunlin {

enum class AgreementStatus : std::uint8_t {
  kNone,
  kActive,
  kCancelled,
  kExpired,
  kTerminated,
  kRenewed,
  kReplaced,
  kOther
};

// An agreement that ended like this goes on under another id, which names this one as its previous agreement.
constexpr bool IsContinued(AgreementStatus status) {
  return status == AgreementStatus::kRenewed || status == AgreementStatus::kReplaced;
}

// A buyer came with a token, and AWS told us who it is. The same answer to several tokens is one fact, the earliest.
struct MarketRegistration {
  ProductCode product;
  CustomerIdentifier customer;  // empty in new integrations
  AwsAccountId account;
  LicenceArn licence;  // empty: the product is of the old kind
  Timestamp at{};
  EventId source;
  auto operator<=>(const MarketRegistration&) const = default;
};

// What a notification said. Stored by number: a number is never given another meaning.
struct MarketNotice {
  // Of one moment the later in this list counts as the later.
  enum class Kind : std::uint8_t {
    kNoted,  // of interest to people only
    kSubscribeFailed,
    kSubscribed,
    kUnsubscribePending,
    kUnsubscribed,
    kAgreementCreated,
    kAgreementAmended,
    kAgreementEnded,
    kLicenceUpdated,
    kLicenceDeprovisioned,
    kAdvisoryIssued,
    kAdvisoryResolved,
    kCancellationAsked,   // by the buyer; AWS approves it by itself after 7 days
    kCancellationClosed,  // approved, rejected, withdrawn or invalid
    kEntitled,            // an answer of ours showed which licence a buyer has; `source` names the licence
  };
  Kind kind = Kind::kNoted;
  EventId source;
  Timestamp at{};
  // Empty: not told.
  ProductCode product;
  CustomerIdentifier customer;
  AwsAccountId account;
  LicenceArn licence;
  AgreementId agreement;
  AgreementId previous_agreement;
  AgreementStatus agreement_status = AgreementStatus::kNone;
  OfferId offer;
  std::optional<bool> free_trial;
  std::optional<Timestamp> starts_at;
  std::optional<Timestamp> ends_at;  // none: open-ended
  bool operator==(const MarketNotice&) const = default;
};

struct MarketEntitlement {
  ProductCode product;
  std::string dimension;
  std::string value;  // as text, whatever its type
  std::optional<Timestamp> expires_at;
  auto operator<=>(const MarketEntitlement&) const = default;
};

// An answer to "what is this buyer entitled to?".
struct EntitlementAnswer {
  std::int64_t number = 0;  // grows with the moment of asking, as SubscriptionSnapshot::fetch_number; 0: none yet
  Timestamp asked_at{};
  std::vector<LicenceId> licences;              // sorted: it speaks of these alone; empty: of all that the buyer holds
  std::vector<MarketEntitlement> entitlements;  // sorted; expired ones too
  bool operator==(const EntitlementAnswer&) const = default;
};

struct MarketFacts {
  std::vector<MarketRegistration> registrations;  // sorted
  std::vector<MarketNotice> notices;              // sorted by source
  EntitlementAnswer answer;                       // the newest
  EntitlementAnswer held;  // the newest that held an entitlement: the product is sold by contract
  bool operator==(const MarketFacts&) const = default;

  bool empty() const { return registrations.empty() && notices.empty() && answer.number == 0; }
};

// The facts that one answer leaves.
MarketFacts FactsOf(EntitlementAnswer answer);

// Adds `more` to `facts`. Returns false when they held all of it already: nothing changed.
bool Merge(MarketFacts& facts, const MarketFacts& more);

// ---- Which facts are of one subscription -------------------------------------------------------------------------

// An id under which a subscription is known. One that binds belongs to one subscription alone.
//   agreement            "agmt-…"            binds
//   licence              "l-…"               binds
//   product and buyer    "product/customer"  binds
//   product and account  "product/account"   binds only where a buyer has registered without a licence: an account
//                                            that buys one product twice has two licences and two subscriptions
struct MarketKey {
  std::string id;
  bool binds = true;
  auto operator<=>(const MarketKey&) const = default;
};

// Every id that the facts carry, each once, sorted.
std::vector<MarketKey> KeysOf(const MarketFacts& facts);

// The id the subscription goes by, from all that is known of it: the root along previous agreements, else the licence,
// else product/customer, else product/account. Of several the first in the alphabet. Empty: the facts carry none.
SubscriptionId CanonicalId(const MarketFacts& facts);

// Who pays: the AWS account, else the customer identifier, of the newest registration. Empty: nobody has registered.
AccountId AccountOf(const MarketFacts& facts);

}  // namespace dunlin
