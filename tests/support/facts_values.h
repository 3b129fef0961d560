// Facts of a usual size: what an active customer with a failed renewal leaves behind.
#pragma once

#include <string>

#include "state/facts.h"

namespace dunlin::testing {

inline SubscriptionSnapshot FullSnapshot(int n) {
  const Timestamp at = FromUnixSeconds(1'795'262'400) + n * 1h;
  SubscriptionSnapshot s;
  s.kind = SubscriptionSnapshot::Kind::kUpdated;
  s.source = EventId("evt_1PxYzKAbCdEfGhIjKlMnOp0" + std::to_string(n));
  s.created = at;
  s.status = ProviderStatus::kPastDue;
  s.customer = AccountId("cus_QwErTyUiOpAsDf");
  s.prices = {"price_pro_plus_month", "price_seat"};
  s.period_end = at + 720h;
  s.cancel_at_period_end = true;
  s.cancel_at = at + 700h;
  s.ended_at = at + 701h;
  s.latest_invoice = "in_1PxYzKAbCdEfGhIjKlMnOp0" + std::to_string(n);
  s.default_payment_method = "pm_1PxYzKAbCdEfGhIjKlMnOpQr";
  s.customer_method = "pm_1PxYzKAbCdEfGhIjKlMnOpQs";
  s.collected_by_invoice_mail = true;
  s.previous = PreviousAttributes{.status = ProviderStatus::kActive,
                                  .cancel_at_period_end = false,
                                  .cancel_at = std::optional<Timestamp>(at + 1h),
                                  .latest_invoice = "in_0",
                                  .default_payment_method = "",
                                  .period_end = at,
                                  .prices = std::vector<std::string>{}};
  return s;
}

inline InvoiceFact FullInvoice(int n) {
  const Timestamp at = FromUnixSeconds(1'795'262'400) + n * 1h;
  InvoiceFact i;
  i.id = InvoiceId("in_1PxYzKAbCdEfGhIjKlMnOp0" + std::to_string(n));
  i.status = InvoiceStatus::kOpen;
  i.attempt_count = 2;
  i.created = at;
  i.fetched = true;
  i.source = EventId("evt_1PxYzKAbCdEfGhIjKlMnOp1" + std::to_string(n));
  i.billing_reason = "subscription_cycle";
  i.auto_advance = true;
  i.next_payment_attempt = at + 72h;
  i.amount_due = {4000, "usd"};
  i.amount_remaining = 3999;
  i.line_period_end = at + 720h;
  i.made_at = at - 1s;
  i.customer_email = "an\"n\\@example.org";
  i.hosted_url = "https://invoice.example.org/i/acct_1/test_YWNjdF8x?s=ap";
  i.failures = {{at, EventId("evt_f1"), "", 1}, {at + 1h, EventId("evt_f2"), "dunlin/7/1", 2, "req_7"}};
  i.decline = Decline{"insufficient_funds", "try_again_later", "51", "pm_1"};
  i.decline_at = at + 1h;
  return i;
}

inline Facts MakeFacts(int snapshots, int invoices) {
  Facts facts;
  for (int n = 0; n < snapshots; ++n) facts.snapshots.push_back(FullSnapshot(n));
  for (int n = 0; n < invoices; ++n) facts.invoices.push_back(FullInvoice(n));
  const Timestamp at = FromUnixSeconds(1'795'262'400);
  facts.method = {at, EventId("evt_m"), "pm_2"};
  facts.baseline = {at - 840h, at - 1h, at - 2h, at - 3h, {at - 841h, EventId("fetch/7"), "pm_0"}};
  return facts;
}

}  // namespace dunlin::testing
