// What the provider has told us about one subscription, as a set of facts.
//
// Events come late, twice and in any order, so state is never "the last event that arrived": each event leaves a small
// fact here, merging is set union (state/merge.h), and status, access and the rest are derived from the whole set
// (state/derive.h). That is what makes invariant I3 true by construction.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/id.h"
#include "state/market_facts.h"
#include "state/money.h"
#include "state/time.h"

namespace dunlin {

// The processor's words for a subscription (Stripe `subscription.status`). The provider may add words: kUnknown.
// In the order of the status rank of R25, which decides between snapshots that nothing else can put in order.
enum class ProviderStatus : std::uint8_t {
  kUnknown,
  kIncomplete,
  kTrialing,
  kActive,
  kPastDue,
  kUnpaid,
  kPaused,
  kIncompleteExpired,  // absorbs
  kCanceled,           // absorbs
};

enum class InvoiceStatus : std::uint8_t { kDraft, kOpen, kUncollectible, kVoid, kPaid };  // in the order of R25

std::string_view ProviderStatusName(ProviderStatus status);  // "past_due"
ProviderStatus ParseProviderStatus(std::string_view word);   // kUnknown for a word we do not know
std::string_view InvoiceStatusName(InvoiceStatus status);    // "open"
std::optional<InvoiceStatus> ParseInvoiceStatus(std::string_view word);

// The values an update event says were there before it (Stripe `data.previous_attributes`), of the fields we keep.
// A field that did not change is absent.
struct PreviousAttributes {
  std::optional<ProviderStatus> status;
  std::optional<bool> cancel_at_period_end;
  std::optional<std::optional<Timestamp>> cancel_at;
  std::optional<std::string> latest_invoice;
  std::optional<std::string> default_payment_method;
  std::optional<Timestamp> period_end;
  std::optional<std::vector<std::string>> prices;
  bool operator==(const PreviousAttributes&) const = default;
};

// One picture of the subscription: from an event, or from an answer to a fetch of ours.
struct SubscriptionSnapshot {
  enum class Kind : std::uint8_t { kCreated, kUpdated, kDeleted, kFetched };
  Kind kind = Kind::kUpdated;
  EventId source;     // the event, or "fetch/<number>[/<number>]" for an answer, growing
  Timestamp created;  // when the event was made, whole seconds; for an answer, the newest fact known before we asked
  // kFetched only: the events of second `created` that were known before the request went out. The answer comes after
  // these and before every other event of that second.
  std::vector<EventId> fence;
  // kFetched only: later fetches have higher numbers. It is the request's moment by our clock in microseconds, whose
  // last three digits tell apart what was asked for in one millisecond.
  std::int64_t fetch_number = 0;

  ProviderStatus status = ProviderStatus::kUnknown;
  AccountId customer;
  std::vector<std::string> prices;  // of the items, sorted
  std::optional<Timestamp> period_end;
  bool cancel_at_period_end = false;
  std::optional<Timestamp> cancel_at;
  std::optional<Timestamp> ended_at;
  std::string latest_invoice;              // empty: none
  std::string default_payment_method;      // empty: the customer's
  std::string customer_method;             // kFetched only: the customer's default. Empty: none, or not told
  bool collected_by_invoice_mail = false;  // Stripe `collection_method: send_invoice`: nothing to charge automatically
  std::optional<PreviousAttributes> previous;
  bool operator==(const SubscriptionSnapshot&) const = default;

  // When what it shows was seen to be so: an answer's fence can lie far back, where nothing had happened yet.
  Timestamp SeenAt() const {
    return kind == Kind::kFetched ? std::max(created, FromUnixMillis(fetch_number / 1000)) : created;
  }
};

// Why a payment failed (Stripe `last_payment_error`).
struct Decline {
  std::string code;         // "insufficient_funds"; empty: the provider gave none
  std::string advice_code;  // "do_not_try_again", …
  std::string network_advice_code;
  std::string payment_method;  // the one that was declined; empty: unknown
  auto operator<=>(const Decline&) const = default;
};

// One failed payment of an invoice, as an event tells it, or as an answer counts it (state/failures.h).
struct Failure {
  Timestamp at;     // the provider's time; counted only: the latest that it can have been
  EventId source;   // the event that told us; counted only: "attempt/<attempt_count>"
  std::string key;  // the idempotency key of the request behind it; empty: it had none
  int attempt_count = 0;
  // The provider's id of the request behind it: somebody paid by its pages or its API. Empty: unknown, or there was
  // none.
  std::string request = {};
  auto operator<=>(const Failure&) const = default;

  // The provider tried by itself; nobody asked for it.
  bool IsAutomatic() const { return key.empty() && request.empty(); }
};

// Everything known about one invoice: the highest picture by R25, and the union of its failures. How many payments
// failed, and when, FailedAttempts tells (state/failures.h): one can be told several times.
struct InvoiceFact {
  InvoiceId id;
  // The picture that is highest by (status, attempt_count, created, fetched, source).
  InvoiceStatus status = InvoiceStatus::kDraft;
  int attempt_count = 0;
  Timestamp created;  // of the event, or the fence of the fetch
  bool fetched = false;
  EventId source;  // as in SubscriptionSnapshot; a later answer has a higher number. Empty: only a decline is known
  std::string billing_reason;  // "subscription_cycle", "subscription_create", "subscription_update", …
  bool auto_advance = false;   // the provider goes on collecting it by itself
  std::optional<Timestamp> next_payment_attempt;  // the provider's own next attempt
  Money amount_due;
  std::int64_t amount_remaining = 0;         // minor units
  std::optional<Timestamp> line_period_end;  // the latest of its lines
  Timestamp made_at;                         // the invoice's own `created`
  std::string customer_email;                // never logged (I10)
  std::string hosted_url;
  // Unions.
  std::vector<Failure> failures;  // sorted
  std::optional<Decline> decline;
  Timestamp decline_at{};  // when `decline` was told; the newest wins
  bool operator==(const InvoiceFact&) const = default;
};

// A new payment method became the one that will be charged (R5).
struct MethodChange {
  Timestamp at{};
  EventId source;           // empty: none was heard of
  std::string method = {};  // its id; empty: not told, or the same one was brought up to date
  auto operator<=>(const MethodChange&) const = default;

  // The same for one change whoever tells of it: an event, or the difference between two answers.
  const std::string& Name() const { return method.empty() ? source.str() : method; }
};

// What remains of facts older than the folding horizon (kFactsKept).
struct Baseline {
  Timestamp until{};                        // facts older than this are folded, and are not taken any more
  std::optional<Timestamp> paid_until;      // the latest line period end of a folded paid invoice
  std::optional<Timestamp> good_until;      // the period end of the last folded active or trialing snapshot
  std::optional<Timestamp> past_due_since;  // the start of the past-due run that the oldest kept snapshot continues
  MethodChange method_seen;                 // the payment method that the newest folded snapshot which tells showed
  bool operator==(const Baseline&) const = default;
};

struct Facts {
  // One that the marketplace collects has these and no others; one of a processor has none.
  MarketFacts market;
  std::vector<SubscriptionSnapshot> snapshots;  // sorted by source; the order in time is OrderSnapshots' to find
  std::vector<InvoiceFact> invoices;            // sorted by id
  MethodChange method;
  Baseline baseline;
  bool operator==(const Facts&) const = default;
};

// The provider resends for 3 days and lists events for 30: nothing genuine is older than this.
inline constexpr Millis kFactsKept = Millis{24h} * 35;

}  // namespace dunlin
