// Staff ask for an attempt now (R19). The attempt itself is a job; this accepts or refuses the wish.
#pragma once

#include <optional>
#include <string>

#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

struct RetryAsked {
  JobId job{};
};

// Makes the job and the timeline row, both durable on return. A retry that is already waiting is answered with its job.
// `reply` is kept, in the same commit, for repetitions of the API request behind it.
// Errors: kNotFound; kConflict with the reason in words ("nothing to collect: …"); kUnavailable.
Result<RetryAsked> AskForRetry(Ledger& ledger, const PolicyBook& policies, const SubscriptionId& id,
                               const std::string& by, const std::string& reason, Timestamp now,
                               const std::optional<ApiReply>& reply = std::nullopt);

}  // namespace dunlin
