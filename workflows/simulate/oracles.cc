#include "workflows/simulate/oracles.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "state/derive.h"
#include "workflows/simulate/truth.h"

namespace dunlin::simulate {
namespace {

constexpr std::string_view kMail = "a mail";
// A process can be down, its ledger full or its clock wrong for so long, and no longer.
constexpr Millis kLateAtMost = Millis{12h};

std::string Shown(std::string_view message) {
  const nlohmann::json content = nlohmann::json::parse(message, nullptr, false);
  if (!content.is_object()) return "(no object)";
  std::string shown;
  for (const char* key : {"kind", "template", "alert", "subscription", "status", "access", "subject"}) {
    const std::string value = content.value(key, "");
    if (!value.empty()) shown += value + " ";
  }
  return shown;
}

bool WillEnd(const Values& values) {
  return values.access == Access::kGranted && values.access_until &&
         AccessAt(values, *values.access_until) == Access::kRevoked;
}

}  // namespace

void Oracles::Break(std::string what) {
  if (std::find(broken_.begin(), broken_.end(), what) == broken_.end()) broken_.push_back(std::move(what));
}

void Oracles::OnAcknowledged(const EventId& event) {
  acknowledged_.insert(event);
  unchecked_.insert(event);
}

void Oracles::OnCommitted(const Committed& committed) {
  for (const Committed::Saved& saved : committed.saved) touched_.insert(saved.id);
  for (const Attempt& attempt : committed.opened) CheckOpened(attempt);
  CheckEndOfAccess(committed);
  told_.OnCommitted(committed);
}

// I5: an end of access that time brings is not committed long after.
void Oracles::CheckEndOfAccess(const Committed& committed) {
  for (const TimelineRow& row : committed.timeline) {
    if (row.by == "time" && world_.now - row.at > kLateAtMost)
      Break(row.subscription.str() + ": its access's end was committed too late (I5)");
  }
  for (const Committed::Saved& saved : committed.saved) {
    if (WillEnd(saved.values)) access_ends_[saved.id].insert(*saved.values.access_until);
  }
}

// I5: it is dated when it was announced for.
void Oracles::CheckDate(const TimelineRow& row) {
  if (row.by != "time" || access_ends_[row.subscription].contains(row.at)) return;
  Break(row.subscription.str() + ": the row of its access's end is not dated when it ended (I5)");
}

// I4: what is known at the commit that marks a charge as being sent.
void Oracles::CheckOpened(const Attempt& attempt) {
  const std::string who = attempt.key.str() + " of " + attempt.invoice.str();
  if (!opened_.emplace(attempt.key, world_.now).second) Break(who + ": its key was used before (I4)");
  const auto row = ledger_.FindAttempt(attempt.key);
  if (!row || !*row) Break(who + ": it will be sent and has no row (I4)");
  const auto record = ledger_.LoadSubscription(attempt.subscription);
  if (!record || !*record) return Break(who + ": an attempt of no subscription (I4)");
  const Facts& facts = (*record)->subscription.facts;
  const auto invoice = std::find_if(facts.invoices.begin(), facts.invoices.end(),
                                    [&](const InvoiceFact& i) { return i.id == attempt.invoice; });
  if (invoice == facts.invoices.end()) return Break(who + ": nothing is known of that invoice (I4)");
  if (invoice->status != InvoiceStatus::kOpen) Break(who + ": known not to be open (I4)");
  if (invoice->next_payment_attempt) Break(who + ": the provider plans an attempt of its own (I4, R21)");
  if (Derive(facts, {}, Millis{0}, world_.now).cancelled) Break(who + ": known to be cancelled (I4, R17)");
}

void Oracles::OnText(std::string_view where, std::string_view text) {
  for (const std::string& secret : rules_.secrets) {
    if (text.find(secret) != std::string_view::npos) Break("a secret stands in " + std::string(where) + " (I10)");
  }
  if (where != kMail && text.find(rules_.address) != std::string_view::npos)
    Break("an e-mail address stands in " + std::string(where) + " (I10)");
}

void Oracles::OnMessage(JobId job, std::string_view message) {
  const nlohmann::json content = nlohmann::json::parse(message, nullptr, false);
  if (!content.is_object()) return Break("a message is no JSON object");
  const bool mail = content.value("kind", "") == "mail";
  OnText(mail ? kMail : "a message", message);
  told_.OnMessage(job, content);
}

void Oracles::AfterStep() {
  for (const EventId& event : unchecked_) CheckEvent(event);
  unchecked_.clear();
  for (const SubscriptionId& id : touched_) CheckSubscription(id);
  seen_.merge(touched_);
  touched_.clear();
  told_.CheckUntold();
}

void Oracles::AtEnd() {
  unchecked_ = acknowledged_;
  touched_ = seen_;
  AfterStep();
  for (const SubscriptionId& id : seen_) {
    const auto record = ledger_.LoadSubscription(id);
    if (record && *record) told_.CheckEnd((*record)->subscription, *ledger_.Timeline(id));
  }
  const auto alerts = ledger_.Alerts({.limit = 1000});
  for (const Alert& alert : alerts->items) OnText("an alert", alert.detail);
}

// I1, and I8 for events: what was answered 2xx is there, and waits for as long as its job does.
void Oracles::CheckEvent(const EventId& event) {
  const auto stored = ledger_.FindEvent(Provider::kStripe, event);
  if (!stored || !*stored) return Break(event.str() + " was acknowledged and is not in the ledger (I1)");
  if ((*stored)->outcome == EventOutcome::kUnreadable) Break(event.str() + " could not be read");
  if ((*stored)->outcome != EventOutcome::kWaiting) return;
  const auto jobs = ledger_.Jobs({.kind = JobKind::kApply}, {.limit = 1000});
  const bool waits = std::any_of(jobs->items.begin(), jobs->items.end(),
                                 [&](const Job& job) { return job.event_seq == (*stored)->seq; });
  if (!waits) Break(event.str() + " waits and has no job (I1, I8)");
}

void Oracles::CheckSubscription(const SubscriptionId& id) {
  const auto record = ledger_.LoadSubscription(id);
  if (!record || !*record) return Break(id.str() + " was saved and is not in the ledger");
  for (std::string& broken : BrokenSubscription(ledger_, **record, rules_.schedule_steps)) Break(std::move(broken));
  CheckValues((*record)->subscription);
  CheckAccess((*record)->subscription);
  CheckAttempts(**record);
  const auto timeline = ledger_.Timeline(id);
  for (const TimelineRow& row : *timeline) {
    OnText("the timeline", row.reason);
    CheckDate(row);
  }
}

// I3: what stands there is what the facts beside it said at the moment of the save. Whether they are the truth can only
// be asked once all is heard (JudgeEnd).
void Oracles::CheckValues(const Subscription& subscription) {
  const Values& is = subscription.values;
  const Values wanted = Derive(subscription.facts, {}, rules_.grace, subscription.updated_at).values;
  const auto check = [&](const char* what, bool holds) {
    if (!holds) Break(subscription.id.str() + ": its " + what + " is not what its facts say (I3)");
  };
  check("status", is.status == wanted.status);
  check("access", is.access == wanted.access);
  check("paid_until", is.paid_until == wanted.paid_until);
}

// I5: a stored access that will end has the job that commits it, due at that very moment; later only when it has
// failed.
void Oracles::CheckAccess(const Subscription& subscription) {
  const Values& values = subscription.values;
  if (!WillEnd(values)) return;
  const auto jobs = ledger_.Jobs({.kind = JobKind::kAccessCheck, .subject = subscription.id.str()}, {.limit = 10});
  const bool planned = std::any_of(jobs->items.begin(), jobs->items.end(), [&](const Job& job) {
    return job.state == JobState::kReady && (job.due <= *values.access_until || job.tries > 0);
  });
  if (!planned) Break(subscription.id.str() + ": its access ends and no job will commit that in time (I5)");
  if (values.status == SubscriptionStatus::kCanceled && values.access_until != values.paid_until)
    Break(subscription.id.str() + ": it is cancelled and its access does not end with what is paid (I5, R7)");
}

// I8: an attempt that is out has the job that finds out about it.
void Oracles::CheckAttempts(const SubscriptionRecord& record) {
  for (const Attempt& attempt : record.attempts) {
    OnText("an attempt", attempt.detail);
    if (!IsOpen(attempt.state)) continue;
    const auto job = ledger_.FindJob(attempt.job);
    if (!job || !*job || (*job)->state == JobState::kDead)
      Break(attempt.key.str() + " is out and has no living job (I8)");
  }
}

Status WatchedOutbox::Deliver(JobId id, std::string_view message) {
  const bool fails = world_.faults.Roll(Fault::kOutboxFails);
  world_.Note("message " + Shown(message) + (fails ? ": not taken" : ""));
  // It may have left all the same.
  if (!fails || world_.faults.Of(Fault::kOutboxFails).Roll(0.5)) oracles_.OnMessage(id, message);
  if (fails) return Fail(Errc::kUnavailable, "the message was not taken");
  return {};
}

}  // namespace dunlin::simulate
