// Becoming the one owner of an invoice's collection (R21), and ending a subscription whose schedule is spent.
#include "state/merge.h"
#include "workflows/effects/filing.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {
namespace {

// A stored answer would be repeated under the same key, so each try of the job has its own.
std::string KeyOf(const Engine& engine, const Job& job) {
  return "dunlin-" + engine.ledger.instance() + "-" + std::to_string(ToInt(job.id)) + "/" +
         std::to_string(job.tries + 1);
}

Result<SubscriptionRecord> Load(Engine& engine, const Job& job) {
  Result<std::optional<SubscriptionRecord>> record = engine.ledger.LoadSubscription(SubscriptionId{job.subject});
  if (!record) return tl::unexpected(record.error());
  return *record ? std::move(**record) : SubscriptionRecord{};
}

// After a refusal the provider is asked for the truth: the reason may be that there is nothing to take over any more.
Result<InvoiceAnswer> TakeOverOrLearnWhyNot(Engine& engine, const InvoiceId& invoice, const Job& job) {
  const Result<InvoiceAnswer> taken = engine.provider.TakeOver(invoice, KeyOf(engine, job));
  if (!taken && taken.error().code != Errc::kInvalidArgument) return taken;
  // The answer to a fetch also tells why the payment failed.
  const Result<InvoiceAnswer> shown = engine.provider.FetchInvoice(invoice);
  if (shown || !taken) return shown;
  return taken;
}

}  // namespace

Outcome TakeOver(Engine& engine, const Job& job) {
  const Result<SubscriptionRecord> before = Load(engine, job);
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

Outcome Cancel(Engine& engine, const Job& job) {
  const Result<SubscriptionRecord> before = Load(engine, job);
  if (!before) return TryLater{before.error()};
  const bool ending = before->subscription.recovery.state == RecoveryState::kEnding;
  if (!ending) return FinishIfUnmoved(engine, job, before->subscription);
  const Fence fence = FenceFor(before->subscription.facts, job, engine.clock.Now());
  const Result<SubscriptionAnswer> answer = engine.provider.Cancel(before->subscription.id, KeyOf(engine, job));
  const bool refused =
      !answer && (answer.error().code == Errc::kInvalidArgument || answer.error().code == Errc::kNotFound);
  if (!answer && !refused) return TryLater{answer.error()};
  return ChangeSubscription(engine, job, SubscriptionId{job.subject},
                            [&](SubscriptionRecord& record, Unit& unit) -> Status {
                              unit.done.push_back(job.id);
                              Situation situation{.before = record,
                                                  .facts = record.subscription.facts,
                                                  .now = engine.clock.Now(),
                                                  .event = "answer to job_" + std::to_string(ToInt(job.id))};
                              if (refused) {
                                situation.trigger = Trigger::kEndRefused;
                              } else {
                                SubscriptionSnapshot snapshot = answer->snapshot;
                                Stamp(snapshot, fence);
                                Merge(situation.facts, snapshot);
                              }
                              AddTo(unit, Decide(situation, engine.policies));
                              return {};
                            });
}

}  // namespace dunlin::effects
