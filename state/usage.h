// Usage of what AWS Marketplace sells, as the ledger keeps it: what the product reported, and the hours it is booked on
// and sent for. The rules are in state/usage_rules.h.
//
// An hour is open until it is frozen; from then on neither its quantity nor the terms it is sent under ever change, so
// it can be sent again and again and counts once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "state/id.h"
#include "state/time.h"

namespace dunlin {

inline constexpr std::int64_t kUsageQuantityMax = 2'147'483'647;  // of one hour, by AWS

// What AWS keeps usage under: the licence or, in old integrations, the product and its buyer.
struct Meter {
  ProductCode product;
  LicenceArn licence;           // empty: an old integration
  AwsAccountId account;         // the buyer: either this …
  CustomerIdentifier customer;  // … or this, which needs an empty licence
  bool operator==(const Meter&) const = default;
};

// "l-…" or "product/buyer": the same for every spelling of the licence.
std::string MeterId(const Meter& meter);

enum class UsageState : std::uint8_t {
  kOpen,           // usage is booked on it
  kFrozen,         // waits to be sent, or for the answer
  kSent,           // AWS has it
  kDuplicate,      // AWS had the hour with another quantity, and keeps that
  kNotSubscribed,  // AWS knows no such buyer, or no running agreement
  kRefused,        // AWS would not take it; the detail says why
  kExpired,        // it was not sent in time: AWS takes it no more
};
std::string_view UsageStateName(UsageState state);
std::optional<UsageState> ParseUsageState(std::string_view name);

// The usage of one dimension under one meter in one hour.
struct UsageHour {
  std::int64_t id = 0;  // 0: not stored yet
  SubscriptionId subscription;
  Meter meter;
  std::string dimension;
  Timestamp hour{};  // its beginning
  UsageState state = UsageState::kOpen;
  std::int64_t quantity = 0;  // open: so far
  // From the freezing on.
  std::optional<Timestamp> stamp;  // the time that it is sent with, within the hour
  std::optional<Timestamp> frozen_at;
  std::optional<Timestamp> closes_at;  // AWS refuses it from then on; the end, if one was announced before
  std::string batch;                   // the key of the job that sends it
  // Once its fate is known.
  std::optional<Timestamp> settled_at;
  std::string metering_record_id;  // kSent
  std::string detail;              // for staff
  bool operator==(const UsageHour&) const = default;
};

// One report of the product's.
struct UsageEntry {
  AccountId account;
  std::string key;  // the product's idempotency key; unique for the account
  SubscriptionId subscription;
  std::string user;  // may be empty
  std::string dimension;
  std::int64_t quantity = 0;
  Timestamp at{};  // when it was used, whatever hour it is booked on
  Timestamp received_at{};
  bool operator==(const UsageEntry&) const = default;
};

// ---- What a unit of the ledger writes ----------------------------------------------------------------------------

// Adds an entry to an open hour, which is made when it is not there. kConflict: the subscription has another version,
// the account has used the key, the hour is not open any more, or it would overflow.
struct UsageBooking {
  UsageEntry entry;
  std::int64_t version = 0;  // of the subscription, as it was read
  Meter meter;
  std::optional<Timestamp> hour;  // none: there is no open hour left; the entry is kept without one
};

// The whole of an open hour is booked on a later one, and the hour goes. kConflict: either is not open, or the quantity
// is another.
struct UsageShift {
  std::int64_t id = 0;
  std::int64_t quantity = 0;  // as it was read
  Timestamp to{};
  Meter meter;  // of the later one
};

// What became of a frozen hour. kConflict: it is not frozen.
struct UsageResult {
  std::int64_t id = 0;
  UsageState state = UsageState::kSent;  // one of those after kFrozen
  Timestamp at{};
  std::string metering_record_id;
  std::string detail;
};

// ---- What is read ------------------------------------------------------------------------------------------------

struct BookedUsage {
  UsageEntry entry;
  std::optional<UsageHour> hour;  // none: there was no open hour left
};

// Where a list of hours, newest first, goes on after this one.
std::string UsageCursor(const UsageHour& hour);

struct UsageCount {
  std::int64_t records = 0;
  std::int64_t quantity = 0;
  bool operator==(const UsageCount&) const = default;
};
// Of one subscription.
struct UsageTotals {
  UsageCount open, frozen, sent;
  UsageCount refused;                      // every way of not being taken
  UsageCount unbooked;                     // entries that found no open hour
  std::optional<Timestamp> next_deadline;  // of those that are open or frozen; the end of its subscription is one
};

// Of all subscriptions: what waits to be sent.
struct UsageBacklog {
  std::int64_t frozen = 0;
  std::optional<Timestamp> oldest_hour;
  std::optional<Timestamp> next_deadline;  // the end of a subscription is one
};

}  // namespace dunlin
