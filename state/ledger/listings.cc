// Pages for people. A cursor names the last row of its page, so that rows that come and go move nothing.
#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "state/ledger/reader.h"
#include "state/ledger/rows.h"

namespace dunlin::db {
namespace {

constexpr std::size_t kPageMax = 1000;

std::size_t LimitOf(const Page& page) { return std::clamp<std::size_t>(page.limit, 1, kPageMax); }

tl::unexpected<Error> BadCursor() { return Fail(Errc::kInvalidArgument, "the cursor is not one of this list"); }

// A cursor of whole numbers, "3" or "1700000000000.3".
template <std::size_t N>
bool ParseCursor(std::string_view text, std::array<std::int64_t, N>& numbers) {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < N; ++i) {
    const auto [next, error] = std::from_chars(at, end, numbers[i]);
    if (error != std::errc{}) return false;
    at = next;
    if (i + 1 < N && (at == end || *at++ != '.')) return false;
  }
  return at == end;
}

// A query whose conditions depend on the filter. Conditions are fixed text; values are bound, in the order of adding.
class Query {
 public:
  void Where(std::string_view condition, std::string_view in, std::function<void(Statement&)> give) {
    where_ += where_.empty() ? " WHERE " : " AND ";
    where_ += condition;
    in_ += in;
    gives_.push_back(std::move(give));
  }
  void Text(std::string_view condition, std::string_view value) {
    Where(condition, "t", [v = std::string(value)](Statement& s) { s.Text(v); });
  }
  const std::string& where() const { return where_; }

  // One row more than asked for tells whether there is another page; `cursor_of` names a row.
  template <class T, class Take, class CursorOf>
  Result<Listing<T>> Run(Connection& connection, const std::string& sql, std::string_view out, std::size_t limit,
                         Take&& take, CursorOf&& cursor_of) {
    Statement statement(connection, sql + " LIMIT :limit", in_ + "i", out);
    for (const auto& give : gives_) give(statement);
    statement.Int(static_cast<std::int64_t>(limit) + 1);
    Listing<T> listing;
    const Status read = statement.Each([&](Statement& row) -> Status {
      Result<T> item = take(row);
      if (!item) return tl::unexpected(item.error());
      listing.items.push_back(std::move(*item));
      return {};
    });
    if (!read) return tl::unexpected(read.error());
    if (listing.items.size() > limit) {
      listing.items.pop_back();
      listing.next = cursor_of(listing.items.back());
    }
    return listing;
  }

 private:
  std::string where_;
  std::string in_;
  std::vector<std::function<void(Statement&)>> gives_;
};

struct AlertRow {
  std::int64_t seq = 0;
  Alert alert;
};

Result<AlertRow> TakeAlert(Statement& row) {
  AlertRow a;
  a.seq = row.TakeInt();
  a.alert.key = row.TakeText();
  a.alert.kind = row.TakeText();
  a.alert.subject = row.TakeText();
  a.alert.detail = row.TakeText();
  a.alert.raised_at = FromUnixMillis(row.TakeInt());
  return a;
}

}  // namespace

Result<Listing<Subscription>> Reader::Subscriptions(const SubscriptionFilter& filter, const Page& page) {
  Query query;
  // Written out, so that SQLite can use the index of the few that the marketplace collects.
  if (filter.provider)
    query.Where("provider = '" + std::string(ProviderName(*filter.provider)) + "'", "", [](Statement&) {});
  if (filter.account) query.Text("account = :account", filter.account->str());
  if (filter.status) query.Text("status = :status", StatusName(*filter.status));
  if (!page.cursor.empty()) query.Text("id > :after", page.cursor);
  return query.Run<Subscription>(
      connection_,
      "SELECT " + std::string(kSubscriptionColumns) + " FROM subscriptions" + query.where() + " ORDER BY id",
      kSubscriptionOut, LimitOf(page), TakeSubscription, [](const Subscription& s) { return s.id.str(); });
}

Result<Listing<StoredEvent>> Reader::Events(const EventFilter& filter, const Page& page) {
  Query query;
  if (!filter.subscription.empty())
    query.Text("e.subscription = :subscription AND e.subscription <> ''", filter.subscription);
  if (!filter.type.empty()) query.Text("e.type = :type", filter.type);
  if (filter.outcome) query.Text("e.outcome = :outcome", EventOutcomeName(*filter.outcome));
  if (!page.cursor.empty()) {
    std::array<std::int64_t, 1> before{};
    if (!ParseCursor(page.cursor, before)) return BadCursor();
    query.Where("e.seq < :before", "i", [=](Statement& s) { s.Int(before[0]); });
  }
  return query.Run<StoredEvent>(
      connection_,
      "SELECT " + std::string(kEventColumns) + " FROM " + kEventTables + query.where() + " ORDER BY e.seq DESC",
      kEventOut, LimitOf(page), TakeEvent, [](const StoredEvent& e) { return std::to_string(e.seq); });
}

