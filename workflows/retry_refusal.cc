#include <algorithm>

#include "state/derive.h"
#include "state/merge.h"
#include "state/method.h"
#include "workflows/decide.h"
#include "workflows/schedule.h"

namespace dunlin {
namespace {

std::optional<RetryRefusal> RefuseByState(const Recovery& recovery) {
  switch (recovery.state) {
    case RecoveryState::kNone: return std::nullopt;
    case RecoveryState::kFollowing:
      return RetryRefusal{
          "other_owner",
          "other owner: the provider collects this subscription (owner = \"provider\"), so retry it there"};
    case RecoveryState::kTakingOver:
      return RetryRefusal{"taking_over",
                          "taking over: the invoice is being taken over from the provider; try again in a moment"};
    case RecoveryState::kCharging:
      return RetryRefusal{"already_charging", "already charging: an attempt is under way; wait for its outcome"};
    case RecoveryState::kEnding:
      if (recovery.open_attempt.empty()) return std::nullopt;  // nothing was sent yet
      return RetryRefusal{"ending", "ending: the schedule is spent and the provider is being told to cancel"};
    case RecoveryState::kWaiting:
    case RecoveryState::kAwaitingMethod:
    case RecoveryState::kExhausted: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<RetryRefusal> RefuseRetry(const SubscriptionRecord& record, const PolicyBook& policies, Timestamp now) {
  const Subscription& s = record.subscription;
  const Recovery& recovery = s.recovery;
  if (s.provider == Provider::kAwsMarketplace) {
    return RetryRefusal{
        "other_owner",
        "other owner: AWS Marketplace collects this subscription (R21); nothing of it can be charged here"};
  }
  if (s.values.status == SubscriptionStatus::kCanceled) {
    return RetryRefusal{"canceled",
                        "cancelled: the subscription has ended, and nobody who cancelled is charged again (R17)"};
  }
  if (recovery.state == RecoveryState::kNone) {
    if (s.values.cancel_at && Derive(s.facts, policies.current().catalog, Millis{0}, now).cancelled) {
      return RetryRefusal{"canceled", "cancelled: it ends at " + FormatRfc3339(*s.values.cancel_at) +
                                          ", and nobody who cancelled is charged again (R17)"};
    }
    return RetryRefusal{"nothing_to_collect", "nothing to collect: no invoice of this subscription is overdue"};
  }
  if (auto refusal = RefuseByState(recovery)) return refusal;
  if (std::any_of(record.attempts.begin(), record.attempts.end(), [](const Attempt& a) { return IsOpen(a.state); })) {
    return RetryRefusal{"already_charging",
                        "already charging: an earlier attempt is still under way; wait for its outcome"};
  }
  const InvoiceFact* invoice = FindInvoice(s.facts, recovery.invoice);
  if (invoice == nullptr || invoice->status != InvoiceStatus::kOpen) {
    return RetryRefusal{"nothing_to_collect", "nothing to collect: invoice " + recovery.invoice.str() + " is not open"};
  }
  if (invoice->next_payment_attempt) {
    return RetryRefusal{"other_owner", "other owner: the provider plans an attempt of its own at " +
                                           FormatRfc3339(*invoice->next_payment_attempt)};
  }
  const CollectionPolicy& rules = policies.Pinned(recovery.policy, recovery.policy_version);
  const MethodChange method = NewestMethodChange(s.facts, invoice);
  const int made = AttemptsInWindow(rules, invoice, record.attempts, method, now, s.facts.invoices);
  if (made >= rules.network_attempts_max) {
    return RetryRefusal{"network_limit", "network limit: " + std::to_string(made) +
                                             " attempts on this payment method within " +
                                             FormatDuration(rules.network_window) + "; ask for another payment method"};
  }
  return std::nullopt;
}

}  // namespace dunlin
