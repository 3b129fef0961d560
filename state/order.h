// Runs over ordered snapshots that both deriving and folding need (rule R25 and "paid_until", domain.md).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "state/facts.h"
#include "state/merge.h"

namespace dunlin {

constexpr bool IsOverdue(ProviderStatus s) { return s == ProviderStatus::kPastDue || s == ProviderStatus::kUnpaid; }
constexpr bool IsGood(ProviderStatus s) { return s == ProviderStatus::kActive || s == ProviderStatus::kTrialing; }
constexpr bool Absorbs(ProviderStatus s) {
  return s == ProviderStatus::kCanceled || s == ProviderStatus::kIncompleteExpired;
}

// Sorts answers by the numbers in their source: "fetch/9/2" before "fetch/10/1" before "fetch/10/12".
std::string AnswerRank(const EventId& source);

// False for an upgrade's invoice, and for one made by hand or for usage: they say nothing about the running period.
bool BillsAPeriod(const InvoiceFact& invoice);
// True for an invoice that, once it is paid, pays for the time its lines cover: what bills a period, and an upgrade.
bool PaysForTime(const InvoiceFact& invoice);
// The newest invoice that bills a period; drafts are not owed yet. nullptr: there is none.
const InvoiceFact* NewestCycleInvoice(const Facts& facts);

// The period end of the last active or trialing snapshot that no failure follows; a failed payment of the same or an
// earlier period undoes it. `ordered` is oldest first.
std::optional<Timestamp> GoodUntil(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered);

// When the run of overdue snapshots at the end of `ordered` began; nullopt when the last is not overdue.
std::optional<Timestamp> OverdueSince(const Facts& facts, std::span<const SubscriptionSnapshot* const> ordered);

// What folding keeps of a run of old snapshots so that everything derived later comes out the same.
struct FoldedRun {
  std::vector<const SubscriptionSnapshot*> kept;
  std::optional<Timestamp> good_until;
  std::optional<Timestamp> past_due_since;
};
// `old` is in the order of R25 and not empty.
FoldedRun FoldRun(const Facts& facts, std::span<const SubscriptionSnapshot* const> old);

}  // namespace dunlin
