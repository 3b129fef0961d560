// When the next automatic attempt is due, and whether there is one (R18, R19, R26, I6). Pure.
#pragma once

#include <span>
#include <string>

#include "state/subscription.h"
#include "state/transitions.h"
#include "workflows/policy.h"

namespace dunlin {

// An attempt that ended without an answer, the invoice being found unpaid, has not spent its step of the schedule;
// this many of them have.
inline constexpr int kUnknownAttemptsPerStep = 3;

struct Outlook {
  Guard guard = Guard::kAttemptAhead;  // one of the four outlooks of state/transitions.h
  // kAttemptAhead: the attempt. kMethodNeeded: when the schedule ends without a new method.
  Timestamp at{};
  int step = 0;          // kAttemptAhead: which step of the schedule
  int steps = 0;         // how many the schedule has
  bool overdue = false;  // steps that were due before we heard collapse into this one
};

// `invoice` may be null (not known yet). `all`: the subscription's invoices; the failures of others on any of them
// count against the card networks' limit, as all of `attempts` do. `opened_at` is when the debt began, the anchor where
// no failure is known. The jitter of a step is the same whenever it is computed: it comes from the subscription's and
// the invoice's id.
Outlook LookAhead(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                  const MethodChange& method, Timestamp opened_at, const std::string& subscription, Timestamp now,
                  std::span<const InvoiceFact> all = {});

// R18: did a decline of this payment method, on any attempt that is known, forbid to try it again? No, for one that was
// brought up to date since: such a change has no method's id.
bool IsDeclinedForGood(const InvoiceFact* invoice, std::span<const Attempt> attempts, const MethodChange& method);

// When a new payment method may be tried (R5): at once, but no more often than every `min_gap`, and within the card
// networks' limit. Otherwise somebody who tries stolen cards one after the other would have them all tried.
Timestamp NewMethodFrom(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                        const MethodChange& method, Timestamp now, std::span<const InvoiceFact> all = {});

// How many attempts of any kind were made on the invoice: ours, and those of others that failed.
int AttemptsMade(const InvoiceFact& invoice, std::span<const Attempt> attempts);

// How many attempts of any kind, ours and the provider's, count against the card networks' limit at `now`: those that
// may have been on the payment method that is charged now.
int AttemptsInWindow(const CollectionPolicy& policy, const InvoiceFact* invoice, std::span<const Attempt> attempts,
                     const MethodChange& method, Timestamp now, std::span<const InvoiceFact> all = {});

// How many steps of the schedule our automatic attempts on this invoice have used.
int StepsUsed(const InvoiceId& invoice, std::span<const Attempt> attempts);

}  // namespace dunlin
