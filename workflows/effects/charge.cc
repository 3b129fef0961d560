// Charge once (design.md, "Calls to the outside"): the attempt is committed before the call, an unknown outcome is
// sent again under the same key, and after a stored error or too long a time the provider is asked first. Nothing is
// sent on old news: right before, the provider is asked whether it is still owed and wanted.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "workflows/attempt_outcome.h"
#include "workflows/effects/attempt.h"
#include "workflows/effects/recheck.h"

namespace dunlin::effects {
namespace {

// The provider keeps answers under a key for at least 24 h; past this we do not rely on it any more.
constexpr Millis kSameKeyFor = Millis{23h};
// A due attempt looks this often whether another of its subscription, still under way, has ended.
constexpr Millis kOtherAskEvery{1min};

struct Wish {
  Trigger trigger = Trigger::kDue;
  std::string by;
  std::string reason;
};

Wish WishOf(const Job& job) {
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  if (!payload.is_object() || !payload.contains("by")) return {};
  return {Trigger::kStaffRetry, payload.value("by", ""), payload.value("reason", "")};
}

const Attempt* OpenAttemptOf(const SubscriptionRecord& record, JobId job) {
  for (const Attempt& a : record.attempts) {
    if (a.job == job && IsOpen(a.state)) return &a;
  }
  return nullptr;
}

// A staff retry whose time has passed: staff must see why nothing was charged.
void NoteNotMade(Unit& unit, const SubscriptionRecord& record, const Wish& wish, const PolicyBook& policies,
                 Timestamp now) {
  if (wish.trigger != Trigger::kStaffRetry) return;
  const std::optional<RetryRefusal> refusal = RefuseRetry(record, policies, now);
  TimelineRow row;
  row.subscription = record.subscription.id;
  row.at = now;
  row.kind = "staff";
  row.by = wish.by;
  row.reason = "The retry was not made: " + (refusal ? refusal->why : "there was nothing to charge any more.");
  unit.timeline.push_back(std::move(row));
}

bool AnyIsOut(const SubscriptionRecord& record) {
  return std::any_of(record.attempts.begin(), record.attempts.end(), [](const Attempt& a) { return IsOpen(a.state); });
}

// It was sent before, and what is known now would not send it any more.
bool MovedOn(const Recovery& recovery, const Attempt& open) { return recovery.open_attempt != open.key; }

bool IsStale(const Attempt& open, Timestamp now) { return now - open.first_sent_at >= kSameKeyFor; }

Decision DecideToCharge(Engine& engine, const Job& job, const SubscriptionRecord& record, Facts facts,
                        const Wish& wish) {
  const Timestamp now = engine.clock.Now();
  const bool refused = wish.trigger == Trigger::kStaffRetry && RefuseRetry(record, engine.policies, now).has_value();
  return Decide({.before = record,
                 .facts = std::move(facts),
                 .trigger = refused ? Trigger::kFacts : wish.trigger,
                 .now = now,
                 .by = wish.by,
                 .reason = wish.reason,
                 .job = job.id,
                 .instance = engine.ledger.instance(),
                 .pay_parameters = engine.provider.PayParameters(record.subscription.recovery.invoice)},
                engine.policies);
}

bool WouldCharge(Engine& engine, const Job& job, const SubscriptionRecord& record, const Wish& wish) {
  return !DecideToCharge(engine, job, record, record.subscription.facts, wish).open_attempts.empty();
}

// The attempt of the job that is out already, with what the provider shows of it now.
Begun TakeUp(Engine& engine, const Job& job, const SubscriptionRecord& record, const Attempt& open, const Recheck& seen,
             Unit& unit) {
  const Timestamp now = engine.clock.Now();
  Facts facts = FactsWith(record, seen, unit, now);
  const Fence fence = FenceFor(facts, job, now, 2);
  Decision decision =
      Decide({.before = record, .facts = std::move(facts), .now = now, .event = "answer to " + seen.fence.source.str()},
             engine.policies);
  const bool moved_on = MovedOn(decision.next.recovery, open);
  AddTo(unit, std::move(decision));
  return {open, fence, moved_on};
}

// Commits the attempt that is to be made, if it still is; the unit otherwise ends the job or moves it. `seen` is left
// out where nothing would be charged anyway.
Outcome Begin(Engine& engine, const Job& job, const Wish& wish, const std::optional<Recheck>& seen,
              std::optional<Begun>& begun) {
  const auto change = [&](SubscriptionRecord& record, Unit& unit) -> Status {
    begun.reset();
    if (const Attempt* open = OpenAttemptOf(record, job.id); open != nullptr && seen) {
      begun = TakeUp(engine, job, record, *open, *seen, unit);
      return {};
    }
    const Timestamp now = engine.clock.Now();
    Facts facts = seen ? FactsWith(record, *seen, unit, now) : record.subscription.facts;
    const Fence fence = FenceFor(facts, job, now, 2);
    Decision decision = DecideToCharge(engine, job, record, std::move(facts), wish);
    if (decision.open_attempts.empty()) {
      unit.done.push_back(job.id);
      NoteNotMade(unit, {decision.next, record.attempts}, wish, engine.policies, now);
    } else {
      begun = Begun{decision.open_attempts.front(), fence};
      if (!seen || seen->invoice.invoice.id != begun->attempt.invoice)
        return Fail(Errc::kConflict, "what is to be charged changed while the provider was asked");
      // Fails when another process has ended the job meanwhile: one wish, one attempt.
      unit.retries.push_back({.id = job.id, .due = job.due, .count_try = false, .at = now});
    }
    AddTo(unit, std::move(decision));
    // Its version is the proof that nobody wants the job for something else by now.
    if (!begun && unit.save.empty() && record.subscription.version > 0) unit.save.push_back(record.subscription);
    return {};
  };
  bool overtaken = false;
  const Outcome outcome = ChangeSubscription(engine, job, SubscriptionId{job.subject}, change, &overtaken);
  if (overtaken) begun.reset();
  return outcome;
}

// An attempt that is out is not given up, whatever happens: its money may be on the way.
Outcome GoOnUntilKnown(Outcome outcome, const Attempt& open, Timestamp now) {
  if (outcome) outcome->instead_of_dying = Unresolved(open, outcome->error.detail, now);
  return outcome;
}

// Sends what is due, or what may not have arrived, after asking whether it still should be.
Outcome AskAndSend(Engine& engine, const Job& job, const SubscriptionRecord& record, bool is_out) {
  const Wish wish = WishOf(job);
  std::optional<Recheck> seen;
  if (is_out || WouldCharge(engine, job, record, wish)) {
    Result<Recheck> answer = AskAgain(engine, job, record.subscription);
    if (!answer) return TryLater{answer.error()};
    seen = std::move(*answer);
  }
  std::optional<Begun> begun;
  if (const Outcome failed = Begin(engine, job, wish, seen, begun)) return failed;
  if (!begun) return std::nullopt;
  const Timestamp now = engine.clock.Now();  // asking took a while
  const bool ask = begun->moved_on || IsStale(begun->attempt, now);
  return GoOnUntilKnown(ask ? AskAbout(engine, job, *begun) : Send(engine, job, *begun), begun->attempt, now);
}

}  // namespace

Outcome Charge(Engine& engine, const Job& job) {
  const Result<SubscriptionRecord> record = LoadSubject(engine, job);
  if (!record) return TryLater{record.error()};
  const Timestamp now = engine.clock.Now();
  const Attempt* open = OpenAttemptOf(*record, job.id);
  if (open == nullptr) {
    if (AnyIsOut(*record) && WishOf(job).trigger == Trigger::kDue) {
      return TryLater{
          {Errc::kUnavailable, "another attempt of this subscription is still under way"}, kOtherAskEvery, false};
    }
    return AskAndSend(engine, job, *record, false);
  }
  const bool ask = open->ask_first || IsStale(*open, now) || MovedOn(record->subscription.recovery, *open) ||
                   open->state == AttemptState::kProcessing;
  if (!ask) return GoOnUntilKnown(AskAndSend(engine, job, *record, true), *open, now);
  const Begun begun{*open, FenceFor(record->subscription.facts, job, now)};
  return GoOnUntilKnown(AskAbout(engine, job, begun), *open, now);
}

}  // namespace dunlin::effects
