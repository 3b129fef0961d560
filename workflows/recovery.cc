#include "workflows/recovery.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "state/failures.h"
#include "state/merge.h"
#include "state/method.h"
#include "workflows/effects/filing.h"
#include "workflows/failure_seen.h"
#include "workflows/messages.h"

namespace dunlin {
namespace {

// A recovery settles in few steps (closing one invoice's and opening the next's is the longest way); more is a bug.
constexpr int kStepsMax = 8;

// Our time of an attempt's end and the provider's differ a little; that alone is no other plan.
constexpr Millis kSamePlan{5s};

std::string Sentence(RecoveryEvent on) {
  switch (on) {
    case RecoveryEvent::kFailed: return "A payment failed and the invoice is owed.";
    case RecoveryEvent::kTakenOver: return "The provider will not try again by itself; the invoice is ours to collect.";
    case RecoveryEvent::kDue: return "The scheduled attempt is due.";
    case RecoveryEvent::kStaffRetry: return "Staff asked for an attempt now.";
    case RecoveryEvent::kMethodChanged:
      return "There is a new payment method, so the next attempt does not wait for the schedule.";
    case RecoveryEvent::kDeclined: return "The attempt brought no money.";
    case RecoveryEvent::kReplanned: return "What is known of the failure changed, and with it the plan.";
    case RecoveryEvent::kPaid: return "The invoice is paid.";
    case RecoveryEvent::kSettled: return "Nothing is left to collect on the invoice.";
    case RecoveryEvent::kSuperseded: return "Later facts show that this invoice is not what is owed.";
    case RecoveryEvent::kCancelled: return "The subscription is cancelled, so collection stops.";
    case RecoveryEvent::kEndDue: return "The provider was asked once more, and the invoice is still owed.";
    case RecoveryEvent::kEndRefused: return "The provider did not cancel the subscription.";
    case RecoveryEvent::kFailedAgain: return "The provider's own attempt failed.";
    case RecoveryEvent::kTakenBack: return "The provider plans an attempt of its own again.";
  }
  return "";
}

class Runner {
 public:
  Runner(const Situation& situation, const Derived& derived, const PolicyBook& policies, Decision& decision)
      : s_(situation), derived_(derived), policies_(policies), out_(decision), r_(decision.next.recovery) {
    told_ = FailureMailIsHeld() ? r_.failure_told_before : r_.failure_seen;
  }

  void Run() {
    // The provider has just been asked, so a cancellation that went out before without an answer was not carried out.
    if (s_.trigger == Trigger::kEndDue && r_.state == RecoveryState::kEnding) r_.open_attempt = AttemptKey{};
    for (int step = 0; step < kStepsMax; ++step) {
      const std::optional<RecoveryEvent> on = Next();
      if (!on) break;
      const Transition* row = FindTransition(r_.state, *on, GuardFor(*on), s_.rows);
      if (row == nullptr) break;
      Take(*row);
    }
    if (s_.trigger == Trigger::kDue && !wish_granted_) KeepDate();
  }

 private:
  const CollectionPolicy& policy() const {
    return r_.state == RecoveryState::kNone ? policies_.current().CollectionFor(out_.next.values.plan)
                                            : policies_.Pinned(r_.policy, r_.policy_version);
  }
  const InvoiceFact* invoice() const { return FindInvoice(s_.facts, r_.invoice); }
  const std::vector<Attempt>& attempts() const { return s_.before.attempts; }
  MethodChange Method() const { return NewestMethodChange(s_.facts, invoice()); }

  Outlook LookAheadNow() const {
    Outlook outlook = LookAhead(policy(), invoice(), attempts(), Method(), r_.opened_at, out_.next.id.str(), s_.now,
                                s_.facts.invoices);
    if (outlook.guard == Guard::kSpentCancel && NoCardWasTried()) outlook.guard = Guard::kSpentStay;
    return outlook;
  }

  // The provider refused every attempt: that is no customer who does not pay, so people decide what becomes of it.
  bool NoCardWasTried() const {
    bool refused = false;
    for (const Attempt& a : attempts()) {
      if (a.invoice != r_.invoice) continue;
      if (a.state == AttemptState::kDeclined) return false;
      refused = refused || a.state == AttemptState::kRefused;
    }
    return refused;
  }

