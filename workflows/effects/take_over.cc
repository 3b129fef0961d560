// Becoming the one owner of an invoice's collection (R21).
#include "workflows/effects/filing.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {
namespace {

// After a refusal the provider is asked for the truth: the reason may be that there is nothing to take over any more.
Result<InvoiceAnswer> TakeOverOrLearnWhyNot(Engine& engine, const InvoiceId& invoice, const Job& job) {
  const Result<InvoiceAnswer> taken = engine.provider.TakeOver(invoice, KeyOfTry(engine, job));
  if (!taken && taken.error().code != Errc::kInvalidArgument) return taken;
  // The answer to a fetch also tells why the payment failed.
  const Result<InvoiceAnswer> shown = engine.provider.FetchInvoice(invoice);
  if (shown || !taken) return shown;
  return taken;
}

}  // namespace

Outcome TakeOver(Engine& engine, const Job& job) {
  const Result<SubscriptionRecord> before = LoadSubject(engine, job);
  if (!before) return TryLater{before.error()};
  const Recovery recovery = before->subscription.recovery;
  if (recovery.state != RecoveryState::kTakingOver) return FinishIfUnmoved(engine, job, before->subscription);
  const Fence fence = FenceFor(before->subscription.facts, job, engine.clock.Now());
  const Result<InvoiceAnswer> answer = TakeOverOrLearnWhyNot(engine, recovery.invoice, job);
  if (!answer) return TryLater{answer.error()};
  const InvoiceFact& shown = answer->invoice;
  const bool still_theirs = shown.status == InvoiceStatus::kOpen && (shown.auto_advance || shown.next_payment_attempt);
  const Outcome outcome = ChangeSubscription(
      engine, job, SubscriptionId{job.subject}, [&](SubscriptionRecord& record, Unit& unit) -> Status {
        if (!still_theirs) {
          unit.done.push_back(job.id);
        } else {
          RaiseAlert(unit.alerts,
                     {.key = "two_owners/" + job.subject,
                      .kind = "two_owners",
                      .subject = job.subject,
                      .detail = "The provider still plans attempts of its own on invoice " + shown.id.str() +
                                " after it was told to stop; nothing is charged until it lets go (R21).",
                      .raised_at = engine.clock.Now()});
        }
        TakeInvoice(engine, record, unit, *answer, fence, "answer to job_" + std::to_string(ToInt(job.id)));
        return {};
      });
  if (outcome || !still_theirs) return outcome;
  return TryLater{{Errc::kUnavailable, "the provider still plans attempts of its own"}, Millis{0}};
}

}  // namespace dunlin::effects
