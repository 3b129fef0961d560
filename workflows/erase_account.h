// A customer is to be forgotten: what identifies a person goes, the sums stay.
//
// Goes: e-mail addresses and hosted pages of invoices, our own ids of the account and the registrations that they
// claimed, mails and alerts that wait, the text of alerts and attempts, what staff wrote in the timeline or with a
// retry, and the raw bodies of the account's events. Stays: the provider's ids, amounts, dates, statuses, attempts, the
// timeline, and each event's row, so that one that is sent again is still a duplicate (I2).
#pragma once

#include <vector>

#include "state/ledger.h"

namespace dunlin {

struct AccountErased {
  std::vector<SubscriptionId> subscriptions;
  std::int64_t invoices = 0;  // whose address or page was known
  Dropped dropped;
};

enum class StillRunning : std::uint8_t { kRefuse, kEraseToo };

// Commits `along` together with the last of it. Durable on return; the ledger's files still hold freed bytes until
// CompactLedger (state/compact.h). An event that waits to be applied keeps its body. Repeating it is harmless. Errors:
// kConflict (a subscription has not ended, or a payment attempt is open; kEraseToo overrides it), kNotFound (nothing is
// known of such an account; nothing is committed), the ledger's.
Result<AccountErased> EraseAccount(Ledger& ledger, const AccountId& account, StillRunning running, Timestamp now,
                                   const Unit& along);

// Events of an erased account can still come for as long as the provider lists them. This job erases what they brought,
// once a day until then.
NewJob EraseAgainJob(const AccountId& account, Timestamp erased_at);

}  // namespace dunlin