  // ---- which event is there? Facts first, then wishes.
  std::optional<RecoveryEvent> Next() {
    if (r_.state == RecoveryState::kNone) return Opens() ? std::optional(RecoveryEvent::kFailed) : std::nullopt;
    if (const auto over = Over()) return over;
    if (const auto news = News()) return news;
    return Wish();
  }

  // Not while an attempt of an earlier recovery is out: its job has the key that this one's would take.
  bool Opens() const {
    if (std::any_of(attempts().begin(), attempts().end(), [](const Attempt& a) { return IsOpen(a.state); }))
      return false;
    return derived_.values.status == SubscriptionStatus::kPastDue && derived_.collectible && !derived_.cancelled &&
           policy().owner != Owner::kMarketplace;
  }

  std::optional<RecoveryEvent> Over() const {
    const InvoiceFact* owed = invoice();
    if (derived_.cancelled)
      return owed != nullptr && owed->status == InvoiceStatus::kPaid ? RecoveryEvent::kPaid : RecoveryEvent::kCancelled;
    if (owed != nullptr && owed->status == InvoiceStatus::kPaid) return RecoveryEvent::kPaid;
    if (owed != nullptr && (owed->status != InvoiceStatus::kOpen || owed->amount_remaining <= 0))
      return RecoveryEvent::kSettled;
    if (derived_.values.status != SubscriptionStatus::kPastDue) return RecoveryEvent::kSuperseded;
    if (derived_.collectible != r_.invoice) return RecoveryEvent::kSuperseded;
    return std::nullopt;
  }

  std::optional<RecoveryEvent> News() {
    const InvoiceFact& owed = *invoice();  // Over() has seen it to be open
    switch (r_.state) {
      case RecoveryState::kNone: return std::nullopt;
      case RecoveryState::kFollowing:
        if (LearntWhatOpenedIt(owed)) r_.failure_seen = NewestFailure(owed);
        if (HasUntoldFailure(owed, r_.failure_seen)) return RecoveryEvent::kFailedAgain;
        r_.next_attempt_at = owed.next_payment_attempt;
        return std::nullopt;
      case RecoveryState::kTakingOver:
        return ProviderCollects(owed) ? std::nullopt : std::optional(RecoveryEvent::kTakenOver);
      case RecoveryState::kCharging: return AttemptEnded() ? std::optional(RecoveryEvent::kDeclined) : std::nullopt;
      case RecoveryState::kEnding:
        return !CancellationIsOut() && NewMethod() ? std::optional(RecoveryEvent::kMethodChanged) : std::nullopt;
      case RecoveryState::kWaiting:
      case RecoveryState::kAwaitingMethod:
      case RecoveryState::kExhausted:
        if (owed.next_payment_attempt) return RecoveryEvent::kTakenBack;
        if (NewMethod()) return RecoveryEvent::kMethodChanged;
        return Replanned() ? std::optional(RecoveryEvent::kReplanned) : std::nullopt;
    }
    return std::nullopt;
  }

  std::optional<RecoveryEvent> Wish() {
    const bool too_early = s_.trigger == Trigger::kDue && (!r_.next_attempt_at || *r_.next_attempt_at > s_.now);
    const bool too_late = s_.trigger == Trigger::kStaffRetry && CancellationIsOut();
    return wish_granted_ || too_early || too_late ? std::nullopt : WishedFor();
  }

  // Nothing is charged then: the charge could meet the cancellation at the provider.
  bool CancellationIsOut() const { return r_.state == RecoveryState::kEnding && !r_.open_attempt.empty(); }

  std::optional<RecoveryEvent> WishedFor() const {
    switch (s_.trigger) {
      case Trigger::kFacts: return std::nullopt;
      case Trigger::kDue: return RecoveryEvent::kDue;
      case Trigger::kStaffRetry: return RecoveryEvent::kStaffRetry;
      case Trigger::kEndDue: return RecoveryEvent::kEndDue;
      case Trigger::kEndRefused: return RecoveryEvent::kEndRefused;
    }
    return std::nullopt;
  }

  // The charge job came too early (its date was moved) and ends with this decision: it is made anew for its date.
  void KeepDate() {
    if (r_.state == RecoveryState::kWaiting) AddChargeJob(*r_.next_attempt_at);
    if (r_.state == RecoveryState::kAwaitingMethod) AddChargeJob(LookAheadNow().at);
  }

