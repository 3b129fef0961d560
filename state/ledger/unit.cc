#include "state/ledger/unit.h"

#include <string>

#include "state/ledger/rows.h"
#include "state/ledger/unit_sql.h"

namespace dunlin::db {
namespace {

std::string Cat(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text += part;
  return text;
}

// Exactly one row must have changed; otherwise the world moved on: kConflict, for the reason given.
Status OneRow(const Result<std::int64_t>& changed, std::string_view otherwise, std::string_view what) {
  if (!changed) return tl::unexpected(changed.error());
  if (*changed == 1) return {};
  return Fail(Errc::kConflict, Cat({otherwise, ": ", what}));
}

// Any number of rows may have changed.
Status AnyRows(const Result<std::int64_t>& changed) {
  if (!changed) return tl::unexpected(changed.error());
  return {};
}

// Calls `write` for each, up to the first error.
template <class T, class F>
Status ForEach(const std::vector<T>& items, F&& write) {
  for (const T& item : items) {
    if (Status written = write(item); !written) return written;
  }
  return {};
}

}  // namespace

UnitWriter::UnitWriter(Connection& c)
    : connection_(c),
      market_(c),
      dropper_(c),
      usage_(c),
      insert_event_(c, sql::kInsertEvent, "tttiiitttt"),
      insert_body_(c, sql::kInsertBody, "it"),
      file_event_(c, sql::kFileEvent, "tttIi"),
      insert_job_(c, sql::kInsertJob, "tttiiIt"),
      delete_job_(c, sql::kDeleteJob, "i"),
      drop_job_(c, sql::kDropJob, "t"),
      find_job_(c, sql::kFindJob, "t", "itt"),
      wake_job_(c, sql::kWakeJob, "ii"),
      move_job_(c, sql::kMoveJob, "iti"),
      retry_job_(c, sql::kRetryJob, "ittiIi", "t"),
      insert_subscription_(c, Cat({"INSERT INTO subscriptions (", kSubscriptionColumns, sql::kSubscriptionValues}),
                           Cat({"tt", kSubscriptionIn})),
      update_subscription_(c, sql::kUpdateSubscription, Cat({kSubscriptionIn, "ti"})),
      insert_attempt_(c, Cat({"INSERT INTO attempts (", kAttemptColumns, sql::kAttemptValues}), kAttemptOut),
      close_attempt_(c, sql::kCloseAttempt, "tIitttttt"),
      annotate_attempt_(c, sql::kAnnotateAttempt, "tttttit"),
      insert_timeline_(c, Cat({"INSERT INTO timeline (", kTimelineColumns, sql::kTimelineValues}), kTimelineOut),
      insert_alias_(c, sql::kInsertAlias, "tt"),
      insert_payment_(c, sql::kInsertPayment, "tt"),
      insert_invoice_(c, sql::kInsertInvoice, "tt"),
      raise_alert_(c, sql::kRaiseAlert, "tttti"),
      settle_alert_(c, sql::kSettleAlert, "t"),
      insert_reply_(c, sql::kInsertReply, "ttiti"),
      upsert_token_(c, Cat({"INSERT INTO tokens (", kTokenColumns, sql::kTokenValues}), kTokenOut) {}

Result<UnitResult> UnitWriter::Write(const Unit& unit) {
  if (!unit.drop_bodies && !unit.expire && !unit.erase) return WriteAll(unit);
  // Pages that become free are wiped too, which everyday work does not ask for (file.cc).
  if (Status on = connection_.Run("PRAGMA secure_delete = ON"); !on) return tl::unexpected(on.error());
  Result<UnitResult> written = WriteAll(unit);
  if (Status back = connection_.Run("PRAGMA secure_delete = FAST"); !back && written)
    return tl::unexpected(back.error());
  return written;
}

Result<UnitResult> UnitWriter::WriteAll(const Unit& unit) {
  UnitResult result;
  Status ok = ForEach(unit.accept, [&](const NewEvent& e) { return Accept(e, result); });
  if (ok) ok = ForEach(unit.done, [&](JobId id) { return Done(id); });
  if (ok) ok = ForEach(unit.moves, [&](const MarketMove& m) { return market_.Move(m); });
  if (ok) ok = ForEach(unit.save, [&](const Subscription& s) { return Save(s); });
  if (ok) ok = ForEach(unit.events, [&](const EventResult& e) { return File(e); });
  if (ok) ok = ForEach(unit.close_attempts, [&](const Attempt& a) { return CloseAttempt(a); });
  if (ok) ok = ForEach(unit.open_attempts, [&](const Attempt& a) { return OpenAttempt(a); });
  if (ok) ok = ForEach(unit.annotate_attempts, [&](const Attempt& a) { return AnnotateAttempt(a); });
  if (ok) {
    ok = ForEach(unit.timeline, [&](const TimelineRow& row) {
      GiveTimelineRow(insert_timeline_, row);
      return AnyRows(insert_timeline_.Run());
    });
  }
  if (ok) ok = ForEach(unit.drop_jobs, [&](const std::string& key) { return Drop(key); });
  if (ok) ok = ForEach(unit.jobs, [&](const NewJob& job) { return AddJob(job, result); });
  if (ok) ok = ForEach(unit.retries, [&](const JobRetry& retry) { return Retry(retry, result); });
  if (ok) {
    ok = ForEach(unit.aliases, [&](const Alias& alias) {
      return AnyRows(insert_alias_.Text(alias.alias).Text(alias.account.str()).Run());
    });
  }
  if (ok) ok = ForEach(unit.links, [&](const PaymentLink& link) { return Link(link); });
  if (ok) {
    ok = ForEach(unit.settle_alerts, [&](const std::string& key) { return AnyRows(settle_alert_.Text(key).Run()); });
  }
  if (ok) ok = ForEach(unit.alerts, [&](const Alert& alert) { return Raise(alert, result); });
  if (ok) ok = ForEach(unit.replies, [&](const ApiReply& reply) { return Reply(reply, result); });
  if (ok) ok = ForEach(unit.tokens, [&](const Token& token) { return Keep(token); });
  if (ok) ok = WriteMarket(unit, result);
  if (ok && unit.drop_bodies) ok = dropper_.DropBodies(*unit.drop_bodies, result.dropped);
  if (ok && unit.expire) ok = dropper_.Expire(*unit.expire, result.dropped);
  if (ok && unit.erase) ok = dropper_.Erase(*unit.erase, result.dropped);
  if (ok) ok = WriteUsage(unit);
  if (!ok) return tl::unexpected(ok.error());
  return result;
}

Status UnitWriter::WriteMarket(const Unit& unit, UnitResult& result) {
  Status ok = ForEach(unit.market_links, [&](const MarketLink& link) {
    std::vector<std::int64_t> woken;
    const Status linked = market_.Link(link, woken);
    if (!linked) return linked;
    return ForEach(woken, [&](std::int64_t seq) {
      return AddJob({.kind = JobKind::kApply, .subject = link.subscription.str(), .due = link.at, .event_seq = seq},
                    result);
    });
  });
  if (ok) ok = ForEach(unit.orphans, [&](const MarketOrphan& orphan) { return market_.Wait(orphan); });
  if (ok) ok = ForEach(unit.registrations, [&](const RegistrationCode& code) { return market_.Keep(code); });
  if (ok) ok = ForEach(unit.claims, [&](const RegistrationClaim& claim) { return market_.Claim(claim); });
  return ok;
}

Status UnitWriter::WriteUsage(const Unit& unit) {
  Status ok = ForEach(unit.usage, [&](const UsageBooking& booking) { return usage_.Book(booking); });
  if (ok) ok = ForEach(unit.usage_shifts, [&](const UsageShift& shift) { return usage_.Shift(shift); });
  if (ok) ok = ForEach(unit.freeze, [&](const UsageHour& hour) { return usage_.Freeze(hour); });
  if (ok) ok = ForEach(unit.usage_results, [&](const UsageResult& result) { return usage_.Settle(result); });
  return ok;
}

Status UnitWriter::Accept(const NewEvent& event, UnitResult& result) {
  const Result<std::int64_t> stored = insert_event_.Text(ProviderName(event.provider))
                                          .Text(event.id.str())
                                          .Text(event.type)
                                          .Int(ToUnixMillis(event.created))
                                          .Int(ToUnixMillis(event.received_at))
                                          .Int(event.livemode ? 1 : 0)
                                          .Text(event.object)
                                          .Text(event.subscription)
                                          .Text(EventOutcomeName(event.outcome))
                                          .Text(event.detail)
                                          .Run();
  if (!stored) return tl::unexpected(stored.error());
  result.stored.push_back(*stored == 1);
  if (*stored == 0) return {};
  const std::int64_t seq = connection_.LastId();
  if (Status kept = AnyRows(insert_body_.Int(seq).Text(event.body).Run()); !kept) return kept;
  if (event.outcome != EventOutcome::kWaiting) return {};
  return AddJob({.kind = JobKind::kApply,
                 .subject = event.subscription,
                 .due = event.received_at,
                 .created_at = event.received_at,
                 .event_seq = seq},
                result);
}

Status UnitWriter::Done(JobId id) {
  return OneRow(delete_job_.Int(ToInt(id)).Run(), "the job is done already", std::to_string(ToInt(id)));
}

Status UnitWriter::Save(const Subscription& s) {
  if (s.version == 0) {
    insert_subscription_.Text(s.id.str()).Text(ProviderName(s.provider));
    GiveSubscription(insert_subscription_, s);
    return OneRow(insert_subscription_.Run(), "the subscription is stored already", s.id.str());
  }
  GiveSubscription(update_subscription_, s);
  update_subscription_.Text(s.id.str()).Int(s.version);
  return OneRow(update_subscription_.Run(), "the subscription has another version", s.id.str());
}

Status UnitWriter::File(const EventResult& event) {
  std::optional<std::int64_t> applied;
  if (event.outcome != EventOutcome::kWaiting) applied = ToUnixMillis(event.at);
  return OneRow(file_event_.Text(EventOutcomeName(event.outcome))
                    .Text(event.detail)
                    .Text(event.subscription)
                    .MaybeInt(applied)
                    .Int(event.seq)
                    .Run(),
                "no such event", std::to_string(event.seq));
}

Status UnitWriter::OpenAttempt(const Attempt& attempt) {
  GiveAttemptTerms(insert_attempt_, attempt);
  GiveAttemptState(insert_attempt_, attempt);
  GiveAttemptAnswer(insert_attempt_, attempt);
  return OneRow(insert_attempt_.Run(), "another attempt is open, or has this key", attempt.key.str());
}

Status UnitWriter::CloseAttempt(const Attempt& attempt) {
  GiveAttemptState(close_attempt_, attempt);
  GiveAttemptAnswer(close_attempt_, attempt);
  return OneRow(close_attempt_.Text(attempt.key.str()).Run(), "the attempt is not open", attempt.key.str());
}

Status UnitWriter::AnnotateAttempt(const Attempt& attempt) {
  GiveAttemptAnswer(annotate_attempt_, attempt);
  return OneRow(annotate_attempt_.Int(attempt.ask_first ? 1 : 0).Text(attempt.key.str()).Run(), "no such attempt",
                attempt.key.str());
}

Status UnitWriter::Drop(const std::string& key) { return AnyRows(drop_job_.Text(key).Run()); }

Status UnitWriter::AddJob(const NewJob& job, UnitResult& result) {
  std::optional<std::int64_t> event;
  if (job.event_seq != 0) event = job.event_seq;
  const Timestamp created = job.created_at == Timestamp{} ? job.due : job.created_at;
  const Result<std::int64_t> made = insert_job_.Text(JobKindName(job.kind))
                                        .Text(job.key)
                                        .Text(job.subject)
                                        .Int(ToUnixMillis(created))
                                        .Int(ToUnixMillis(job.due))
                                        .MaybeInt(event)
                                        .Text(job.payload)
                                        .Run();
  if (!made) return tl::unexpected(made.error());
  if (*made == 0) return JoinJob(job, result);
  result.new_jobs.push_back({JobId{connection_.LastId()}, job.due, LaneOf(job.kind)});
  return {};
}

// A job with this key is there already.
Status UnitWriter::JoinJob(const NewJob& job, UnitResult& result) {
  const Result<bool> found = find_job_.Text(job.key).One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(Errc::kConflict, "the job with this key is gone: " + job.key);
  const std::int64_t id = find_job_.TakeInt();
  const std::optional<JobKind> kind = ParseJobKind(find_job_.TakeText());
  if (!kind) return BadColumn("jobs.kind");
  const bool dead = find_job_.TakeText() == "dead";
  const bool replace = job.on_same_key == OnSameKey::kReplace;
  if (!dead && !replace) return {};
  if (replace && LaneOf(*kind) == Lane::kMessages) {
    const Status dropped = Drop(job.key);
    return dropped ? AddJob(job, result) : dropped;
  }
  Status moved;
  if (dead) moved = AnyRows(wake_job_.Int(ToUnixMillis(job.due)).Int(id).Run());
  if (moved && replace) moved = AnyRows(move_job_.Int(ToUnixMillis(job.due)).Text(job.payload).Int(id).Run());
  if (moved) result.new_jobs.push_back({JobId{id}, job.due, LaneOf(*kind)});
  return moved;
}

Status UnitWriter::Retry(const JobRetry& retry, UnitResult& result) {
  std::optional<std::int64_t> failed;
  if (retry.count_try) failed = ToUnixMillis(retry.at == Timestamp{} ? retry.due : retry.at);
  const bool ready = retry.state == JobState::kReady;
  const Result<bool> found = retry_job_.Int(ToUnixMillis(retry.due))
                                 .Text(ready ? "ready" : "dead")
                                 .Text(retry.error)
                                 .Int(retry.count_try ? 1 : 0)
                                 .MaybeInt(failed)
                                 .Int(ToInt(retry.id))
                                 .One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(Errc::kConflict, "the job is gone: " + std::to_string(ToInt(retry.id)));
  const std::optional<JobKind> kind = ParseJobKind(retry_job_.TakeText());
  if (!kind) return BadColumn("jobs.kind");
  if (ready) result.new_jobs.push_back({retry.id, retry.due, LaneOf(*kind)});
  return {};
}

Status UnitWriter::Link(const PaymentLink& link) {
  Status linked;
  if (!link.payment_intent.empty()) {
    linked = AnyRows(insert_payment_.Text(link.payment_intent).Text(link.invoice.str()).Run());
  }
  if (linked && !link.subscription.empty()) {
    linked = AnyRows(insert_invoice_.Text(link.invoice.str()).Text(link.subscription.str()).Run());
  }
  return linked;
}

Status UnitWriter::Raise(const Alert& alert, UnitResult& result) {
  const Result<std::int64_t> raised = raise_alert_.Text(alert.key)
                                          .Text(alert.kind)
                                          .Text(alert.subject)
                                          .Text(alert.detail)
                                          .Int(ToUnixMillis(alert.raised_at))
                                          .Run();
  if (!raised) return tl::unexpected(raised.error());
  if (*raised == 0 || alert.message.empty()) return {};
  return AddJob({.kind = JobKind::kAlert, .subject = alert.subject, .due = alert.raised_at, .payload = alert.message},
                result);
}

Status UnitWriter::Reply(const ApiReply& reply, const UnitResult& result) {
  std::string body = reply.body;
  if (const std::size_t at = body.find(kJobInReply); at != std::string::npos && !result.new_jobs.empty()) {
    body.replace(at, kJobInReply.size(), std::to_string(ToInt(result.new_jobs.front().id)));
  }
  return OneRow(insert_reply_.Text(reply.key)
                    .Text(reply.request_hash)
                    .Int(reply.status)
                    .Text(body)
                    .Int(ToUnixMillis(reply.at))
                    .Run(),
                "this request was answered already", reply.key);
}

Status UnitWriter::Keep(const Token& token) {
  GiveToken(upsert_token_, token);
  return AnyRows(upsert_token_.Run());
}

}  // namespace dunlin::db
