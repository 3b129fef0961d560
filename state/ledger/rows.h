// How the ledger's values lie in rows: the columns of each, and the way in and out. A column list and the functions
// beside it keep the same order.
#pragma once

#include <optional>
#include <string>

#include "state/ledger.h"
#include "state/ledger/db.h"

namespace dunlin::db {

// A word or text in a row that this program does not know: kCorrupt, naming the column and not the value.
tl::unexpected<Error> BadColumn(const char* column);

std::optional<std::int64_t> ToColumn(const std::optional<Timestamp>& at);
std::optional<Timestamp> FromColumn(std::optional<std::int64_t> ms);

// Each `k…Columns` is what to select, `k…Out` its types, and Take… reads one row.
inline constexpr const char* kEventColumns =
    "e.seq, e.provider, e.id, e.type, e.created_ms, e.received_ms, e.livemode, e.object, e.subscription, e.outcome, "
    "e.detail, e.applied_ms, coalesce(b.body, '')";
// The body may have been dropped.
inline constexpr const char* kEventTables = "events e LEFT JOIN event_bodies b ON b.seq = e.seq";
inline constexpr const char* kEventOut = "itttiiittttIt";
Result<StoredEvent> TakeEvent(Statement& row);

inline constexpr const char* kJobColumns =
    "id, kind, key, subject, created_ms, due_ms, state, tries, first_failed_ms, last_error, event_seq, payload";
inline constexpr const char* kJobOut = "itttiitiItIt";
Result<Job> TakeJob(Statement& row);

// All of it but the id and the provider is also what a save writes, in this order.
inline constexpr const char* kSubscriptionColumns =
    "id, provider, version, account, status, access, plan, period_end_ms, paid_until_ms, cancel_at_ms, "
    "access_until_ms, dirty, updated_ms, recovery_state, recovery_invoice, recovery_policy, recovery_policy_version, "
    "recovery_opened_ms, next_attempt_ms, recovery_next_step, method_seen, open_attempt, failure_seen, "
    "failure_mail_due_ms, failure_told_before, facts";
inline constexpr const char* kSubscriptionOut = "ttittttIIIIiitttiiIitttItt";
inline constexpr const char* kSubscriptionIn = "ttttIIIIiitttiiIitttItt";  // from `account` on
Result<Subscription> TakeSubscription(Statement& row);
// The columns from `account` on.
void GiveSubscription(Statement& statement, const Subscription& subscription);

inline constexpr const char* kAttemptColumns =
    "key, job, subscription, invoice, kind, step, parameters, by, reason, first_sent_ms, state, finished_ms, "
    "ask_first, decline_code, advice_code, network_advice_code, payment_method, detail";
inline constexpr const char* kAttemptOut = "titttitttitIittttt";
Result<Attempt> TakeAttempt(Statement& row);
// The columns up to first_sent_ms, which never change.
void GiveAttemptTerms(Statement& statement, const Attempt& attempt);
// state, finished_ms, ask_first.
void GiveAttemptState(Statement& statement, const Attempt& attempt);
// The columns from decline_code on.
void GiveAttemptAnswer(Statement& statement, const Attempt& attempt);

inline constexpr const char* kTimelineColumns =
    "subscription, at_ms, kind, status_from, status_to, access_from, access_to, row, rule, policy, event, by, reason, "
    "next";
inline constexpr const char* kTimelineOut = "titTTTTttttttt";
Result<TimelineRow> TakeTimelineRow(Statement& row);
void GiveTimelineRow(Statement& statement, const TimelineRow& row);

inline constexpr const char* kUsageColumns =
    "seq, subscription, product, licence, aws_account, customer, dimension, hour_ms, state, quantity, stamp_ms, "
    "frozen_ms, closes_ms, batch, settled_ms, metering_record_id, detail";
inline constexpr const char* kUsageOut = "ittttttitiIIItItt";
Result<UsageHour> TakeUsageHour(Statement& row);

inline constexpr const char* kTokenColumns = "id, hash, role, name, created_ms, expires_ms, revoked_ms";
inline constexpr const char* kTokenOut = "ttttiII";
Result<Token> TakeToken(Statement& row);
void GiveToken(Statement& statement, const Token& token);

}  // namespace dunlin::db
