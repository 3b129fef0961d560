#include "state/order.h"

#include <algorithm>
#include <tuple>

#include "state/failures.h"

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
         (!was.period_end || was.period_end == before->period_end) &&
         was.prices.value_or(before->prices) == before->prices;
}

bool SamePicture(const SubscriptionSnapshot& a, const SubscriptionSnapshot& b) {
  return std::tie(a.status, a.prices, a.period_end, a.cancel_at_period_end, a.cancel_at, a.latest_invoice,
                  a.default_payment_method, a.collected_by_invoice_mail) ==
         std::tie(b.status, b.prices, b.period_end, b.cancel_at_period_end, b.cancel_at, b.latest_invoice,
                  b.default_payment_method, b.collected_by_invoice_mail);
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
      std::rotate(events_.begin() + static_cast<std::ptrdiff_t>(placed),
                  events_.begin() + static_cast<std::ptrdiff_t>(i),
                  events_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      Extend(events_[placed], placed + 1);
      std::rotate(events_.begin() + static_cast<std::ptrdiff_t>(placed),
                  events_.begin() + static_cast<std::ptrdiff_t>(placed) + 1,
                  events_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
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
    const auto events =
        std::stable_partition(second.begin(), second.end(), [](const auto* s) { return s->kind == Kind::kFetched; });
    Pointers rest(events, second.end());
    second.erase(events, second.end());
    std::sort(second.begin(), second.end(), [](const auto* a, const auto* b) {
      if (a->fetch_number != b->fetch_number) return a->fetch_number < b->fetch_number;
      return AnswerRank(a->source) < AnswerRank(b->source);
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
    // Whether the answer already knew of these cannot be told: their time is not fine enough.
    const bool unsure = !second.empty() && !rest.empty();
    Append(std::move(rest));
    out_.tied = out_.tied || unsure;
  }

 private:
  void Append(Pointers events) {
    if (events.empty()) return;
    const SubscriptionSnapshot* before = out_.oldest_first.empty() ? nullptr : out_.oldest_first.back();
    // An answer may already hold some of what happened after its fence, so it is no start to chain from; nor is what
    // is itself in doubt.
    if (before != nullptr && (before->kind == Kind::kFetched || out_.tied)) before = nullptr;
    const Arrangement arranged(std::move(events), before);
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

// Failed payments of invoices that are still not paid, by time. Those that answers only count are left out: the answers
// show what came of them.
std::vector<PeriodFailure> PeriodFailures(const Facts& facts) {
  std::vector<PeriodFailure> failures;
  for (const InvoiceFact& invoice : facts.invoices) {
    if (invoice.status == InvoiceStatus::kPaid || !invoice.line_period_end || !BillsAPeriod(invoice)) continue;
    for (const Failure& f : invoice.failures) {
      if (!IsOnlyCounted(f)) failures.push_back({f.at, *invoice.line_period_end});
    }
  }
  std::sort(failures.begin(), failures.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return failures;
}

// Where the baseline's good_until stands in a run: just before this snapshot. Those that end a subscription say nothing
// about periods, and folding keeps one that may be older.
const SubscriptionSnapshot* AfterBaseline(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered) {
  const SubscriptionSnapshot* last = nullptr;
  for (const SubscriptionSnapshot* s : ordered) {
    if (s->created >= facts.baseline.until) break;
    last = s;
    if (!Absorbs(s->status)) break;
  }
  return last;
}

// Runs through snapshots and failed payments by time; a failure of a snapshot's own second comes after it.
class PeriodRun {
 public:
  PeriodRun(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered)
      : failures_(PeriodFailures(facts)), next_(failures_.begin()), periods_(facts.baseline.good_until) {
    const SubscriptionSnapshot* first = AfterBaseline(facts, ordered);
    // Those before it are already in the baseline.
    while (first != nullptr && next_ != failures_.end() && next_->at < first->created) ++next_;
  }

  void FailBefore(Timestamp end) {
    for (; next_ != failures_.end() && next_->at < end; ++next_) periods_.Failed(next_->period_end);
  }
  void FailRest() { FailBefore(Timestamp::max()); }
  void Take(const SubscriptionSnapshot& s) {
    Reopen(s);
    if (s.period_end && IsGood(s.status)) periods_.Good(*s.period_end);
  }
  // As if that snapshot were about to be taken (again).
  void Reopen(const SubscriptionSnapshot& s) {
    if (s.period_end && Speaks(s.status)) periods_.Failed(*s.period_end);
  }
  std::optional<Timestamp> last() const { return periods_.last(); }

 private:
  static bool Speaks(ProviderStatus s) { return IsGood(s) || IsOverdue(s) || s == ProviderStatus::kIncomplete; }

  std::vector<PeriodFailure> failures_;
  std::vector<PeriodFailure>::const_iterator next_;
  GoodPeriods periods_;
};

}  // namespace

std::string AnswerRank(const EventId& source) {
  constexpr std::size_t kDigits = 19;  // of the largest number
  std::string rank;
  std::string number;
  const auto flush = [&] {
    if (!number.empty() && number.size() < kDigits) rank.append(kDigits - number.size(), '0');
    rank += number;
    number.clear();
  };
  for (const char c : source.str()) {
    if (c >= '0' && c <= '9') {
      number += c;
      continue;
    }
    flush();
    rank += c;
  }
  flush();
  return rank;
}

bool BillsAPeriod(const InvoiceFact& invoice) {
  const std::string& reason = invoice.billing_reason;
  return reason.empty() || reason == "subscription" || reason == "subscription_create" ||
         reason == "subscription_cycle" || reason == "quote_accept";
}

bool PaysForTime(const InvoiceFact& invoice) {
  return BillsAPeriod(invoice) || invoice.billing_reason == "subscription_update";
}

const InvoiceFact* NewestCycleInvoice(const Facts& facts) {
  const InvoiceFact* newest = nullptr;
  for (const InvoiceFact& i : facts.invoices) {
    if (!BillsAPeriod(i) || i.status == InvoiceStatus::kDraft) continue;
    if (newest == nullptr || std::tie(newest->made_at, newest->id) < std::tie(i.made_at, i.id)) newest = &i;
  }
  return newest;
}

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
  PeriodRun run(facts, ordered);
  for (const SubscriptionSnapshot* s : ordered) {
    run.FailBefore(s->created);
    run.Take(*s);
  }
  run.FailRest();
  return run.last();
}

std::optional<Timestamp> OverdueSince(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered) {
  std::optional<Timestamp> since;
  for (auto s = ordered.rbegin(); s != ordered.rend(); ++s) {
    if ((*s)->status == ProviderStatus::kUnknown) continue;
    if (!IsOverdue((*s)->status)) return since;
    since = (*s)->SeenAt();
  }
  return since && facts.baseline.past_due_since ? facts.baseline.past_due_since : since;
}

FoldedRun FoldRun(const Facts& facts, std::span<const SubscriptionSnapshot* const> old) {
  FoldedRun folded;
  // From the newest whose word we know: it counts until a word is known again (R23), and each one's predecessor stays.
  std::size_t from = old.size() - 1;
  while (from > 0 && old[from]->status == ProviderStatus::kUnknown) --from;
  for (std::size_t i = from; i > 0; --i) {
    if (!Absorbs(old[i - 1]->status) && old[i - 1]->kind != Kind::kDeleted) continue;
    folded.kept.push_back(old[i - 1]);  // the end absorbs, whatever came after it
    break;
  }
  folded.kept.insert(folded.kept.end(), old.begin() + static_cast<std::ptrdiff_t>(from), old.end());
  folded.past_due_since = OverdueSince(facts, old);

  // Below the period that the first kept snapshot speaks of, what stands after every failure that is known.
  auto first = std::find_if(folded.kept.begin(), folded.kept.end(), [](const auto* s) { return !Absorbs(s->status); });
  if (first == folded.kept.end()) --first;
  PeriodRun run(facts, old);
  for (auto s = old.begin(); *s != *first; ++s) {  // it is one of them
    run.FailBefore((*s)->created);
    run.Take(**s);
  }
  run.FailBefore((*first)->created);
  run.Reopen(**first);
  run.FailRest();
  folded.good_until = run.last();
  return folded;
}

}  // namespace dunlin
