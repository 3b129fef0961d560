// The values that answer "how does this subscription stand?" (domain.md's three words: status, access, paid_until).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "state/time.h"

namespace dunlin {

enum class Provider : std::uint8_t { kStripe, kAwsMarketplace };

// How the money stands. `trialing` and `paused` exist because the processors have them.
enum class SubscriptionStatus : std::uint8_t { kPending, kTrialing, kActive, kPastDue, kPaused, kCanceled };

// Whether paid features work right now.
enum class Access : std::uint8_t { kGranted, kRevoked };

std::string_view ProviderName(Provider provider);
std::optional<Provider> ParseProvider(std::string_view name);
std::string_view StatusName(SubscriptionStatus status);  // "past_due"
std::optional<SubscriptionStatus> ParseStatus(std::string_view name);
std::string_view AccessName(Access access);  // "granted"
std::optional<Access> ParseAccess(std::string_view name);

struct Values {
  SubscriptionStatus status = SubscriptionStatus::kPending;
  Access access = Access::kRevoked;
  std::string plan;                       // the policy's name for it; empty: no price of it is in the policy
  std::optional<Timestamp> period_end;    // the provider's current period; moves on at renewal even if unpaid
  std::optional<Timestamp> paid_until;    // the end of the newest period that is really paid
  std::optional<Timestamp> cancel_at;     // it will end then
  std::optional<Timestamp> access_until;  // granted access ends then, as far as is known (grace, paid period)
  bool operator==(const Values&) const = default;
};

// Which plan each price of a processor, product of the marketplace ("prodcode") or dimension of one
// ("prodcode/dimension") buys; of several the highest rank counts.
struct PlanCatalog {
  struct Plan {
    std::string name;
    int rank = 0;
  };
  std::map<std::string, Plan, std::less<>> by_price;
};

// Judges access at `now` from values whose status and dates are right (I5). Every read goes through this.
Access AccessAt(const Values& values, Timestamp now);

}  // namespace dunlin
