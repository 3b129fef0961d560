// Short words for facts, so that a test shows only what it is about.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "state/derive.h"
#include "state/facts.h"
#include "state/merge.h"

namespace dunlin::build {

constexpr Timestamp Day(int day, int second = 0) { return FromUnixSeconds(1'790'000'000 + day * 86'400 + second); }

// A subscription whose current period ends on day 30.
inline SubscriptionSnapshot Snapshot(std::string source, Timestamp created, ProviderStatus status) {
  SubscriptionSnapshot s;
  s.source = EventId{std::move(source)};
  s.created = created;
  s.status = status;
  s.customer = AccountId{"cus_1"};
  s.prices = {"price_pro"};
  s.period_end = Day(30);
  return s;
}

inline SubscriptionSnapshot Answer(int number, const Facts& known, ProviderStatus status) {
  SubscriptionSnapshot s = Snapshot("fetch/" + std::to_string(number), NewestFact(known), status);
  s.kind = SubscriptionSnapshot::Kind::kFetched;
  s.fence = EventsAt(known, s.created);
  s.fetch_number = number;
  return s;
}

// An invoice of 40.00 for the period that ends on day 30, made on day 0.
inline InvoiceFact Invoice(std::string source, Timestamp created, InvoiceStatus status, std::string id = "in_1") {
  InvoiceFact i;
  i.id = InvoiceId{std::move(id)};
  i.source = EventId{std::move(source)};
  i.created = created;
  i.status = status;
  i.billing_reason = "subscription_cycle";
  i.amount_due = {4000, "usd"};
  i.amount_remaining = status == InvoiceStatus::kPaid ? 0 : 4000;
  i.line_period_end = Day(30);
  i.made_at = Day(0);
  return i;
}

// The same with a payment that failed, as `source` tells.
inline InvoiceFact Failed(std::string source, Timestamp at, std::string id = "in_1") {
  InvoiceFact i = Invoice(source, at, InvoiceStatus::kOpen, std::move(id));
  i.attempt_count = 1;
  i.failures = {{.at = at, .source = EventId{std::move(source)}, .key = "", .attempt_count = 1}};
  return i;
}

inline SubscriptionSnapshot Naming(std::string invoice, SubscriptionSnapshot s) {
  s.latest_invoice = std::move(invoice);
  return s;
}

inline InvoiceFact Because(std::string reason, InvoiceFact invoice) {
  invoice.billing_reason = std::move(reason);
  return invoice;
}

inline InvoiceFact Made(Timestamp at, InvoiceFact invoice) {
  invoice.made_at = at;
  return invoice;
}

template <class... Fact>
Facts Together(const Fact&... fact) {
  Facts facts;
  (Merge(facts, fact), ...);
  return facts;
}

// The sources in the order of R25, "e1 e2 ".
inline std::string Order(const Facts& facts) {
  std::string ids;
  for (const SubscriptionSnapshot* s : OrderSnapshots(facts).oldest_first) ids += s->source.str() + " ";
  return ids;
}

// An update that tells which status was there before it.
inline SubscriptionSnapshot Update(std::string source, Timestamp created, ProviderStatus from, ProviderStatus to) {
  SubscriptionSnapshot s = Snapshot(std::move(source), created, to);
  s.previous = PreviousAttributes{};
  if (from != to) s.previous->status = from;
  return s;
}

inline const PlanCatalog& Plans() {
  static const PlanCatalog kPlans{.by_price = {{"price_pro", {"pro", 2}}, {"price_plus", {"pro_plus", 3}}}};
  return kPlans;
}

inline Derived Derive(const Facts& facts, Timestamp now = Day(40), Millis grace = Millis{0}) {
  return dunlin::Derive(facts, Plans(), grace, now);
}

}  // namespace dunlin::build
