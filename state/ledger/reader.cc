// The reads that work needs. Those for people are in listings.cc.
#include "state/ledger/reader.h"

#include <memory>

#include "state/ledger/rows.h"

namespace dunlin::db {
namespace {

std::string Select(std::string_view columns, std::string_view rest) {
  return "SELECT " + std::string(columns) + " " + std::string(rest);
}

// Each lane by its own index, so that what fills one does not hide the others.
std::string DueInEachLane() {
  std::string sql;
  for (const char* lane : kReadyInLanes) {
    sql += (sql.empty() ? "SELECT * FROM (" : " UNION ALL SELECT * FROM (") +
           Select("id, due_ms, kind", "FROM jobs WHERE ") + lane +
           " AND due_ms <= :until ORDER BY due_ms, id LIMIT :limit)";
  }
  return sql + " ORDER BY due_ms, id";
}

// The row a query of at most one row found, or none.
template <class T, class F>
Result<std::optional<T>> Maybe(Statement& query, F&& take) {
  const Result<bool> found = query.One();
  if (!found) return tl::unexpected(found.error());
  if (!*found) return std::optional<T>();
  Result<T> value = take(query);
  if (!value) return tl::unexpected(value.error());
  return std::optional<T>(std::move(*value));
}

// Every row of a query.
template <class T, class F>
Result<std::vector<T>> All(Statement& query, F&& take) {
  std::vector<T> values;
  const Status read = query.Each([&](Statement& row) -> Status {
    Result<T> value = take(row);
    if (!value) return tl::unexpected(value.error());
    values.push_back(std::move(*value));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return values;
}

template <class IdType>
Result<IdType> TakeId(Statement& row) {
  return IdType(row.TakeText());
}

Result<JobRef> TakeJobRef(Statement& row) {
  JobRef ref;
  ref.id = JobId{row.TakeInt()};
  ref.due = FromUnixMillis(row.TakeInt());
  const std::optional<JobKind> kind = ParseJobKind(row.TakeText());
  if (!kind) return BadColumn("jobs.kind");
  ref.lane = LaneOf(*kind);
  return ref;
}

}  // namespace

Reader::Reader(Connection& c)
    : connection_(c),
      begin_(c, "BEGIN", ""),
      commit_(c, "COMMIT", ""),
      due_jobs_(c, DueInEachLane(), "ii", "iit"),
      job_(c, Select(kJobColumns, "FROM jobs WHERE id = :id AND state = 'ready'"), "i", kJobOut),
      event_by_seq_(c, Select(kEventColumns, "FROM ") + kEventTables + " WHERE e.seq = :seq", "i", kEventOut),
      subscription_(c, Select(kSubscriptionColumns, "FROM subscriptions WHERE id = :id"), "t", kSubscriptionOut),
      attempts_(c, Select(kAttemptColumns, "FROM attempts WHERE subscription = :id ORDER BY seq"), "t", kAttemptOut) {}

Statement& Reader::Ready(const std::string& sql, std::string_view in, std::string_view out) {
  return others_.try_emplace(sql, connection_, sql, in, out).first->second;
}

Result<std::vector<JobRef>> Reader::DueJobs(Timestamp until, std::size_t limit) {
  due_jobs_.Int(ToUnixMillis(until)).Int(static_cast<std::int64_t>(limit));
  return All<JobRef>(due_jobs_, TakeJobRef);
}

Result<bool> Reader::LoadOne(JobId id, std::vector<Work>& work) {
  Result<std::optional<Job>> job = Maybe<Job>(job_.Int(ToInt(id)), TakeJob);
  if (!job) return tl::unexpected(job.error());
  if (!*job) return false;
  Work item{std::move(**job), std::nullopt};
  if (item.job.event_seq != 0) {
    Result<std::optional<StoredEvent>> event = Maybe<StoredEvent>(event_by_seq_.Int(item.job.event_seq), TakeEvent);
    if (!event) return tl::unexpected(event.error());
    if (!*event) return Fail(Errc::kCorrupt, "a job's event is missing: " + std::to_string(item.job.event_seq));
    item.event = std::move(**event);
  }
  work.push_back(std::move(item));
  return true;
}

Result<std::vector<Work>> Reader::LoadWork(std::span<const JobId> ids) {
  return InSnapshot([&]() -> Result<std::vector<Work>> {
    std::vector<Work> work;
    work.reserve(ids.size());
    for (const JobId id : ids) {
      if (Result<bool> loaded = LoadOne(id, work); !loaded) return tl::unexpected(loaded.error());
    }
    return work;
  });
}

Result<std::optional<SubscriptionRecord>> Reader::LoadSubscription(const SubscriptionId& id) {
  using Found = std::optional<SubscriptionRecord>;
  return InSnapshot([&]() -> Result<Found> {
    Result<std::optional<Subscription>> subscription =
        Maybe<Subscription>(subscription_.Text(id.str()), TakeSubscription);
    if (!subscription) return tl::unexpected(subscription.error());
    if (!*subscription) return Found();
    Result<std::vector<Attempt>> attempts = All<Attempt>(attempts_.Text(id.str()), TakeAttempt);
    if (!attempts) return tl::unexpected(attempts.error());
    return Found(SubscriptionRecord{std::move(**subscription), std::move(*attempts)});
  });
}

Result<std::vector<SubscriptionId>> Reader::SubscriptionsOf(const AccountId& account) {
  Statement& query = Ready("SELECT id FROM subscriptions WHERE account = :a ORDER BY id", "t", "t");
  return All<SubscriptionId>(query.Text(account.str()), TakeId<SubscriptionId>);
}

Result<std::optional<Attempt>> Reader::FindAttempt(const AttemptKey& key) {
  Statement& query = Ready(Select(kAttemptColumns, "FROM attempts WHERE key = :k"), "t", kAttemptOut);
  return Maybe<Attempt>(query.Text(key.str()), TakeAttempt);
}

Result<std::optional<Attempt>> Reader::FindAttemptOfJob(JobId job) {
  Statement& query =
      Ready(Select(kAttemptColumns, "FROM attempts WHERE job = :j ORDER BY seq DESC LIMIT 1"), "i", kAttemptOut);
  return Maybe<Attempt>(query.Int(ToInt(job)), TakeAttempt);
}

Result<std::optional<PaymentLink>> Reader::FindPayment(std::string_view payment_intent) {
  Statement& query = Ready(
      "SELECT p.payment_intent, p.invoice, coalesce(i.subscription, '') FROM payments p "
      "LEFT JOIN invoices i ON i.invoice = p.invoice WHERE p.payment_intent = :p",
      "t", "ttt");
  return Maybe<PaymentLink>(query.Text(payment_intent), [](Statement& row) -> Result<PaymentLink> {
    PaymentLink link;
    link.payment_intent = row.TakeText();
    link.invoice = InvoiceId(row.TakeText());
    link.subscription = SubscriptionId(row.TakeText());
    return link;
  });
}

Result<std::optional<SubscriptionId>> Reader::SubscriptionOfInvoice(const InvoiceId& invoice) {
  Statement& query = Ready("SELECT subscription FROM invoices WHERE invoice = :i", "t", "t");
  return Maybe<SubscriptionId>(query.Text(invoice.str()), TakeId<SubscriptionId>);
}

Result<std::optional<Timestamp>> Reader::NewestEvent(Provider provider) {
  Statement& query = Ready("SELECT max(created_ms) FROM events WHERE provider = :p", "t", "I");
  const Result<bool> found = query.Text(ProviderName(provider)).One();
  if (!found) return tl::unexpected(found.error());
  return FromColumn(query.TakeMaybeInt());
}

Result<std::vector<MarketLink>> Reader::FindMarketLinks(std::span<const std::string> keys) {
  return InSnapshot([&]() -> Result<std::vector<MarketLink>> {
    std::vector<MarketLink> links;
    for (const std::string& key : keys) {
      Statement& query = Ready("SELECT key, subscription, binds FROM market_links WHERE key = :k", "t", "tti");
      const Result<std::vector<MarketLink>> some =
          All<MarketLink>(query.Text(key), [](Statement& row) -> Result<MarketLink> {
            std::string of = row.TakeText();
            SubscriptionId subscription(row.TakeText());
            return MarketLink{
                .key = std::move(of), .subscription = std::move(subscription), .binds = row.TakeInt() != 0};
          });
      if (!some) return tl::unexpected(some.error());
      links.insert(links.end(), some->begin(), some->end());
    }
    return links;
  });
}

Result<std::optional<RegistrationCode>> Reader::FindRegistration(std::string_view code_hash) {
  Statement& query = Ready(
      "SELECT code_hash, event, account, created_ms, claimed_by, claimed_ms FROM registrations WHERE code_hash = :h",
      "t", "tttitI");
  return Maybe<RegistrationCode>(query.Text(code_hash), [](Statement& row) -> Result<RegistrationCode> {
    RegistrationCode code;
    code.code_hash = row.TakeText();
    code.event = EventId(row.TakeText());
    code.account = AccountId(row.TakeText());
    code.created_at = FromUnixMillis(row.TakeInt());
    code.claimed_by = row.TakeText();
    code.claimed_at = FromColumn(row.TakeMaybeInt());
    return code;
  });
}

Result<std::vector<StoredEvent>> Reader::Orphans(Timestamp received_before, std::size_t limit) {
  // An event waits under several ids.
  Statement& query = Ready(
      "SELECT e.seq, e.provider, e.id, e.type, e.created_ms, e.received_ms, e.livemode, e.object, e.subscription, "
      "e.outcome, e.detail, e.applied_ms, '' FROM events e "
      "WHERE e.seq IN (SELECT event_seq FROM orphan_keys) AND e.received_ms < :before ORDER BY e.seq LIMIT :limit",
      "ii", kEventOut);
  return All<StoredEvent>(query.Int(ToUnixMillis(received_before)).Int(static_cast<std::int64_t>(limit)), TakeEvent);
}

Result<std::vector<AccountId>> Reader::ResolveAccount(std::string_view any_id) {
  Statement& query = Ready(
      "SELECT account FROM subscriptions WHERE account = :a UNION SELECT account FROM aliases WHERE account = :a "
      "UNION SELECT account FROM aliases WHERE alias = :a "
      "UNION SELECT b.account FROM aliases a JOIN aliases b ON b.alias = a.account WHERE a.alias = :a ORDER BY account",
      "t", "t");
  return All<AccountId>(query.Text(any_id), TakeId<AccountId>);
}

Result<std::vector<TimelineRow>> Reader::Timeline(const SubscriptionId& id) {
  Statement& query =
      Ready(Select(kTimelineColumns, "FROM timeline WHERE subscription = :s ORDER BY at_ms, seq"), "t", kTimelineOut);
  return All<TimelineRow>(query.Text(id.str()), TakeTimelineRow);
}

Result<std::optional<StoredEvent>> Reader::FindEvent(Provider provider, const EventId& id) {
  Statement& query =
      Ready(Select(kEventColumns, "FROM ") + kEventTables + " WHERE e.provider = :p AND e.id = :id", "tt", kEventOut);
  return Maybe<StoredEvent>(query.Text(ProviderName(provider)).Text(id.str()), TakeEvent);
}

Result<std::optional<Job>> Reader::FindJob(JobId id) {
  Statement& query = Ready(Select(kJobColumns, "FROM jobs WHERE id = :id"), "i", kJobOut);
  return Maybe<Job>(query.Int(ToInt(id)), TakeJob);
}

Result<std::optional<ApiReply>> Reader::FindReply(std::string_view key) {
  Statement& query = Ready("SELECT key, request_hash, status, body, at_ms FROM replies WHERE key = :k", "t", "ttiti");
  return Maybe<ApiReply>(query.Text(key), [](Statement& row) -> Result<ApiReply> {
    ApiReply reply;
    reply.key = row.TakeText();
    reply.request_hash = row.TakeText();
    reply.status = static_cast<int>(row.TakeInt());
    reply.body = row.TakeText();
    reply.at = FromUnixMillis(row.TakeInt());
    return reply;
  });
}

Result<std::optional<Token>> Reader::FindToken(std::string_view hash) {
  Statement& query = Ready(Select(kTokenColumns, "FROM tokens WHERE hash = :h"), "t", kTokenOut);
  return Maybe<Token>(query.Text(hash), TakeToken);
}

Result<std::vector<Token>> Reader::Tokens() {
  Statement& query = Ready(Select(kTokenColumns, "FROM tokens ORDER BY created_ms, id"), "", kTokenOut);
  return All<Token>(query, TakeToken);
}

Result<std::vector<std::pair<int, std::string>>> Reader::Policies() {
  using Policy = std::pair<int, std::string>;
  Statement& query = Ready("SELECT version, text FROM policies ORDER BY version", "", "it");
  return All<Policy>(query, [](Statement& row) -> Result<Policy> {
    const int version = static_cast<int>(row.TakeInt());
    return Policy(version, row.TakeText());
  });
}

}  // namespace dunlin::db
