#include "state/merge.h"

#include <algorithm>
#include <tuple>

#include "state/order.h"

namespace dunlin {
namespace {

// The invoice pictures' order of R25; an answer counts after the events of the second it is fenced by.
auto PictureRank(const InvoiceFact& i) {
  return std::tie(i.status, i.attempt_count, i.created, i.fetched, i.source);
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
    const auto at = std::lower_bound(to.failures.begin(), to.failures.end(), failure);
    if (at != to.failures.end() && *at == failure) continue;
    to.failures.insert(at, failure);
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

void KeepLater(std::optional<Timestamp>& kept, const std::optional<Timestamp>& other) {
  if (other && (!kept || *kept < *other)) kept = other;
}

// Settled invoices that no kept snapshot calls its latest leave only the period they paid for.
void FoldInvoices(Facts& facts, Timestamp horizon) {
  const auto is_latest = [&](const InvoiceFact& invoice) {
    return std::any_of(facts.snapshots.begin(), facts.snapshots.end(),
                       [&](const SubscriptionSnapshot& s) { return s.latest_invoice == invoice.id.str(); });
  };
  std::erase_if(facts.invoices, [&](const InvoiceFact& invoice) {
    if (!IsSettled(invoice.status) || invoice.created >= horizon || is_latest(invoice)) return false;
    if (invoice.status == InvoiceStatus::kPaid) KeepLater(facts.baseline.paid_until, invoice.line_period_end);
    return true;
  });
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
  if (horizon <= facts.baseline.until) return;
  const SnapshotOrder order = OrderSnapshots(facts);
  const auto first_kept =
      std::find_if(order.oldest_first.begin(), order.oldest_first.end(),
                   [&](const SubscriptionSnapshot* s) { return s->created >= horizon; });
  std::vector<const SubscriptionSnapshot*> old(order.oldest_first.begin(), first_kept);
  if (old.size() > 1) {
    const FoldedRun run = FoldRun(facts, old);
    facts.baseline.good_until = run.good_until;
    facts.baseline.past_due_since = run.past_due_since;
    std::vector<EventId> kept;
    for (const SubscriptionSnapshot* s : run.kept) kept.push_back(s->source);
    std::erase_if(facts.snapshots, [&](const SubscriptionSnapshot& s) {
      return s.created < horizon && std::find(kept.begin(), kept.end(), s.source) == kept.end();
    });
  }
  FoldInvoices(facts, horizon);
  facts.baseline.until = horizon;
}

Timestamp NewestFact(const Facts& facts) {
  Timestamp newest{};
  for (const SubscriptionSnapshot& s : facts.snapshots) newest = std::max(newest, s.created);
  for (const InvoiceFact& i : facts.invoices) {
    newest = std::max(newest, i.created);
    if (!i.failures.empty()) newest = std::max(newest, i.failures.back().at);
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
      if (f.at == second) ids.push_back(f.source);
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
