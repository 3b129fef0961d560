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

// A row of `jobs`. Unique within one ledger for ever: ids are never used again.
enum class JobId : std::int64_t {};
constexpr std::int64_t ToInt(JobId id) { return static_cast<std::int64_t>(id); }

}  // namespace dunlin

template <class Tag>
struct std::hash<dunlin::Id<Tag>> {
  std::size_t operator()(const dunlin::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
