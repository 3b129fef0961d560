#include "state/ledger/rows.h"

#include "state/codec.h"

namespace dunlin::db {
namespace {

// A word of an enumeration: `value` is set, or false is returned and the row is corrupt.
template <class E>
bool Word(const std::string& text, std::optional<E> (*parse)(std::string_view), E& value) {
  const std::optional<E> parsed = parse(text);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

// The same where there may be none.
template <class E>
bool MaybeWord(const std::optional<std::string>& text, std::optional<E> (*parse)(std::string_view),
               std::optional<E>& value) {
  value.reset();
  if (!text) return true;
  value = parse(*text);
  return value.has_value();
}

template <class E>
std::optional<std::string_view> NameOf(const std::optional<E>& value, std::string_view (*name)(E)) {
  if (!value) return std::nullopt;
  return name(*value);
}

bool TakeRecovery(Statement& row, Recovery& recovery) {
  if (!Word(row.TakeText(), ParseRecoveryState, recovery.state)) return false;
  recovery.invoice = InvoiceId(row.TakeText());
  recovery.policy = row.TakeText();
  recovery.policy_version = static_cast<int>(row.TakeInt());
  recovery.opened_at = FromUnixMillis(row.TakeInt());
  recovery.next_attempt_at = FromColumn(row.TakeMaybeInt());
  recovery.next_step = static_cast<int>(row.TakeInt());
  recovery.method_seen = row.TakeText();
  recovery.open_attempt = AttemptKey(row.TakeText());
  recovery.failure_seen = EventId(row.TakeText());
  recovery.failure_mail_due = FromColumn(row.TakeMaybeInt());
  recovery.failure_told_before = EventId(row.TakeText());
  return true;
}

void GiveRecovery(Statement& statement, const Recovery& recovery) {
  statement.Text(RecoveryStateName(recovery.state))
      .Text(recovery.invoice.str())
      .Text(recovery.policy)
      .Int(recovery.policy_version)
      .Int(ToUnixMillis(recovery.opened_at))
      .MaybeInt(ToColumn(recovery.next_attempt_at))
      .Int(recovery.next_step)
      .Text(recovery.method_seen)
      .Text(recovery.open_attempt.str())
      .Text(recovery.failure_seen.str())
      .MaybeInt(ToColumn(recovery.failure_mail_due))
      .Text(recovery.failure_told_before.str());
}

}  // namespace

tl::unexpected<Error> BadColumn(const char* column) {
  return Fail(Errc::kCorrupt, std::string("the ledger holds a value that is not known in the column ") + column);
}

std::optional<std::int64_t> ToColumn(const std::optional<Timestamp>& at) {
  if (!at) return std::nullopt;
  return ToUnixMillis(*at);
}

std::optional<Timestamp> FromColumn(std::optional<std::int64_t> ms) {
  if (!ms) return std::nullopt;
  return FromUnixMillis(*ms);
}

Result<StoredEvent> TakeEvent(Statement& row) {
  StoredEvent event;
  event.seq = row.TakeInt();
  if (!Word(row.TakeText(), ParseProvider, event.provider)) return BadColumn("events.provider");
  event.id = EventId(row.TakeText());
  event.type = row.TakeText();
  event.created = FromUnixMillis(row.TakeInt());
  event.received_at = FromUnixMillis(row.TakeInt());
  event.livemode = row.TakeInt() != 0;
  event.object = row.TakeText();
  event.subscription = row.TakeText();
  if (!Word(row.TakeText(), ParseEventOutcome, event.outcome)) return BadColumn("events.outcome");
  event.detail = row.TakeText();
  event.applied_at = FromColumn(row.TakeMaybeInt());
  event.body = row.TakeText();
  return event;
}

Result<Job> TakeJob(Statement& row) {
  Job job;
  job.id = JobId{row.TakeInt()};
  if (!Word(row.TakeText(), ParseJobKind, job.kind)) return BadColumn("jobs.kind");
  job.key = row.TakeText();
  job.subject = row.TakeText();
  job.created_at = FromUnixMillis(row.TakeInt());
  job.due = FromUnixMillis(row.TakeInt());
  const std::string state = row.TakeText();
  if (state != "ready" && state != "dead") return BadColumn("jobs.state");
  job.state = state == "ready" ? JobState::kReady : JobState::kDead;
  job.tries = static_cast<int>(row.TakeInt());
  job.first_failed_at = FromColumn(row.TakeMaybeInt());
  job.last_error = row.TakeText();
  job.event_seq = row.TakeMaybeInt().value_or(0);
  job.payload = row.TakeText();
  return job;
}

Result<Subscription> TakeSubscription(Statement& row) {
  Subscription s;
  s.id = SubscriptionId(row.TakeText());
  if (!Word(row.TakeText(), ParseProvider, s.provider)) return BadColumn("subscriptions.provider");
  s.version = row.TakeInt();
  s.account = AccountId(row.TakeText());
  if (!Word(row.TakeText(), ParseStatus, s.values.status)) return BadColumn("subscriptions.status");
  if (!Word(row.TakeText(), ParseAccess, s.values.access)) return BadColumn("subscriptions.access");
  s.values.plan = row.TakeText();
  s.values.period_end = FromColumn(row.TakeMaybeInt());
  s.values.paid_until = FromColumn(row.TakeMaybeInt());
  s.values.cancel_at = FromColumn(row.TakeMaybeInt());
  s.values.access_until = FromColumn(row.TakeMaybeInt());
  s.dirty = row.TakeInt() != 0;
  s.updated_at = FromUnixMillis(row.TakeInt());
  if (!TakeRecovery(row, s.recovery)) return BadColumn("subscriptions.recovery_state");
  Result<Facts> facts = DecodeFacts(row.TakeText());
  if (!facts) return Fail(facts.error().code, s.id.str() + ": " + facts.error().detail);
  s.facts = std::move(*facts);
  return s;
}

void GiveSubscription(Statement& statement, const Subscription& s) {
  statement.Text(s.account.str())
      .Text(StatusName(s.values.status))
      .Text(AccessName(s.values.access))
      .Text(s.values.plan)
      .MaybeInt(ToColumn(s.values.period_end))
      .MaybeInt(ToColumn(s.values.paid_until))
      .MaybeInt(ToColumn(s.values.cancel_at))
      .MaybeInt(ToColumn(s.values.access_until))
      .Int(s.dirty ? 1 : 0)
      .Int(ToUnixMillis(s.updated_at));
  GiveRecovery(statement, s.recovery);
  statement.Text(EncodeFacts(s.facts));
}

Result<Attempt> TakeAttempt(Statement& row) {
  Attempt a;
  a.key = AttemptKey(row.TakeText());
  a.job = JobId{row.TakeInt()};
  a.subscription = SubscriptionId(row.TakeText());
  a.invoice = InvoiceId(row.TakeText());
  if (!Word(row.TakeText(), ParseAttemptKind, a.kind)) return BadColumn("attempts.kind");
  a.step = static_cast<int>(row.TakeInt());
  a.parameters = row.TakeText();
  a.by = row.TakeText();
  a.reason = row.TakeText();
  a.first_sent_at = FromUnixMillis(row.TakeInt());
  if (!Word(row.TakeText(), ParseAttemptState, a.state)) return BadColumn("attempts.state");
  a.finished_at = FromColumn(row.TakeMaybeInt());
  a.ask_first = row.TakeInt() != 0;
  a.decline.code = row.TakeText();
  a.decline.advice_code = row.TakeText();
  a.decline.network_advice_code = row.TakeText();
  a.decline.payment_method = row.TakeText();
  a.detail = row.TakeText();
  return a;
}

void GiveAttemptTerms(Statement& statement, const Attempt& a) {
  statement.Text(a.key.str())
      .Int(ToInt(a.job))
      .Text(a.subscription.str())
      .Text(a.invoice.str())
      .Text(AttemptKindName(a.kind))
      .Int(a.step)
      .Text(a.parameters)
      .Text(a.by)
      .Text(a.reason)
      .Int(ToUnixMillis(a.first_sent_at));
}

void GiveAttemptState(Statement& statement, const Attempt& a) {
  statement.Text(AttemptStateName(a.state)).MaybeInt(ToColumn(a.finished_at)).Int(a.ask_first ? 1 : 0);
}

void GiveAttemptAnswer(Statement& statement, const Attempt& a) {
  statement.Text(a.decline.code)
      .Text(a.decline.advice_code)
      .Text(a.decline.network_advice_code)
      .Text(a.decline.payment_method)
      .Text(a.detail);
}

Result<TimelineRow> TakeTimelineRow(Statement& row) {
  TimelineRow t;
  t.subscription = SubscriptionId(row.TakeText());
  t.at = FromUnixMillis(row.TakeInt());
  t.kind = row.TakeText();
  if (!MaybeWord(row.TakeMaybeText(), ParseStatus, t.status_from)) return BadColumn("timeline.status_from");
  if (!MaybeWord(row.TakeMaybeText(), ParseStatus, t.status_to)) return BadColumn("timeline.status_to");
  if (!MaybeWord(row.TakeMaybeText(), ParseAccess, t.access_from)) return BadColumn("timeline.access_from");
  if (!MaybeWord(row.TakeMaybeText(), ParseAccess, t.access_to)) return BadColumn("timeline.access_to");
  t.row = row.TakeText();
  t.rule = row.TakeText();
  t.policy = row.TakeText();
  t.event = row.TakeText();
  t.by = row.TakeText();
  t.reason = row.TakeText();
  t.next = row.TakeText();
  return t;
}

void GiveTimelineRow(Statement& statement, const TimelineRow& t) {
  statement.Text(t.subscription.str())
      .Int(ToUnixMillis(t.at))
      .Text(t.kind)
      .MaybeText(NameOf(t.status_from, StatusName))
      .MaybeText(NameOf(t.status_to, StatusName))
      .MaybeText(NameOf(t.access_from, AccessName))
      .MaybeText(NameOf(t.access_to, AccessName))
      .Text(t.row)
      .Text(t.rule)
      .Text(t.policy)
      .Text(t.event)
      .Text(t.by)
      .Text(t.reason)
      .Text(t.next);
}

Result<UsageHour> TakeUsageHour(Statement& row) {
  UsageHour hour;
  hour.id = row.TakeInt();
  hour.subscription = SubscriptionId(row.TakeText());
  hour.meter.product = ProductCode(row.TakeText());
  hour.meter.licence = LicenceArn(row.TakeText());
  hour.meter.account = AwsAccountId(row.TakeText());
  hour.meter.customer = CustomerIdentifier(row.TakeText());
  hour.dimension = row.TakeText();
  hour.hour = FromUnixMillis(row.TakeInt());
  const bool known = Word(row.TakeText(), ParseUsageState, hour.state);
  hour.quantity = row.TakeInt();
  hour.stamp = FromColumn(row.TakeMaybeInt());
  hour.frozen_at = FromColumn(row.TakeMaybeInt());
  hour.closes_at = FromColumn(row.TakeMaybeInt());
  hour.batch = row.TakeText();
  hour.settled_at = FromColumn(row.TakeMaybeInt());
  hour.metering_record_id = row.TakeText();
  hour.detail = row.TakeText();
  if (!known) return BadColumn("usage_hours.state");
  return hour;
}

Result<Token> TakeToken(Statement& row) {
  Token token;
  token.id = row.TakeText();
  token.hash = row.TakeText();
  if (!Word(row.TakeText(), ParseRole, token.role)) return BadColumn("tokens.role");
  token.name = row.TakeText();
  token.created_at = FromUnixMillis(row.TakeInt());
  token.expires_at = FromColumn(row.TakeMaybeInt());
  token.revoked_at = FromColumn(row.TakeMaybeInt());
  return token;
}

void GiveToken(Statement& statement, const Token& token) {
  statement.Text(token.id)
      .Text(token.hash)
      .Text(RoleName(token.role))
      .Text(token.name)
      .Int(ToUnixMillis(token.created_at))
      .MaybeInt(ToColumn(token.expires_at))
      .MaybeInt(ToColumn(token.revoked_at));
}

}  // namespace dunlin::db
