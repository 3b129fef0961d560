// Ending a subscription whose schedule is spent. It cannot be taken back, and nothing is lost by a minute: what the
// provider's events and the provider itself say is learnt first, so that nobody is cancelled who has just paid.
#include "state/merge.h"
#include "workflows/effects/recheck.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {
namespace {

std::string SourceOf(const Job& job) { return "answer to job_" + std::to_string(ToInt(job.id)); }

// The last look before the call: commits what the provider says, and, if it is to be cancelled still, that the
// cancellation goes out under `key`. `fence`: empty when it does not.
Outcome CommitToCancel(Engine& engine, const Job& job, const Recheck& seen, const std::string& key,
                       std::optional<Fence>& fence) {
  const auto change = [&](SubscriptionRecord& record, Unit& unit) -> Status {
    const Timestamp now = engine.clock.Now();
    Facts facts = FactsWith(record, seen, unit, now);
    fence = FenceFor(facts, job, now, 2);
    Decision decision = Decide({.before = record,
                                .facts = std::move(facts),
                                .trigger = Trigger::kEndDue,
                                .now = now,
                                .event = SourceOf(job),
                                .cancel_key = AttemptKey{key}},
                               engine.policies);
    const Recovery& recovery = decision.next.recovery;
    if (recovery.state != RecoveryState::kEnding || recovery.open_attempt.str() != key) {
      fence.reset();
      unit.done.push_back(job.id);
    }
    AddTo(unit, std::move(decision));
    return {};
  };
  bool overtaken = false;
  const Outcome outcome = ChangeSubscription(engine, job, SubscriptionId{job.subject}, change, &overtaken);
  if (overtaken) fence.reset();
  return outcome;
}

Outcome Record(Engine& engine, const Job& job, const Result<SubscriptionAnswer>& answer, const Fence& fence) {
  const SubscriptionId id{job.subject};
  return ChangeSubscription(engine, job, id, [&](SubscriptionRecord& record, Unit& unit) -> Status {
    unit.done.push_back(job.id);
    const Timestamp now = engine.clock.Now();
    AddTo(unit, Decide({.before = record,
                        .facts = answer ? FactsWith(record, *answer, fence, unit, now) : record.subscription.facts,
                        .trigger = answer ? Trigger::kFacts : Trigger::kEndRefused,
                        .now = now,
                        .event = SourceOf(job)},
                       engine.policies));
    return {};
  });
}

bool IsRefusal(const Error& error) { return error.code == Errc::kInvalidArgument || error.code == Errc::kNotFound; }

}  // namespace

Outcome Cancel(Engine& engine, const Job& job) {
  const Result<SubscriptionRecord> before = LoadSubject(engine, job);
  if (!before) return TryLater{before.error()};
  const Subscription& subscription = before->subscription;
  if (subscription.recovery.state != RecoveryState::kEnding) return FinishIfUnmoved(engine, job, subscription);
  if (const Outcome not_yet = AwaitCatchUp(engine)) return not_yet;
  const Result<Recheck> seen = AskAgain(engine, job, subscription);
  if (!seen && seen.error().code == Errc::kNotFound) return Record(engine, job, tl::unexpected(seen.error()), {});
  if (!seen) return TryLater{seen.error()};
  const std::string key = KeyOfTry(engine, job);
  std::optional<Fence> fence;
  if (const Outcome failed = CommitToCancel(engine, job, *seen, key, fence)) return failed;
  if (!fence) return std::nullopt;
  const Result<SubscriptionAnswer> answer = engine.provider.Cancel(subscription.id, key);
  if (!answer && !IsRefusal(answer.error())) return TryLater{answer.error()};
  return Record(engine, job, answer, *fence);
}

}  // namespace dunlin::effects
