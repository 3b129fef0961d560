#include "workflows/providers/stripe/api.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "workflows/providers/http_call.h"
#include "workflows/providers/stripe/answer.h"
#include "workflows/providers/stripe/json.h"
#include "workflows/providers/stripe/read_object.h"

namespace dunlin {
namespace {

using stripe::Json;

constexpr int kEventsPerPage = 100;

std::string Field(std::string_view name, std::string_view value) { return UrlEncode(name) + "=" + UrlEncode(value); }
std::string InvoicePath(const InvoiceId& id) { return "/v1/invoices/" + UrlEncode(id.str()); }
std::string SubscriptionPath(const SubscriptionId& id) { return "/v1/subscriptions/" + UrlEncode(id.str()); }

Status CheckBase(const StripeOptions& options) {
  if (!IsBaseUrl(options.base_url)) {
    return Fail(
        Errc::kInvalidArgument,
        "stripe.api_base (DUNLIN_STRIPE_API_BASE) must be http:// or https:// with a host, a port and a path only");
  }
  const bool live = options.api_key.find("k_live_") != std::string::npos;
  if (live && !options.base_url.starts_with("https:"))
    return Fail(Errc::kInvalidArgument, "a live API key is never sent over plain http");
  return {};
}

bool Printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsSettled(const InvoiceFact& invoice) {
  return invoice.status == InvoiceStatus::kPaid || invoice.status == InvoiceStatus::kVoid;
}

Result<EventsPage> ReadEvents(const Json& list) {
  const Json* data = stripe::Find(list, "data");
  if (data == nullptr || !data->is_array()) return Fail(Errc::kUnavailable, "the list of events could not be read");
  EventsPage page;
  for (const Json& event : *data) page.bodies.push_back(event.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (stripe::Flag(list, "has_more") && !data->empty()) page.next = stripe::IdOf(data->back());
  return page;
}

}  // namespace

struct StripeApi::Call {
  std::string_view method;
  std::string path;
  std::string form;
  std::string_view key;
};

Result<std::unique_ptr<StripeApi>> StripeApi::Open(StripeOptions options) {
  auto network = std::make_unique<HttpCaller>(HttpCallerOptions{options.connect_timeout, options.answer_bytes_max});
  return Open(std::move(options), std::move(network));
}

Result<std::unique_ptr<StripeApi>> StripeApi::Open(StripeOptions options, std::unique_ptr<HttpTransport> transport) {
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  if (const Status base = CheckBase(options); !base) return tl::unexpected(base.error());
  if (!Printable(options.api_key)) return Fail(Errc::kInvalidArgument, "the API key has characters that no key has");
  if (!Printable(options.api_version) || options.api_version.empty()) {
    return Fail(Errc::kInvalidArgument, "the API version must look like 2026-10-28.endive");
  }
  if (options.timeout <= Millis{0} || options.connect_timeout <= Millis{0}) {
    return Fail(Errc::kInvalidArgument, "the API timeouts must be positive");
  }
  return std::unique_ptr<StripeApi>(new StripeApi(std::move(options), std::move(transport)));
}

StripeApi::StripeApi(StripeOptions options, std::unique_ptr<HttpTransport> transport)
    : options_(std::move(options)), transport_(std::move(transport)) {}
StripeApi::~StripeApi() = default;

HttpAnswer StripeApi::Send(const Call& call, Millis timeout) {
  std::vector<HttpHeader> headers = {{"Authorization", "Bearer " + options_.api_key},
                                     {"Stripe-Version", options_.api_version},
                                     {"Accept", "application/json"}};
  if (call.method == "POST") headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
  if (!call.key.empty()) headers.push_back({"Idempotency-Key", std::string(call.key)});
  return transport_->Send({call.method, options_.base_url + call.path, std::move(headers), call.form}, timeout);
}

template <class T, class Read>
Result<T> StripeApi::Ask(const Call& call, Deadline deadline, Read read) {
  if (options_.api_key.empty()) return Fail(Errc::kUnauthenticated, "there is no API key");
  const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  const HttpAnswer http = Send(call, left);
  if (!http.success()) return tl::unexpected(stripe::ReadFailure(http));
  const Result<Json> body = stripe::ParseObject(http.body);
  if (!body) return Fail(Errc::kUnavailable, "the answer could not be read: " + body.error().detail);
  return read(*body);
}

// ---- Charging ----------------------------------------------------------------------------------------------------

std::string StripeApi::ExpandPayments() const {
  return Field("expand[]", old_shape() ? "payment_intent" : "payments.data.payment.payment_intent");
}

std::string StripeApi::PayParameters(const InvoiceId&) const { return "off_session=true&" + ExpandPayments(); }

PayAnswer StripeApi::Pay(const Attempt& attempt) {
  if (options_.api_key.empty()) {
    PayAnswer answer;
    answer.outcome = PayOutcome::kNotExecuted;
    answer.detail = "there is no API key";
    return answer;
  }
  const Call call{"POST", InvoicePath(attempt.invoice) + "/pay", attempt.parameters, attempt.key.str()};
  return stripe::ReadPayAnswer(Send(call, options_.timeout));
}

Result<InvoiceAnswer> StripeApi::TakeOver(const InvoiceId& invoice, std::string_view idempotency_key) {
  const Call call{"POST", InvoicePath(invoice), "auto_advance=false&" + ExpandPayments(), idempotency_key};
  return Ask<InvoiceAnswer>(call, Start(), &stripe::ReadInvoice);
}

// ---- Subscriptions -----------------------------------------------------------------------------------------------

Result<SubscriptionAnswer> StripeApi::Cancel(const SubscriptionId& subscription, std::string_view idempotency_key) {
  const Deadline deadline = Start();
  const Call call{"DELETE", SubscriptionPath(subscription), "", idempotency_key};
  Result<SubscriptionAnswer> ended = Ask<SubscriptionAnswer>(call, deadline, &stripe::ReadSubscription);
  // Stripe knows no cancelled subscription to cancel, but shows it.
  if (ended || ended.error().code != Errc::kNotFound) return ended;
  return FetchSubscriptionBy(subscription, deadline);
}

Result<SubscriptionAnswer> StripeApi::FetchSubscription(const SubscriptionId& id) {
  return FetchSubscriptionBy(id, Start());
}

Result<SubscriptionAnswer> StripeApi::FetchSubscriptionBy(const SubscriptionId& id, Deadline deadline) {
  const std::string expand = Field("expand[]", "latest_invoice") + "&" + Field("expand[]", "customer");
  const Call call{"GET", SubscriptionPath(id) + "?" + expand, "", ""};
  Result<SubscriptionAnswer> answer = Ask<SubscriptionAnswer>(call, deadline, &stripe::ReadSubscription);
  if (!answer || !answer->latest_invoice || IsSettled(answer->latest_invoice->invoice)) return answer;
  // Stripe expands four levels deep, and from here the payments' intents are the fifth.
  Result<InvoiceAnswer> invoice = FetchInvoiceBy(answer->latest_invoice->invoice.id, deadline);
  if (!invoice) return tl::unexpected(std::move(invoice.error()));
  answer->latest_invoice = std::move(*invoice);
  return answer;
}

// ---- Invoices and payments ---------------------------------------------------------------------------------------

Result<InvoiceAnswer> StripeApi::FetchInvoice(const InvoiceId& id) { return FetchInvoiceBy(id, Start()); }

Result<InvoiceAnswer> StripeApi::FetchInvoiceBy(const InvoiceId& id, Deadline deadline) {
  std::string charge;  // the one that was declined
  const Call call{"GET", InvoicePath(id) + "?" + ExpandPayments(), "", ""};
  Result<InvoiceAnswer> answer = Ask<InvoiceAnswer>(call, deadline, [&](const Json& body) {
    if (const Json* intent = stripe::DeclinedIntent(body))
      charge = stripe::IdIn(*stripe::Find(*intent, "last_payment_error"), "charge");
    return stripe::ReadInvoice(body);
  });
  if (!answer || !answer->invoice.decline || answer->invoice.decline_at != Timestamp{} || charge.empty()) return answer;
  // Only the charge says when that was. Without it the answer still holds.
  const Call when{"GET", "/v1/charges/" + UrlEncode(charge), "", ""};
  const Result<Timestamp> made =
      Ask<Timestamp>(when, deadline, [](const Json& body) { return stripe::NeedTime(body, "created", "charge"); });
  if (made) answer->invoice.decline_at = *made;
  return answer;
}

Result<InvoiceId> StripeApi::InvoiceOfPayment(std::string_view payment_intent) {
  const std::string path = old_shape() ? "/v1/payment_intents/" + UrlEncode(payment_intent)
                                       : "/v1/invoice_payments?" + Field("payment[type]", "payment_intent") + "&" +
                                             Field("payment[payment_intent]", payment_intent);
  return Ask<InvoiceId>({"GET", path, "", ""}, Start(), [this](const Json& body) -> Result<InvoiceId> {
    const std::vector<const Json*> rows = old_shape() ? std::vector<const Json*>{&body} : stripe::RowsOf(body);
    for (const Json* row : rows) {
      if (std::string id = stripe::IdIn(*row, "invoice"); !id.empty()) return InvoiceId{std::move(id)};
    }
    return Fail(Errc::kNotFound, "the payment pays no invoice");
  });
}

// ---- Events ------------------------------------------------------------------------------------------------------

Result<EventsPage> StripeApi::ListEvents(Timestamp since, std::string_view cursor) {
  std::string path = "/v1/events?" + Field("created[gte]", std::to_string(ToUnixSeconds(since))) + "&" +
                     Field("limit", std::to_string(kEventsPerPage));
  if (!cursor.empty()) path += "&" + Field("starting_after", cursor);
  return Ask<EventsPage>({"GET", path, "", ""}, Start(), &ReadEvents);
}

}  // namespace dunlin
