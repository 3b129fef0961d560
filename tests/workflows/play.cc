#include "tests/workflows/play.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "workflows/attempt_outcome.h"
#include "workflows/effects/filing.h"
#include "workflows/messages.h"

namespace dunlin::testing {
namespace {

std::string TextOf(const Policy& policy) {
  const CollectionPolicy& rules = policy.collections.at("default");
  std::string steps;
  for (const Millis step : rules.retry_after) steps += (steps.empty() ? "\"" : ", \"") + FormatDuration(step) + "\"";
  return "version = " + std::to_string(policy.version) +
         "\n[plan.pro]\ntitle = \"Pro\"\nrank = 2\nprice = { amount = 2000, currency = \"usd\", per = \"month\" }\n"
         "credits = 1000\nstripe_prices = [\"price_pro\"]\n[collection.default]\nowner = \"" +
         std::string(OwnerName(rules.owner)) + "\"\n" +
         (rules.owner == Owner::kService
              ? "retry_after = [" + steps + "]\nexhausted = \"" + std::string(ExhaustedName(rules.exhausted)) + "\"\n"
              : "") +
         "jitter = \"" + std::to_string(rules.jitter_percent) + "%\"\ngrace = \"" + FormatDuration(rules.grace) +
         "\"\n";
}

}  // namespace

Player::Player(const CollectionPolicy& policy, std::span<const Transition> rows)
    : rows_(rows), ledger_(std::move(*OpenLedger("sqlite::memory:"))) {
  UsePolicy(PolicyOf(policy));
  record_.subscription.id = SubscriptionId{"sub_1"};
  Merge(facts_, Snapshot("evt_0", kNoon - 1s, ProviderStatus::kActive));
  DecideNow({});
}

void Player::UsePolicy(Policy policy) {
  const std::string text = TextOf(policy);
  Result<PolicyBook> book = PolicyBook::Open(*ledger_, std::move(policy), text);
  ASSERT_TRUE(book) << book.error().detail;
  policies_ = std::make_unique<PolicyBook>(std::move(*book));
}

std::string Player::Play(const std::string& script) {
  std::istringstream words(script);
  std::string result;
  for (std::string word; words >> word;) {
    const std::size_t colon = word.find(':');
    const std::string detail = colon == std::string::npos ? "" : word.substr(colon + 1);
    word = word.substr(0, colon);
    if (word == "wait") {
      now_ += *ParseDuration(detail);
      continue;
    }
    result += (result.empty() ? "" : " ") + Say(word, detail);
  }
  return result;
}

std::string Player::Say(const std::string& word, const std::string& detail) {
  if (word != "look") now_ += 1s;
  if (word == "due" || word == "early") {
    const auto job = jobs_.find("charge/sub_1");
    if (job == jobs_.end()) return DecideNow({.trigger = Trigger::kDue});
    if (word == "due") now_ = std::max(now_, job->second.due);
    return RunCharge("charge/sub_1", Trigger::kDue);
  }
  if (word == "staff") {
    const auto refusal = RefuseRetry(record_, *policies_, now_);
    if (refusal)
      return DecideNow({.trigger = refusal->code == "network_limit" ? Trigger::kFacts : Trigger::kStaffRetry});
    Keep({.next = record_.subscription, .jobs = {{.kind = JobKind::kCharge, .key = "retry/sub_1", .due = now_}}});
    return RunCharge("retry/sub_1", Trigger::kStaffRetry);
  }
  if (word == "cancelling") return DecideNow({.trigger = Trigger::kEndDue, .cancel_key = AttemptKey{"c"}});
  if (word == "end_refused") {
    jobs_.erase("cancel/sub_1");
    return DecideNow({.trigger = Trigger::kEndRefused});
  }
  if (!SayOfAttempts(word, detail)) SayOfProvider(word, detail);
  return DecideNow({});
}

bool Player::SayOfAttempts(const std::string& word, const std::string& detail) {
  if (word == "declined") return EndAttempt(AttemptState::kDeclined, detail), true;
  if (word == "unknown") return EndAttempt(AttemptState::kUnknown, ""), true;
  if (word == "refused") return EndAttempt(AttemptState::kRefused, ""), true;
  return false;
}

void Player::SayOfProvider(const std::string& word, const std::string& detail) {
  const InvoiceFact* known = FindInvoice(facts_, InvoiceId{"in_1"});
  const int count = known == nullptr ? 1 : known->attempt_count;
  InvoiceFact invoice = Invoice(Source(), now_);
  invoice.attempt_count = count;
  SubscriptionSnapshot snapshot = Snapshot(Source(), now_, ProviderStatus::kPastDue);
  if (word == "fail" || word == "again") {
    invoice = FailedInvoice(invoice.source.str(), now_, "", word == "again" ? count + 1 : count);
    if (!detail.empty()) invoice.decline = Decline{.code = detail}, invoice.decline_at = now_;
    invoice.auto_advance = word == "fail";
    if (word == "fail") invoice.next_payment_attempt = now_ + 3 * kDay;
    Merge(facts_, invoice);
    Merge(facts_, snapshot);
  } else if (word == "taken_over" || word == "taken_back") {
    if (!detail.empty()) invoice.decline = Decline{.code = detail}, invoice.decline_at = now_ - 1s;
    if (word == "taken_over")
      std::erase_if(jobs_, [](const auto& job) { return job.second.kind == JobKind::kTakeOver; });
    if (word == "taken_back") invoice.next_payment_attempt = now_ + kDay;
    Merge(facts_, invoice);
  } else if (word == "know") {
    Merge(facts_, DeclineOf({.payment_intent = "", .invoice = invoice.id, .at = now_, .decline = {.code = detail}}));
  } else if (word == "method") {
    method_ = detail;
    Merge(facts_, MethodChange{now_, EventId{Source()}, method_});
  } else if (word == "paid" || word == "void") {
    Merge(facts_, Invoice(Source(), now_, word == "paid" ? InvoiceStatus::kPaid : InvoiceStatus::kVoid));
  } else if (word == "disproved") {
    Merge(facts_, Snapshot(Source(), now_, ProviderStatus::kActive));
  } else if (word == "stay") {
    Merge(facts_, snapshot);
  } else if (word == "cancel" || word == "deleted") {
    snapshot.cancel_at_period_end = word == "cancel";
    if (word == "deleted")
      snapshot.kind = SubscriptionSnapshot::Kind::kDeleted, snapshot.status = ProviderStatus::kCanceled;
    Merge(facts_, snapshot);
  } else if (word == "next_invoice" || word == "next_invoice_untold") {
    InvoiceFact next = FailedInvoice(Source(), now_);
    if (word == "next_invoice_untold") next.failures.clear();
    next.id = InvoiceId{"in_2"};
    next.made_at = now_;
    snapshot.latest_invoice = "in_2";
    Merge(facts_, next);
    Merge(facts_, snapshot);
  } else {
    EXPECT_EQ(word, "look") << "no such word";
  }
}

Attempt* Player::Open() {
  const auto open =
      std::find_if(record_.attempts.begin(), record_.attempts.end(), [](const Attempt& a) { return IsOpen(a.state); });
  return open == record_.attempts.end() ? nullptr : &*open;
}

void Player::EndAttempt(AttemptState state, const std::string& code) {
  Attempt* attempt = Open();
  if (attempt == nullptr) return;
  attempt->state = state;
  attempt->finished_at = now_;
  attempt->decline = Decline{.code = code, .payment_method = method_};
  if (state == AttemptState::kRefused) attempt->detail = "no such parameter";
  std::erase_if(jobs_, [&](const auto& job) { return ids_[job.first] == attempt->job; });
  if (state != AttemptState::kDeclined) return;
  InvoiceFact failed = FailedInvoice(Source(), now_, attempt->key.str(), 1);
  failed.id = attempt->invoice;
  failed.attempt_count = FindInvoice(facts_, attempt->invoice)->attempt_count;
  if (!code.empty()) failed.decline = attempt->decline, failed.decline_at = now_;
  Merge(facts_, failed);
}

std::string Player::RunCharge(const std::string& key, Trigger trigger) {
  Situation situation{.trigger = trigger,
                      .by = trigger == Trigger::kStaffRetry ? "ann" : "",
                      .reason = "asked by phone",
                      .job = ids_[key],
                      .instance = "l",
                      .pay_parameters = "p"};
  const bool holds_attempt = Open() != nullptr && Open()->job == ids_[key];
  if (holds_attempt) return "-";  // it follows its attempt
  jobs_.erase(key);
  const NewJob job{.kind = JobKind::kCharge, .key = key, .due = now_};
  const std::size_t before = record_.attempts.size();
  const JobId id = ids_[key];
  const std::string rows = DecideNow(situation);
  if (record_.attempts.size() > before) {
    EXPECT_FALSE(jobs_.contains(key)) << "the job of an attempt was made anew";
    jobs_[key] = job;
    ids_[key] = id;
    CheckJobs(recovery().state);
  }
  return rows;
}

// Mails whose time has come leave.
void Player::Deliver() {
  if (!outbox_runs_) return;
  std::erase_if(jobs_, [this](const auto& job) {
    if (job.second.kind != JobKind::kMail || job.second.due > now_) return false;
    told_.push_back(nlohmann::json::parse(job.second.payload).at("template"));
    return true;
  });
}

std::string Player::DecideNow(Situation situation) {
  Deliver();
  situation.before = record_;
  situation.facts = facts_;
  situation.now = now_;
  situation.rows = rows_;
  Decision decision = Decide(situation, *policies_);
  CheckRows(decision.timeline, record_.subscription.values, decision.next.values);
  std::string rows;
  for (const TimelineRow& row : decision.timeline) {
    if (row.row.empty()) continue;
    rows += (rows.empty() ? "" : "+") + row.row;
    rows_taken_.insert(row.row);
  }
  CheckMails(decision);
  const bool opened = !decision.open_attempts.empty();
  EXPECT_TRUE(!opened || situation.job != JobId{}) << "an attempt that nobody asked for";
  const RecoveryState was = recovery().state;
  Keep(std::move(decision));
  if (!opened) CheckJobs(was);
  const Decision again = Decide({.before = record_, .facts = facts_, .now = now_, .rows = rows_}, *policies_);
  EXPECT_TRUE(again.timeline.empty()) << "the same facts again took " << again.timeline.front().row
                                      << again.timeline.front().reason;
  return rows.empty() ? "-" : rows;
}

void Player::Keep(Decision decision) {
  for (const std::string& key : decision.drop_jobs) {
    const bool held = jobs_.contains(key) && Open() != nullptr && Open()->job == ids_[key];
    EXPECT_FALSE(held) << key << " was dropped while its attempt is out";
    jobs_.erase(key);
  }
  for (const Attempt& attempt : decision.open_attempts) {
    EXPECT_EQ(Open(), nullptr) << "a second attempt is out";
    record_.attempts.push_back(attempt);
  }
  for (const NewJob& job : decision.jobs) {
    if (job.kind == JobKind::kMail) ++mails_;
    if (job.key.empty()) continue;
    const bool held = jobs_.contains(job.key) && Open() != nullptr && Open()->job == ids_[job.key];
    EXPECT_FALSE(held) << job.key << " was moved while its attempt is out";
    if (!jobs_.contains(job.key)) ids_[job.key] = JobId{++next_job_};
    if (!jobs_.contains(job.key) || job.on_same_key == OnSameKey::kReplace) jobs_[job.key] = job;
  }
  for (const std::string& key : decision.settle_alerts) alerts_.erase(key);
  for (const Alert& alert : decision.alerts) alerts_.insert(alert.key);
  timeline_.insert(timeline_.end(), decision.timeline.begin(), decision.timeline.end());
  record_.subscription = std::move(decision.next);
  ++record_.subscription.version;
}

// I9: the change rows lead from what was to what is, one for each change, each with its reason (R22).
void Player::CheckRows(const std::vector<TimelineRow>& rows, const Values& before, const Values& after) const {
  Values at = before;
  int changes = 0;
  for (const TimelineRow& row : rows) {
    if (row.kind != "change") continue;
    ++changes;
    EXPECT_TRUE(row.status_to || row.access_to) << "a change row without a change";
    EXPECT_FALSE(row.reason.empty() || row.rule.empty());
    if (row.status_to) {
      EXPECT_EQ(row.status_from, at.status);
      at.status = *row.status_to;
    }
    if (row.access_to) {
      EXPECT_EQ(row.access_from, at.access);
      at.access = *row.access_to;
    }
    if (row.by == "time") --changes;
  }
  EXPECT_LE(changes, 1);
  EXPECT_EQ(at.status, after.status);
  EXPECT_EQ(at.access, after.access);
}

// Another payment method is asked for where the table says so, and nowhere else.
void Player::CheckMails(const Decision& decision) const {
  const bool asks = std::any_of(decision.timeline.begin(), decision.timeline.end(), [](const TimelineRow& row) {
    return std::any_of(kTransitions.begin(), kTransitions.end(),
                       [&](const Transition& t) { return t.id == row.row && t.effect == Effect::kAskForMethod; });
  });
  const std::string needed = "\"template\":\"" + std::string(MailKindName(MailKind::kMethodNeeded)) + "\"";
  const bool asked = std::any_of(decision.jobs.begin(), decision.jobs.end(),
                                 [&](const NewJob& job) { return job.payload.find(needed) != std::string::npos; });
  // Of one failure it is asked for once.
  const std::string& told = record_.subscription.recovery.failure_seen.str();
  const bool before = told.starts_with("asked/") && decision.next.recovery.failure_seen.str() == told;
  EXPECT_TRUE(asked ? asks : !asks || before);
}

// What each state waits for will come, and nothing else will.
void Player::CheckJobs(RecoveryState before) const {
  const Recovery& r = recovery();
  const auto due = [&](const std::string& key) {
    return jobs_.contains(key) ? std::optional(jobs_.at(key).due) : std::nullopt;
  };
  switch (r.state) {
    case RecoveryState::kNone:
    case RecoveryState::kFollowing:
    case RecoveryState::kExhausted: break;
    case RecoveryState::kTakingOver: EXPECT_TRUE(due("take_over/" + r.invoice.str())); break;
    case RecoveryState::kWaiting: EXPECT_EQ(due("charge/sub_1"), r.next_attempt_at); break;
    case RecoveryState::kAwaitingMethod: EXPECT_TRUE(due("charge/sub_1")); break;
    case RecoveryState::kEnding: EXPECT_TRUE(due("cancel/sub_1")); break;
    case RecoveryState::kCharging:
      EXPECT_TRUE(
          std::any_of(attempts().begin(), attempts().end(), [&](const Attempt& a) { return a.key == r.open_attempt; }));
      break;
  }
  const auto kept = [&](const std::string& key) {
    const bool follows = std::any_of(attempts().begin(), attempts().end(), [&](const Attempt& a) {
      return IsOpen(a.state) && ids_.contains(key) && ids_.at(key) == a.job;
    });
    return !follows && jobs_.contains(key);
  };
  const auto waits = [](RecoveryState s) {
    return s == RecoveryState::kWaiting || s == RecoveryState::kAwaitingMethod;
  };
  // While staff's own attempt is out the scheduled one stands, and finds nothing to do when that one was paid.
  if (r.state != RecoveryState::kCharging && r.state != RecoveryState::kNone) {
    EXPECT_EQ(kept("charge/sub_1"), waits(r.state));
  }
  EXPECT_EQ(jobs_.contains("cancel/sub_1"), r.state == RecoveryState::kEnding);
  if (r.state == RecoveryState::kExhausted) {
    EXPECT_TRUE(alerts_.contains("exhausted/sub_1"));
  }
  if (r.state == RecoveryState::kNone || r.state == RecoveryState::kFollowing) {
    EXPECT_FALSE(alerts_.contains("exhausted/sub_1"));
    EXPECT_TRUE(std::none_of(jobs_.begin(), jobs_.end(),
                             [](const auto& job) { return job.second.kind == JobKind::kTakeOver; }));
  }
  if (r.state == RecoveryState::kNone) {
    const auto mail = jobs_.find(FailureMailKey(subscription().id));
    EXPECT_TRUE(mail == jobs_.end() || mail->second.due <= now_) << "a failure that is over would be mailed";
    EXPECT_FALSE(waits(before) && kept("charge/sub_1")) << "what is over would be charged";
    for (const char* alert : {"two_owners/sub_1", "charge_refused/sub_1"}) EXPECT_FALSE(alerts_.contains(alert));
  } else {
    const CollectionPolicy& pinned = policies_->Pinned(r.policy, r.policy_version);
    EXPECT_EQ(r.state == RecoveryState::kFollowing, pinned.owner == Owner::kProvider);
  }
  for (const Attempt& a : attempts()) {
    if (!IsOpen(a.state)) continue;
    const bool followed =
        std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& job) { return ids_.at(job.first) == a.job; });
    EXPECT_TRUE(followed) << "nobody follows attempt " << a.key.str();
  }
  const Values& is = subscription().values;
  EXPECT_EQ(is.access, AccessAt(is, now_));
}

}  // namespace dunlin::testing
