// What happens next, decided by a pure function: no clock, no I/O, no chance. The caller commits the decision as one
// unit of the ledger; the jobs in it are carried out later.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

// Why the subscription is looked at. Facts speak for themselves; the others are wishes that a transition may grant.
enum class Trigger : std::uint8_t {
  kFacts,       // an event, an answer, or time: whatever the facts now say
  kDue,         // the moment of the scheduled attempt has come
  kStaffRetry,  // staff ask for an attempt now
  kEndDue,      // about to cancel: the provider was just asked, and `facts` hold what it answered
  kEndRefused,  // the provider would not cancel
};

struct Situation {
  SubscriptionRecord before;  // as loaded; attempts already as they are after this change
  Facts facts;                // merged
  Trigger trigger = Trigger::kFacts;
  Timestamp now{};
  Timestamp fold_before{};  // facts older than this may be folded; left out, none are
  std::string event;        // the provider's event or answer behind it; empty: none
  std::string by;           // kStaffRetry: who
  std::string reason;       // kStaffRetry: why
  // For an attempt that begins: the job that makes it, how the ledger is called, and what to freeze.
  JobId job{};
  std::string instance;
  std::string pay_parameters;
  AttemptKey cancel_key;  // kEndDue: the idempotency key that the cancellation would go out under
  std::span<const Transition> rows = kTransitions;  // a test tries tables that are wrong
};

struct Decision {
  Subscription next;
  std::vector<TimelineRow> timeline;
  std::vector<NewJob> jobs;
  std::vector<std::string> drop_jobs;
  std::vector<Attempt> open_attempts;
  std::vector<Alert> alerts;
  std::vector<std::string> settle_alerts;
  bool changed = false;  // anything differs from `before`; if not, nothing needs to be written
};

Decision Decide(const Situation& situation, const PolicyBook& policies);

// Adds the decision to a unit.
void AddTo(Unit& unit, Decision&& decision);

// Why a staff retry would be refused now; empty: it would be made. One sentence for people, naming what to do instead.
// Codes: "nothing_to_collect", "canceled", "other_owner", "already_charging", "taking_over", "ending", "network_limit".
struct RetryRefusal {
  std::string code;
  std::string why;
};
std::optional<RetryRefusal> RefuseRetry(const SubscriptionRecord& record, const PolicyBook& policies, Timestamp now);

// The keys of a subscription's jobs.
std::string ChargeJobKey(const SubscriptionId& id);
std::string CancelJobKey(const SubscriptionId& id);
std::string RefetchJobKey(const SubscriptionId& id);
std::string RetryJobKey(const SubscriptionId& id);

// Adds an alert with what support is told.
void RaiseAlert(std::vector<Alert>& alerts, Alert alert);

}  // namespace dunlin
