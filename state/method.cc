#include "state/method.h"

#include <algorithm>

#include "state/merge.h"

namespace dunlin {
namespace {

// The provider's clock and ours: an answer that was asked for this soon after an event may be older than it.
constexpr Millis kClocksDiffer{1min};

}  // namespace

std::vector<MethodChange> MethodSightings(std::span<const SubscriptionSnapshot* const> ordered) {
  std::vector<MethodChange> seen;
  for (const SubscriptionSnapshot* s : ordered) {
    // The provider takes the subscription's own before the customer's.
    const std::string& method = s->default_payment_method.empty() ? s->customer_method : s->default_payment_method;
    if (!method.empty()) seen.push_back({s->SeenAt(), s->source, method});
  }
  return seen;
}

MethodChange NewestMethodChange(const Facts& facts) {
  const MethodChange& told = facts.method;
  std::vector<MethodChange> seen = MethodSightings(OrderSnapshots(facts).oldest_first);
  if (!facts.baseline.method_seen.source.empty()) seen.insert(seen.begin(), facts.baseline.method_seen);
  if (!told.source.empty()) {
    const Timestamp until = told.method.empty() ? told.at : told.at + kClocksDiffer;
    seen.insert(std::find_if(seen.begin(), seen.end(), [&](const MethodChange& s) { return s.at > until; }), told);
  }
  // Back to where the method that was seen last was seen first.
  for (auto s = seen.rbegin(); s != seen.rend(); ++s) {
    if (s->method.empty()) return *s;
    if (s->method != seen.back().method) return *std::prev(s);
  }
  return told;
}

MethodChange NewestMethodChange(const Facts& facts, const InvoiceFact* invoice) {
  MethodChange change = NewestMethodChange(facts);
  const bool declined = invoice != nullptr && invoice->decline && !change.method.empty() &&
                        invoice->decline->payment_method == change.method;
  if (declined && change.at >= invoice->decline_at) change.at = invoice->decline_at - Seconds{1};
  return change;
}

}  // namespace dunlin
