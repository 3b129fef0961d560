// Where facts belong, and what an event or an answer brings besides the subscription's own facts.
#pragma once

#include <vector>

#include "state/ledger.h"
#include "workflows/digest.h"
#include "workflows/provider.h"

namespace dunlin {

// The subscriptions an event is about: the one it names, the one whose invoice a payment pays, or all of its account.
// Empty: none is known (yet). Errors: the ledger's.
Result<std::vector<SubscriptionId>> TargetsOf(Ledger& ledger, const Digest& digest);

// Fills in the invoice of a failed payment from what is known of the payment; leaves it empty otherwise. Errors: the
// ledger's.
Status NameInvoice(PaymentFailure& failure, Ledger& ledger);

// The decline alone, as a fact about its invoice: a picture that every other picture outranks.
InvoiceFact DeclineOf(const PaymentFailure& failure);

// Aliases, links, and questions to the provider that the event asks for. An event may tell of what a question that is
// under way cannot have seen any more: that one is given up, and asked anew.
void AddLooseEnds(Unit& unit, const Digest& digest, Timestamp now);

// Records which subscription an invoice belongs to, for each that was not known before.
void LinkNewInvoices(Unit& unit, const SubscriptionId& id, const Facts& before, const Facts& after);

// Asks anew how every subscription of the account stands that has not ended. Errors: the ledger's.
Status AskForSubscriptionsOf(Ledger& ledger, const AccountId& account, Unit& unit, Timestamp now);

// A question about an invoice or a payment: a job that fetches it. Its key makes it one at a time.
NewJob AskForInvoice(const InvoiceId& invoice, const SubscriptionId& subscription, Timestamp now);
NewJob AskForPayment(std::string_view payment_intent, Timestamp now);

// What a fetch must note before its request goes out, and how its answer then becomes a fact.
struct Fence {
  Timestamp at{};
  std::vector<EventId> events;
  std::int64_t number = 0;
  EventId source;  // "fetch/<number>", "fetch/<number>/2"
};
// `request`: which of the questions that one run of the job asks, from 1; the later one's answer counts after.
// The number of an answer that the job asks for now.
std::int64_t AnswerNumber(const Job& job, Timestamp now);
Fence FenceFor(const Facts& facts, const Job& job, Timestamp now, int request = 1);
void Stamp(SubscriptionSnapshot& snapshot, const Fence& fence);
// The answer's invoice, with the failures that it proves. `now`: when a decline without a time of its own was heard.
InvoiceFact Stamped(const InvoiceAnswer& answer, const Fence& fence, Timestamp now);

}  // namespace dunlin
