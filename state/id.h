// Ids are types, not strings: an EventId cannot be passed where a SubscriptionId is wanted.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace dunlin {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string value_;
};

using EventId = Id<struct EventIdTag>;                // the provider's: evt_…
using SubscriptionId = Id<struct SubscriptionIdTag>;  // the provider's: sub_…
using InvoiceId = Id<struct InvoiceIdTag>;            // the provider's: in_…
using AccountId = Id<struct AccountIdTag>;            // the provider's customer id: cus_…
using AttemptKey = Id<struct AttemptKeyTag>;          // the idempotency key of one charge attempt

// AWS Marketplace's.
using AwsAccountId = Id<struct AwsAccountIdTag>;              // the buyer's: 12 digits
using CustomerIdentifier = Id<struct CustomerIdentifierTag>;  // a buyer of one seller, in integrations before June 2026
using ProductCode = Id<struct ProductCodeTag>;
using AgreementId = Id<struct AgreementIdTag>;  // agmt-…
using OfferId = Id<struct OfferIdTag>;          // offer-…
using LicenceArn = Id<struct LicenceArnTag>;    // as AWS spells it at the moment: not to be compared
using LicenceId = Id<struct LicenceIdTag>;      // the l-… in it: state/licence.h

// A row of `jobs`. Unique within one ledger for ever: ids are never used again.
enum class JobId : std::int64_t {};
constexpr std::int64_t ToInt(JobId id) { return static_cast<std::int64_t>(id); }

}  // namespace dunlin

template <class Tag>
struct std::hash<dunlin::Id<Tag>> {
  std::size_t operator()(const dunlin::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
