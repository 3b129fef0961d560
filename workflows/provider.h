// Calling the provider back. One implementation for each provider; tests and the simulator have their own.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/ledger.h"
#include "state/result.h"
#include "state/subscription.h"

namespace dunlin {

// How a charge ended, named for what the caller does next.
enum class PayOutcome : std::uint8_t {
  kPaid,
  kProcessing,   // accepted; the money is not there yet
  kDeclined,     // the bank or the provider said no: `decline` says why
  kRefused,      // nothing was tried: the invoice is paid, void, unknown, or the request is wrong
  kNotExecuted,  // nothing was tried and it may be sent again as it is (409, 429, or never reached the provider)
  kUnknown,      // no answer: it may have been executed. Only the same key and parameters may go out again
  kStoredError,  // a 5xx: the provider keeps this answer under the key, so ask before anything else
};

struct PayAnswer {
  PayOutcome outcome = PayOutcome::kUnknown;
  Decline decline;
  std::optional<InvoiceFact> invoice;  // as the answer shows it; source and fence are the caller's to set
  std::optional<Millis> retry_after;
  std::string detail;  // for staff; no secrets
};

// An invoice with the payments made on it.
struct InvoiceAnswer {
  InvoiceFact invoice;
  SubscriptionId subscription;  // empty: it belongs to none
  AccountId account;
  bool processing = false;  // a payment of it is under way
  std::vector<std::string> payment_intents;
};

// A subscription, with its latest invoice where the provider gave it along.
struct SubscriptionAnswer {
  SubscriptionSnapshot snapshot;
  SubscriptionId id;
  AccountId account;
  std::vector<Alias> aliases;
  std::optional<InvoiceAnswer> latest_invoice;
};

struct EventsPage {
  std::vector<std::string> bodies;  // newest first, each a whole event as JSON
  std::string next;                 // cursor; empty: that was the last page
};

// Thread-safe; a call blocks for at most the timeout of its configuration. Errors of all calls: kUnavailable (no
// answer, 409, 429, 5xx: again later), kNotFound (the provider does not know it), kInvalidArgument (it refused the
// request; again would not help), kUnauthenticated (the API key).
class ProviderApi {
 public:
  virtual ~ProviderApi() = default;

  // Sends the attempt's frozen parameters under its key. Never fails: not knowing is an outcome.
  virtual PayAnswer Pay(const Attempt& attempt) = 0;
  // The parameters to freeze for paying an invoice.
  virtual std::string PayParameters(const InvoiceId& invoice) const = 0;

  // Stops the provider's own collection of the invoice (Stripe: auto_advance=false).
  virtual Result<InvoiceAnswer> TakeOver(const InvoiceId& invoice, std::string_view idempotency_key) = 0;
  virtual Result<SubscriptionAnswer> Cancel(const SubscriptionId& subscription, std::string_view idempotency_key) = 0;

  virtual Result<SubscriptionAnswer> FetchSubscription(const SubscriptionId& id) = 0;
  virtual Result<InvoiceAnswer> FetchInvoice(const InvoiceId& id) = 0;
  // The invoice that a payment pays. kNotFound: it pays none.
  virtual Result<InvoiceId> InvoiceOfPayment(std::string_view payment_intent) = 0;
  virtual Result<EventsPage> ListEvents(Timestamp since, std::string_view cursor) = 0;
};

}  // namespace dunlin
