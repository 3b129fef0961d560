// What was kept long enough is dropped, every hour.
#pragma once

#include "state/ledger.h"

namespace dunlin {

// Answers to idempotent requests are repeated for this long; the longest that a client goes on asking is days.
inline constexpr Millis kRepliesKept = Millis{24h} * 7;

// Makes the job, unless there is one. Durable on return. Errors: the ledger's.
Status RequestRetention(Ledger& ledger, Timestamp now);

}  // namespace dunlin
