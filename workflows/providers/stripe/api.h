// Calling Stripe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "workflows/provider.h"

namespace dunlin {

class HttpTransport;
struct HttpAnswer;

struct StripeOptions {
  std::string base_url = "https://api.stripe.com";
  std::string api_key;  // empty: nothing is sent; every call says that there is no key
  // Objects are answered in this version's shape. Those before 2025-03-31 are asked for in the old way.
  std::string api_version = "2026-10-28.endive";
  Millis timeout{20s};  // of a whole call, connecting included
  Millis connect_timeout{5s};
  std::size_t answer_bytes_max = std::size_t{8} << 20;
};

// Thread-safe: calls of several threads run side by side, each on a connection of its own, kept alive between calls.
// No detail of an error holds the key, a client secret or an e-mail address (I10).
//
// Answers leave to the caller what the provider does not tell: a snapshot's kind, source, created and fence, an
// invoice's source, created and fetched; and a decline's time where no charge says it (Timestamp{}).
class StripeApi final : public ProviderApi {
 public:
  // Errors: kInvalidArgument (a base URL that is not http or https or holds more than host, port and path; a key or
  // version that cannot be sent; a live key over plain http; a timeout that is not positive).
  static Result<std::unique_ptr<StripeApi>> Open(StripeOptions options);
  // Over another transport than the network.
  static Result<std::unique_ptr<StripeApi>> Open(StripeOptions options, std::unique_ptr<HttpTransport> transport);
  ~StripeApi() override;

  // The outcomes: workflows/providers/stripe/answer.h.
  PayAnswer Pay(const Attempt& attempt) override;
  std::string PayParameters(const InvoiceId& invoice) const override;

  Result<InvoiceAnswer> TakeOver(const InvoiceId& invoice, std::string_view idempotency_key) override;
  // At once. One that is cancelled already is answered as it stands.
  Result<SubscriptionAnswer> Cancel(const SubscriptionId& subscription, std::string_view idempotency_key) override;

  // With the customer's default payment method and the latest invoice, and that one's payments unless it is settled.
  Result<SubscriptionAnswer> FetchSubscription(const SubscriptionId& id) override;
  Result<InvoiceAnswer> FetchInvoice(const InvoiceId& id) override;
  Result<InvoiceId> InvoiceOfPayment(std::string_view payment_intent) override;
  // 100 a page. The bodies are printed anew from the list: not the bytes that a webhook was signed with.
  Result<EventsPage> ListEvents(Timestamp since, std::string_view cursor) override;

 private:
  using Deadline = std::chrono::steady_clock::time_point;
  struct Call;

  StripeApi(StripeOptions options, std::unique_ptr<HttpTransport> transport);
  HttpAnswer Send(const Call& call, Millis timeout);
  Deadline Start() const { return std::chrono::steady_clock::now() + options_.timeout; }
  // Sends and parses, `read` reads. Errors: as ProviderApi has them.
  template <class T, class Read>
  Result<T> Ask(const Call& call, Deadline deadline, Read read);
  Result<InvoiceAnswer> FetchInvoiceBy(const InvoiceId& id, Deadline deadline);
  Result<SubscriptionAnswer> FetchSubscriptionBy(const SubscriptionId& id, Deadline deadline);
  bool old_shape() const { return options_.api_version < "2025-03-31"; }
  // The form field that gets an invoice's payments answered along with it.
  std::string ExpandPayments() const;

  const StripeOptions options_;
  const std::unique_ptr<HttpTransport> transport_;
};

}  // namespace dunlin
