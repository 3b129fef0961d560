#include "state/order.h"

#include <algorithm>
#include <tuple>

namespace dunlin {
namespace {

using Kind = SubscriptionSnapshot::Kind;
using Pointers = std::vector<const SubscriptionSnapshot*>;

// More than this many events of one second are put in order by rank and id alone, which owes a refetch.
constexpr std::size_t kArrangedMax = 7;

// Could `next` have come straight after `before`? What an update does not list did not change; of that we hold only
// the status to account, for the other fields' absence says little across API versions.
bool Follows(const SubscriptionSnapshot& next, const SubscriptionSnapshot* before) {
  if (before == nullptr) return true;
  if (next.kind == Kind::kCreated || (before->kind == Kind::kDeleted && next.kind != Kind::kDeleted)) return false;
  if (!next.previous || next.kind == Kind::kDeleted) return true;
  const PreviousAttributes& was = *next.previous;
  return was.status.value_or(next.status) == before->status &&
         was.cancel_at_period_end.value_or(before->cancel_at_period_end) == before->cancel_at_period_end &&
         was.cancel_at.value_or(before->cancel_at) == before->cancel_at &&
         was.latest_invoice.value_or(before->latest_invoice) == before->latest_invoice &&
         was.default_payment_method.value_or(before->default_payment_method) == before->default_payment_method &&
         (!was.period_end || was.period_end == before->period_end) && was.prices.value_or(before->prices) == before->prices;
}

bool SamePicture(const SubscriptionSnapshot& a, const SubscriptionSnapshot& b) {
  return std::tie(a.status, a.prices, a.period_end, a.cancel_at_period_end, a.cancel_at, a.latest_invoice,
                  a.default_payment_method, a.kind == Kind::kDeleted ? a.ended_at : b.ended_at) ==
         std::tie(b.status, b.prices, b.period_end, b.cancel_at_period_end, b.cancel_at, b.latest_invoice,
                  b.default_payment_method, b.ended_at);
}

bool ByRank(const SubscriptionSnapshot* a, const SubscriptionSnapshot* b) {
  return std::tie(a->status, a->source) < std::tie(b->status, b->source);
}

// Finds the orders of one second's events in which each follows the one before.
class Arrangement {
 public:
  Arrangement(Pointers events, const SubscriptionSnapshot* before) : events_(std::move(events)) {
    std::sort(events_.begin(), events_.end(), ByRank);
    if (events_.size() > 1 && events_.size() <= kArrangedMax) Extend(before, 0);
  }

  // Such an order; by rank and id alone when there is none, or several that end differently.
  const Pointers& events() const { return tied() || first_.empty() ? events_ : first_; }
  // Which event is last could not be told.
  bool tied() const { return events_.size() > 1 && (first_.empty() || ambiguous_); }

