#include "workflows/apply.h"

#include <algorithm>
#include <map>
#include <set>

#include "state/derive.h"
#include "state/merge.h"
#include "workflows/apply_market.h"
#include "workflows/attempt_outcome.h"
#include "workflows/decide.h"
#include "workflows/effects/catch_up.h"
#include "workflows/effects/filing.h"
#include "workflows/topic.h"

namespace dunlin {
namespace {

// A subscription's row can move between our read and our commit; then we read again, this often, and leave the rest
// to the job's next run.
constexpr int kConflictsMax = 20;

// The works of one batch that touch one subscription: one record read, one unit written.
struct Group {
  SubscriptionRecord record;
  Unit unit;
  std::vector<Work> works;
  std::vector<std::pair<Access, Timestamp>> access_changes;  // to what, and when its event was received
  std::vector<Attempt> ended;
  std::vector<EventOutcome> outcomes;  // of its events, in the order of `works` that have one
};

// A work that is not of one subscription's group.
struct Loner {
  Unit unit;
  Work work;
  EventOutcome outcome;
};

EventResult ResultOf(const Work& work, EventOutcome outcome, std::string detail, const std::string& subscription,
                     Timestamp at) {
  return {
      .seq = work.event->seq, .outcome = outcome, .detail = std::move(detail), .subscription = subscription, .at = at};
}

// Adds the digest's facts. Returns what became of the event.
EventOutcome MergeDigest(Facts& facts, const Digest& digest, std::string& detail) {
  bool changed = false;
  if (digest.snapshot) changed |= Merge(facts, *digest.snapshot);
  if (digest.invoice) changed |= Merge(facts, *digest.invoice);
  if (digest.method) changed |= Merge(facts, *digest.method);
  if (digest.failure && digest.failure->invoice) changed |= Merge(facts, DeclineOf(*digest.failure));
  if (!changed) {
    detail = digest.created < facts.baseline.until ? "older than everything that is still kept" : "known already";
    return EventOutcome::kNoChange;
  }
  if (digest.snapshot) {
    const SnapshotOrder order = OrderSnapshots(facts);
    const EventId& newest = order.oldest_first.back()->source;
    if (newest != digest.event) {
      detail = "superseded by " + newest.str();
      return EventOutcome::kNoChange;
    }
  }
  if (digest.invoice) {
    const InvoiceFact* invoice = FindInvoice(facts, digest.invoice->id);
    if (invoice != nullptr && invoice->source != digest.event) {
      detail = "superseded by " + invoice->source.str();
      // Its picture of the invoice is; the failed payment it tells of is one more all the same.
      return digest.invoice->failures.empty() ? EventOutcome::kNoChange : EventOutcome::kApplied;
    }
  }
  return EventOutcome::kApplied;
}

// What a batch did not commit, and how it is to be run again.
struct Left {
  std::vector<JobId> together;  // another writer was first
  std::vector<JobId> alone;     // one of them is at fault
};

class Batch {
 public:
  explicit Batch(Engine& engine) : engine_(engine), now_(engine.clock.Now()) {}

  // Commits what it can of the batch. What is left is to be run again.
  Left Run(std::vector<Work> works) {
    for (Work& work : works) Take(std::move(work));
    std::vector<Unit> units;
    std::vector<Group*> groups;
    for (auto& [id, group] : groups_) {
      if (group.works.empty()) continue;
      units.push_back(std::move(group.unit));
      groups.push_back(&group);
    }
    for (Loner& loner : loners_) units.push_back(std::move(loner.unit));
    std::vector<Result<UnitResult>> results;
    if (!units.empty()) results = engine_.ledger.CommitAll(std::move(units));
    for (std::size_t i = 0; i < groups.size(); ++i) Settle(*groups[i], results[i]);
    for (std::size_t i = 0; i < loners_.size(); ++i) SettleLoner(loners_[i], results[groups.size() + i]);
    for (auto& [work, digest] : market_) FileMarket(std::move(work), digest);
    return std::move(left_);
  }

 private:
  void Take(Work&& work) {
    if (work.job.due > now_) return;  // moved since it was queued; it is offered again when due
    if (work.job.kind == JobKind::kAccessCheck) return Look(std::move(work));
    if (!work.event) return Retry(work.job, {Errc::kCorrupt, "its event is missing"});
    if (work.event->body.empty()) return Bodiless(std::move(work));
    Result<Digest> digest = engine_.read(work.event->provider, work.event->body);
    if (!digest) return Unreadable(std::move(work), digest.error());
    if (digest->topic) return FileTopic(std::move(work), *digest);
    if (digest->market) {
      market_.emplace_back(std::move(work), std::move(*digest));
      return;
    }
    File(std::move(work), std::move(*digest));
  }

  // It was applied before its body was dropped, and asked for again at the very moment when that happened.
  void Bodiless(Work&& work) {
    Unit unit;
    unit.done.push_back(work.job.id);
    const EventOutcome outcome = work.event->outcome;
    loners_.push_back({std::move(unit), std::move(work), outcome});
  }

