#include "workflows/effects/recheck.h"

#include "state/merge.h"
#include "workflows/decide.h"

namespace dunlin::effects {
namespace {

// Asking again would not help, but the call must not be made either: the job goes on failing, and a person is told.
void TellNotThere(Engine& engine, const std::string& what) {
  Unit unit;
  RaiseAlert(unit.alerts, NotAtProvider(what, engine.clock.Now()));
  const Result<UnitResult> told = engine.ledger.Commit(std::move(unit));
  if (!told) engine.observer.OnProblem("raise an alert", told.error());
}

void MergeInvoice(Facts& facts, const InvoiceAnswer& answer, const SubscriptionId& id, const Fence& fence, Unit& unit,
                  Timestamp now) {
  const InvoiceFact invoice = Stamped(answer, fence, now);
  Merge(facts, invoice);
  for (const std::string& payment : answer.payment_intents) unit.links.push_back({payment, invoice.id, id});
}

}  // namespace

Result<Recheck> AskAgain(Engine& engine, const Job& job, const Subscription& subscription) {
  const Fence fence = FenceFor(subscription.facts, job, engine.clock.Now());
  Result<SubscriptionAnswer> standing = engine.provider.FetchSubscription(subscription.id);
  if (!standing) {
    if (standing.error().code == Errc::kNotFound) TellNotThere(engine, subscription.id.str());
    return tl::unexpected(std::move(standing.error()));
  }
  const InvoiceId& collected = subscription.recovery.invoice;
  if (standing->latest_invoice && standing->latest_invoice->invoice.id == collected) {
    InvoiceAnswer invoice = *standing->latest_invoice;
    return Recheck{std::move(*standing), std::move(invoice), fence};
  }
  Result<InvoiceAnswer> invoice = engine.provider.FetchInvoice(collected);
  if (!invoice) {
    if (invoice.error().code == Errc::kNotFound) TellNotThere(engine, collected.str());
    return tl::unexpected(std::move(invoice.error()));
  }
  return Recheck{std::move(*standing), std::move(*invoice), fence};
}

Facts FactsWith(const SubscriptionRecord& record, const SubscriptionAnswer& answer, const Fence& fence, Unit& unit,
                Timestamp now) {
  Facts facts = record.subscription.facts;
  SubscriptionSnapshot snapshot = answer.snapshot;
  Stamp(snapshot, fence);
  Merge(facts, snapshot);
  if (answer.latest_invoice) MergeInvoice(facts, *answer.latest_invoice, record.subscription.id, fence, unit, now);
  unit.aliases.insert(unit.aliases.end(), answer.aliases.begin(), answer.aliases.end());
  LinkNewInvoices(unit, record.subscription.id, record.subscription.facts, facts);
  return facts;
}

Facts FactsWith(const SubscriptionRecord& record, const Recheck& recheck, Unit& unit, Timestamp now) {
  Facts facts = FactsWith(record, recheck.subscription, recheck.fence, unit, now);
  MergeInvoice(facts, recheck.invoice, record.subscription.id, recheck.fence, unit, now);
  return facts;
}

Alert NotAtProvider(const std::string& what, Timestamp now) {
  return {.key = "not_at_provider/" + what,
          .kind = "not_at_provider",
          .subject = what,
          .detail = "The provider does not know " + what +
                    ". Check that the API key belongs to the account that sends the webhooks.",
          .raised_at = now,
          .message = ""};
}

}  // namespace dunlin::effects