 private:
  // Depth first over the events not yet placed, in rank order, so that the first order found is the least.
  void Extend(const SubscriptionSnapshot* before, std::size_t placed) {
    if (placed == events_.size()) return Found();
    for (std::size_t i = placed; i < events_.size() && !ambiguous_; ++i) {
      if (!Follows(*events_[i], before)) continue;
      std::rotate(events_.begin() + static_cast<std::ptrdiff_t>(placed), events_.begin() + static_cast<std::ptrdiff_t>(i),
                  events_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      Extend(events_[placed], placed + 1);
      std::rotate(events_.begin() + static_cast<std::ptrdiff_t>(placed),
                  events_.begin() + static_cast<std::ptrdiff_t>(placed) + 1, events_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }

  void Found() {
    if (first_.empty()) {
      first_ = events_;
    } else if (!SamePicture(*first_.back(), *events_.back())) {
      ambiguous_ = true;
    }
  }

  Pointers events_;
  Pointers first_;
  bool ambiguous_ = false;
};

// One second's snapshots: the events each answer was fenced by, then the answer, and so on; then the rest.
class SecondOrder {
 public:
  SecondOrder(SnapshotOrder& out, Pointers second) : out_(out) {
    const auto events = std::stable_partition(second.begin(), second.end(), [](const auto* s) { return s->kind == Kind::kFetched; });
    Pointers rest(events, second.end());
    second.erase(events, second.end());
    std::sort(second.begin(), second.end(), [](const auto* a, const auto* b) {
      return std::tie(a->fetch_number, a->source) < std::tie(b->fetch_number, b->source);
    });
    for (const SubscriptionSnapshot* answer : second) {
      Pointers fenced;
      std::erase_if(rest, [&](const SubscriptionSnapshot* s) {
        if (std::find(answer->fence.begin(), answer->fence.end(), s->source) == answer->fence.end()) return false;
        fenced.push_back(s);
        return true;
      });
      Append(std::move(fenced));
      out_.oldest_first.push_back(answer);
      out_.tied = false;
    }
    Append(std::move(rest));
  }

 private:
  void Append(Pointers events) {
    if (events.empty()) return;
    const Arrangement arranged(std::move(events), out_.oldest_first.empty() ? nullptr : out_.oldest_first.back());
    out_.tied = arranged.tied();
    out_.oldest_first.insert(out_.oldest_first.end(), arranged.events().begin(), arranged.events().end());
  }

  SnapshotOrder& out_;
};

// Period ends that were good, in growing order; a failure takes back those of its own period and later.
class GoodPeriods {
 public:
  explicit GoodPeriods(const std::optional<Timestamp>& start) {
    if (start) ends_.push_back(*start);
  }
  void Good(Timestamp end) {
    Failed(end);
    ends_.push_back(end);
  }
  void Failed(Timestamp end) {
    while (!ends_.empty() && ends_.back() >= end) ends_.pop_back();
  }
  std::optional<Timestamp> last() const { return ends_.empty() ? std::nullopt : std::optional(ends_.back()); }

 private:
  std::vector<Timestamp> ends_;
};

struct PeriodFailure {
  Timestamp at;
  Timestamp period_end;
};

// Failed payments of invoices that are still not paid, by time.
std::vector<PeriodFailure> PeriodFailures(const Facts& facts) {
  std::vector<PeriodFailure> failures;
  for (const InvoiceFact& invoice : facts.invoices) {
    if (invoice.status == InvoiceStatus::kPaid || !invoice.line_period_end || invoice.billing_reason == "subscription_update") continue;
    for (const Failure& f : invoice.failures) failures.push_back({f.at, *invoice.line_period_end});
  }
  std::sort(failures.begin(), failures.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return failures;
}

}  // namespace

SnapshotOrder OrderSnapshots(const Facts& facts) {
  Pointers all;
  for (const SubscriptionSnapshot& s : facts.snapshots) all.push_back(&s);
  std::stable_sort(all.begin(), all.end(), [](const auto* a, const auto* b) { return a->created < b->created; });
  SnapshotOrder order;
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find_if(begin, all.end(), [&](const auto* s) { return s->created != (*begin)->created; });
    SecondOrder(order, Pointers(begin, end));
    begin = end;
  }
  const Pointers& sorted = order.oldest_first;
  if (sorted.size() > 1 && !order.tied) order.predecessor_missing = !Follows(*sorted.back(), sorted[sorted.size() - 2]);
  return order;
}

std::optional<Timestamp> GoodUntil(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered) {
  const std::vector<PeriodFailure> failures = PeriodFailures(facts);
  auto next_failure = failures.begin();
  GoodPeriods periods(facts.baseline.good_until);
  for (const SubscriptionSnapshot* s : ordered) {
    for (; next_failure != failures.end() && next_failure->at < s->created; ++next_failure) {
      periods.Failed(next_failure->period_end);
    }
    if (!s->period_end) continue;
    if (IsGood(s->status)) periods.Good(*s->period_end);
    if (IsOverdue(s->status) || s->status == ProviderStatus::kIncomplete) periods.Failed(*s->period_end);
  }
  for (; next_failure != failures.end(); ++next_failure) periods.Failed(next_failure->period_end);
  return periods.last();
}

std::optional<Timestamp> OverdueSince(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered) {
  std::optional<Timestamp> since;
  for (auto s = ordered.rbegin(); s != ordered.rend(); ++s) {
    if ((*s)->status == ProviderStatus::kUnknown) continue;
    if (!IsOverdue((*s)->status)) return since;
    since = (*s)->created;
  }
  return since && facts.baseline.past_due_since ? facts.baseline.past_due_since : since;
}

FoldedRun FoldRun(const Facts& facts, std::span<const SubscriptionSnapshot* const> old) {
  FoldedRun run;
  const SubscriptionSnapshot* newest = old.back();
  const SubscriptionSnapshot* known = nullptr;  // the newest whose word we know
  for (const SubscriptionSnapshot* s : old) {
    if (s->status != ProviderStatus::kUnknown) known = s;
    if (Absorbs(s->status) && s != newest) run.kept.push_back(s);
  }
  run.kept.push_back(newest);
  if (known != nullptr && known != newest && !Absorbs(known->status)) run.kept.push_back(known);
  run.past_due_since = OverdueSince(facts, old);
  // The kept snapshot brings its own period back when it is good; keep what stood before that period.
  GoodPeriods periods(facts.baseline.good_until);
  std::vector<const SubscriptionSnapshot*> before(old.begin(), old.end());
  for (const SubscriptionSnapshot* s : before) {
    if (newest->period_end && s->period_end && *s->period_end >= *newest->period_end) continue;
    if (!s->period_end) continue;
    if (IsGood(s->status)) periods.Good(*s->period_end);
    if (IsOverdue(s->status) || s->status == ProviderStatus::kIncomplete) periods.Failed(*s->period_end);
  }
  run.good_until = periods.last();
  return run;
}

}  // namespace dunlin