  // Time has come for a subscription: decide again on what is known.
  void Look(Work&& work) {
    Group* group = Find(SubscriptionId{work.job.subject}, work);
    if (group == nullptr) return;
    if (group->record.subscription.version == 0) {  // it goes by another id by now, and so does this job
      left_.together.push_back(work.job.id);
      return;
    }
    group->unit.done.push_back(work.job.id);
    DecideIn(*group, group->record.subscription.facts, "", work.job.due);
    // Its version is the proof that nobody has moved this job meanwhile.
    if (group->unit.save.empty()) group->unit.save.push_back(group->record.subscription);
    group->works.push_back(std::move(work));
  }

  void Unreadable(Work&& work, const Error& error) {
    Unit unit;
    unit.done.push_back(work.job.id);
    unit.events.push_back(ResultOf(work, EventOutcome::kUnreadable, error.detail, work.event->subscription, now_));
    RaiseAlert(unit.alerts, {.key = "unreadable/" + work.event->id.str(),
                             .kind = "unreadable_event",
                             .subject = work.event->id.str(),
                             .detail = "Event " + work.event->id.str() + " could not be read: " + error.detail,
                             .raised_at = now_});
    loners_.push_back({std::move(unit), std::move(work), EventOutcome::kUnreadable});
  }

  void File(Work&& work, Digest&& digest) {
    Result<std::vector<SubscriptionId>> targets = TargetsOf(engine_.ledger, digest);
    if (!targets) return Retry(work.job, targets.error());
    if (targets->size() == 1) {
      Group* group = Find(targets->front(), work);
      if (group != nullptr) ApplyIn(*group, std::move(work), digest);
      return;
    }
    Unit unit;
    unit.done.push_back(work.job.id);
    AddLooseEnds(unit, digest, now_);
    if (digest.ask && digest.ask->first == "customer") {
      const Status asked = AskForSubscriptionsOf(engine_.ledger, AccountId{digest.ask->second}, unit, now_);
      if (!asked) return Retry(work.job, asked.error());
    }
    const bool in_list = digest.ask && digest.ask->first == "events";
    if (in_list) {
      const Status hurried = HurryCatchUp(engine_.ledger, unit, now_);
      if (!hurried) return Retry(work.job, hurried.error());
    }
    EventOutcome outcome = digest.acted_on ? EventOutcome::kApplied : EventOutcome::kKept;
    std::string detail;
    if (!digest.acted_on) detail = digest.invoice ? "is about no subscription" : "not a type that is acted on";
    if (targets->empty() && digest.acted_on && unit.aliases.empty() && unit.links.empty() && unit.jobs.empty() &&
        !in_list) {
      outcome = EventOutcome::kNoChange;
      detail = "no subscription that it is about is known";
    }
    for (const SubscriptionId& id : *targets) {
      if (!ApplyAlone(unit, id, work, digest)) return;
    }
    unit.events.push_back(ResultOf(work, outcome, detail, "", now_));
    loners_.push_back({std::move(unit), std::move(work), outcome});
  }

  void FileTopic(Work&& work, const Digest& digest) {
    Unit unit;
    unit.done.push_back(work.job.id);
    unit.events.push_back(ResultOf(work, EventOutcome::kApplied, "", "", now_));
    FollowTopic(digest, now_, unit);
    loners_.push_back({std::move(unit), std::move(work), EventOutcome::kApplied});
  }

  void FileMarket(Work&& work, const Digest& digest) {
    const Result<MarketApplied> applied = ApplyMarket(engine_, work, digest, now_);
    if (applied) {
      if (applied->access)
        engine_.observer.OnAccessChange(*applied->access, engine_.clock.Now() - work.event->received_at);
      return engine_.observer.OnEvent(applied->outcome);
    }
    std::vector<Work> works;
    works.push_back(std::move(work));
    Failed(works, applied.error());
  }

  void ApplyIn(Group& group, Work&& work, Digest& digest) {
    if (digest.failure && !digest.failure->invoice) {
      if (const Status named = NameInvoice(*digest.failure, engine_.ledger); !named)
        return Retry(work.job, named.error());
    }
    const SubscriptionId id = group.record.subscription.id;
    Facts facts = group.record.subscription.facts;
    std::string detail;
    const EventOutcome outcome = MergeDigest(facts, digest, detail);
    AddLooseEnds(group.unit, digest, now_);
    LinkNewInvoices(group.unit, id, group.record.subscription.facts, facts);
    if (group.record.subscription.account.empty()) group.record.subscription.account = digest.account;
    if (const std::optional<Attempt> ended = OutcomeInEvent(digest, group.record.attempts)) EndAttempt(group, *ended);
    group.unit.done.push_back(work.job.id);
    group.unit.events.push_back(ResultOf(work, outcome, std::move(detail), id.str(), now_));
    group.outcomes.push_back(outcome);
    DecideIn(group, std::move(facts), digest.event.str(), work.event->received_at);
    group.works.push_back(std::move(work));
  }

