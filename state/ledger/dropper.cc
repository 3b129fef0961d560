#include "state/ledger/dropper.h"

#include <string>

#include "state/ledger/reader.h"

namespace dunlin::db {
namespace {

std::string EventsOfJobs(const char* which) {
  return std::string("SELECT event_seq FROM jobs WHERE ") + which + " AND event_seq IS NOT NULL";
}

// An id stands in quotation marks in JSON, and in JSON within a JSON text before a backslash.
std::string DropBodiesSql() {
  return "DELETE FROM event_bodies WHERE seq > :after AND seq <= :last AND seq NOT IN (" +
         // By way of the jobs' indexes.
         EventsOfJobs(kReadyToApply) + " UNION ALL " + EventsOfJobs("state = 'dead'") +
         ") AND (SELECT outcome FROM events e WHERE e.seq = event_bodies.seq) <> 'waiting' "
         "AND (:naming = '' OR instr(body, CAST('\"' || :naming || '\"' AS BLOB)) > 0 "
         "OR instr(body, CAST('\"' || :naming || '\\' AS BLOB)) > 0 "
         "OR (SELECT subscription FROM events e WHERE e.seq = event_bodies.seq) IN "
         "(SELECT id FROM subscriptions WHERE account = :naming))";
}

constexpr const char* kTheirs = "(SELECT id FROM subscriptions WHERE account = :account)";

std::string Erasing(const char* before, const char* column, const char* after) {
  return std::string(before) + column + " IN " + kTheirs + after;
}

Status Count(const Result<std::int64_t>& changed, std::int64_t& to) {
  if (!changed) return tl::unexpected(changed.error());
  to += *changed;
  return {};
}

}  // namespace

Dropper::Dropper(Connection& c)
    : look_(c,
            "SELECT b.seq, e.received_ms FROM event_bodies b CROSS JOIN events e ON e.seq = b.seq "
            "WHERE b.seq > :after ORDER BY b.seq LIMIT :limit",
            "ii", "ii"),
      drop_bodies_(c, DropBodiesSql(), "iit"),
      drop_replies_(c, "DELETE FROM replies WHERE key IN (SELECT key FROM replies WHERE at_ms < :before LIMIT :limit)",
                    "ii"),
      drop_alerts_(c,
                   "DELETE FROM alerts WHERE seq IN (SELECT seq FROM alerts WHERE settled = 1 AND raised_ms < :before "
                   "LIMIT :limit)",
                   "ii"),
      erase_messages_(c,
                      Erasing("DELETE FROM jobs WHERE subject <> '' AND kind IN ('mail', 'alert') AND (subject = "
                              ":account OR ",
                              "subject", ")"),
                      "t"),
      // Whoever has the code has claimed it: without the row it is unknown. By way of the aliases, while they are
      // there.
      erase_claims_(c,
                    "DELETE FROM registrations WHERE claimed_by <> '' AND (account = :account OR claimed_by IN "
                    "(SELECT alias FROM aliases WHERE account = :account))",
                    "t"),
      erase_aliases_(c, "DELETE FROM aliases WHERE account = :account", "t"),
      erase_alerts_(
          c,
          Erasing("UPDATE alerts SET detail = 'Erased.' WHERE detail <> 'Erased.' AND (subject = :account OR ",
                  "subject", ")"),
          "t"),
      erase_attempts_(c,
                      Erasing("UPDATE attempts SET reason = '', detail = '' WHERE (reason <> '' OR detail <> '') AND ",
                              "subscription", ""),
                      "t"),
      erase_wishes_(
          c,
          Erasing("UPDATE jobs SET payload = json_set(payload, '$.reason', '') WHERE subject <> '' AND "
                  "CASE WHEN kind = 'charge' THEN json_extract(payload, '$.reason') <> '' ELSE FALSE END AND ",
                  "subject", ""),
          "t"),
      erase_timeline_(
          c,
          Erasing("UPDATE timeline SET reason = 'Erased.' WHERE kind = 'staff' AND reason <> 'Erased.' AND ",
                  "subscription", ""),
          "t"),
      erase_users_(c, Erasing("UPDATE usage_entries SET user = '' WHERE user <> '' AND ", "subscription", ""), "t") {}

Status Dropper::DropBodies(const BodyDrop& drop, Dropped& dropped) {
  std::int64_t last = drop.after;
  std::size_t looked = 0;
  bool young = false;
  const Status read =
      look_.Int(drop.after).Int(static_cast<std::int64_t>(drop.limit)).Each([&](Statement& row) -> Status {
        const std::int64_t seq = row.TakeInt();
        young = young || FromUnixMillis(row.TakeInt()) >= drop.received_before;
        if (young) return {};
        last = seq;
        ++looked;
        return {};
      });
  if (!read) return read;
  dropped.bodies_after = !young && looked == drop.limit ? last : 0;
  if (looked == 0) return {};
  return Count(drop_bodies_.Int(drop.after).Int(last).Text(drop.naming.str()).Run(), dropped.bodies);
}

Status Dropper::Expire(const Expiry& expiry, Dropped& dropped) {
  const auto limit = static_cast<std::int64_t>(expiry.limit);
  Status done = Count(drop_replies_.Int(ToUnixMillis(expiry.replies_before)).Int(limit).Run(), dropped.replies);
  if (done) done = Count(drop_alerts_.Int(ToUnixMillis(expiry.alerts_before)).Int(limit).Run(), dropped.alerts);
  return done;
}

Status Dropper::Erase(const AccountId& account, Dropped& dropped) {
  Status done;
  for (const auto& [statement, count] :
       {std::pair(&erase_messages_, &dropped.messages), std::pair(&erase_claims_, &dropped.aliases),
        std::pair(&erase_aliases_, &dropped.aliases), std::pair(&erase_alerts_, &dropped.texts),
        std::pair(&erase_attempts_, &dropped.texts), std::pair(&erase_wishes_, &dropped.texts),
        std::pair(&erase_timeline_, &dropped.texts), std::pair(&erase_users_, &dropped.texts)}) {
    if (done) done = Count(statement->Text(account.str()).Run(), *count);
  }
  return done;
}

}  // namespace dunlin::db
