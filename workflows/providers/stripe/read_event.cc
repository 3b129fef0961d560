#include "workflows/providers/stripe/read_event.h"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "workflows/providers/stripe/json.h"
#include "workflows/providers/stripe/read_object.h"

namespace dunlin {
namespace {

using stripe::Find;
using stripe::Has;
using stripe::IdIn;
using stripe::Json;
using stripe::Text;
using Kind = SubscriptionSnapshot::Kind;

struct Event {
  const Json& object;    // data.object
  const Json* previous;  // data.previous_attributes; nullptr: none
};
// Adds what the event says to a digest whose envelope is filled in. Errors: kInvalidArgument.
using Handler = Status (*)(const Event& event, Digest& digest);

MethodChange ChangeAt(const Digest& digest, std::string method = {}) {
  return {.at = digest.created, .source = digest.event, .method = std::move(method)};
}

// ---- Subscriptions -----------------------------------------------------------------------------------------------

Status ReadSubscriptionEvent(const Event& event, Kind kind, Digest& digest) {
  Result<SubscriptionAnswer> read = stripe::ReadSubscription(event.object);
  if (!read) return tl::unexpected(read.error());
  SubscriptionSnapshot& snapshot = read->snapshot;
  snapshot.kind = kind;
  snapshot.source = digest.event;
  snapshot.created = digest.created;
  if (event.previous != nullptr) {
    snapshot.previous = stripe::ReadPreviousAttributes(*event.previous);
    const bool other = Has(*event.previous, "default_payment_method") || Has(*event.previous, "default_source");
    if (other && !snapshot.default_payment_method.empty()) {
      digest.method = ChangeAt(digest, snapshot.default_payment_method);
    } else if (other) {
      // Its own was taken away, so the customer's is charged now, which only an answer shows.
      digest.ask = {"subscription", read->id.str()};
    }
  }
  digest.subscription = read->id;
  digest.account = read->account;
  digest.aliases = std::move(read->aliases);
  digest.snapshot = std::move(snapshot);
  digest.acted_on = true;
  return {};
}

Status OnSubscriptionCreated(const Event& event, Digest& digest) {
  return ReadSubscriptionEvent(event, Kind::kCreated, digest);
}
Status OnSubscriptionUpdated(const Event& event, Digest& digest) {
  return ReadSubscriptionEvent(event, Kind::kUpdated, digest);
}
Status OnSubscriptionDeleted(const Event& event, Digest& digest) {
  return ReadSubscriptionEvent(event, Kind::kDeleted, digest);
}

// ---- Invoices ----------------------------------------------------------------------------------------------------

Status OnInvoice(const Event& event, Digest& digest) {
  Result<InvoiceAnswer> read = stripe::ReadInvoice(event.object);
  if (!read) return tl::unexpected(read.error());
  InvoiceFact& fact = read->invoice;
  fact.source = digest.event;
  fact.created = digest.created;
  digest.subscription = read->subscription;
  digest.account = read->account;
  if (!read->payment_intents.empty()) {
    digest.link = PaymentLink{read->payment_intents.back(), fact.id, read->subscription};
  }
  digest.acted_on = !digest.subscription.empty() || digest.link.has_value();
  digest.invoice = std::move(fact);
  return {};
}

// A payment did not go through, or waits for the customer: the invoice stays unpaid.
Status OnInvoiceFailure(const Event& event, Digest& digest) {
  Status read = OnInvoice(event, digest);
  if (!read) return read;
  InvoiceFact& fact = *digest.invoice;
  fact.failures.push_back({digest.created, digest.event, digest.idempotency_key, fact.attempt_count, digest.request});
  if (fact.decline) fact.decline_at = digest.created;
  return {};
}

// A deleted draft is gone for good and nobody owes it: what `void` means.
Status OnInvoiceDeleted(const Event& event, Digest& digest) {
  Status read = OnInvoice(event, digest);
  if (!read) return read;
  digest.invoice->status = InvoiceStatus::kVoid;
  digest.invoice->amount_remaining = 0;
  return {};
}

// ---- Payments ----------------------------------------------------------------------------------------------------

void AddFailure(const Event& event, std::string payment_intent, Decline decline, Digest& digest) {
  const std::string invoice = IdIn(event.object, "invoice");
  if (payment_intent.empty() && invoice.empty()) return;
  PaymentFailure failure;
  if (!invoice.empty()) failure.invoice = InvoiceId{invoice};
  if (!invoice.empty() && !payment_intent.empty()) digest.link = PaymentLink{payment_intent, *failure.invoice, {}};
  failure.payment_intent = std::move(payment_intent);
  failure.at = digest.created;
  failure.decline = std::move(decline);
  digest.account = AccountId{IdIn(event.object, "customer")};
  digest.failure = std::move(failure);
  digest.acted_on = true;
}

Status OnPaymentIntentFailed(const Event& event, Digest& digest) {
  Result<std::string> id = stripe::NeedText(event.object, "id", "payment intent");
  if (!id) return tl::unexpected(id.error());
  const Json* error = Find(event.object, "last_payment_error");
  AddFailure(event, std::move(*id), error == nullptr ? Decline{} : stripe::ReadDecline(*error), digest);
  return {};
}

// A charge without a payment intent or an invoice pays nothing of ours.
Status OnChargeFailed(const Event& event, Digest& digest) {
  AddFailure(event, IdIn(event.object, "payment_intent"), stripe::ReadChargeDecline(event.object), digest);
  return {};
}

Status OnInvoicePaymentPaid(const Event& event, Digest& digest) {
  const Json* payment = Find(event.object, "payment");
  const std::string intent = payment == nullptr ? std::string() : IdIn(*payment, "payment_intent");
  const std::string invoice = IdIn(event.object, "invoice");
  if (intent.empty() || invoice.empty()) return {};  // paid by a payment that is no payment intent
  digest.link = PaymentLink{intent, InvoiceId{invoice}, {}};
  digest.acted_on = true;
  return {};
}

// ---- Customers and their payment methods -------------------------------------------------------------------------

Status OnCustomer(const Event& event, Digest& digest) {
  Result<std::string> id = stripe::NeedText(event.object, "id", "customer");
  if (!id) return tl::unexpected(id.error());
  digest.account = AccountId{*id};
  digest.aliases = stripe::ReadAliases(event.object, digest.account);
  if (event.previous != nullptr) {
    const Json* settings = Find(event.object, "invoice_settings");
    const Json* settings_before = Find(*event.previous, "invoice_settings");
    const bool other_method = settings_before != nullptr && Has(*settings_before, "default_payment_method");
    const std::string method =
        other_method && settings != nullptr ? IdIn(*settings, "default_payment_method") : std::string();
    const std::string source =
        Has(*event.previous, "default_source") ? IdIn(event.object, "default_source") : std::string();
    // One that was only taken away is nothing new to charge.
    if (!method.empty() || !source.empty()) digest.method = ChangeAt(digest, method.empty() ? source : method);
  }
  digest.acted_on = digest.method.has_value() || !digest.aliases.empty();
  return {};
}

void AddMethodOfCustomer(const Event& event, Digest& digest) {
  digest.account = AccountId{IdIn(event.object, "customer")};
  if (digest.account.empty()) return;
  digest.method = ChangeAt(digest);
  digest.acted_on = true;
}

// The card network brought the card up to date.
Status OnMethodRenewed(const Event& event, Digest& digest) {
  AddMethodOfCustomer(event, digest);
  return {};
}

// An address alone makes no other card of it.
Status OnMethodUpdated(const Event& event, Digest& digest) {
  const std::string type = Text(event.object, "type");
  if (event.previous != nullptr && Has(*event.previous, type.empty() ? "card" : type))
    AddMethodOfCustomer(event, digest);
  return {};
}

Status OnCheckoutDone(const Event& event, Digest& digest) {
  digest.account = AccountId{IdIn(event.object, "customer")};
  digest.aliases = stripe::ReadAliases(event.object, digest.account);
  const std::string reference = Text(event.object, "client_reference_id");
  const bool listed =
      std::any_of(digest.aliases.begin(), digest.aliases.end(), [&](const Alias& a) { return a.alias == reference; });
  if (!reference.empty() && !digest.account.empty() && !listed) digest.aliases.push_back({reference, digest.account});
  if (const std::string id = IdIn(event.object, "subscription"); !id.empty()) digest.ask = {"subscription", id};
  digest.acted_on = digest.ask.has_value() || !digest.aliases.empty();
  return {};
}

// ---- The types we act on -----------------------------------------------------------------------------------------

struct Route {
  std::string_view type;
  Handler handle;
};
// Any other type is kept and left alone. Not here: invoice.upcoming (it has no id yet), payment_method.attached (it
// changes nothing of what is charged) and payment_intent.requires_action (the customer is at it; what failed for want
// of it comes as a failure).
constexpr auto kRoutes = std::to_array<Route>({
    {"charge.failed", &OnChargeFailed},
    {"checkout.session.async_payment_succeeded", &OnCheckoutDone},
    {"checkout.session.completed", &OnCheckoutDone},
    {"customer.created", &OnCustomer},
    {"customer.subscription.created", &OnSubscriptionCreated},
    {"customer.subscription.deleted", &OnSubscriptionDeleted},
    {"customer.subscription.paused", &OnSubscriptionUpdated},
    {"customer.subscription.pending_update_applied", &OnSubscriptionUpdated},
    {"customer.subscription.pending_update_expired", &OnSubscriptionUpdated},
    {"customer.subscription.resumed", &OnSubscriptionUpdated},
    {"customer.subscription.trial_will_end", &OnSubscriptionUpdated},
    {"customer.subscription.updated", &OnSubscriptionUpdated},
    {"customer.updated", &OnCustomer},
    {"invoice.created", &OnInvoice},
    {"invoice.deleted", &OnInvoiceDeleted},
    {"invoice.finalization_failed", &OnInvoice},
    {"invoice.finalized", &OnInvoice},
    {"invoice.marked_uncollectible", &OnInvoice},
    {"invoice.overdue", &OnInvoice},
    {"invoice.overpaid", &OnInvoice},
    {"invoice.paid", &OnInvoice},
    {"invoice.payment_action_required", &OnInvoiceFailure},
    {"invoice.payment_attempt_required", &OnInvoice},
    {"invoice.payment_failed", &OnInvoiceFailure},
    {"invoice.payment_succeeded", &OnInvoice},
    {"invoice.sent", &OnInvoice},
    {"invoice.updated", &OnInvoice},
    {"invoice.voided", &OnInvoice},
    {"invoice.will_be_due", &OnInvoice},
    {"invoice_payment.paid", &OnInvoicePaymentPaid},
    {"payment_intent.payment_failed", &OnPaymentIntentFailed},
    {"payment_method.automatically_updated", &OnMethodRenewed},
    {"payment_method.updated", &OnMethodUpdated},
});
static_assert(std::ranges::is_sorted(kRoutes, std::less{}, &Route::type), "keep sorted: found by binary search");

Handler HandlerOf(std::string_view type) {
  const auto* route = std::ranges::lower_bound(kRoutes, type, std::less{}, &Route::type);
  return route == kRoutes.end() || route->type != type ? nullptr : route->handle;
}

// ---- Envelopes ---------------------------------------------------------------------------------------------------

void ReadRequest(const Json* request, Digest& digest) {
  if (request == nullptr) return;
  // Until 2017-05-25 `request` was the request's id alone.
  digest.request = request->is_string() ? request->get<std::string>() : Text(*request, "id");
  digest.idempotency_key = Text(*request, "idempotency_key");
}

Status ReadThinEvent(const Json& body, Digest& digest) {
  constexpr std::string_view kSnapshotTwin = "v1.";  // most types have a thin twin of that name
  if (digest.type.starts_with(kSnapshotTwin)) digest.type.erase(0, kSnapshotTwin.size());
  const Result<std::string> created = stripe::NeedText(body, "created", "event");
  if (!created) return tl::unexpected(created.error());
  const Result<Timestamp> at = ParseRfc3339(*created);
  if (!at) return Fail(Errc::kInvalidArgument, "event: `created`: " + at.error().detail);
  digest.created = *at;
  ReadRequest(Find(body, {"reason", "request"}), digest);
  const Json* related = Find(body, "related_object");
  const std::string type = related == nullptr ? "" : Text(*related, "type");
  const std::string kind = type.substr(type.rfind('.') + 1);  // "billing.invoice" too
  const std::string id = related == nullptr ? "" : Text(*related, "id");
  const bool of_customer = kind == "customer" && digest.type == "customer.updated";
  if (!id.empty() && (kind == "subscription" || kind == "invoice" || of_customer)) {
    digest.ask = {kind, id};
    digest.acted_on = true;
  } else if (HandlerOf(digest.type) != nullptr) {
    digest.ask = {"events", ""};
    digest.acted_on = true;
  }
  return {};
}

Status ReadSnapshotEvent(const Json& body, Digest& digest) {
  const Result<Timestamp> created = stripe::NeedTime(body, "created", "event");
  if (!created) return tl::unexpected(created.error());
  digest.created = *created;
  ReadRequest(Find(body, "request"), digest);
  const Handler handle = HandlerOf(digest.type);
  if (handle == nullptr) return {};
  const Json* object = Find(body, {"data", "object"});
  if (object == nullptr || !object->is_object()) {
    return Fail(Errc::kInvalidArgument, "event: `data.object` is missing or not an object");
  }
  return handle({*object, Find(body, {"data", "previous_attributes"})}, digest);
}

}  // namespace

Result<Digest> ReadStripeEvent(std::string_view body) {
  const Result<Json> event = stripe::ParseObject(body);
  if (!event) return Fail(Errc::kInvalidArgument, "event: " + event.error().detail);
  Result<std::string> id = stripe::NeedText(*event, "id", "event");
  if (!id) return tl::unexpected(std::move(id.error()));
  Result<std::string> type = stripe::NeedText(*event, "type", "event");
  if (!type) return tl::unexpected(std::move(type.error()));
  Digest digest;
  digest.event = EventId{std::move(*id)};
  digest.type = std::move(*type);
  const bool thin = Text(*event, "object") == "v2.core.event";
  const Status read = thin ? ReadThinEvent(*event, digest) : ReadSnapshotEvent(*event, digest);
  if (!read) return Fail(Errc::kInvalidArgument, digest.type + ": " + read.error().detail);
  return digest;
}

}  // namespace dunlin
