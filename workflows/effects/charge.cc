// Charge once (design.md, "Calls to the outside"): the attempt is committed before the call, an unknown outcome is
// sent again under the same key, and after a stored error or too long a time the provider is asked first.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "state/merge.h"
#include "workflows/attempt_outcome.h"
#include "workflows/effects/filing.h"
#include "workflows/effects/steps.h"

namespace dunlin::effects {
namespace {

// The provider keeps answers under a key for at least 24 h; past this we do not rely on it any more.
constexpr Millis kSameKeyFor = Millis{23h};
// A payment under way (a bank debit) is asked after this often, should its event not come.
constexpr Millis kProcessingAskEvery{1h};

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

// An attempt that is out, or about to be.
struct Begun {
  Attempt attempt;
  Fence fence;            // noted before any request goes out
  bool moved_on = false;  // it was sent before, and what is known now would not send it any more
};

bool AnotherIsOut(const SubscriptionRecord& record, JobId job) {
  return std::any_of(record.attempts.begin(), record.attempts.end(),
                     [&](const Attempt& a) { return IsOpen(a.state) && a.job != job; });
}

Decision DecideToCharge(Engine& engine, const Job& job, const SubscriptionRecord& record, const Wish& wish) {
  const Timestamp now = engine.clock.Now();
  const bool refused = wish.trigger == Trigger::kStaffRetry && RefuseRetry(record, engine.policies, now).has_value();
  return Decide({.before = record,
                 .facts = record.subscription.facts,
                 .trigger = refused ? Trigger::kFacts : wish.trigger,
                 .now = now,
                 .by = wish.by,
                 .reason = wish.reason,
                 .job = job.id,
                 .instance = engine.ledger.instance(),
                 .pay_parameters = engine.provider.PayParameters(record.subscription.recovery.invoice)},
                engine.policies);
}

// Commits the attempt that is to be made, if it still is; the unit otherwise ends the job or moves it.
Outcome Begin(Engine& engine, const Job& job, std::optional<Begun>& begun) {
  const Wish wish = WishOf(job);
  return ChangeSubscription(
      engine, job, SubscriptionId{job.subject}, [&](SubscriptionRecord& record, Unit& unit) -> Status {
        begun.reset();
        const Timestamp now = engine.clock.Now();
        const Fence fence = FenceFor(record.subscription.facts, job, now);
        if (const Attempt* open = OpenAttemptOf(record, job.id)) {
          begun = Begun{*open, fence, record.subscription.recovery.open_attempt != open->key};
          return {};
        }
        if (AnotherIsOut(record, job.id) && wish.trigger == Trigger::kDue) {
          return Fail(Errc::kUnavailable, "another attempt of this subscription is still under way");
        }
        Decision decision = DecideToCharge(engine, job, record, wish);
        if (!decision.open_attempts.empty()) {
          begun = Begun{decision.open_attempts.front(), fence};
        } else {
          unit.done.push_back(job.id);
          NoteNotMade(unit, record, wish, engine.policies, now);
        }
        const bool made = begun.has_value();
        AddTo(unit, std::move(decision));
        // Its version is the proof that nobody wants the job for something else by now.
        if (!made && unit.save.empty() && record.subscription.version > 0) unit.save.push_back(record.subscription);
        return {};
      });
}

// What the provider said of the attempt, and showed of the invoice.
struct Shown {
  std::optional<InvoiceAnswer> invoice;
  Fence fence;
};

void MergeShown(Facts& facts, const Shown& shown, const Attempt& ended, Timestamp now) {
  if (shown.invoice) Merge(facts, Stamped(*shown.invoice, shown.fence, now));
  if (ended.state == AttemptState::kDeclined) {
    Merge(facts, DeclineOf({.payment_intent = "",
                            .invoice = ended.invoice,
                            .at = ended.finished_at.value_or(now),
                            .decline = ended.decline}));
  }
}

// Records how the attempt ended, merges what the provider showed of the invoice, and decides. When an event has ended
// the attempt already, only what it did not know is added.
Outcome Conclude(Engine& engine, const Job& job, const Attempt& ended, const Shown& shown) {
  bool first = false;
  const Outcome outcome =
      ChangeSubscription(engine, job, ended.subscription, [&](SubscriptionRecord& record, Unit& unit) -> Status {
        const auto known = std::find_if(record.attempts.begin(), record.attempts.end(),
                                        [&](const Attempt& a) { return a.key == ended.key; });
        if (known == record.attempts.end()) return Fail(Errc::kCorrupt, "attempt " + ended.key.str() + " is missing");
        first = IsOpen(known->state);
        Attempt now_known = first ? ended : *known;
        if (now_known.decline.code.empty()) now_known.decline = ended.decline;
        if (first) {
          unit.close_attempts.push_back(now_known);
          if (!IsOpen(now_known.state)) unit.done.push_back(job.id);
        } else {
          unit.annotate_attempts.push_back(now_known);
        }
        Update(record.attempts, now_known);
        const Timestamp now = engine.clock.Now();
        Facts facts = record.subscription.facts;
        MergeShown(facts, shown, ended, now);
        AddTo(unit,
              Decide({.before = record, .facts = std::move(facts), .now = now, .event = "answer to " + ended.key.str()},
                     engine.policies));
        return {};
      });
  if (!outcome && first && !IsOpen(ended.state)) engine.observer.OnAttempt(ended.kind, ended.state);
  return outcome;
}

Outcome End(Engine& engine, const Job& job, Attempt attempt, AttemptState state, std::string detail,
            const Shown& shown) {
  attempt.state = state;
  attempt.detail = std::move(detail);
  if (!IsOpen(state) && !attempt.finished_at) attempt.finished_at = engine.clock.Now();
  const Outcome outcome = Conclude(engine, job, attempt, shown);
  if (outcome || !IsOpen(state)) return outcome;
  return TryLater{{Errc::kUnavailable, attempt.detail}, kProcessingAskEvery, false};
}

// The provider is asked how the invoice stands, instead of being told to charge it.
Outcome Ask(Engine& engine, const Job& job, const Begun& begun) {
  Attempt attempt = begun.attempt;
  const Result<InvoiceAnswer> answer = engine.provider.FetchInvoice(attempt.invoice);
  if (!answer && answer.error().code == Errc::kNotFound) {
    return End(engine, job, attempt, AttemptState::kRefused, "the provider does not know the invoice",
               {{}, begun.fence});
  }
  if (!answer) return TryLater{answer.error()};
  const Shown shown{*answer, begun.fence};
  const InvoiceFact& invoice = answer->invoice;
  if (invoice.status == InvoiceStatus::kPaid)
    return End(engine, job, attempt, AttemptState::kSucceeded, "found paid", shown);
  if (answer->processing)
    return End(engine, job, attempt, AttemptState::kProcessing, "the payment is under way", shown);
  if (invoice.status != InvoiceStatus::kOpen) {
    return End(engine, job, attempt, AttemptState::kRefused, "found " + std::string(InvoiceStatusName(invoice.status)),
               shown);
  }
  // The provider's times are whole seconds.
  if (invoice.decline && invoice.decline_at >= std::chrono::floor<Seconds>(attempt.first_sent_at)) {
    attempt.decline = *invoice.decline;
    attempt.finished_at = invoice.decline_at;
    return End(engine, job, attempt, AttemptState::kDeclined, "found declined", shown);
  }
  return End(engine, job, attempt, AttemptState::kUnknown, "no answer was kept, and the invoice was found open", shown);
}

// From now on ask before anything else; survives a crash.
Outcome AskFirstFromNowOn(Engine& engine, Attempt attempt, const std::string& why) {
  attempt.ask_first = true;
  attempt.detail = why;
  Unit unit;
  unit.annotate_attempts.push_back(attempt);
  const Result<UnitResult> noted = engine.ledger.Commit(std::move(unit));
  return TryLater{noted ? Error{Errc::kUnavailable, why} : noted.error()};
}

Outcome Send(Engine& engine, const Job& job, const Begun& begun) {
  const Attempt& attempt = begun.attempt;
  const PayAnswer answer = engine.provider.Pay(attempt);
  Attempt ended = attempt;
  ended.decline = answer.decline;
  Shown shown{{}, begun.fence};
  if (answer.invoice)
    shown.invoice = {.invoice = *answer.invoice, .processing = answer.outcome == PayOutcome::kProcessing};
  switch (answer.outcome) {
    case PayOutcome::kPaid: return End(engine, job, ended, AttemptState::kSucceeded, answer.detail, shown);
    case PayOutcome::kProcessing: return End(engine, job, ended, AttemptState::kProcessing, answer.detail, shown);
    case PayOutcome::kDeclined: return End(engine, job, ended, AttemptState::kDeclined, answer.detail, shown);
    case PayOutcome::kRefused: {
      // Something is not as we think; learn how it is in the same step.
      const Result<InvoiceAnswer> truth = engine.provider.FetchInvoice(attempt.invoice);
      if (!truth && truth.error().code != Errc::kNotFound) return TryLater{truth.error()};
      const std::optional<InvoiceAnswer> found = truth ? std::optional(*truth) : std::nullopt;
      return End(engine, job, ended, AttemptState::kRefused, answer.detail, {found, begun.fence});
    }
    case PayOutcome::kNotExecuted:
    case PayOutcome::kUnknown:
      return TryLater{{Errc::kUnavailable, answer.detail}, answer.retry_after.value_or(Millis{0})};
    case PayOutcome::kStoredError: return AskFirstFromNowOn(engine, attempt, answer.detail);
  }
  return std::nullopt;
}

}  // namespace

Outcome Charge(Engine& engine, const Job& job) {
  std::optional<Begun> begun;
  if (const Outcome failed = Begin(engine, job, begun)) return failed;
  if (!begun) return std::nullopt;
  const Attempt& attempt = begun->attempt;
  const bool stale = engine.clock.Now() - attempt.first_sent_at >= kSameKeyFor;
  const bool ask = attempt.ask_first || stale || begun->moved_on || attempt.state == AttemptState::kProcessing;
  return ask ? Ask(engine, job, *begun) : Send(engine, job, *begun);
}

}  // namespace dunlin::effects
