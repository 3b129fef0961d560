// Asking the provider how an object stands. The newest known fact is noted before the request goes out, so that the
// answer supersedes what came before and never what came after; in doubt still, it is asked again, at a bounded rate.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "state/merge.h"
#include "workflows/effects/recheck.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {
namespace {

// An object that is still in doubt after an answer is asked about again no sooner than this.
constexpr Millis kAskAgainAfter{10s};

std::string SourceOf(const Fence& fence) { return "answer to " + fence.source.str(); }

// The provider does not know it: a person must look, asking again would not help.
Outcome NotThere(Engine& engine, const Job& job, const std::string& what) {
  Unit unit;
  unit.done.push_back(job.id);
  RaiseAlert(unit.alerts, NotAtProvider(what, engine.clock.Now()));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

void NotSoSoon(Decision& decision, const Engine& engine) {
  for (NewJob& next : decision.jobs) {
    if (next.kind == JobKind::kRefetch) next.due = std::max(next.due, engine.clock.Now() + kAskAgainAfter);
  }
}

Status TakeSubscription(Engine& engine, const Job& job, SubscriptionRecord& record, Unit& unit,
                        const SubscriptionAnswer& answer, const Fence& fence) {
  unit.done.push_back(job.id);
  const Timestamp now = engine.clock.Now();
  Facts facts = FactsWith(record, answer, fence, unit, now);
  if (record.subscription.account.empty()) record.subscription.account = answer.account;
  Decision decision =
      Decide({.before = record, .facts = std::move(facts), .now = now, .event = SourceOf(fence)}, engine.policies);
  NotSoSoon(decision, engine);
  AddTo(unit, std::move(decision));
  return {};
}

Result<Facts> FactsOf(Engine& engine, const SubscriptionId& id) {
  const Result<std::optional<SubscriptionRecord>> record = engine.ledger.LoadSubscription(id);
  if (!record) return tl::unexpected(record.error());
  return *record ? (*record)->subscription.facts : Facts{};
}

}  // namespace

Outcome RefetchSubscription(Engine& engine, const Job& job) {
  const SubscriptionId id{job.subject};
  const Result<Facts> before = FactsOf(engine, id);
  if (!before) return TryLater{before.error()};
  const Fence fence = FenceFor(*before, job, engine.clock.Now());
  const Result<SubscriptionAnswer> answer = engine.provider.FetchSubscription(id);
  if (!answer && answer.error().code == Errc::kNotFound) return NotThere(engine, job, id.str());
  if (!answer) return TryLater{answer.error()};
  return ChangeSubscription(engine, job, id, [&](SubscriptionRecord& record, Unit& unit) {
    return TakeSubscription(engine, job, record, unit, *answer, fence);
  });
}

Outcome CheckPeriod(Engine& engine, const Job& job) {
  const Result<std::optional<SubscriptionRecord>> record = engine.ledger.LoadSubscription(SubscriptionId{job.subject});
  if (!record) return TryLater{record.error()};
  if (!*record) return Finish(engine, job);
  const Values& values = (*record)->subscription.values;
  const bool renews = values.status == SubscriptionStatus::kActive || values.status == SubscriptionStatus::kTrialing;
  const bool over = values.period_end && *values.period_end <= engine.clock.Now();
  return renews && over ? RefetchSubscription(engine, job) : FinishIfUnmoved(engine, job, (*record)->subscription);
}

Outcome FetchInvoice(Engine& engine, const Job& job) {
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  if (!payload.is_object()) return TryLater{{Errc::kCorrupt, "the job's payload is not readable"}};
  InvoiceId invoice{payload.value("invoice", "")};
  if (invoice.empty()) {
    const std::string payment = payload.value("payment_intent", "");
    const Result<InvoiceId> found = engine.provider.InvoiceOfPayment(payment);
    if (!found && found.error().code == Errc::kNotFound) return Finish(engine, job);  // a payment of something else
    if (!found) return TryLater{found.error()};
    invoice = *found;
  }
  // The fence needs the subscription, which only the answer may tell; an unknown one has no facts yet.
  const Result<std::optional<SubscriptionId>> known = engine.ledger.SubscriptionOfInvoice(invoice);
  if (!known) return TryLater{known.error()};
  const Result<Facts> before = *known ? FactsOf(engine, **known) : Result<Facts>(Facts{});
  if (!before) return TryLater{before.error()};
  const Fence fence = FenceFor(*before, job, engine.clock.Now());
  const Result<InvoiceAnswer> answer = engine.provider.FetchInvoice(invoice);
  if (!answer && answer.error().code == Errc::kNotFound) return NotThere(engine, job, invoice.str());
  if (!answer) return TryLater{answer.error()};
  if (answer->subscription.empty()) return Finish(engine, job);  // a one-off invoice: nothing of ours
  return ChangeSubscription(engine, job, answer->subscription, [&](SubscriptionRecord& record, Unit& unit) -> Status {
    unit.done.push_back(job.id);
    TakeInvoice(engine, record, unit, *answer, fence, SourceOf(fence));
    return {};
  });
}

}  // namespace dunlin::effects
