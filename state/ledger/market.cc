#include "state/ledger/market.h"

#include <array>
#include <string>

namespace dunlin::db {
namespace {

// What changes with a subscription's id. Where the new one has a row with the same key already, that one stays.
struct Follower {
  const char* move;  // takes :to, then :from
  const char* drop;  // takes :from: what could not be moved; nullptr: everything could
};
constexpr auto kFollowers = std::to_array<Follower>({
    {"UPDATE timeline SET subscription = :to WHERE subscription = :from", nullptr},
    {"UPDATE events SET subscription = :to WHERE subscription = :from AND subscription <> ''", nullptr},
    {"UPDATE OR IGNORE jobs SET subject = :to, key = CASE substr(key, -length(:from) - 1) WHEN '/' || :from "
     "THEN substr(key, 1, length(key) - length(:from)) || :to ELSE key END WHERE subject = :from AND subject <> ''",
     "DELETE FROM jobs WHERE subject = :from AND subject <> ''"},
    {"UPDATE OR IGNORE alerts SET subject = :to, key = CASE substr(key, -length(:from) - 1) WHEN '/' || :from "
     "THEN substr(key, 1, length(key) - length(:from)) || :to ELSE key END WHERE subject = :from",
     "UPDATE alerts SET settled = 1 WHERE subject = :from AND settled = 0"},
    {"UPDATE OR IGNORE market_links SET subscription = :to WHERE subscription = :from",
     "DELETE FROM market_links WHERE subscription = :from"},
    {"UPDATE usage_hours SET subscription = :to WHERE subscription = :from", nullptr},
    {"UPDATE usage_entries SET subscription = :to WHERE subscription = :from", nullptr},
});

Status OneRow(const Result<std::int64_t>& changed, const std::string& otherwise) {
  if (!changed) return tl::unexpected(changed.error());
  if (*changed == 1) return {};
  return Fail(Errc::kConflict, otherwise);
}

Status AnyRows(const Result<std::int64_t>& changed) {
  if (!changed) return tl::unexpected(changed.error());
  return {};
}

// kConflict when the query finds a row.
Status NoRow(const Result<bool>& found, const std::string& otherwise) {
  if (!found) return tl::unexpected(found.error());
  if (!*found) return {};
  return Fail(Errc::kConflict, otherwise);
}

}  // namespace

MarketWriter::MarketWriter(Connection& c)
    : rename_(c, "UPDATE OR IGNORE subscriptions SET id = :to WHERE id = :from AND version = :version", "tti"),
      remove_(c, "DELETE FROM subscriptions WHERE id = :from AND version = :version", "ti"),
      other_link_(c,
                  "SELECT 1 FROM market_links WHERE key = :key AND subscription <> :subscription "
                  "AND (binds = 1 OR :binds = 1) LIMIT 1",
                  "tti", "i"),
      insert_link_(c,
                   "INSERT INTO market_links (key, subscription, binds) VALUES (:key, :subscription, :binds) "
                   "ON CONFLICT (key, subscription) DO UPDATE SET binds = max(binds, excluded.binds)",
                   "tti"),
      waiting_(c, "SELECT event_seq FROM orphan_keys WHERE key = :key ORDER BY event_seq", "t", "i"),
      stop_waiting_(c, "DELETE FROM orphan_keys WHERE event_seq = :seq", "i"),
      bound_(c, "SELECT 1 FROM market_links WHERE key = :key AND binds = 1", "t", "i"),
      insert_orphan_(c, "INSERT INTO orphan_keys (key, event_seq) VALUES (:key, :seq) ON CONFLICT DO NOTHING", "ti"),
      insert_code_(c,
                   "INSERT INTO registrations (code_hash, event, account, created_ms, claimed_by, claimed_ms) "
                   "VALUES (:hash, :event, :account, :created, '', NULL) ON CONFLICT DO NOTHING",
                   "ttti"),
      claim_code_(c,
                  "UPDATE registrations SET claimed_by = :by, claimed_ms = coalesce(claimed_ms, :at) "
                  "WHERE code_hash = :hash AND claimed_by IN ('', :by)",
                  "tit") {
  for (const Follower& follower : kFollowers) {
    follow_.emplace_back(c, follower.move, "tt");
    if (follower.drop != nullptr) drop_.emplace_back(c, follower.drop, "t");
  }
}

Status MarketWriter::Move(const MarketMove& move) {
  const std::string moved = "the subscription has another version, or the new id a row: " + move.from.str();
  const Status row = move.joins
                         ? OneRow(remove_.Text(move.from.str()).Int(move.version).Run(), moved)
                         : OneRow(rename_.Text(move.to.str()).Text(move.from.str()).Int(move.version).Run(), moved);
  if (!row) return row;
  for (Statement& statement : follow_) {
    if (Status done = AnyRows(statement.Text(move.to.str()).Text(move.from.str()).Run()); !done) return done;
  }
  for (Statement& statement : drop_) {
    if (Status done = AnyRows(statement.Text(move.from.str()).Run()); !done) return done;
  }
  return {};
}

Status MarketWriter::Link(const MarketLink& link, std::vector<std::int64_t>& woken) {
  const std::string& id = link.subscription.str();
  const std::int64_t binds = link.binds ? 1 : 0;
  const Status alone = NoRow(other_link_.Text(link.key).Text(id).Int(binds).One(), "another has this id: " + link.key);
  if (!alone) return alone;
  if (Status done = AnyRows(insert_link_.Text(link.key).Text(id).Int(binds).Run()); !done) return done;
  if (!link.binds) return {};
  const std::size_t before = woken.size();
  const Status read = waiting_.Text(link.key).Each([&](Statement& row) -> Status {
    woken.push_back(row.TakeInt());
    return {};
  });
  if (!read) return read;
  for (std::size_t i = before; i < woken.size(); ++i) {
    if (Status done = AnyRows(stop_waiting_.Int(woken[i]).Run()); !done) return done;
  }
  return {};
}

Status MarketWriter::Wait(const MarketOrphan& orphan) {
  for (const std::string& key : orphan.keys) {
    const Status free = NoRow(bound_.Text(key).One(), "a subscription has this id by now: " + key);
    if (!free) return free;
    if (Status done = AnyRows(insert_orphan_.Text(key).Int(orphan.event_seq).Run()); !done) return done;
  }
  return {};
}

Status MarketWriter::Keep(const RegistrationCode& code) {
  return OneRow(insert_code_.Text(code.code_hash)
                    .Text(code.event.str())
                    .Text(code.account.str())
                    .Int(ToUnixMillis(code.created_at))
                    .Run(),
                "there is a registration with this code already");
}

Status MarketWriter::Claim(const RegistrationClaim& claim) {
  return OneRow(claim_code_.Text(claim.account).Int(ToUnixMillis(claim.at)).Text(claim.code_hash).Run(),
                "no such code, or another account has claimed it");
}

}  // namespace dunlin::db