Result<Listing<Job>> Reader::Jobs(const JobFilter& filter, const Page& page) {
  Query query;
  if (filter.kind) query.Text("kind = :kind", JobKindName(*filter.kind));
  if (!filter.subject.empty()) query.Text("subject = :subject AND subject <> ''", filter.subject);
  if (!page.cursor.empty()) {
    std::array<std::int64_t, 2> after{};
    if (!ParseCursor(page.cursor, after)) return BadCursor();
    query.Where("(due_ms, id) > (:due, :id)", "ii", [=](Statement& s) { s.Int(after[0]).Int(after[1]); });
  }
  // The ready jobs of each lane and the dead ones have an index each; SQLite merges them by their order.
  const std::string conditions = query.where().empty() ? " WHERE " : query.where() + " AND ";
  const auto those = [&](const char* which) {
    return "SELECT " + std::string(kJobColumns) + " FROM jobs" + conditions + which;
  };
  std::string ready;
  for (const char* lane : kReadyInLanes) ready += (ready.empty() ? "" : " UNION ALL ") + those(lane);
  const std::string dead = those("state = 'dead'");
  const std::string sql = !filter.state                       ? ready + " UNION ALL " + dead
                          : *filter.state == JobState::kReady ? ready
                                                              : dead;
  return query.Run<Job>(connection_, sql + " ORDER BY due_ms, id", kJobOut, LimitOf(page), TakeJob, [](const Job& j) {
    return std::to_string(ToUnixMillis(j.due)) + "." + std::to_string(ToInt(j.id));
  });
}

Result<Listing<Alert>> Reader::Alerts(const Page& page) {
  Query query;
  if (!page.cursor.empty()) {
    std::array<std::int64_t, 1> before{};
    if (!ParseCursor(page.cursor, before)) return BadCursor();
    query.Where("seq < :before", "i", [=](Statement& s) { s.Int(before[0]); });
  }
  const std::string conditions = query.where().empty() ? " WHERE settled = 0" : query.where() + " AND settled = 0";
  Result<Listing<AlertRow>> rows = query.Run<AlertRow>(
      connection_, "SELECT seq, key, kind, subject, detail, raised_ms FROM alerts" + conditions + " ORDER BY seq DESC",
      "itttti", LimitOf(page), TakeAlert, [](const AlertRow& a) { return std::to_string(a.seq); });
  if (!rows) return tl::unexpected(rows.error());
  Listing<Alert> listing;
  listing.next = std::move(rows->next);
  for (AlertRow& row : rows->items) listing.items.push_back(std::move(row.alert));
  return listing;
}

Result<Listing<UsageHour>> Reader::UsageHours(const SubscriptionId& id, const Page& page) {
  Query query;
  query.Text("subscription = :subscription", id.str());
  if (!page.cursor.empty()) {
    std::array<std::int64_t, 2> before{};
    if (!ParseCursor(page.cursor, before)) return BadCursor();
    query.Where("(hour_ms, seq) < (:hour, :seq)", "ii", [=](Statement& s) { s.Int(before[0]).Int(before[1]); });
  }
  return query.Run<UsageHour>(
      connection_,
      "SELECT " + std::string(kUsageColumns) + " FROM usage_hours" + query.where() + " ORDER BY hour_ms DESC, seq DESC",
      kUsageOut, LimitOf(page), TakeUsageHour, UsageCursor);
}

// Each number is a range of one index, which holds nothing but due times and ids: a million scheduled jobs are read in
// tens of milliseconds and need no memory.
Result<Backlog> Reader::CountBacklog(Timestamp now) {
  const auto of = [](const char* what, const char* which, const char* when) {
    return "(SELECT " + std::string(what) + " FROM jobs WHERE " + which + when + ")";
  };
  constexpr const char* kDue = " AND due_ms <= :now";
  constexpr const char* kLater = " AND due_ms > :now";
  std::string columns = of("count(*)", "state = 'dead'", "");
  for (const char* lane : kReadyInLanes) {
    columns +=
        ", " + of("count(*)", lane, kDue) + ", " + of("count(*)", lane, kLater) + ", " + of("min(due_ms)", lane, kDue);
  }
  Statement& query = Ready("SELECT " + columns, "i", "iiiIiiIiiI");
  const Result<bool> counted = query.Int(ToUnixMillis(now)).One();
  if (!counted) return tl::unexpected(counted.error());
  Backlog backlog;
  backlog.dead = query.TakeInt();
  for (std::size_t lane = 0; lane < kReadyInLanes.size(); ++lane) {
    backlog.waiting += query.TakeInt();
    backlog.scheduled += query.TakeInt();
    const std::optional<Timestamp> oldest = FromColumn(query.TakeMaybeInt());
    if (oldest && (!backlog.oldest_due || *oldest < *backlog.oldest_due)) backlog.oldest_due = oldest;
  }
  return backlog;
}

}  // namespace dunlin::db