  static bool ProviderCollects(const InvoiceFact& owed) { return owed.auto_advance || owed.next_payment_attempt; }

  const Attempt* AwaitedAttempt() const {
    const auto attempt =
        std::find_if(attempts().begin(), attempts().end(), [&](const Attempt& a) { return a.key == r_.open_attempt; });
    return attempt == attempts().end() ? nullptr : &*attempt;
  }
  bool AttemptEnded() const {
    const Attempt* attempt = AwaitedAttempt();
    return attempt != nullptr && !IsOpen(attempt->state) && attempt->state != AttemptState::kSucceeded;
  }

  // A recovery can begin with the provider's word alone that a payment is overdue; the customer was told then.
  bool LearntWhatOpenedIt(const InvoiceFact& owed) const {
    const std::vector<Failure> failed = FailedAttempts(owed);
    return r_.failure_seen.empty() && !failed.empty() &&
           (failed.back().attempt_count <= 1 || failed.back().at <= r_.opened_at);
  }

  // A method that came no earlier than the last attempt that failed, and was not tried yet.
  bool NewMethod() const {
    const MethodChange method = Method();
    if (method.source.empty() || method.Name() == r_.method_seen || !policy().retry_on_new_payment_method) return false;
    if (IsDeclinedForGood(invoice(), attempts(), method)) return false;
    return method.at >= LastFailure();
  }
  Timestamp LastFailure() const {
    const std::vector<Failure> failed = FailedAttempts(*invoice());
    if (failed.empty()) return r_.opened_at;
    const Failure& last = failed.back();
    // A bank debit can take days to fail, and be about a method that is no more.
    for (const Attempt& a : attempts()) {
      if (a.key.str() == last.key) return std::min(last.at, a.first_sent_at);
    }
    return last.at;
  }

  // An attempt that is due already stands, unless it must not be made at all; one that lies ahead follows what is
  // known.
  bool Replanned() const {
    if (r_.state == RecoveryState::kExhausted) return false;
    const Outlook outlook = LookAheadNow();
    if (r_.state == RecoveryState::kAwaitingMethod) return outlook.guard != Guard::kMethodNeeded;
    if (r_.next_step == kNewMethodStep) return IsDeclinedForGood(invoice(), attempts(), Method());
    if (outlook.guard != Guard::kAttemptAhead) return true;
    if (r_.next_attempt_at && *r_.next_attempt_at <= s_.now) return false;
    if (outlook.step != r_.next_step || !r_.next_attempt_at) return true;
    return std::chrono::abs(outlook.at - *r_.next_attempt_at) > kSamePlan;
  }

  Guard GuardFor(RecoveryEvent on) const {
    if (on == RecoveryEvent::kFailed)
      return policy().owner == Owner::kProvider ? Guard::kOwnerProvider : Guard::kOwnerService;
    const bool asks_policy =
        on == RecoveryEvent::kTakenOver || on == RecoveryEvent::kDeclined || on == RecoveryEvent::kReplanned;
    return asks_policy ? LookAheadNow().guard : Guard::kAlways;
  }

  // ---- taking a row
  void Take(const Transition& row) {
    const RecoveryState from = r_.state;
    if (row.on == RecoveryEvent::kFailed) Open();
    if (row.on == WishedFor()) wish_granted_ = true;
    const Attempt* ended = row.on == RecoveryEvent::kDeclined ? AwaitedAttempt() : nullptr;
    r_.state = row.to;
    Schedule(row);
    if (row.on == RecoveryEvent::kTakenOver) out_.settle_alerts.push_back("two_owners/" + out_.next.id.str());
    Note(row, ended);
    if (ended != nullptr) TellRefusal(*ended);
    if (from == RecoveryState::kEnding && row.to != from) Drop(CancelJobKey(out_.next.id));
    Act(row, from);
    if (r_.state == RecoveryState::kNone) Close(from);
  }

  // For certain: after a clock was set back it may have left long ago.
  bool FailureMailIsHeld() const {
    return r_.failure_mail_due && s_.now < *r_.failure_mail_due && *r_.failure_mail_due - s_.now <= kFailureMailHold;
  }

