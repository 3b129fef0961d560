#include "state/method.h"

#include "state/merge.h"

namespace dunlin {
namespace {

// The provider takes the subscription's own before the customer's. Empty: the snapshot does not tell.
const std::string& ChargedMethod(const SubscriptionSnapshot& s) {
  return s.default_payment_method.empty() ? s.customer_method : s.default_payment_method;
}

// The newest snapshots that show one method, and the one before them that shows another. nullptr: there is none.
struct MethodRun {
  const SubscriptionSnapshot* before = nullptr;
  const SubscriptionSnapshot* first = nullptr;
  const SubscriptionSnapshot* last = nullptr;
};

MethodRun NewestRun(const SnapshotOrder& order) {
  MethodRun run;
  for (auto s = order.oldest_first.rbegin(); s != order.oldest_first.rend(); ++s) {
    if (ChargedMethod(**s).empty()) continue;
    if (run.last == nullptr) run.last = *s;
    if (ChargedMethod(**s) != ChargedMethod(*run.last)) {
      run.before = *s;
      break;
    }
    run.first = *s;
  }
  return run;
}

}  // namespace

MethodChange NewestMethodChange(const Facts& facts) {
  const MethodChange& told = facts.method;
  const SnapshotOrder order = OrderSnapshots(facts);
  const MethodRun run = NewestRun(order);
  if (run.before == nullptr) return told;
  const MethodChange seen{run.first->SeenAt(), run.first->source, ChargedMethod(*run.first)};
  // An event from before the other method was last seen tells of an earlier change.
  if (told.at <= run.before->SeenAt()) return seen;
  const bool same = told.method.empty() || told.method == seen.method;
  return same || told.at >= run.last->SeenAt() ? told : seen;
}

MethodChange NewestMethodChange(const Facts& facts, const InvoiceFact* invoice) {
  MethodChange change = NewestMethodChange(facts);
  const bool declined = invoice != nullptr && invoice->decline && !change.method.empty() &&
                        invoice->decline->payment_method == change.method;
  if (declined && change.at >= invoice->decline_at) change.at = invoice->decline_at - Seconds{1};
  return change;
}

}  // namespace dunlin
