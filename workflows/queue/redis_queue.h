// The queue in Redis (6.2 or later): several machines then share the work, and a restart keeps what was waiting.
#pragma once

#include <string>

#include "workflows/queue/queue.h"
#include "workflows/queue/redis_link.h"

namespace dunlin {

// One sorted set under one key: the member is the id in decimal, the score the due time in ms since 1970. A score is a
// double: due times are exact up to 2^53 ms (the year 287,396), and anything beyond counts as that moment.
//
// Every call but Offer is done, one way or the other, within target.timeout; Offer within that for each 10,000 items.
// While Redis is away calls fail at once (see RedisLink). No state is kept here: a flushed, restarted or replaced
// server only looks empty. The process's signals are not touched, and no SIGPIPE is raised.
class RedisQueue final : public Queue {
 public:
  // `key` is the sorted set's name, such as "dunlin:<ledger>:apply"; all who share the queue give the same. Tries to
  // connect, and returns after at most about twice target.timeout whether or not that worked.
  RedisQueue(RedisTarget target, std::string key);

  Status Offer(std::span<const QueueItem> items) override;
  // Takes at most 10,000 a call, so that one claim never holds up the server for long.
  Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) override;
  Result<std::optional<Timestamp>> NextDue() override;
  Result<std::size_t> Size() override;

 private:
  Result<RedisReplyPtr> RunOne(std::span<const std::string> args, SteadyTime deadline);
  Result<RedisReplyPtr> RunClaimScript(Timestamp now, std::size_t max);

  const std::string key_;
  const std::string script_sha_;
  RedisLink link_;
};

}  // namespace dunlin