  // What the customer was told of stays known: who takes a cancellation back is not told of the same failure again. A
  // mail that had not left was taken back, and told nothing.
  void Close(RecoveryState from) {
    EventId told = r_.failure_seen;
    const InvoiceFact* before = FindInvoice(s_.before.subscription.facts, r_.invoice);
    if (from != RecoveryState::kFollowing && before != nullptr && told != AskedAfter(*before))
      told = NewestFailure(*before);
    if (FailureMailIsHeld()) told = r_.failure_told_before;
    r_ = Recovery{};
    r_.failure_seen = told_ = told;
  }

  void Open() {
    const CollectionPolicy& rules = policies_.current().CollectionFor(out_.next.values.plan);
    const InvoiceFact& unpaid = *FindInvoice(s_.facts, *derived_.collectible);
    const bool asked = r_.failure_seen == AskedAfter(unpaid);
    told_before_ = asked || (!NewestFailure(unpaid).empty() && !HasUntoldFailure(unpaid, r_.failure_seen));
    r_ = Recovery{};
    r_.invoice = *derived_.collectible;
    r_.policy = rules.name;
    r_.policy_version = policies_.current().version;
    r_.opened_at = OwedSince();
    const InvoiceFact* owed = invoice();
    r_.failure_seen = asked ? AskedAfter(*owed) : NewestFailure(*owed);
    if (const MethodChange method = Method(); method.at < LastFailure()) r_.method_seen = method.Name();
    // Why it failed stands with the payment; taking over brings it along, otherwise ask.
    if (rules.owner == Owner::kProvider && !owed->decline)
      out_.jobs.push_back(AskForInvoice(r_.invoice, out_.next.id, s_.now));
  }

  // Since when this invoice is owed: the subscription may have been past due for an older one long before (R26).
  Timestamp OwedSince() const {
    const InvoiceFact* owed = invoice();
    const std::vector<Failure> failed = FailedAttempts(*owed);
    const Timestamp earliest = failed.empty() ? owed->made_at : failed.front().at;
    return std::max(derived_.past_due_since.value_or(s_.now), earliest);
  }

  // What the new state waits for.
  void Schedule(const Transition& row) {
    if (row.on == RecoveryEvent::kMethodChanged) r_.method_seen = Method().Name();
    switch (row.to) {
      case RecoveryState::kWaiting:
      case RecoveryState::kTakingOver: {
        const Outlook outlook = LookAheadNow();
        r_.next_attempt_at = row.to == RecoveryState::kWaiting || outlook.guard == Guard::kAttemptAhead
                                 ? std::optional(outlook.at)
                                 : std::nullopt;
        r_.next_step = outlook.step;
        if (row.on == RecoveryEvent::kMethodChanged) {
          r_.next_attempt_at = NewMethodFrom(policy(), invoice(), attempts(), Method(), s_.now, s_.facts.invoices);
          r_.next_step = kNewMethodStep;
        }
        break;
      }
      case RecoveryState::kFollowing: {
        const InvoiceFact& owed = *invoice();
        r_.next_attempt_at = owed.next_payment_attempt;
        r_.failure_seen = NewestFailure(owed);
        break;
      }
      case RecoveryState::kCharging:  // next_step says which attempt it is
      case RecoveryState::kNone:
      case RecoveryState::kAwaitingMethod:
      case RecoveryState::kEnding:
      case RecoveryState::kExhausted: r_.next_attempt_at.reset(); break;
    }
    if (row.to != RecoveryState::kCharging) r_.open_attempt = AttemptKey{};
  }

  std::string WhatIsNext() const {
    switch (r_.state) {
      case RecoveryState::kNone: return "";
      case RecoveryState::kFollowing:
        return r_.next_attempt_at ? "The provider tries again at " + FormatRfc3339(*r_.next_attempt_at) + "."
                                  : "The provider plans no further attempt.";
      case RecoveryState::kTakingOver: return "Taking the invoice over from the provider before any attempt.";
      case RecoveryState::kWaiting: {
        const std::string at = FormatRfc3339(*r_.next_attempt_at) + ".";
        if (r_.next_step == kNewMethodStep) return "An attempt on the new payment method at " + at;
        return "Attempt " + std::to_string(r_.next_step + 1) + " of " + std::to_string(policy().retry_after.size()) +
               " at " + at;
      }
      case RecoveryState::kAwaitingMethod:
        return "Waiting for a new payment method until " + FormatRfc3339(LookAheadNow().at) + ".";
      case RecoveryState::kCharging: return "Charging now.";
      case RecoveryState::kEnding:
        return "The schedule is spent: the provider is asked once more, and then told to cancel.";
      case RecoveryState::kExhausted:
        return "The schedule is spent: it stays past due until it is paid, retried by staff or gets a new payment "
               "method.";
    }
    return "";
  }

