// The facts of one customer's story, told one at a time: sub_1 of cus_1 on plan "pro", whose renewal in_1 fails.
#pragma once

#include <string>
#include <utility>

#include "state/merge.h"
#include "tests/support/ledger_values.h"
#include "workflows/policy_book.h"

namespace dunlin::testing {

using namespace std::chrono_literals;

inline constexpr Millis kDay{24h};

inline SubscriptionSnapshot Snapshot(std::string source, Timestamp at, ProviderStatus status) {
  SubscriptionSnapshot s;
  s.source = EventId{std::move(source)};
  s.created = at;
  s.status = status;
  s.customer = AccountId{"cus_1"};
  s.prices = {"price_pro"};
  s.period_end = kNoon + 30 * kDay;
  return s;
}

inline InvoiceFact Invoice(std::string source, Timestamp at, InvoiceStatus status = InvoiceStatus::kOpen,
                           std::string id = "in_1") {
  InvoiceFact i;
  i.id = InvoiceId{std::move(id)};
  i.source = EventId{std::move(source)};
  i.created = at;
  i.status = status;
  i.attempt_count = 1;
  i.billing_reason = "subscription_cycle";
  i.amount_due = {2000, "usd"};
  i.amount_remaining = status == InvoiceStatus::kPaid ? 0 : 2000;
  i.line_period_end = kNoon + 30 * kDay;
  i.made_at = kNoon - 1h;
  return i;
}

inline InvoiceFact FailedInvoice(std::string source, Timestamp at, std::string key = "", int count = 1) {
  InvoiceFact i = Invoice(source, at);
  i.attempt_count = count;
  i.failures = {{at, EventId{source}, std::move(key), count}};
  return i;
}

inline Policy PolicyOf(CollectionPolicy collection, int version = 1) {
  Policy policy;
  policy.version = version;
  PlanPolicy plan;
  plan.name = "pro";
  plan.title = "Pro";
  plan.rank = 2;
  plan.price = {2000, "usd"};
  plan.per = "month";
  plan.stripe_prices = {"price_pro"};
  policy.plans.emplace(plan.name, plan);
  policy.catalog.by_price.emplace("price_pro", PlanCatalog::Plan{"pro", 2});
  policy.collections.emplace("default", std::move(collection));
  return policy;
}

// Collected by this service, without jitter, so that times are round.
inline CollectionPolicy ServicePolicy() {
  CollectionPolicy policy;
  policy.owner = Owner::kService;
  policy.jitter_percent = 0;
  return policy;
}

}  // namespace dunlin::testing
