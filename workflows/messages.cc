#include "workflows/messages.h"

#include <nlohmann/json.hpp>

#include "workflows/decline.h"

namespace dunlin {
namespace {

using nlohmann::json;

json TimeOrNull(const std::optional<Timestamp>& t) { return t ? json(FormatRfc3339(*t)) : json(nullptr); }

struct Text {
  std::string subject;
  std::string body;
};

std::string PlanTitle(const MailContext& c) { return c.plan == nullptr ? "your plan" : c.plan->title; }

std::string Payment(const MailContext& c) {
  std::string amount;
  if (c.invoice != nullptr)
    amount = " of " + FormatMoney({c.invoice->amount_remaining, c.invoice->amount_due.currency});
  return "The payment" + amount + " for " + PlanTitle(c);
}

std::string PayLink(const MailContext& c) {
  return c.invoice == nullptr || c.invoice->hosted_url.empty() ? "" : "\n\nPay it here: " + c.invoice->hosted_url;
}

std::string WhatAccess(const MailContext& c) {
  const Values& values = c.subscription.values;
  if (values.access == Access::kRevoked) return "Paid features are paused until it is paid.";
  return values.access_until ? "You keep your paid features until " + FormatRfc3339(*values.access_until) + "."
                             : "You keep your paid features.";
}

std::string NextTry(const MailContext& c) {
  const std::optional<Timestamp>& next = c.subscription.recovery.next_attempt_at;
  return next ? " We will try again on " + FormatRfc3339(*next) + "." : "";
}

Text Compose(MailKind kind, const MailContext& c) {
  const std::string advice =
      c.invoice != nullptr && c.invoice->decline ? " " + std::string(DeclineAdvice(*c.invoice->decline)) : "";
  switch (kind) {
    case MailKind::kPaymentFailed:
      return {"Your payment failed",
              Payment(c) + " did not go through." + advice + "\n" + WhatAccess(c) + NextTry(c) + PayLink(c)};
    case MailKind::kMethodNeeded:
      return {"Please update your payment method",
              Payment(c) + " did not go through, and the same payment method cannot be tried again." + advice + "\n" +
                  WhatAccess(c) + " We try again as soon as there is another payment method." + PayLink(c)};
    case MailKind::kRecovered:
      return {"Your payment arrived",
              "Thank you: the payment for " + PlanTitle(c) + " arrived, and all paid features are on again."};
    case MailKind::kEnded:
      return {"Your subscription has ended",
              "The payment for " + PlanTitle(c) +
                  " could not be collected, so the subscription has ended. You can subscribe again at any time."};
  }
  return {};
}

}  // namespace

std::string_view MailKindName(MailKind kind) {
  switch (kind) {
    case MailKind::kPaymentFailed: return "payment_failed";
    case MailKind::kMethodNeeded: return "method_needed";
    case MailKind::kRecovered: return "payment_recovered";
    case MailKind::kEnded: return "subscription_ended";
  }
  return "";
}

std::string FailureMailKey(const SubscriptionId& id) { return "mail/failure/" + id.str(); }

NewJob MailJob(MailKind kind, const MailContext& context) {
  const Text text = Compose(kind, context);
  const Subscription& s = context.subscription;
  json content = {{"kind", "mail"},
                  {"template", MailKindName(kind)},
                  {"account", s.account.str()},
                  {"subscription", s.id.str()},
                  {"subject", text.subject},
                  {"text", text.body},
                  {"next_attempt_at", TimeOrNull(s.recovery.next_attempt_at)}};
  if (context.invoice != nullptr) {
    content["to"] = context.invoice->customer_email.empty() ? json(nullptr) : json(context.invoice->customer_email);
    content["invoice"] = context.invoice->id.str();
    content["amount_due"] = context.invoice->amount_remaining;
    content["currency"] = context.invoice->amount_due.currency;
  }
  return {.kind = JobKind::kMail,
          .key = context.unique,
          .subject = s.id.str(),
          .due = context.due,
          .payload = content.dump(-1, ' ', false, json::error_handler_t::replace),
          .on_same_key = OnSameKey::kReplace};
}

NewJob NotifyJob(const Subscription& s, std::string_view reason, Timestamp now) {
  const json content = {{"kind", "notification"},
                        {"type", "subscription.changed"},
                        {"account", s.account.str()},
                        {"subscription", s.id.str()},
                        {"version", s.version + 1},  // the one this change is stored as
                        {"status", StatusName(s.values.status)},
                        {"access", AccessName(s.values.access)},
                        {"access_until", TimeOrNull(s.values.access_until)},
                        {"plan", s.values.plan.empty() ? json(nullptr) : json(s.values.plan)},
                        {"reason", reason},
                        {"at", FormatRfc3339(now)}};
  return {.kind = JobKind::kNotify,
          .key = "",
          .subject = s.id.str(),
          .due = now,
          .payload = content.dump(-1, ' ', false, json::error_handler_t::replace)};
}

std::string AlertMessage(const Alert& alert) {
  const json content = {{"kind", "alert"},
                        {"alert", alert.kind},
                        {"subject", alert.subject},
                        {"detail", alert.detail},
                        {"at", FormatRfc3339(alert.raised_at)}};
  return content.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace dunlin
