#include "workflows/providers/stripe/read_object.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "workflows/providers/stripe/json.h"

namespace dunlin::stripe {
namespace {

constexpr std::int64_t kAttemptsMax = 1'000'000;

void KeepLater(std::optional<Timestamp>& kept, const std::optional<Timestamp>& other) {
  if (other && (!kept || *kept < *other)) kept = other;
}

// The price of an item: since 2019 `price`, before that `plan`.
std::string PriceOf(const Json& item) {
  std::string price = IdIn(item, "price");
  return price.empty() ? IdIn(item, "plan") : price;
}

std::vector<std::string> PricesOf(const Json& subscription) {
  std::vector<std::string> prices;
  for (const Json* item : ListIn(subscription, "items")) {
    if (std::string price = PriceOf(*item); !price.empty()) prices.push_back(std::move(price));
  }
  if (std::string plan = IdIn(subscription, "plan"); prices.empty() && !plan.empty()) prices.push_back(std::move(plan));
  std::sort(prices.begin(), prices.end());
  return prices;
}

// The latest of the items' period ends; before basil the subscription had the one of all.
std::optional<Timestamp> PeriodEndOf(const Json& subscription) {
  std::optional<Timestamp> end;
  for (const Json* item : ListIn(subscription, "items")) KeepLater(end, Time(*item, "current_period_end"));
  return end ? end : Time(subscription, "current_period_end");
}

std::string SubscriptionOf(const Json& invoice) {
  const Json* details = Find(invoice, {"parent", "subscription_details"});
  std::string id = details == nullptr ? std::string() : IdIn(*details, "subscription");
  return id.empty() ? IdIn(invoice, "subscription") : id;
}

// Stripe's own type allows null, and the oldest invoices have only `paid`.
Status CheckInvoiceStatus(const Json& invoice) {
  if (!Has(invoice, "status") && !Has(invoice, "paid")) {
    return Fail(Errc::kInvalidArgument, "invoice: `status` is missing");
  }
  const Json* status = Find(invoice, "status");
  if (status != nullptr && !status->is_string()) return Fail(Errc::kInvalidArgument, "invoice: `status` is not a text");
  return {};
}

// A word we do not know says as little as a draft: it gives way to every other picture.
InvoiceStatus StatusOf(const Json& invoice) {
  const std::optional<InvoiceStatus> status = ParseInvoiceStatus(Text(invoice, "status"));
  if (status) return *status;
  return Flag(invoice, "paid") ? InvoiceStatus::kPaid : InvoiceStatus::kDraft;
}

std::optional<Timestamp> LinePeriodEnd(const Json& invoice) {
  std::optional<Timestamp> end;
  for (const Json* line : ListIn(invoice, "lines")) {
    if (const Json* period = Find(*line, "period")) KeepLater(end, Time(*period, "end"));
  }
  return end ? end : Time(invoice, "period_end");
}

// What is charged where the subscription has none of its own.
std::string DefaultMethodOf(const Json& customer) {
  const Json* settings = Find(customer, "invoice_settings");
  std::string method = settings == nullptr ? std::string() : IdIn(*settings, "default_payment_method");
  return method.empty() ? IdIn(customer, "default_source") : method;
}

struct Payment {
  std::int64_t created = 0;
  bool canceled = false;
  const Json* intent = nullptr;  // the id, or the payment intent where it is expanded
};

// The payments made on an invoice, oldest first.
std::vector<Payment> PaymentsOf(const Json& invoice) {
  std::vector<Payment> payments;
  for (const Json* row : ListIn(invoice, "payments")) {
    const Json* intent = Find(*row, {"payment", "payment_intent"});
    if (intent == nullptr || IdOf(*intent).empty()) continue;
    payments.push_back({Integer(*row, "created").value_or(0), Text(*row, "status") == "canceled", intent});
  }
  // Lists come newest first.
  std::reverse(payments.begin(), payments.end());
  std::stable_sort(payments.begin(), payments.end(),
                   [](const auto& a, const auto& b) { return a.created < b.created; });
  const Json* only = Find(invoice, "payment_intent");
  if (payments.empty() && only != nullptr && !IdOf(*only).empty()) payments.push_back({0, false, only});
  return payments;
}

// When the charge that failed was made, where it is expanded (or listed, before 2022-11-15).
Timestamp DeclineTime(const Json& intent) {
  const std::string failed = IdIn(*Find(intent, "last_payment_error"), "charge");
  std::vector<const Json*> charges = ListIn(intent, "charges");
  if (const Json* latest = Find(intent, "latest_charge")) charges.insert(charges.begin(), latest);
  for (const Json* charge : charges) {
    const std::optional<Timestamp> made = Time(*charge, "created");
    if (made && (failed.empty() || failed == IdOf(*charge))) return *made;
  }
  return Timestamp{};
}

void ReadPayments(const Json& invoice, InvoiceAnswer& answer) {
  for (const Payment& payment : PaymentsOf(invoice)) {
    answer.payment_intents.push_back(IdOf(*payment.intent));
    answer.processing = answer.processing || (!payment.canceled && Text(*payment.intent, "status") == "processing");
  }
  const Json* charge = Find(invoice, "charge");
  if (const Json* declined = DeclinedIntent(invoice)) {
    answer.invoice.decline = ReadDecline(*Find(*declined, "last_payment_error"));
    answer.invoice.decline_at = DeclineTime(*declined);
  } else if (charge != nullptr && Text(*charge, "status") == "failed") {
    answer.invoice.decline = ReadChargeDecline(*charge);
    answer.invoice.decline_at = Time(*charge, "created").value_or(Timestamp{});
  }
}

}  // namespace

Result<SubscriptionAnswer> ReadSubscription(const Json& subscription) {
  const Result<std::string> id = NeedText(subscription, "id", "subscription");
  if (!id) return tl::unexpected(id.error());
  const Result<std::string> status = NeedText(subscription, "status", "subscription");
  if (!status) return tl::unexpected(status.error());
  SubscriptionAnswer answer;
  answer.id = SubscriptionId{*id};
  answer.account = AccountId{IdIn(subscription, "customer")};
  answer.aliases = ReadAliases(subscription, answer.account);
  SubscriptionSnapshot& s = answer.snapshot;
  s.status = ParseProviderStatus(*status);
  s.customer = answer.account;
  s.prices = PricesOf(subscription);
  s.period_end = PeriodEndOf(subscription);
  s.cancel_at_period_end = Flag(subscription, "cancel_at_period_end");
  s.cancel_at = Time(subscription, "cancel_at");
  s.ended_at = Time(subscription, "ended_at");
  s.latest_invoice = IdIn(subscription, "latest_invoice");
  s.default_payment_method = IdIn(subscription, "default_payment_method");
  if (const Json* customer = Find(subscription, "customer")) s.customer_method = DefaultMethodOf(*customer);
  const std::string collection = Text(subscription, "collection_method");
  s.collected_by_invoice_mail = (collection.empty() ? Text(subscription, "billing") : collection) == "send_invoice";
  const Json* latest = Find(subscription, "latest_invoice");
  if (latest != nullptr && latest->is_object()) {
    if (Result<InvoiceAnswer> invoice = ReadInvoice(*latest)) answer.latest_invoice = std::move(*invoice);
  }
  return answer;
}

PreviousAttributes ReadPreviousAttributes(const Json& previous) {
  PreviousAttributes was;
  if (Has(previous, "status")) was.status = ParseProviderStatus(Text(previous, "status"));
  if (Has(previous, "cancel_at_period_end")) was.cancel_at_period_end = Flag(previous, "cancel_at_period_end");
  if (Has(previous, "cancel_at")) was.cancel_at = std::optional<std::optional<Timestamp>>(Time(previous, "cancel_at"));
  if (Has(previous, "latest_invoice")) was.latest_invoice = IdIn(previous, "latest_invoice");
  if (Has(previous, "default_payment_method")) was.default_payment_method = IdIn(previous, "default_payment_method");
  was.period_end = PeriodEndOf(previous);
  // A list of items appears whole; of the old shape's plan, only what changed.
  if (std::vector<std::string> prices = PricesOf(previous); !prices.empty()) was.prices = std::move(prices);
  return was;
}

Result<InvoiceAnswer> ReadInvoice(const Json& invoice) {
  const Result<std::string> id = NeedText(invoice, "id", "invoice");
  if (!id) return tl::unexpected(id.error());
  const Result<Timestamp> made_at = NeedTime(invoice, "created", "invoice");
  if (!made_at) return tl::unexpected(made_at.error());
  if (const Status status = CheckInvoiceStatus(invoice); !status) return tl::unexpected(status.error());
  InvoiceAnswer answer;
  answer.subscription = SubscriptionId{SubscriptionOf(invoice)};
  answer.account = AccountId{IdIn(invoice, "customer")};
  InvoiceFact& fact = answer.invoice;
  fact.id = InvoiceId{*id};
  fact.made_at = *made_at;
  fact.status = StatusOf(invoice);
  fact.attempt_count =
      static_cast<int>(std::clamp<std::int64_t>(Integer(invoice, "attempt_count").value_or(0), 0, kAttemptsMax));
  fact.billing_reason = Text(invoice, "billing_reason");
  fact.auto_advance = Flag(invoice, "auto_advance");
  fact.next_payment_attempt = Time(invoice, "next_payment_attempt");
  fact.amount_due = {Integer(invoice, "amount_due").value_or(0), Text(invoice, "currency")};
  const bool settled = fact.status == InvoiceStatus::kPaid || fact.status == InvoiceStatus::kVoid;
  fact.amount_remaining = Integer(invoice, "amount_remaining").value_or(settled ? 0 : fact.amount_due.minor);
  fact.line_period_end = LinePeriodEnd(invoice);
  fact.customer_email = Text(invoice, "customer_email");
  fact.hosted_url = Text(invoice, "hosted_invoice_url");
  ReadPayments(invoice, answer);
  return answer;
}

const Json* DeclinedIntent(const Json& invoice) {
  const std::vector<Payment> payments = PaymentsOf(invoice);
  for (auto payment = payments.rbegin(); payment != payments.rend(); ++payment) {
    if (const Json* error = Find(*payment->intent, "last_payment_error"); error != nullptr && error->is_object()) {
      return payment->intent;
    }
  }
  return nullptr;
}

std::string NewestPaymentStatus(const Json& invoice) {
  const std::vector<Payment> payments = PaymentsOf(invoice);
  return payments.empty() ? std::string() : Text(*payments.back().intent, "status");
}

Decline ReadDecline(const Json& error) {
  Decline decline;
  decline.code = Text(error, "decline_code");
  if (decline.code.empty()) decline.code = Text(error, "code");
  decline.advice_code = Text(error, "advice_code");
  decline.network_advice_code = Text(error, "network_advice_code");
  decline.payment_method = IdIn(error, "payment_method");
  if (decline.payment_method.empty()) decline.payment_method = IdIn(error, "source");
  return decline;
}

Decline ReadChargeDecline(const Json& charge) {
  Decline decline;
  const Json* outcome = Find(charge, "outcome");
  if (outcome != nullptr) {
    decline.code = Text(*outcome, "reason");
    decline.advice_code = Text(*outcome, "advice_code");
    decline.network_advice_code = Text(*outcome, "network_advice_code");
  }
  if (decline.code.empty()) decline.code = Text(charge, "failure_code");
  decline.payment_method = IdIn(charge, "payment_method");
  return decline;
}

std::vector<Alias> ReadAliases(const Json& object, const AccountId& account) {
  const Json* metadata = Find(object, "metadata");
  std::string alias = metadata == nullptr ? std::string() : Text(*metadata, "account");
  if (alias.empty() || account.empty()) return {};
  return {Alias{std::move(alias), account}};
}

}  // namespace dunlin::stripe
