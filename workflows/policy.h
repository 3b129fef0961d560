// The policy: which plans there are, and for retries and access ONE set of rules, checked when it is loaded.
//
// Written in TOML (docs/policy.md). A version, once in force, never changes: recoveries are pinned to it (R20).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/money.h"
#include "state/result.h"
#include "state/time.h"
#include "state/values.h"

namespace dunlin {

// Who collects an overdue invoice (R21). Never two.
enum class Owner : std::uint8_t { kProvider, kService, kMarketplace };
enum class Exhausted : std::uint8_t { kCancel, kStayPastDue };
std::string_view OwnerName(Owner owner);
std::string_view ExhaustedName(Exhausted exhausted);

struct CollectionPolicy {
  std::string name = "default";
  Owner owner = Owner::kProvider;
  // The n-th automatic retry comes this long after the automatic failure before it (R26).
  std::vector<Millis> retry_after = {Millis{24h}, Millis{72h}, Millis{120h}, Millis{168h}};
  Millis min_gap{1h};       // two attempts are never closer
  int jitter_percent = 10;  // of each retry_after, added: never early
  Millis grace{0};          // a past-due subscription keeps its access this long
  Exhausted exhausted = Exhausted::kCancel;
  bool retry_on_new_payment_method = true;  // R5
  // The card networks' limit (I6): attempts of any kind on one payment method within the window.
  int network_attempts_max = 15;
  Millis network_window{24h * 30};
};

struct PlanPolicy {
  std::string name;   // "pro_plus": what the API and the product use
  std::string title;  // "Pro+": for people
  int rank = 0;       // higher rank = upgrade
  Money price;
  std::string per;  // "month" or "year"
  std::int64_t credits = 0;
  std::vector<std::string> stripe_prices;
  std::string collection = "default";
};

struct Policy {
  int version = 0;  // 0: the built-in defaults, without any plan
  std::map<std::string, PlanPolicy, std::less<>> plans;
  std::map<std::string, CollectionPolicy, std::less<>> collections;  // always has "default"
  PlanCatalog catalog;

  // The rules that collect a subscription on that plan; "default" for a plan that is not in the policy.
  const CollectionPolicy& CollectionFor(std::string_view plan) const;
};

// The defaults: owner provider, no plans.
Policy BuiltInPolicy();

// Reads and checks. `file` is only for messages. Errors: kInvalidArgument; the detail names file, line and rule, one
// line for each thing that is wrong, all of them at once:
//   policy.toml:14: [collection.default] retry_after: the last retry comes 40d after the first failure, past …
// Checked: unknown keys, wrong types, missing or double plans and prices, a rank given twice, a retry schedule with a
// gap below min_gap, more retries than the network limit allows within its window, retries where owner is not
// "service" (they would never run) unless they are the default, exhausted = "cancel" without owner "service", grace longer than the schedule when exhausted
// cancels (access would outlive the subscription), version < 1, currency not three lower-case letters, jitter outside 0-50 %.
Result<Policy> ParsePolicy(std::string_view toml, std::string_view file);

// Reads the file. Errors: kNotFound with the path; what ParsePolicy says.
Result<Policy> LoadPolicy(const std::string& path, std::string* text = nullptr);

}  // namespace dunlin