  // An event about a whole account: each of its subscriptions, all in one unit.
  bool ApplyAlone(Unit& unit, const SubscriptionId& id, const Work& work, const Digest& digest) {
    if (groups_.contains(id)) {  // already being changed in this batch: take the event after it
      left_.together.push_back(work.job.id);
      return false;
    }
    Result<std::optional<SubscriptionRecord>> record = engine_.ledger.LoadSubscription(id);
    if (!record) {
      Retry(work.job, record.error());
      return false;
    }
    if (!*record) return true;
    Facts facts = (*record)->subscription.facts;
    std::string detail;
    MergeDigest(facts, digest, detail);
    AddTo(unit,
          Decide({.before = std::move(**record), .facts = std::move(facts), .now = now_, .event = digest.event.str()},
                 engine_.policies));
    return true;
  }

  void EndAttempt(Group& group, const Attempt& ended) {
    const auto was = std::find_if(group.record.attempts.begin(), group.record.attempts.end(),
                                  [&](const Attempt& a) { return a.key == ended.key; });
    if (IsOpen(was->state)) {
      Close(group.unit, ended);
      group.ended.push_back(ended);
    } else {
      group.unit.annotate_attempts.push_back(ended);
    }
    Update(group.record.attempts, ended);
  }

  void DecideIn(Group& group, Facts facts, const std::string& event, Timestamp received_at) {
    const Access before = group.record.subscription.values.access;
    Decision decision = Decide({.before = group.record,
                                .facts = std::move(facts),
                                .now = now_,
                                .fold_before = now_ - engine_.facts_kept,
                                .event = event},
                               engine_.policies);
    if (!decision.changed) return;
    if (decision.next.values.access != before)
      group.access_changes.emplace_back(decision.next.values.access, received_at);
    // One row for the whole group: the last decision holds what the earlier ones led to.
    group.record.subscription = decision.next;
    const bool saved = !group.unit.save.empty();
    if (saved) group.unit.save.clear();
    AddTo(group.unit, std::move(decision));
  }

  // The group of that subscription, its record read once; nullptr when reading failed and the work was put off.
  Group* Find(const SubscriptionId& id, const Work& work) {
    const auto found = groups_.find(id);
    if (found != groups_.end()) return &found->second;
    Result<std::optional<SubscriptionRecord>> record = engine_.ledger.LoadSubscription(id);
    if (!record) {
      Retry(work.job, record.error());
      return nullptr;
    }
    Group& group = groups_[id];
    if (*record) group.record = std::move(**record);
    group.record.subscription.id = id;
    return &group;
  }

  void Settle(Group& group, const Result<UnitResult>& result) {
    if (!result) return Failed(group.works, result.error());
    const Timestamp done = engine_.clock.Now();
    for (const auto& [access, received] : group.access_changes)
      engine_.observer.OnAccessChange(access, done - received);
    for (const Attempt& attempt : group.ended) engine_.observer.OnAttempt(attempt.kind, attempt.state);
    for (const EventOutcome outcome : group.outcomes) engine_.observer.OnEvent(outcome);
  }

  void SettleLoner(Loner& loner, const Result<UnitResult>& result) {
    if (result) return engine_.observer.OnEvent(loner.outcome);
    std::vector<Work> works;
    works.push_back(std::move(loner.work));
    Failed(works, result.error());
  }

  void Failed(std::vector<Work>& works, const Error& error) {
    // An event that cannot be written must not hold up the others of its subscription.
    const bool one_of_many = error.code != Errc::kUnavailable && works.size() > 1;
    for (Work& work : works) {
      if (error.code == Errc::kConflict) {
        left_.together.push_back(work.job.id);
      } else if (one_of_many) {
        left_.alone.push_back(work.job.id);
      } else {
        Retry(work.job, error);
      }
    }
  }

  void Retry(const Job& job, const Error& error) {
    // While the ledger itself is away nothing can be written; the job is still there and is offered again.
    const Status status = CommitRetry(engine_, job, TryAgain(job, error, now_, engine_.random));
    if (!status) engine_.observer.OnProblem("apply", error);
  }

  Engine& engine_;
  const Timestamp now_;
  std::map<SubscriptionId, Group> groups_;
  std::vector<Loner> loners_;
  std::vector<std::pair<Work, Digest>> market_;
  Left left_;
};

}  // namespace

void Applier::Run(std::span<const JobId> ids) {
  std::vector<JobId> together(ids.begin(), ids.end());
  std::vector<JobId> alone;
  for (int round = 0; round < kConflictsMax && !together.empty(); ++round) {
    // Those that another worker has finished meanwhile are gone.
    Result<std::vector<Work>> works = engine_.ledger.LoadWork(together);
    if (!works) return engine_.observer.OnProblem("load work", works.error());
    Left left = Batch(engine_).Run(std::move(*works));
    together = std::move(left.together);
    alone.insert(alone.end(), left.alone.begin(), left.alone.end());
  }
  for (const JobId id : alone) Run(std::span(&id, 1));
}

}  // namespace dunlin