  void Note(const Transition& row, const Attempt* ended) {
    TimelineRow note;
    note.subscription = out_.next.id;
    note.at = s_.now;
    note.kind = row.effect == Effect::kCharge ? "attempt" : "recovery";
    note.row = row.id;
    note.rule = row.on == RecoveryEvent::kCancelled ? "R17" : row.on == RecoveryEvent::kPaid ? "R4" : "";
    note.policy = r_.policy + "@" + std::to_string(r_.policy_version);
    note.event = s_.event;
    note.by = row.on == RecoveryEvent::kStaffRetry ? s_.by : row.on == RecoveryEvent::kDue ? "schedule" : "";
    note.reason = Sentence(row.on);
    if (ended != nullptr) note.reason += WhyNoMoney(*ended);
    note.next = row.effect == Effect::kSendCancel ? "Telling the provider to cancel." : WhatIsNext();
    out_.timeline.push_back(std::move(note));
  }

  // Without anybody's own words: those stand with the attempt, from where a customer who is forgotten takes them along.
  std::string WhyNoMoney(const Attempt& ended) const {
    if (ended.state == AttemptState::kRefused) return " The provider refused the request, as the attempt tells.";
    const std::optional<Decline>& decline = invoice()->decline;
    return decline && !decline->code.empty() ? " Decline code: " + decline->code + "." : "";
  }

  void Act(const Transition& row, RecoveryState from) {
    const SubscriptionId& id = out_.next.id;
    switch (row.effect) {
      case Effect::kNothing: break;
      case Effect::kTakeOver: TakeOver(row); break;
      case Effect::kSchedule: AddChargeJob(*r_.next_attempt_at); break;
      case Effect::kCharge: OpenAttempt(row); break;
      case Effect::kAskForMethod:
        AddChargeJob(LookAheadNow().at);  // the end of the schedule, should no method come
        break;
      case Effect::kCancelAtProvider:
        Drop(ChargeJobKey(id));
        out_.jobs.push_back(
            {.kind = JobKind::kCancel, .key = CancelJobKey(id), .subject = id.str(), .due = s_.now, .payload = "{}"});
        break;
      case Effect::kSendCancel: r_.open_attempt = s_.cancel_key; break;
      case Effect::kTellExhausted:
        Drop(ChargeJobKey(id));
        Tell("exhausted",
             "The retry schedule of " + r_.policy + " is spent; the invoice " + r_.invoice.str() + " is still owed.");
        break;
      case Effect::kStop: Stop(from); break;
    }
    Mail(row);
  }

  void TakeOver(const Transition& row) {
    Drop(ChargeJobKey(out_.next.id));
    out_.jobs.push_back({.kind = JobKind::kTakeOver,
                         .key = "take_over/" + r_.invoice.str(),
                         .subject = out_.next.id.str(),
                         .due = s_.now,
                         .payload = "{}"});
    if (row.on == RecoveryEvent::kTakenBack) {
      Tell("two_owners", "The provider plans an attempt of its own on invoice " + r_.invoice.str() +
                             ", which this service collects. Nothing is charged until the provider lets go; check its "
                             "retry settings (R21).");
    }
  }

  // One that a row before it in this same decision asked for is dropped too.
  void Drop(const std::string& key) {
    std::erase_if(out_.jobs, [&](const NewJob& job) { return job.key == key; });
    out_.drop_jobs.push_back(key);
  }

  void AddChargeJob(Timestamp due) {
    out_.jobs.push_back({.kind = JobKind::kCharge,
                         .key = ChargeJobKey(out_.next.id),
                         .subject = out_.next.id.str(),
                         .due = due,
                         .payload = "{}",
                         .on_same_key = OnSameKey::kReplace});
  }

