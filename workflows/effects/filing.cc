#include "workflows/effects/filing.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "state/failures.h"
#include "state/merge.h"
#include "workflows/decide.h"
#include "workflows/decline.h"

namespace dunlin {
namespace {

// Answers are numbered by when they were asked for, so that a later one has the higher number; the job tells apart
// what is asked in one millisecond.
constexpr std::int64_t kJobsToldApart = 1000;

void AskAnew(Unit& unit, NewJob job) {
  unit.drop_jobs.push_back(job.key);
  unit.jobs.push_back(std::move(job));
}

NewJob AskForSubscription(const SubscriptionId& id, Timestamp now) {
  return {.kind = JobKind::kRefetch, .key = RefetchJobKey(id), .subject = id.str(), .due = now, .payload = "{}"};
}

// An open invoice proves that what the provider has counted has failed, except for a payment that is under way.
void CountProven(InvoiceFact& invoice, bool processing, Timestamp now) {
  if (invoice.status != InvoiceStatus::kOpen) return;
  const int failed = invoice.attempt_count - (processing ? 1 : 0);
  if (failed < 1) return;
  const bool hard = invoice.decline && ClassifyDecline(*invoice.decline) == DeclineClass::kHard;
  // After a hard decline the provider may have counted on without another attempt.
  CountFailures(invoice, hard ? failed : 1, failed, invoice.decline ? invoice.decline_at : now);
}

}  // namespace

Result<std::vector<SubscriptionId>> TargetsOf(Ledger& ledger, const Digest& digest) {
  using Ids = std::vector<SubscriptionId>;
  if (!digest.subscription.empty()) return Ids{digest.subscription};
  if (digest.failure) {
    if (digest.failure->invoice) {
      const auto found = ledger.SubscriptionOfInvoice(*digest.failure->invoice);
      if (!found) return tl::unexpected(found.error());
      if (*found) return Ids{**found};
    }
    const auto link = ledger.FindPayment(digest.failure->payment_intent);
    if (!link) return tl::unexpected(link.error());
    if (*link && !(*link)->subscription.empty()) return Ids{(*link)->subscription};
    return Ids{};
  }
  if (digest.method && !digest.account.empty()) return ledger.SubscriptionsOf(digest.account);
  return Ids{};
}

Status NameInvoice(PaymentFailure& failure, Ledger& ledger) {
  const auto link = ledger.FindPayment(failure.payment_intent);
  if (!link) return tl::unexpected(link.error());
  if (*link) failure.invoice = (*link)->invoice;
  return {};
}

InvoiceFact DeclineOf(const PaymentFailure& failure) {
  InvoiceFact fact;
  fact.id = *failure.invoice;
  fact.attempt_count = -1;
  fact.created = failure.at;
  fact.decline = failure.decline;
  fact.decline_at = failure.at;
  return fact;
}

void AddLooseEnds(Unit& unit, const Digest& digest, Timestamp now) {
  unit.aliases.insert(unit.aliases.end(), digest.aliases.begin(), digest.aliases.end());
  if (digest.link) unit.links.push_back(*digest.link);
  if (digest.ask && digest.ask->first == "subscription")
    AskAnew(unit, AskForSubscription(SubscriptionId{digest.ask->second}, now));
  if (digest.ask && digest.ask->first == "invoice")
    AskAnew(unit, AskForInvoice(InvoiceId{digest.ask->second}, digest.subscription, now));
  if (digest.failure && !digest.failure->invoice)
    unit.jobs.push_back(AskForPayment(digest.failure->payment_intent, now));
}

void LinkNewInvoices(Unit& unit, const SubscriptionId& id, const Facts& before, const Facts& after) {
  for (const InvoiceFact& invoice : after.invoices) {
    if (FindInvoice(before, invoice.id) == nullptr)
      unit.links.push_back({.payment_intent = "", .invoice = invoice.id, .subscription = id});
  }
}

Status AskForSubscriptionsOf(Ledger& ledger, const AccountId& account, Unit& unit, Timestamp now) {
  const Result<std::vector<SubscriptionId>> ids = ledger.SubscriptionsOf(account);
  if (!ids) return tl::unexpected(ids.error());
  for (const SubscriptionId& id : *ids) {
    const Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(id);
    if (!record) return tl::unexpected(record.error());
    const bool ended = *record && (*record)->subscription.values.status == SubscriptionStatus::kCanceled;
    if (!ended) AskAnew(unit, AskForSubscription(id, now));
  }
  return {};
}

NewJob AskForInvoice(const InvoiceId& invoice, const SubscriptionId& subscription, Timestamp now) {
  return {.kind = JobKind::kFetchEvent,
          .key = "fetch/" + invoice.str(),
          .subject = subscription.str(),
          .due = now,
          .payload = nlohmann::json{{"invoice", invoice.str()}}.dump()};
}

NewJob AskForPayment(std::string_view payment_intent, Timestamp now) {
  return {.kind = JobKind::kFetchEvent,
          .key = "fetch/" + std::string(payment_intent),
          .subject = "",
          .due = now,
          .payload = nlohmann::json{{"payment_intent", payment_intent}}.dump()};
}

std::int64_t AnswerNumber(const Job& job, Timestamp now) {
  return ToUnixMillis(now) * kJobsToldApart + ToInt(job.id) % kJobsToldApart;
}

Fence FenceFor(const Facts& facts, const Job& job, Timestamp now, int request) {
  Fence fence;
  fence.at = NewestFact(facts);
  fence.events = EventsAt(facts, fence.at);
  fence.number = AnswerNumber(job, now);
  fence.source = EventId{"fetch/" + std::to_string(fence.number) + (request > 1 ? "/" + std::to_string(request) : "")};
  return fence;
}

void Stamp(SubscriptionSnapshot& snapshot, const Fence& fence) {
  snapshot.kind = SubscriptionSnapshot::Kind::kFetched;
  snapshot.created = fence.at;
  snapshot.fence = fence.events;
  snapshot.fetch_number = fence.number;
  snapshot.source = fence.source;
  snapshot.previous.reset();
}

InvoiceFact Stamped(const InvoiceAnswer& answer, const Fence& fence, Timestamp now) {
  InvoiceFact invoice = answer.invoice;
  invoice.created = fence.at;
  invoice.fetched = true;
  invoice.source = fence.source;
  if (invoice.decline && invoice.decline_at == Timestamp{}) invoice.decline_at = now;
  CountProven(invoice, answer.processing, now);
  return invoice;
}

}  // namespace dunlin
