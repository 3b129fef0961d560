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
  int jitter_percent = 10;  // 0-50, of each retry_after; only ever added, so a retry is never early
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
  std::vector<std::string> marketplace_products;  // "prodcode" or, for what is entitled of it, "prodcode/dimension"
  std::string collection = "default";
};

struct Policy {
  int version = 0;  // 0: the built-in defaults, without any plan
  std::map<std::string, PlanPolicy, std::less<>> plans;
  std::map<std::string, CollectionPolicy, std::less<>> collections;  // always has "default"
  PlanCatalog catalog;
  // What is metered of each product of the marketplace: its dimensions, in the order of the file.
  std::map<std::string, std::vector<std::string>, std::less<>> metered;

  // The rules that collect a subscription on that plan; "default" for a plan that is not in the policy.
  const CollectionPolicy& CollectionFor(std::string_view plan) const;
};

// The defaults: owner provider, no plans.
Policy BuiltInPolicy();

// Reads and checks. `file` is only for messages. Errors: kInvalidArgument; the detail names file, line and rule, one
// line for each thing that is wrong, all of them at once:
//   policy.toml:14: [collection.default] retry_after[0]: 30m is shorter than min_gap (1h), and two attempts are …
// Checked: TOML itself, unknown keys, wrong types, missing keys, plans that nothing buys, a price or product that buys
// two plans, a dimension metered twice, a rank given twice, a plan whose collection is not in the file, version < 1, a
// currency that is not three lower-case letters, jitter outside 0-50 %, a gap of the schedule below min_gap, more
// retries than the network limit allows within its window, and what could never happen or would contradict itself:
// retries where owner is not "service", exhausted = "cancel" where owner is not "service" (the built-in schedule
// spelled out for owner "provider" is no mistake), grace longer than the schedule when exhausted cancels (access would
// outlive the subscription).
Result<Policy> ParsePolicy(std::string_view toml, std::string_view file);

// Reads the file; `text`, if given, takes what was read. Errors: kNotFound with the path and why it cannot be read;
// what ParsePolicy says.
Result<Policy> LoadPolicy(const std::string& path, std::string* text = nullptr);

}  // namespace dunlin
