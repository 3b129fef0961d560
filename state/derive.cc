#include "state/derive.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "state/derive_market.h"
#include "state/failures.h"
#include "state/merge.h"
#include "state/order.h"

namespace dunlin {
namespace {

using Kind = SubscriptionSnapshot::Kind;

bool IsUpdateInvoice(const InvoiceFact& i) { return i.billing_reason == "subscription_update"; }

// R23: the processor's word in ours.
SubscriptionStatus StatusOf(ProviderStatus word) {
  switch (word) {
    case ProviderStatus::kUnknown:
    case ProviderStatus::kIncomplete: return SubscriptionStatus::kPending;
    case ProviderStatus::kTrialing: return SubscriptionStatus::kTrialing;
    case ProviderStatus::kActive: return SubscriptionStatus::kActive;
    case ProviderStatus::kPastDue:
    case ProviderStatus::kUnpaid: return SubscriptionStatus::kPastDue;
    case ProviderStatus::kPaused: return SubscriptionStatus::kPaused;
    case ProviderStatus::kIncompleteExpired:
    case ProviderStatus::kCanceled: return SubscriptionStatus::kCanceled;
  }
  return SubscriptionStatus::kPending;
}

// The facts of one derivation, put in order once.
class View {
 public:
  explicit View(const Facts& facts) : facts_(facts), order_(OrderSnapshots(facts)) {
    for (const SubscriptionSnapshot* s : order_.oldest_first) {
      if (s->status != ProviderStatus::kUnknown) newest_ = s;
      if (s->kind == Kind::kDeleted || Absorbs(s->status)) end_ = s;
    }
    if (newest_ == nullptr && !order_.oldest_first.empty()) newest_ = order_.oldest_first.back();
    if (end_ != nullptr) newest_ = end_;
  }

  const SnapshotOrder& order() const { return order_; }
  const SubscriptionSnapshot* newest() const { return newest_; }  // the one that counts; nullptr: there is none
  const SubscriptionSnapshot* end() const { return end_; }        // R24a
  bool newest_word_unknown() const {
    return !order_.oldest_first.empty() && order_.oldest_first.back()->status == ProviderStatus::kUnknown;
  }

  const InvoiceFact* NewestCycleInvoice() const { return dunlin::NewestCycleInvoice(facts_); }

  // The following look at the invoice that the newest snapshot names, so there must be a newest().

  // The subscription's latest invoice: the one the newest snapshot names, unless a later period's was paid or failed.
  // One that nobody has tried to collect yet says nothing.
  const InvoiceFact* LatestInvoice() const {
    const InvoiceFact* named = Named();
    const InvoiceFact* cycle = NewestCycleInvoice();
    if (named == nullptr) return NamesUnknownInvoice() ? nullptr : cycle;
    return HasLaterPeriod() && (cycle->status == InvoiceStatus::kPaid || WasTried(*cycle)) ? cycle : named;
  }
  // An invoice of a later period is known than the one that the newest snapshot names.
  bool HasLaterPeriod() const {
    const InvoiceFact* named = Named();
    const InvoiceFact* cycle = NewestCycleInvoice();
    return named != nullptr && cycle != nullptr && cycle->made_at > named->made_at;
  }
  bool NamesUnknownInvoice() const { return !newest_->latest_invoice.empty() && Named() == nullptr; }

  // What a past-due subscription owes: its latest invoice, else the newest open one whose payment failed.
  const InvoiceFact* Owed() const {
    const InvoiceFact* latest = LatestInvoice();
    if (latest != nullptr && IsOwed(*latest)) return latest;
    return Newest([](const InvoiceFact& i) { return IsOwed(i) && WasTried(i); });
  }

  std::optional<Timestamp> PaidUntil() const {
    std::optional<Timestamp> until = facts_.baseline.paid_until;
    for (const InvoiceFact& i : facts_.invoices) {
      if (i.status == InvoiceStatus::kPaid && i.line_period_end && PaysForTime(i) &&
          (!until || *until < *i.line_period_end)) {
        until = i.line_period_end;
      }
    }
    return until ? until : GoodUntil(facts_, order_.oldest_first);
  }