  void OpenAttempt(const Transition& row) {
    Attempt attempt;
    const auto tries =
        std::count_if(attempts().begin(), attempts().end(), [&](const Attempt& a) { return a.job == s_.job; });
    // Unique for the provider account for ever: this ledger, this job, this try of it.
    attempt.key =
        AttemptKey{"dunlin-" + s_.instance + "-" + std::to_string(ToInt(s_.job)) + "/" + std::to_string(tries + 1)};
    attempt.job = s_.job;
    attempt.subscription = out_.next.id;
    attempt.invoice = r_.invoice;
    const bool staff = row.on == RecoveryEvent::kStaffRetry;
    attempt.kind = staff                            ? AttemptKind::kStaff
                   : r_.next_step == kNewMethodStep ? AttemptKind::kNewMethod
                                                    : AttemptKind::kAutomatic;
    attempt.step = attempt.kind == AttemptKind::kAutomatic ? r_.next_step : 0;
    attempt.parameters = s_.pay_parameters;
    attempt.by = staff ? s_.by : "";
    attempt.reason = staff ? s_.reason : "";
    attempt.first_sent_at = s_.now;
    r_.open_attempt = attempt.key;
    out_.open_attempts.push_back(std::move(attempt));
  }

  // Drops what was not sent yet. An attempt that is out is still followed to its end by its own job, and a retry that
  // staff asked for ends with a note that says why it was not made.
  void Stop(RecoveryState from) {
    if (from != RecoveryState::kCharging) Drop(ChargeJobKey(out_.next.id));
    Drop("take_over/" + r_.invoice.str());
    Drop(FailureMailKey(out_.next.id));
    out_.settle_alerts.push_back("exhausted/" + out_.next.id.str());
    out_.settle_alerts.push_back("two_owners/" + out_.next.id.str());
    out_.settle_alerts.push_back("charge_refused/" + out_.next.id.str());
  }

  // An attempt that was not even tried is for people: what is wrong with the request is wrong with the next one too.
  void TellRefusal(const Attempt& ended) {
    if (ended.state == AttemptState::kRefused) {
      Tell("charge_refused", "The provider refused to try a charge of invoice " + ended.invoice.str() + ": " +
                                 ended.detail + " No card was tried. Correct the cause, then retry.");
    } else {
      out_.settle_alerts.push_back("charge_refused/" + out_.next.id.str());
    }
  }

  void Tell(const std::string& kind, std::string detail) {
    RaiseAlert(out_.alerts, {.key = kind + "/" + out_.next.id.str(),
                             .kind = kind,
                             .subject = out_.next.id.str(),
                             .detail = std::move(detail),
                             .raised_at = s_.now});
  }

  // Another card is asked for once for each failed attempt, though the provider seems to take the invoice back
  // meanwhile.
  bool AskedAlready() {
    const EventId asked = AskedAfter(*invoice());
    return std::exchange(r_.failure_seen, asked) == asked;
  }

  // R3a: each failed payment is told once; a decline that needs another card asks for it.
  void Mail(const Transition& row) {
    const bool failed =
        row.on == RecoveryEvent::kFailed || row.on == RecoveryEvent::kFailedAgain || row.on == RecoveryEvent::kDeclined;
    if (!failed && row.effect != Effect::kAskForMethod) return;
    if (row.on == RecoveryEvent::kFailed && told_before_) return;
    if (row.effect == Effect::kAskForMethod && AskedAlready() && !failed) return;
    const PlanPolicy* plan = nullptr;
    if (const auto found = policies_.current().plans.find(out_.next.values.plan);
        found != policies_.current().plans.end())
      plan = &found->second;
    const MailKind kind = row.effect == Effect::kAskForMethod ? MailKind::kMethodNeeded : MailKind::kPaymentFailed;
    r_.failure_mail_due = s_.now + kFailureMailHold;
    r_.failure_told_before = told_;
    out_.jobs.push_back(MailJob(kind, {.subscription = out_.next,
                                       .invoice = invoice(),
                                       .plan = plan,
                                       .unique = FailureMailKey(out_.next.id),
                                       .due = *r_.failure_mail_due}));
  }

  const Situation& s_;
  const Derived& derived_;
  const PolicyBook& policies_;
  Decision& out_;
  Recovery& r_;
  bool wish_granted_ = false;
  EventId told_;              // of which failure, by mails that have left
  bool told_before_ = false;  // of the failure that opened it, in a recovery that was closed
};

}  // namespace

void RunRecovery(const Situation& situation, const Derived& derived, const PolicyBook& policies, Decision& decision) {
  Runner(situation, derived, policies, decision).Run();
}

}  // namespace dunlin
