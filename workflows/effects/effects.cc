#include "workflows/effects/effects.h"

#include <algorithm>

#include "state/merge.h"
#include "workflows/effects/filing.h"
#include "workflows/effects/steps.h"

namespace dunlin {
namespace effects {
namespace {

// How often a subscription's row may move under one change before the job is put off.
constexpr int kConflictsMax = 50;

// More of one subscription's hardly ever wait to be told.
constexpr std::size_t kNotificationsMany = 100;
// The least that a notification waits for one before it that is just being delivered.
constexpr Millis kEarlierChangeWait{1s};

}  // namespace

Outcome ChangeSubscription(Engine& engine, const Job& job, const SubscriptionId& id, const Change& change,
                           bool* overtaken) {
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<std::optional<SubscriptionRecord>> loaded = engine.ledger.LoadSubscription(id);
    if (!loaded) return TryLater{loaded.error()};
    SubscriptionRecord record = *loaded ? std::move(**loaded) : SubscriptionRecord{};
    record.subscription.id = id;
    const Access before = record.subscription.values.access;
    Unit unit;
    if (const Status status = change(record, unit); !status)
      return TryLater{status.error(), Millis{0}, status.error().code != Errc::kConflict};
    const Access after = unit.save.empty() ? before : unit.save.back().values.access;
    const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
    if (done && after != before) engine.observer.OnAccessChange(after, std::nullopt);
    if (done) return std::nullopt;
    if (done.error().code != Errc::kConflict) return TryLater{done.error()};
    const Result<std::optional<Job>> still = engine.ledger.FindJob(job.id);
    if (still && !*still && round > 0) {
      if (overtaken != nullptr) *overtaken = true;
      return std::nullopt;
    }
  }
  return TryLater{{Errc::kConflict, "the subscription is changing too fast"}};
}

Result<SubscriptionRecord> LoadSubject(Engine& engine, const Job& job) {
  Result<std::optional<SubscriptionRecord>> record = engine.ledger.LoadSubscription(SubscriptionId{job.subject});
  if (!record) return tl::unexpected(record.error());
  return *record ? std::move(**record) : SubscriptionRecord{};
}

std::string KeyOfTry(const Engine& engine, const Job& job) {
  return "dunlin-" + engine.ledger.instance() + "-" + std::to_string(ToInt(job.id)) + "/" +
         std::to_string(job.tries + 1);
}

Outcome Finish(Engine& engine, const Job& job) {
  Unit unit;
  unit.done.push_back(job.id);
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;  // a conflict: somebody else has ended it
}

Outcome FinishIfUnmoved(Engine& engine, const Job& job, const Subscription& read) {
  if (read.version == 0) return Finish(engine, job);
  Unit unit;
  unit.done.push_back(job.id);
  unit.save.push_back(read);
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (done) return std::nullopt;
  return TryLater{done.error(), Millis{0}, done.error().code != Errc::kConflict};
}

void TakeInvoice(Engine& engine, SubscriptionRecord& record, Unit& unit, const InvoiceAnswer& answer,
                 const Fence& fence, const std::string& source) {
  const Timestamp now = engine.clock.Now();
  Facts facts = record.subscription.facts;
  const InvoiceFact invoice = Stamped(answer, fence, now);
  Merge(facts, invoice);
  LinkNewInvoices(unit, record.subscription.id, record.subscription.facts, facts);
  for (const std::string& payment : answer.payment_intents)
    unit.links.push_back({payment, invoice.id, record.subscription.id});
  if (record.subscription.account.empty()) record.subscription.account = answer.account;
  Decision decision =
      Decide({.before = record, .facts = std::move(facts), .now = now, .event = source}, engine.policies);
  AddTo(unit, std::move(decision));
}

namespace {

Outcome Dispatch(Engine& engine, const Job& job) {
  switch (job.kind) {
    case JobKind::kApply:
    case JobKind::kAccessCheck: return TryLater{{Errc::kInvalidArgument, "a job of the other lane"}};
    case JobKind::kCharge: return Charge(engine, job);
    case JobKind::kTakeOver: return TakeOver(engine, job);
    case JobKind::kCancel: return Cancel(engine, job);
    case JobKind::kRefetch: return RefetchSubscription(engine, job);
    case JobKind::kPeriodCheck: return CheckPeriod(engine, job);
    case JobKind::kFetchEvent: return FetchInvoice(engine, job);
    case JobKind::kCatchUp: return CatchUp(engine, job);
    case JobKind::kMail:
    case JobKind::kNotify:
    case JobKind::kAlert: return Deliver(engine, job);
    case JobKind::kEntitlements: return ReadEntitlements(engine, job);
    case JobKind::kEntitlementSweep: return SweepEntitlements(engine, job);
    case JobKind::kConfirmTopic: return ConfirmTopic(engine, job);
    case JobKind::kFreezeUsage: return FreezeUsageHours(engine, job);
    case JobKind::kMeter: return SendUsage(engine, job);
    case JobKind::kRetention: return DropOld(engine, job);
    case JobKind::kErase: return EraseAgain(engine, job);
  }
  return std::nullopt;
}

// What the product hears last is how it stands: the changes of a subscription are told one after the other. Returns how
// long this one has to wait for those before it.
Result<Millis> WaitForEarlierChanges(Engine& engine, const Job& job) {
  Millis wait{0};
  if (job.kind != JobKind::kNotify || job.subject.empty()) return wait;
  const auto waiting = engine.ledger.Jobs({.kind = JobKind::kNotify, .state = JobState::kReady, .subject = job.subject},
                                          {.limit = kNotificationsMany});
  if (!waiting) return tl::unexpected(waiting.error());
  for (const Job& other : waiting->items) {
    if (ToInt(other.id) < ToInt(job.id)) wait = std::max({wait, other.due - engine.clock.Now(), kEarlierChangeWait});
  }
  return wait;
}

}  // namespace

Outcome Deliver(Engine& engine, const Job& job) {
  const Result<Millis> wait = WaitForEarlierChanges(engine, job);
  if (!wait) return TryLater{wait.error()};
  if (*wait > Millis{0})
    return TryLater{{Errc::kUnavailable, "an earlier change of it was not told yet"}, *wait, false};
  if (const Status sent = engine.outbox.Deliver(job.id, job.payload); !sent) return TryLater{sent.error()};
  return Finish(engine, job);
}

}  // namespace effects

void Effects::Run(JobId id) {
  const JobId ids[] = {id};
  const Result<std::vector<Work>> works = engine_.ledger.LoadWork(ids);
  if (!works) return engine_.observer.OnProblem("load work", works.error());
  if (works->empty()) return;
  const Job& job = works->front().job;
  if (job.due > engine_.clock.Now()) return;  // moved since it was queued; it is offered again when due
  const effects::Outcome later = effects::Dispatch(engine_, job);
  if (!later) return;
  JobRetry retry = TryAgain(job, later->error, engine_.clock.Now(), engine_.random, later->at_least);
  if (!later->count) {
    retry.count_try = false;
    retry.state = JobState::kReady;
    retry.due = engine_.clock.Now() + later->at_least;
  }
  const bool goes_on = retry.state == JobState::kDead && later->instead_of_dying;
  if (goes_on) retry.state = JobState::kReady;
  const Status status = CommitRetry(engine_, job, retry, goes_on ? later->instead_of_dying : std::nullopt);
  if (!status) engine_.observer.OnProblem("put a job off", status.error());
}

}  // namespace dunlin
