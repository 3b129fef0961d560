#include "workflows/usage_batch.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "state/check.h"
#include "state/usage_rules.h"

namespace dunlin {
namespace {

enum class Blame : std::uint8_t { kNoRecord, kOneRecord, kEachRecord };

Blame BlameFor(MarketplaceErrc code) {
  switch (code) {
    case MarketplaceErrc::kTemporary:
    case MarketplaceErrc::kCredentials:
    case MarketplaceErrc::kDisabled:
    case MarketplaceErrc::kExpiredToken:
    case MarketplaceErrc::kInvalidToken:
    case MarketplaceErrc::kUnreadable: return Blame::kNoRecord;
    case MarketplaceErrc::kTimestampOutOfBounds:
    case MarketplaceErrc::kInvalidDimension:
    case MarketplaceErrc::kInvalidCustomer:
    case MarketplaceErrc::kInvalidLicence:
    case MarketplaceErrc::kInvalidTag:
    case MarketplaceErrc::kInvalidAllocations:
    case MarketplaceErrc::kInvalidParameter:
    case MarketplaceErrc::kRefused: return Blame::kOneRecord;
    case MarketplaceErrc::kInvalidProduct: return Blame::kEachRecord;
  }
  return Blame::kNoRecord;
}

UsageNext NextAfterError(const UsageBatch& sent, MarketplaceErrc code) {
  UsageNext next;
  const Blame blame = BlameFor(code);
  if (blame == Blame::kNoRecord) {
    next.later = sent;
  } else if (blame == Blame::kEachRecord || sent.size() == 1) {
    next.refused = sent;
  } else {
    const auto middle = sent.begin() + static_cast<std::ptrdiff_t>(sent.size() / 2);
    next.now = {UsageBatch(sent.begin(), middle), UsageBatch(middle, sent.end())};
  }
  return next;
}

}  // namespace

UsageCut CutUsage(std::span<const UsageRecord> records, Timestamp now) {
  UsageBatch oldest_first(records.size());
  std::iota(oldest_first.begin(), oldest_first.end(), std::size_t{0});
  std::ranges::stable_sort(oldest_first, std::less{}, [&](std::size_t i) { return records[i].at; });
  UsageCut cut;
  std::map<std::pair<ProductCode, bool>, std::size_t> open;  // the batch to add to: product, with a licence
  for (const std::size_t i : oldest_first) {
    const UsageRecord& record = records[i];
    if (record.at > now) {
      cut.too_new.push_back(i);
    } else if (now >= UsageClosesAt(record.at)) {
      cut.too_old.push_back(i);
    } else {
      const auto [at, first] = open.try_emplace({record.product, !record.licence.empty()}, cut.batches.size());
      if (!first && cut.batches[at->second].size() == kUsageRecordsMax) at->second = cut.batches.size();
      if (at->second == cut.batches.size()) cut.batches.emplace_back();
      cut.batches[at->second].push_back(i);
    }
  }
  return cut;
}

UsageNext NextAfter(const UsageBatch& sent, const MarketplaceResult<std::vector<UsageOutcome>>& answer) {
  if (!answer) return NextAfterError(sent, answer.error().code);
  DUNLIN_CHECK(answer->size() == sent.size());
  UsageNext next;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const UsageOutcome& outcome = (*answer)[i];
    if (outcome.status == UsageStatus::kUnprocessed) {
      next.later.push_back(sent[i]);
    } else {
      next.settled.emplace_back(sent[i], outcome);
    }
  }
  return next;
}

}  // namespace dunlin
