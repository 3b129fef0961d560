#include "state/merge.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "state/failures.h"
#include "state/method.h"
#include "state/order.h"

namespace dunlin {
namespace {

// The invoice pictures' order of R25; an answer counts after the events of the second it is fenced by.
auto PictureRank(const InvoiceFact& i) {
  return std::tuple(i.status, i.attempt_count, i.created, i.fetched, i.fetched ? AnswerRank(i.source) : "",
                    std::string_view(i.source.str()));
}

void TakePicture(InvoiceFact& to, const InvoiceFact& from) {
  InvoiceFact next = from;
  next.failures = std::move(to.failures);
  next.decline = std::move(to.decline);
  next.decline_at = to.decline_at;
  to = std::move(next);
}

bool MergeFailures(InvoiceFact& to, const InvoiceFact& from) {
  bool changed = false;
  for (const Failure& failure : from.failures) {
    const auto known = std::find_if(to.failures.begin(), to.failures.end(),
                                    [&](const Failure& f) { return f.source == failure.source; });
    if (known != to.failures.end()) {
      if (known->at <= failure.at) continue;
      to.failures.erase(known);  // one that answers count: the earliest of its latest times is the best
    }
    to.failures.insert(std::lower_bound(to.failures.begin(), to.failures.end(), failure), failure);
    changed = true;
  }
  return changed;
}

bool MergeDecline(InvoiceFact& to, const InvoiceFact& from) {
  if (!from.decline) return false;
  if (to.decline && std::tie(to.decline_at, *to.decline) >= std::tie(from.decline_at, *from.decline)) return false;
  to.decline = from.decline;
  to.decline_at = from.decline_at;
  return true;
}

bool IsSettled(InvoiceStatus status) { return status == InvoiceStatus::kPaid || status == InvoiceStatus::kVoid; }

void KeepLater(std::optional<Timestamp>& kept, Timestamp other) { kept = std::max(kept.value_or(other), other); }

bool HasPaidForTime(const InvoiceFact& i) {
  return i.status == InvoiceStatus::kPaid && i.line_period_end && PaysForTime(i);
}

// Nothing is known to be paid, so paid_until goes by snapshots and failures (GoodUntil).
bool NothingPaid(const Facts& facts) {
  return !facts.baseline.paid_until && std::none_of(facts.invoices.begin(), facts.invoices.end(), HasPaidForTime);
}

// Settled invoices leave only the period they paid for, except those that decide a status: the one that a kept snapshot
// calls its latest, the newest that bills a period, and failed ones while paid_until goes by failures.
void FoldInvoices(Facts& facts, Timestamp horizon) {
  const bool failures_count = NothingPaid(facts);
  const InvoiceFact* newest = NewestCycleInvoice(facts);
  const InvoiceId newest_id = newest == nullptr ? InvoiceId() : newest->id;
  const auto is_needed = [&](const InvoiceFact& invoice) {
    return invoice.id == newest_id || (failures_count && !invoice.failures.empty()) ||
           std::any_of(facts.snapshots.begin(), facts.snapshots.end(),
                       [&](const SubscriptionSnapshot& s) { return s.latest_invoice == invoice.id.str(); });
  };
  std::erase_if(facts.invoices, [&](const InvoiceFact& invoice) {
    if (!IsSettled(invoice.status) || invoice.created >= horizon || is_needed(invoice)) return false;
    if (HasPaidForTime(invoice)) KeepLater(facts.baseline.paid_until, *invoice.line_period_end);
    return true;
  });
}

// Of one second's snapshots only those in between tell the order.
bool ShareASecond(const std::vector<const SubscriptionSnapshot*>& in_order) {
  return std::adjacent_find(in_order.begin(), in_order.end(),
                            [](const auto* a, const auto* b) { return a->created == b->created; }) != in_order.end();
}

// Which of them was the last could not be told.
bool EndInDoubt(const std::vector<const SubscriptionSnapshot*>& in_order) {
  Facts alone;
  for (const SubscriptionSnapshot* s : in_order) Merge(alone, *s);
  return OrderSnapshots(alone).tied;
}

// False: left whole.
bool FoldSnapshots(Facts& facts, Timestamp horizon) {
  const SnapshotOrder order = OrderSnapshots(facts);
  const auto first_kept = std::find_if(order.oldest_first.begin(), order.oldest_first.end(),
                                       [&](const SubscriptionSnapshot* s) { return s->created >= horizon; });
  if (first_kept == order.oldest_first.end() && (order.tied || order.predecessor_missing)) return false;
  const std::vector<const SubscriptionSnapshot*> old(order.oldest_first.begin(), first_kept);
  if (old.size() < 2) return true;
  if (EndInDoubt(old)) return false;
  const FoldedRun run = FoldRun(facts, old);
  if (run.kept.size() == old.size()) return true;
  if (ShareASecond(run.kept)) return false;
  if (const MethodChange change = NewestMethodChange(facts); facts.method < change) facts.method = change;
  if (const auto seen = MethodSightings(old); !seen.empty()) facts.baseline.method_seen = seen.back();
  facts.baseline.good_until = run.good_until;
  facts.baseline.past_due_since = run.past_due_since;
  std::vector<EventId> kept;
  for (const SubscriptionSnapshot* s : run.kept) kept.push_back(s->source);
  std::erase_if(facts.snapshots, [&](const SubscriptionSnapshot& s) {
    return s.created < horizon && std::find(kept.begin(), kept.end(), s.source) == kept.end();
  });
  return true;
}

}  // namespace

bool Merge(Facts& facts, const SubscriptionSnapshot& snapshot) {
  const auto at = std::lower_bound(facts.snapshots.begin(), facts.snapshots.end(), snapshot,
                                   [](const auto& a, const auto& b) { return a.source < b.source; });
  if (at != facts.snapshots.end() && at->source == snapshot.source) return false;
  if (snapshot.created < facts.baseline.until) return false;
  facts.snapshots.insert(at, snapshot);
  return true;
}

bool Merge(Facts& facts, const InvoiceFact& invoice) {
  const auto at = std::lower_bound(facts.invoices.begin(), facts.invoices.end(), invoice,
                                   [](const auto& a, const auto& b) { return a.id < b.id; });
  if (at == facts.invoices.end() || at->id != invoice.id) {
    if (invoice.created < facts.baseline.until) return false;
    facts.invoices.insert(at, invoice);
    return true;
  }
  bool changed = false;
  if (PictureRank(*at) < PictureRank(invoice)) {
    TakePicture(*at, invoice);
    changed = true;
  }
  changed = MergeFailures(*at, invoice) || changed;
  return MergeDecline(*at, invoice) || changed;
}

bool Merge(Facts& facts, const MethodChange& change) {
  if (change <= facts.method) return false;
  facts.method = change;
  return true;
}

void Fold(Facts& facts, Timestamp horizon) {
  horizon = std::chrono::floor<Seconds>(horizon);  // events know no finer time
  if (horizon <= facts.baseline.until || !FoldSnapshots(facts, horizon)) return;
  FoldInvoices(facts, horizon);
  facts.baseline.until = horizon;
}

Timestamp NewestFact(const Facts& facts) {
  // An answer fenced by an older moment would count as folded, and be refused for ever.
  Timestamp newest = facts.baseline.until;
  for (const SubscriptionSnapshot& s : facts.snapshots) newest = std::max(newest, s.created);
  for (const InvoiceFact& i : facts.invoices) {
    newest = std::max(newest, i.created);
    for (const Failure& f : i.failures) {
      if (!IsOnlyCounted(f)) newest = std::max(newest, f.at);
    }
  }
  return newest;
}

std::vector<EventId> EventsAt(const Facts& facts, Timestamp second) {
  std::vector<EventId> ids;
  for (const SubscriptionSnapshot& s : facts.snapshots) {
    if (s.created == second && s.kind != SubscriptionSnapshot::Kind::kFetched) ids.push_back(s.source);
  }
  for (const InvoiceFact& i : facts.invoices) {
    if (i.created == second && !i.fetched) ids.push_back(i.source);
    for (const Failure& f : i.failures) {
      if (f.at == second && !IsOnlyCounted(f)) ids.push_back(f.source);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

const InvoiceFact* FindInvoice(const Facts& facts, const InvoiceId& id) {
  const auto at = std::lower_bound(facts.invoices.begin(), facts.invoices.end(), id,
                                   [](const InvoiceFact& a, const InvoiceId& b) { return a.id < b; });
  return at != facts.invoices.end() && at->id == id ? &*at : nullptr;
}

}  // namespace dunlin
