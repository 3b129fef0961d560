#include "workflows/decide.h"

#include <algorithm>

#include "state/derive.h"
#include "state/merge.h"
#include "state/order.h"
#include "workflows/decide_market.h"
#include "workflows/messages.h"
#include "workflows/recovery.h"

namespace dunlin {
namespace {

// A renewal's webhook may be this late before we ask (R23). The provider itself waits an hour with the invoice.
constexpr Millis kRenewalPatience = Millis{2h};

constexpr std::size_t kFactsMany = 64;

template <class T>
void MoveAll(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

// What a commit changes about a subscription is told to the product once, as it stands in the end: of two that carry
// one version nobody could say which is the later.
void KeepLastNotification(std::vector<NewJob>& jobs, const SubscriptionId& id) {
  const auto tells = [&](const NewJob& job) { return job.kind == JobKind::kNotify && job.subject == id.str(); };
  const auto last = std::find_if(jobs.rbegin(), jobs.rend(), tells);
  if (last == jobs.rend()) return;
  const auto rest = std::next(last).base();  // at the last itself
  jobs.erase(std::remove_if(jobs.begin(), rest, tells), rest);
}

const PlanPolicy* FindPlan(const Policy& policy, const std::string& name) {
  const auto plan = policy.plans.find(name);
  return plan == policy.plans.end() ? nullptr : &plan->second;
}

// The rules that apply now: those the running recovery is pinned to, else those of the plan (R20).
const CollectionPolicy& RulesFor(const Recovery& recovery, const std::string& plan, const PolicyBook& policies) {
  return recovery.state == RecoveryState::kNone ? policies.current().CollectionFor(plan)
                                                : policies.Pinned(recovery.policy, recovery.policy_version);
}

Derived DeriveWithPolicy(const Facts& facts, const Recovery& recovery, const PolicyBook& policies, Timestamp now) {
  const PlanCatalog& plans = policies.current().catalog;
  Derived derived = Derive(facts, plans, Millis{0}, now);
  const Millis grace = RulesFor(recovery, derived.values.plan, policies).grace;
  return grace == Millis{0} ? derived : Derive(facts, plans, grace, now);
}

// By the provider's times, so that late news of an early payment is none. An answer counts after what it is fenced by.
bool PaidAfterEnd(const Facts& facts, const InvoiceFact& invoice) {
  if (invoice.status != InvoiceStatus::kPaid || invoice.amount_due.minor == 0) return false;
  std::optional<Timestamp> end;
  for (const SubscriptionSnapshot& s : facts.snapshots) {
    if (s.kind != SubscriptionSnapshot::Kind::kDeleted && !Absorbs(s.status)) continue;
    const Timestamp ended = s.ended_at.value_or(s.SeenAt());
    if (!end || ended < *end) end = ended;
  }
  return end && (invoice.fetched ? invoice.created >= *end : invoice.created > *end);
}

class Decider {
 public:
  Decider(const Situation& situation, const PolicyBook& policies) : s_(situation), policies_(policies) {}

  Decision Run() {
    out_.next = s_.before.subscription;
    out_.next.facts = s_.facts;
    // Only what has grown long: most subscriptions never do, and an old history can then be replayed in any order.
    const Facts& facts = out_.next.facts;
    if (facts.snapshots.size() + facts.invoices.size() > kFactsMany) Fold(out_.next.facts, s_.fold_before);
    Age();
    derived_ = DeriveWithPolicy(out_.next.facts, out_.next.recovery, policies_, s_.now);
    out_.next.values = derived_.values;
    const Recovery before = out_.next.recovery;
    RunRecovery(s_, derived_, policies_, out_);
    if (out_.next.recovery.policy_version != before.policy_version) {  // another policy's grace may apply now
      derived_ = DeriveWithPolicy(out_.next.facts, out_.next.recovery, policies_, s_.now);
      out_.next.values = derived_.values;
    }
    NoteChange(before);
    if (out_.next.provider == Provider::kAwsMarketplace) {
      FollowMarket(s_, derived_, out_);
    } else {
      Owe();
    }
    Warn();
    out_.next.dirty = derived_.refetch_owed;
    const Subscription& was = s_.before.subscription;
    out_.changed = out_.next.values != was.values || out_.next.recovery != was.recovery ||
                   out_.next.dirty != was.dirty || out_.next.facts != was.facts || was.version == 0 ||
                   !out_.jobs.empty();
    out_.next.updated_at = s_.now;
    return std::move(out_);
  }

 private:
  // Access that time alone has ended: a change of its own, dated when it took effect (I5).
  void Age() {
    Values& values = out_.next.values;
    if (values.access != Access::kGranted || AccessAt(values, s_.now) == Access::kGranted) return;
    TimelineRow row = ChangeRow();
    row.at = *values.access_until;
    row.event.clear();
    row.by = "time";
    row.access_from = Access::kGranted;
    row.access_to = Access::kRevoked;
    row.rule = values.status == SubscriptionStatus::kCanceled ? "R7" : "R3";
    row.reason = values.status == SubscriptionStatus::kCanceled
                     ? "The paid period has ended."
                     : "The grace period has ended and the invoice is still owed.";
    values.access = Access::kRevoked;
    out_.timeline.push_back(std::move(row));
    aged_ = true;
  }

  TimelineRow ChangeRow() const {
    TimelineRow row;
    row.subscription = out_.next.id;
    row.at = s_.now;
    row.kind = "change";
    row.event = s_.event;
    row.by = "provider";
    return row;
  }

  // One row for a change of status, access or both (I9).
  void NoteChange(const Recovery& recovery_before) {
    const Values& was = s_.before.subscription.values;
    const Access access_was = aged_ ? Access::kRevoked : was.access;
    const Values& is = out_.next.values;
    if (was.status != is.status || access_was != is.access) {
      TimelineRow row = ChangeRow();
      if (was.status != is.status) {
        row.status_from = was.status;
        row.status_to = is.status;
      }
      if (access_was != is.access) {
        row.access_from = access_was;
        row.access_to = is.access;
      }
      row.rule = derived_.rule;
      if (row.event.empty()) row.event = derived_.because;
      const CollectionPolicy& rules = RulesFor(out_.next.recovery, is.plan, policies_);
      row.policy = rules.name + "@" +
                   std::to_string(out_.next.recovery.state == RecoveryState::kNone ? policies_.current().version
                                                                                   : out_.next.recovery.policy_version);
      row.reason = Why();
      row.next = WhatFollows();
      Tell(row, recovery_before);
      out_.timeline.push_back(std::move(row));
    } else if (aged_) {
      out_.jobs.push_back(NotifyJob(out_.next, out_.timeline.back().reason, s_.now));
    }
  }

  std::string Why() const {
    if (!derived_.why.empty()) return derived_.why;
    if (derived_.rule == "R24a") return "The provider says that the subscription has ended.";
    if (derived_.rule == "R24b") return "Its latest invoice is paid, so nothing is owed.";
    if (derived_.rule == "R24c") return "The payment for the current period failed.";
    switch (out_.next.values.status) {
      case SubscriptionStatus::kPending: return "The first payment is not confirmed yet.";
      case SubscriptionStatus::kTrialing: return "The trial runs.";
      case SubscriptionStatus::kActive: return "The provider says that it is paid.";
      case SubscriptionStatus::kPastDue: return "The provider says that a payment is overdue.";
      case SubscriptionStatus::kPaused: return "The provider has paused it.";
      case SubscriptionStatus::kCanceled: return "The provider says that it has ended.";
    }
    return "";
  }

  std::string WhatFollows() const {
    const Values& is = out_.next.values;
    if (is.access == Access::kGranted && is.access_until)
      return "Access ends at " + FormatRfc3339(*is.access_until) + " unless that changes.";
    const std::optional<Timestamp>& next = out_.next.recovery.next_attempt_at;
    return next ? "The next attempt is planned for " + FormatRfc3339(*next) + "." : "";
  }

  // The product is told of every change; the customer of the good and the final news (R4).
  void Tell(const TimelineRow& row, const Recovery& recovery_before) {
    out_.jobs.push_back(NotifyJob(out_.next, row.reason, s_.now));
    const bool was_owed = row.status_from == SubscriptionStatus::kPastDue;
    const MailContext mail{.subscription = out_.next,
                           .invoice = FindInvoice(s_.facts, recovery_before.invoice),
                           .plan = FindPlan(policies_.current(), out_.next.values.plan),
                           .unique = "mail/change/" + out_.next.id.str() + "/" + std::to_string(out_.next.version),
                           .due = s_.now};
    if (was_owed && row.status_to == SubscriptionStatus::kActive)
      out_.jobs.push_back(MailJob(MailKind::kRecovered, mail));
    if (row.status_to == SubscriptionStatus::kCanceled && recovery_before.state == RecoveryState::kEnding) {
      out_.jobs.push_back(MailJob(MailKind::kEnded, mail));
    }
  }

  // Jobs for what time or doubt will bring.
  void Owe() {
    const std::string& id = out_.next.id.str();
    const Values& was = s_.before.subscription.values;
    const Values& is = out_.next.values;
    const bool ends = is.access == Access::kGranted && is.access_until &&
                      (is.status == SubscriptionStatus::kPastDue || is.status == SubscriptionStatus::kCanceled);
    if (ends && (is.access_until != was.access_until || was.status != is.status || was.access != is.access)) {
      out_.jobs.push_back({.kind = JobKind::kAccessCheck,
                           .key = "access/" + id,
                           .subject = id,
                           .due = *is.access_until,
                           .payload = "{}",
                           .on_same_key = OnSameKey::kReplace});
    }
    const bool renews = is.status == SubscriptionStatus::kActive || is.status == SubscriptionStatus::kTrialing;
    if (renews && is.period_end && (is.period_end != was.period_end || was.status != is.status)) {
      out_.jobs.push_back({.kind = JobKind::kPeriodCheck,
                           .key = "period/" + id,
                           .subject = id,
                           .due = std::max(*is.period_end + kRenewalPatience, s_.now),
                           .payload = "{}",
                           .on_same_key = OnSameKey::kReplace});
    }
    if (derived_.refetch_owed) {
      out_.jobs.push_back({.kind = JobKind::kRefetch,
                           .key = RefetchJobKey(out_.next.id),
                           .subject = id,
                           .due = s_.now,
                           .payload = "{}"});
    }
  }

  void Warn() {
    const std::string& id = out_.next.id.str();
    const std::string key = "unknown_plan/" + id;
    if (derived_.unknown_price) {
      RaiseAlert(out_.alerts,
                 {.key = key,
                  .kind = "unknown_plan",
                  .subject = id,
                  .detail = s_.before.subscription.provider == Provider::kAwsMarketplace
                                ? "No plan of the policy lists its product; add it to marketplace_products of a plan."
                                : "No plan of the policy lists its price; add the price to stripe_prices of a plan.",
                  .raised_at = s_.now});
    } else if (!out_.next.values.plan.empty() && s_.before.subscription.values.plan.empty()) {
      out_.settle_alerts.push_back(key);
    }
    if (derived_.unknown_status) {
      RaiseAlert(
          out_.alerts,
          {.key = "unknown_status/" + id,
           .kind = "unknown_status",
           .subject = id,
           .detail = "The provider uses a status word that this version does not know; the status before it counts.",
           .raised_at = s_.now});
    }
    WarnOfLateMoney();
  }

  // R16: money for a closed case is recorded, restores what it pays for, and support is told.
  void WarnOfLateMoney() {
    const Facts& before = s_.before.subscription.facts;
    for (const InvoiceFact& invoice : s_.facts.invoices) {
      const InvoiceFact* known = FindInvoice(before, invoice.id);
      if (!PaidAfterEnd(s_.facts, invoice) || (known != nullptr && PaidAfterEnd(before, *known))) continue;
      if (known == nullptr && invoice.fetched) continue;  // when it was paid, the answer does not tell
      RaiseAlert(out_.alerts,
                 {.key = "payment_after_end/" + invoice.id.str(),
                  .kind = "payment_after_end",
                  .subject = out_.next.id.str(),
                  .detail = "Invoice " + invoice.id.str() +
                            " was paid after the subscription had ended (R16): decide whether to refund it.",
                  .raised_at = s_.now});
    }
  }

  const Situation& s_;
  const PolicyBook& policies_;
  Derived derived_;
  Decision out_;
  bool aged_ = false;
};

}  // namespace

std::string ChargeJobKey(const SubscriptionId& id) { return "charge/" + id.str(); }
std::string CancelJobKey(const SubscriptionId& id) { return "cancel/" + id.str(); }
std::string RetryJobKey(const SubscriptionId& id) { return "retry/" + id.str(); }
std::string RefetchJobKey(const SubscriptionId& id) { return "refetch/" + id.str(); }

void RaiseAlert(std::vector<Alert>& alerts, Alert alert) {
  alert.message = AlertMessage(alert);
  alerts.push_back(std::move(alert));
}

Decision Decide(const Situation& situation, const PolicyBook& policies) { return Decider(situation, policies).Run(); }

void AddTo(Unit& unit, Decision&& decision) {
  if (!decision.changed) return;
  // A unit drops before it adds, so a job of an earlier decision in it that this one drops must not be added at all.
  std::erase_if(unit.jobs, [&](const NewJob& job) {
    return std::find(decision.drop_jobs.begin(), decision.drop_jobs.end(), job.key) != decision.drop_jobs.end();
  });
  // And it settles before it raises: an alert of an earlier decision in it that this one settles is over.
  std::erase_if(unit.alerts, [&](const Alert& alert) {
    const std::vector<std::string>& over = decision.settle_alerts;
    return std::find(over.begin(), over.end(), alert.key) != over.end();
  });
  unit.save.push_back(std::move(decision.next));
  MoveAll(unit.timeline, std::move(decision.timeline));
  MoveAll(unit.jobs, std::move(decision.jobs));
  MoveAll(unit.drop_jobs, std::move(decision.drop_jobs));
  MoveAll(unit.open_attempts, std::move(decision.open_attempts));
  MoveAll(unit.alerts, std::move(decision.alerts));
  MoveAll(unit.settle_alerts, std::move(decision.settle_alerts));
  KeepLastNotification(unit.jobs, unit.save.back().id);
}

}  // namespace dunlin
