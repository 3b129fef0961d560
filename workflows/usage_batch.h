// Cutting usage into requests that AWS Marketplace takes, and what follows from its answers. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "workflows/marketplace_api.h"

namespace dunlin {

// Records are meant by their index.
using UsageBatch = std::vector<std::size_t>;

struct UsageCut {
  // Oldest first. Each is a request as MarketplaceApi::BatchMeterUsage wants it: one product, all with a licence or
  // none, at most 25 records.
  std::vector<UsageBatch> batches;
  UsageBatch too_old;  // closed
  UsageBatch too_new;  // later than `now`: to be sent when their time has come
};

// Splits off what AWS would refuse for its time, because with one such record it takes none of a request.
UsageCut CutUsage(std::span<const UsageRecord> records, Timestamp now);

struct UsageNext {
  std::vector<std::pair<std::size_t, UsageOutcome>> settled;  // never kUnprocessed
  std::vector<UsageBatch> now;  // to be sent in place of the batch: halves of it, in search of a wrong record
  UsageBatch later;             // to be sent again, as they are
  UsageBatch refused;           // no request can take them: the error says why
};

// What follows from the answer to a batch. Every record of it stands in exactly one of the four. Sent on until `now`
// is empty, a batch of n costs at most 2n - 1 requests, and only wrong records are refused.
UsageNext NextAfter(const UsageBatch& sent, const MarketplaceResult<std::vector<UsageOutcome>>& answer);

}  // namespace dunlin