  // R24c: a failed payment that the snapshot cannot have known of.
  bool FailedSince(const InvoiceFact& invoice, const SubscriptionSnapshot& snapshot) const {
    return std::any_of(invoice.failures.begin(), invoice.failures.end(), [&](const Failure& f) {
      if (snapshot.kind != Kind::kFetched) return f.at >= snapshot.created;
      if (IsOnlyCounted(f)) return f.at > snapshot.SeenAt();
      if (f.at != snapshot.created) return f.at > snapshot.created;
      return std::find(snapshot.fence.begin(), snapshot.fence.end(), f.source) == snapshot.fence.end();
    });
  }

  // Of a past-due one. Under R24c no snapshot says it, and what is owed may be another invoice than the one that
  // failed.
  std::optional<Timestamp> PastDueSince(const InvoiceFact* owed) const {
    const std::optional<Timestamp> since = OverdueSince(facts_, order_.oldest_first);
    if (!since && (owed == nullptr || owed->failures.empty())) owed = NewestCycleInvoice();
    const std::vector<Failure> failed = owed == nullptr ? std::vector<Failure>() : FailedAttempts(*owed);
    if (failed.empty()) return since;
    return std::min(since.value_or(failed.front().at), failed.front().at);
  }

 private:
  // nullptr also where only a decline was heard of it: that has no picture of the invoice.
  const InvoiceFact* Named() const {
    const InvoiceFact* named = FindInvoice(facts_, InvoiceId{newest_->latest_invoice});
    return named == nullptr || named->source.empty() ? nullptr : named;
  }
  static bool WasTried(const InvoiceFact& i) { return i.attempt_count > 0 || !i.failures.empty(); }
  static bool IsOwed(const InvoiceFact& i) { return i.status == InvoiceStatus::kOpen && i.amount_remaining > 0; }

  template <class Wanted>
  const InvoiceFact* Newest(Wanted wanted) const {
    const InvoiceFact* newest = nullptr;
    for (const InvoiceFact& i : facts_.invoices) {
      if (!wanted(i)) continue;
      if (newest == nullptr || std::tie(newest->made_at, newest->id) < std::tie(i.made_at, i.id)) newest = &i;
    }
    return newest;
  }

