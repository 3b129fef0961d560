// One subscription as the ledger keeps it: its facts, the values derived from them, and the recovery that runs on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/facts.h"
#include "state/id.h"
#include "state/transitions.h"
#include "state/values.h"

namespace dunlin {

inline constexpr int kNewMethodStep = -1;

// The collection of an overdue invoice ("dunning"). One at a time for a subscription; RecoveryState::kNone: none runs.
struct Recovery {
  RecoveryState state = RecoveryState::kNone;
  InvoiceId invoice;
  std::string policy;      // the collection policy's name: "default"
  int policy_version = 0;  // pinned when the recovery began (R20)
  Timestamp opened_at{};
  std::optional<Timestamp> next_attempt_at;  // kWaiting and kTakingOver: ours. kFollowing: the provider's own
  // Which step of the schedule that attempt is, from 0; kNewMethodStep: none, it tries a new payment method (R5).
  int next_step = 0;
  std::string method_seen;  // the name of the newest payment-method change that was acted on
  // The idempotency key of the call whose outcome is awaited. kCharging: the attempt's. kEnding: the cancellation's;
  // empty: it did not go out yet, so it can still be stopped.
  AttemptKey open_attempt;
  EventId failure_seen;  // the customer was told of it; "asked/in_1/2": a card was asked for after 2 failures
  // When the mail that tells it leaves. What ends the recovery before takes the mail back, and what was told before it
  // is all that was told.
  std::optional<Timestamp> failure_mail_due;
  EventId failure_told_before;
  bool operator==(const Recovery&) const = default;
};

struct Subscription {
  SubscriptionId id;
  Provider provider = Provider::kStripe;
  AccountId account;
  std::int64_t version = 0;  // 0: not stored yet. Each save adds one
  Values values;
  Recovery recovery;
  Facts facts;
  bool dirty = false;  // a refetch is owed
  Timestamp updated_at{};
};

enum class AttemptKind : std::uint8_t { kAutomatic, kStaff, kNewMethod };
enum class AttemptState : std::uint8_t {
  kSending,     // committed before the call; the outcome is not known yet
  kProcessing,  // the provider has it and has not decided (a bank debit)
  kSucceeded,
  kDeclined,
  kRefused,  // the provider would not even try (nothing to pay, unknown invoice …)
  kUnknown,  // closed without an answer: the invoice was found still open
};
std::string_view AttemptKindName(AttemptKind kind);
std::optional<AttemptKind> ParseAttemptKind(std::string_view name);
std::string_view AttemptStateName(AttemptState state);
std::optional<AttemptState> ParseAttemptState(std::string_view name);
constexpr bool IsOpen(AttemptState state) {
  return state == AttemptState::kSending || state == AttemptState::kProcessing;
}

// One charge. The row is committed before the call goes out and is its lease (I4, I8).
struct Attempt {
  AttemptKey key;  // the Idempotency-Key that goes out
  JobId job{};
  SubscriptionId subscription;
  InvoiceId invoice;
  AttemptKind kind = AttemptKind::kAutomatic;
  AttemptState state = AttemptState::kSending;
  int step = 0;            // kAutomatic: which step of the schedule, from 0 (R19: the other kinds use none up)
  std::string parameters;  // frozen: the same bytes go out again under the same key
  std::string by;          // kStaff: who
  std::string reason;      // kStaff: why
  Timestamp first_sent_at{};
  std::optional<Timestamp> finished_at;  // the provider's time when it told us, else ours
  bool ask_first = false;                // the stored answer is a 5xx: never send again, GET the invoice first
  Decline decline;
  std::string detail;  // what the provider answered, for staff; no secrets
  bool operator==(const Attempt&) const = default;
};

// What happened and why; one row for each change of status or access (I9, R22).
struct TimelineRow {
  SubscriptionId subscription;
  Timestamp at{};    // when it took effect
  std::string kind;  // "change" (status or access), "recovery", "attempt", "staff", "note"
  std::optional<SubscriptionStatus> status_from, status_to;  // set together, when the status changed
  std::optional<Access> access_from, access_to;              // set together, when access changed
  std::string row;     // the transition's id in state/transitions.h: "D4"; empty: none
  std::string rule;    // "R24b"; empty: none
  std::string policy;  // "default@3"; empty: none
  std::string event;   // the provider's event behind it; empty: none
  std::string by;      // "provider", "schedule", or who of the staff
  std::string reason;  // one sentence for people
  std::string next;    // what comes next, one sentence; empty: nothing
};

}  // namespace dunlin
