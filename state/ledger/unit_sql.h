// The statements that write. Every name of a parameter is given once in the order it is bound.
#pragma once

namespace dunlin::db::sql {

inline constexpr const char* kInsertEvent =
    "INSERT INTO events (provider, id, type, created_ms, received_ms, livemode, object, subscription, outcome, detail) "
    "VALUES (:provider, :id, :type, :created, :received, :livemode, :object, :subscription, :outcome, :detail) "
    "ON CONFLICT (provider, id) DO NOTHING";
inline constexpr const char* kInsertBody = "INSERT INTO event_bodies (seq, body) VALUES (:seq, CAST(:body AS BLOB))";
inline constexpr const char* kFileEvent =
    "UPDATE events SET outcome = :outcome, detail = :detail, "
    "subscription = CASE :subscription WHEN '' THEN subscription ELSE :subscription END, applied_ms = :applied "
    "WHERE seq = :seq";

inline constexpr const char* kInsertJob =
    "INSERT INTO jobs (kind, key, subject, created_ms, due_ms, state, tries, last_error, event_seq, payload) "
    "VALUES (:kind, :key, :subject, :created, :due, 'ready', 0, '', :event, :payload) "
    "ON CONFLICT (key) WHERE key <> '' DO NOTHING";
inline constexpr const char* kDeleteJob = "DELETE FROM jobs WHERE id = :id";
// "key <> ''" lets SQLite use the index, which holds no others.
inline constexpr const char* kDropJob = "DELETE FROM jobs WHERE key = :key AND key <> ''";
inline constexpr const char* kFindJob = "SELECT id, kind, state FROM jobs WHERE key = :key AND key <> ''";
inline constexpr const char* kWakeJob =
    "UPDATE jobs SET state = 'ready', tries = 0, first_failed_ms = NULL, last_error = '', due_ms = :due "
    "WHERE id = :id";
inline constexpr const char* kMoveJob = "UPDATE jobs SET due_ms = :due, payload = :payload WHERE id = :id";
inline constexpr const char* kRetryJob =
    "UPDATE jobs SET due_ms = :due, state = :state, "
    "last_error = CASE :error WHEN '' THEN last_error ELSE :error END, "
    // A job that got on, or a dead one that is made ready again, begins anew, or its next failure would find its
    // patience spent.
    "tries = CASE WHEN :count = 0 OR (state = 'dead' AND :state = 'ready') THEN 0 ELSE tries END + :count, "
    "first_failed_ms = CASE WHEN :count = 0 OR (state = 'dead' AND :state = 'ready') THEN :failed "
    "ELSE coalesce(first_failed_ms, :failed) END WHERE id = :id RETURNING kind";

// After "INSERT INTO subscriptions (" and its columns.
inline constexpr const char* kSubscriptionValues =
    ") VALUES (:id, :provider, 1, :account, :status, :access, :plan, :period_end, :paid_until, :cancel_at, "
    ":access_until, :dirty, :updated, :state, :invoice, :policy, :policy_version, :opened, :next_attempt, :next_step, "
    ":method_seen, :open_attempt, :failure_seen, "
    ":failure_mail_due, :failure_told_before, :facts) ON CONFLICT (id) DO NOTHING";
inline constexpr const char* kUpdateSubscription =
    "UPDATE subscriptions SET version = version + 1, account = :account, status = :status, access = :access, "
    "plan = :plan, period_end_ms = :period_end, paid_until_ms = :paid_until, cancel_at_ms = :cancel_at, "
    "access_until_ms = :access_until, dirty = :dirty, updated_ms = :updated, recovery_state = :state, "
    "recovery_invoice = :invoice, recovery_policy = :policy, recovery_policy_version = :policy_version, "
    "recovery_opened_ms = :opened, next_attempt_ms = :next_attempt, recovery_next_step = :next_step, "
    "method_seen = :method_seen, open_attempt = :open_attempt, failure_seen = :failure_seen, "
    "failure_mail_due_ms = :failure_mail_due, failure_told_before = :failure_told_before, facts = :facts "
    "WHERE id = :id AND version = :version";

// After "INSERT INTO attempts (" and its columns.
inline constexpr const char* kAttemptValues =
    ") VALUES (:key, :job, :subscription, :invoice, :kind, :step, :parameters, :by, :reason, :sent, :state, "
    ":finished, :ask_first, :code, :advice, :network, :method, :detail) ON CONFLICT DO NOTHING";
inline constexpr const char* kCloseAttempt =
    "UPDATE attempts SET state = :state, finished_ms = :finished, ask_first = :ask_first, decline_code = :code, "
    "advice_code = :advice, network_advice_code = :network, payment_method = :method, detail = :detail "
    "WHERE key = :key AND finished_ms IS NULL";
inline constexpr const char* kAnnotateAttempt =
    "UPDATE attempts SET decline_code = :code, advice_code = :advice, network_advice_code = :network, "
    "payment_method = :method, detail = :detail, ask_first = MAX(ask_first, :ask_first) WHERE key = :key";

// After "INSERT INTO timeline (" and its columns.
inline constexpr const char* kTimelineValues =
    ") VALUES (:subscription, :at, :kind, :status_from, :status_to, :access_from, :access_to, :row, :rule, :policy, "
    ":event, :by, :reason, :next)";

inline constexpr const char* kInsertAlias =
    "INSERT INTO aliases (alias, account) VALUES (:alias, :account) ON CONFLICT DO NOTHING";
inline constexpr const char* kInsertPayment =
    "INSERT INTO payments (payment_intent, invoice) VALUES (:payment, :invoice) ON CONFLICT DO NOTHING";
inline constexpr const char* kInsertInvoice =
    "INSERT INTO invoices (invoice, subscription) VALUES (:invoice, :subscription) ON CONFLICT DO NOTHING";
inline constexpr const char* kRaiseAlert =
    "INSERT INTO alerts (key, kind, subject, detail, raised_ms, settled) "
    "VALUES (:key, :kind, :subject, :detail, :raised, 0) ON CONFLICT (key) WHERE settled = 0 DO NOTHING";
inline constexpr const char* kSettleAlert = "UPDATE alerts SET settled = 1 WHERE key = :key AND settled = 0";
inline constexpr const char* kInsertReply =
    "INSERT INTO replies (key, request_hash, status, body, at_ms) VALUES (:key, :hash, :status, :body, :at) "
    "ON CONFLICT DO NOTHING";
// After "INSERT INTO tokens (" and its columns.
inline constexpr const char* kTokenValues =
    ") VALUES (:id, :hash, :role, :name, :created, :expires, :revoked) ON CONFLICT (id) DO UPDATE SET "
    "hash = excluded.hash, role = excluded.role, name = excluded.name, created_ms = excluded.created_ms, "
    "expires_ms = excluded.expires_ms, revoked_ms = excluded.revoked_ms";

}  // namespace dunlin::db::sql