  const Facts& facts_;
  SnapshotOrder order_;
  const SubscriptionSnapshot* newest_ = nullptr;
  const SubscriptionSnapshot* end_ = nullptr;
};

// R24: which rule decides the status.
void DeriveStatus(const View& view, Derived& d) {
  const SubscriptionSnapshot* newest = view.newest();
  if (newest == nullptr) {
    d.rule = "R23";
    return;
  }
  d.because = newest->source.str();
  const InvoiceFact* latest = view.LatestInvoice();
  const InvoiceFact* cycle = view.NewestCycleInvoice();
  const bool owes = IsOverdue(newest->status) || newest->status == ProviderStatus::kIncomplete;
  if (view.end() != nullptr) {
    d.rule = "R24a";
    d.values.status = SubscriptionStatus::kCanceled;
  } else if (owes && latest != nullptr && latest->status == InvoiceStatus::kPaid) {
    d.rule = "R24b";
    d.because = latest->source.str();
    d.values.status = SubscriptionStatus::kActive;
  } else if (newest->status == ProviderStatus::kActive && cycle != nullptr && cycle->status == InvoiceStatus::kOpen &&
             view.FailedSince(*cycle, *newest)) {
    d.rule = "R24c";
    const Failure& newest_failure = cycle->failures.back();
    d.because = (IsOnlyCounted(newest_failure) ? cycle->source : newest_failure.source).str();
    d.values.status = SubscriptionStatus::kPastDue;
  } else {
    d.rule = "R24d";
    d.values.status = StatusOf(newest->status);
  }
}

void DerivePlan(const View& view, const PlanCatalog& plans, Derived& d) {
  const SubscriptionSnapshot* newest = view.newest();
  if (newest == nullptr) return;
  const PlanCatalog::Plan* best = nullptr;
  for (const std::string& price : newest->prices) {
    const auto plan = plans.by_price.find(price);
    if (plan == plans.by_price.end()) continue;
    if (best == nullptr || std::tie(best->rank, best->name) < std::tie(plan->second.rank, plan->second.name)) {
      best = &plan->second;
    }
  }
  if (best != nullptr) d.values.plan = best->name;
  d.unknown_price = best == nullptr && !newest->prices.empty();
}

void DeriveDates(const View& view, Derived& d) {
  d.values.paid_until = view.PaidUntil();
  const SubscriptionSnapshot* newest = view.newest();
  if (newest == nullptr) return;
  d.values.period_end = newest->period_end;
  if (newest->cancel_at_period_end) d.values.cancel_at = newest->period_end;
  if (newest->cancel_at) d.values.cancel_at = newest->cancel_at;
  // A date beyond the period is a term that was agreed, not a customer who has cancelled.
  const bool ends_with_period = newest->cancel_at && newest->period_end && *newest->cancel_at <= *newest->period_end;
  d.cancelled = view.end() != nullptr || newest->cancel_at_period_end || ends_with_period;
}

// R3c, R7, R23, R24: until when access lasts, where that is bounded.
void DeriveAccess(const View& view, Millis grace, Timestamp now, Derived& d) {
  switch (d.values.status) {
    case SubscriptionStatus::kPastDue: {
      const InvoiceFact* owed = view.Owed();
      d.past_due_since = view.PastDueSince(owed);
      if (grace > Millis{0} && d.past_due_since) d.values.access_until = *d.past_due_since + grace;
      // An upgrade that was declined takes nothing away that is paid for.
      const InvoiceFact* cycle = view.NewestCycleInvoice();
      const bool only_upgrade_owed =
          owed != nullptr && IsUpdateInvoice(*owed) && (cycle == nullptr || cycle->status == InvoiceStatus::kPaid);
      if (only_upgrade_owed && d.values.paid_until &&
          (!d.values.access_until || *d.values.access_until < *d.values.paid_until)) {
        d.values.access_until = d.values.paid_until;
      }
      if (owed != nullptr && !view.newest()->collected_by_invoice_mail) d.collectible = owed->id;
      break;
    }
    case SubscriptionStatus::kCanceled: d.values.access_until = d.values.paid_until; break;
    case SubscriptionStatus::kTrialing:
    case SubscriptionStatus::kActive: d.values.access_until = d.values.cancel_at; break;
    case SubscriptionStatus::kPending:
    case SubscriptionStatus::kPaused: break;
  }
  d.values.access = AccessAt(d.values, now);
}

void DeriveDoubt(const View& view, Timestamp now, Derived& d) {
  const SubscriptionSnapshot* newest = view.newest();
  if (newest == nullptr) {
    d.doubt = "no snapshot";
  } else if (view.end() != nullptr) {
    // Absorbed: no answer could change the status. But when the end is the first that is heard of it, the period that
    // it ends in may have been paid (R7).
    const bool in_period = newest->period_end && now < *newest->period_end;
    if (in_period && !d.values.paid_until && view.NamesUnknownInvoice()) d.doubt = "paid period unknown";
  } else if (d.rule == "R24b" && view.HasLaterPeriod()) {
    d.doubt = "snapshot older than its invoices";
  } else if (d.rule == "R24c") {
    d.doubt = "R24c";
  } else if (view.order().tied) {
    d.doubt = "R25 tie";
  } else if (view.order().predecessor_missing) {
    d.doubt = "R25 predecessor";
  } else if (d.values.status == SubscriptionStatus::kPastDue && view.NamesUnknownInvoice()) {
    d.doubt = "invoice unknown";
  }
  d.refetch_owed = !d.doubt.empty();
}

}  // namespace

Access AccessAt(const Values& values, Timestamp now) {
  switch (values.status) {
    case SubscriptionStatus::kTrialing:
    case SubscriptionStatus::kActive: return Access::kGranted;
    case SubscriptionStatus::kPastDue:
    case SubscriptionStatus::kCanceled:
      return values.access_until && now < *values.access_until ? Access::kGranted : Access::kRevoked;
    case SubscriptionStatus::kPending:
    case SubscriptionStatus::kPaused: return Access::kRevoked;
  }
  return Access::kRevoked;
}

Derived Derive(const Facts& facts, const PlanCatalog& plans, Millis grace, Timestamp now) {
  if (!facts.market.empty()) return DeriveMarket(facts.market, plans, now);
  const View view(facts);
  Derived d;
  DeriveStatus(view, d);
  DerivePlan(view, plans, d);
  DeriveDates(view, d);
  DeriveAccess(view, grace, now, d);
  DeriveDoubt(view, now, d);
  d.unknown_status = view.newest_word_unknown();
  return d;
}

}  // namespace dunlin
