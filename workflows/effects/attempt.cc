#include "workflows/effects/attempt.h"

#include <algorithm>

#include "state/merge.h"
#include "workflows/attempt_outcome.h"

namespace dunlin::effects {
namespace {

// A payment under way (a bank debit) is asked after this often, should its event not come.
constexpr Millis kProcessingAskEvery{1h};
// The provider's clock may be this far behind ours, and its times are whole seconds.
constexpr Millis kClocksDiffer{1min};

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
        if (!first) {
          unit.annotate_attempts.push_back(now_known);
        } else if (IsOpen(now_known.state)) {
          unit.close_attempts.push_back(now_known);
        } else {
          Close(unit, now_known);
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

}  // namespace

Outcome AskAbout(Engine& engine, const Job& job, const Begun& begun) {
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
  if (invoice.decline && invoice.decline_at >= attempt.first_sent_at - kClocksDiffer) {
    attempt.decline = *invoice.decline;
    attempt.finished_at = invoice.decline_at;
    return End(engine, job, attempt, AttemptState::kDeclined, "found declined", shown);
  }
  return End(engine, job, attempt, AttemptState::kUnknown, "no answer was kept, and the invoice was found open", shown);
}

namespace {

// From now on ask before anything else; survives a crash.
Outcome AskFirstFromNowOn(Engine& engine, Attempt attempt, const std::string& why) {
  attempt.ask_first = true;
  attempt.detail = why;
  Unit unit;
  unit.annotate_attempts.push_back(attempt);
  const Result<UnitResult> noted = engine.ledger.Commit(std::move(unit));
  return TryLater{noted ? Error{Errc::kUnavailable, why} : noted.error()};
}

}  // namespace

Outcome Send(Engine& engine, const Job& job, const Begun& begun) {
  const Attempt& attempt = begun.attempt;
  const PayAnswer answer = engine.provider.Pay(attempt);
  Attempt ended = attempt;
  ended.decline = answer.decline;
  Shown shown{{}, begun.fence};
  if (answer.invoice) {
    shown.invoice = InvoiceAnswer{.invoice = *answer.invoice,
                                  .subscription = attempt.subscription,
                                  .account = {},
                                  .processing = answer.outcome == PayOutcome::kProcessing,
                                  .payment_intents = {}};
  }
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

}  // namespace dunlin::effects
