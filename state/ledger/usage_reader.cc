// What the ledger tells about usage.
#include "state/ledger/reader.h"
#include "state/ledger/rows.h"
#include "state/usage_rules.h"

namespace dunlin::db {
namespace {

Result<std::vector<UsageHour>> AllHours(Statement& query) {
  std::vector<UsageHour> hours;
  const Status read = query.Each([&](Statement& row) -> Status {
    Result<UsageHour> hour = TakeUsageHour(row);
    if (!hour) return tl::unexpected(hour.error());
    hours.push_back(std::move(*hour));
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return hours;
}

UsageCount& CountFor(UsageTotals& totals, UsageState state) {
  switch (state) {
    case UsageState::kOpen: return totals.open;
    case UsageState::kFrozen: return totals.frozen;
    case UsageState::kSent: return totals.sent;
    case UsageState::kDuplicate:
    case UsageState::kNotSubscribed:
    case UsageState::kRefused:
    case UsageState::kExpired: return totals.refused;
  }
  return totals.refused;
}

// The end of a subscription that is ending or has ended; AWS takes nothing after it.
constexpr const char* kEndOf = "coalesce(cancel_at_ms, CASE status WHEN 'canceled' THEN paid_until_ms END)";

void Earlier(std::optional<Timestamp>& first, const std::optional<Timestamp>& other) {
  if (other && (!first || *other < *first)) first = other;
}

}  // namespace

Result<std::vector<UsageHour>> Reader::UsageOf(const SubscriptionId& id, Timestamp since) {
  Statement& query =
      Ready("SELECT " + std::string(kUsageColumns) +
                " FROM usage_hours WHERE subscription = :id AND hour_ms >= :since UNION ALL SELECT " + kUsageColumns +
                " FROM usage_hours WHERE subscription = :id AND state = 'open' AND hour_ms < :since "
                "ORDER BY hour_ms, dimension, seq",
            "ti", kUsageOut);
  return AllHours(query.Text(id.str()).Int(ToUnixMillis(since)));
}

Result<std::vector<UsageHour>> Reader::FrozenUsage(std::string_view batch) {
  Statement& query = Ready("SELECT " + std::string(kUsageColumns) +
                               " FROM usage_hours WHERE batch = :batch AND state = 'frozen' ORDER BY seq",
                           "t", kUsageOut);
  return AllHours(query.Text(batch));
}

Result<std::optional<BookedUsage>> Reader::FindUsage(const AccountId& account, std::string_view key) {
  return InSnapshot([&]() -> Result<std::optional<BookedUsage>> {
    Statement& query = Ready(
        "SELECT account, key, subscription, user, dimension, quantity, at_ms, received_ms, hour_seq "
        "FROM usage_entries WHERE account = :account AND key = :key",
        "tt", "tttttiiiI");
    const Result<bool> found = query.Text(account.str()).Text(key).One();
    if (!found) return tl::unexpected(found.error());
    if (!*found) return std::optional<BookedUsage>();
    BookedUsage booked;
    UsageEntry& entry = booked.entry;
    entry.account = AccountId(query.TakeText());
    entry.key = query.TakeText();
    entry.subscription = SubscriptionId(query.TakeText());
    entry.user = query.TakeText();
    entry.dimension = query.TakeText();
    entry.quantity = query.TakeInt();
    entry.at = FromUnixMillis(query.TakeInt());
    entry.received_at = FromUnixMillis(query.TakeInt());
    const std::optional<std::int64_t> seq = query.TakeMaybeInt();
    if (!seq) return std::optional(std::move(booked));
    Statement& hour_query =
        Ready("SELECT " + std::string(kUsageColumns) + " FROM usage_hours WHERE seq = :seq", "i", kUsageOut);
    Result<std::vector<UsageHour>> hours = AllHours(hour_query.Int(*seq));
    if (!hours) return tl::unexpected(hours.error());
    if (hours->empty()) return Fail(Errc::kCorrupt, "usage_entries.hour_seq");
    booked.hour = std::move(hours->front());
    return std::optional(std::move(booked));
  });
}

Result<UsageTotals> Reader::TotalUsage(const SubscriptionId& id) {
  return InSnapshot([&]() -> Result<UsageTotals> {
    UsageTotals totals;
    Statement& hours = Ready(
        "SELECT state, count(*), sum(quantity), min(closes_ms), min(hour_ms) FROM usage_hours "
        "WHERE subscription = :id GROUP BY state",
        "t", "tiiIi");
    const Status read = hours.Text(id.str()).Each([&](Statement& row) -> Status {
      const std::optional<UsageState> state = ParseUsageState(row.TakeText());
      if (!state) return BadColumn("usage_hours.state");
      UsageCount& count = CountFor(totals, *state);
      count.records += row.TakeInt();
      count.quantity += row.TakeInt();
      const std::optional<Timestamp> closes = FromColumn(row.TakeMaybeInt());
      const Timestamp first = FromUnixMillis(row.TakeInt());
      if (state == UsageState::kFrozen) Earlier(totals.next_deadline, closes);
      if (state == UsageState::kOpen) Earlier(totals.next_deadline, UsageClosesAt(first));
      return {};
    });
    if (!read) return tl::unexpected(read.error());
    Statement& end = Ready("SELECT " + std::string(kEndOf) + " FROM subscriptions WHERE id = :id", "t", "I");
    const Result<bool> has_row = end.Text(id.str()).One();
    if (!has_row) return tl::unexpected(has_row.error());
    if (*has_row && totals.next_deadline) Earlier(totals.next_deadline, FromColumn(end.TakeMaybeInt()));
    Statement& left = Ready(
        "SELECT count(*), coalesce(sum(quantity), 0) FROM usage_entries WHERE subscription = :id AND hour_seq IS NULL",
        "t", "ii");
    const Result<bool> counted = left.Text(id.str()).One();
    if (!counted) return tl::unexpected(counted.error());
    totals.unbooked.records = left.TakeInt();
    totals.unbooked.quantity = left.TakeInt();
    return totals;
  });
}

Result<UsageBacklog> Reader::CountUsageBacklog() {
  Statement& query =
      Ready("SELECT count(*), min(hour_ms), min(min(closes_ms, coalesce((SELECT " + std::string(kEndOf) +
                " FROM subscriptions WHERE id = subscription), closes_ms))) FROM usage_hours WHERE state = 'frozen'",
            "", "iII");
  const Result<bool> counted = query.One();
  if (!counted) return tl::unexpected(counted.error());
  UsageBacklog backlog;
  backlog.frozen = query.TakeInt();
  backlog.oldest_hour = FromColumn(query.TakeMaybeInt());
  backlog.next_deadline = FromColumn(query.TakeMaybeInt());
  return backlog;
}

}  // namespace dunlin::db
