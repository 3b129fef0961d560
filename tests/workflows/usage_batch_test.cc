#include "workflows/usage_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

namespace dunlin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Answer = MarketplaceResult<std::vector<UsageOutcome>>;

Timestamp At(std::string_view text) { return *ParseRfc3339(text); }

const Timestamp kNow = At("2026-11-18T12:10:00Z");

UsageRecord Licensed(Timestamp at, std::string product = "prod-a") {
  UsageRecord record;
  record.product = ProductCode{std::move(product)};
  record.licence = LicenceArn{"arn:aws:license-manager::294406891311:license:l-0f3a"};
  record.account = AwsAccountId{"210987654321"};
  record.dimension = "overage_credits";
  record.at = at;
  record.quantity = 1;
  return record;
}

UsageRecord OfCustomer(Timestamp at) {
  UsageRecord record = Licensed(at);
  record.licence = {};
  record.account = {};
  record.customer = CustomerIdentifier{"kRobin"};
  return record;
}

TEST(UsageBatchTest, RecordsOutsideOfTheirTimeAreSplitOff) {
  const std::vector<UsageRecord> records = {Licensed(kNow - 24h), Licensed(kNow - 24h + 1s), Licensed(kNow),
                                            Licensed(kNow + 1s), Licensed(kNow - 720h)};
  const UsageCut cut = CutUsage(records, kNow);
  EXPECT_THAT(cut.batches, ElementsAre(UsageBatch{1, 2}));
  EXPECT_THAT(cut.too_old, ElementsAre(4, 0));
  EXPECT_THAT(cut.too_new, ElementsAre(3));
}

TEST(UsageBatchTest, OldMonthsAreSplitOffThoughTheyAreNotADayOld) {
  const std::vector<UsageRecord> records = {Licensed(At("2026-11-30T23:00:00Z")), Licensed(At("2026-12-01T00:00:00Z"))};
  EXPECT_THAT(CutUsage(records, At("2026-12-01T05:59:59Z")).batches, ElementsAre(UsageBatch{0, 1}));
  const UsageCut cut = CutUsage(records, At("2026-12-01T06:00:00Z"));
  EXPECT_THAT(cut.batches, ElementsAre(UsageBatch{1}));
  EXPECT_THAT(cut.too_old, ElementsAre(0));
}

// ---- Cutting -----------------------------------------------------------------------------------------------------

TEST(UsageBatchTest, ARequestHasAtMost25RecordsOldestFirst) {
  std::vector<UsageRecord> records;
  for (int i = 0; i < 60; ++i) records.push_back(Licensed(kNow - std::chrono::minutes{i}));
  const UsageCut cut = CutUsage(records, kNow);
  ASSERT_EQ(cut.batches.size(), 3U);
  EXPECT_EQ(cut.batches[0].size(), 25U);
  EXPECT_EQ(cut.batches[1].size(), 25U);
  EXPECT_EQ(cut.batches[2].size(), 10U);
  EXPECT_EQ(cut.batches.front().front(), 59U);
  EXPECT_EQ(cut.batches.back().back(), 0U);
}

TEST(UsageBatchTest, ARequestIsOfOneProductAndWithLicencesOrWithout) {
  std::vector<UsageRecord> records;
  for (int i = 0; i < 40; ++i) {
    records.push_back(Licensed(kNow - 3h, "prod-a"));
    records.push_back(Licensed(kNow - 2h, "prod-b"));
    records.push_back(OfCustomer(kNow - 1h));
  }
  const UsageCut cut = CutUsage(records, kNow);
  EXPECT_EQ(cut.batches.size(), 6U);
  std::set<std::size_t> seen;
  for (const UsageBatch& batch : cut.batches) {
    EXPECT_LE(batch.size(), kUsageRecordsMax);
    for (const std::size_t i : batch) {
      EXPECT_EQ(records[i].product, records[batch.front()].product);
      EXPECT_EQ(records[i].licence.empty(), records[batch.front()].licence.empty());
      EXPECT_TRUE(seen.insert(i).second) << i << " is sent twice";
    }
  }
  EXPECT_EQ(seen.size(), records.size());
}

TEST(UsageBatchTest, NoRecordsNeedNoRequest) { EXPECT_THAT(CutUsage({}, kNow).batches, IsEmpty()); }

TEST(UsageBatchTest, EveryErrorHasANameOfItsOwn) {
  std::set<std::string_view> names;
  constexpr int kLast = static_cast<int>(MarketplaceErrc::kUnreadable);
  for (int i = 0; i <= kLast; ++i) names.insert(MarketplaceErrcName(static_cast<MarketplaceErrc>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kLast) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

// ---- After an answer ---------------------------------------------------------------------------------------------

UsageNext After(const UsageBatch& sent, MarketplaceErrc code) { return NextAfter(sent, Fail(code, "")); }

TEST(UsageBatchTest, UnprocessedRecordsAreSentAgainAndTheOthersAreSettled) {
  const UsageOutcome done{UsageStatus::kSuccess, "rec-1", "Success"};
  const UsageOutcome not_subscribed{UsageStatus::kCustomerNotSubscribed, "", "CustomerNotSubscribed"};
  const UsageNext next = NextAfter({7, 4, 9}, std::vector<UsageOutcome>{done, {}, not_subscribed});
  EXPECT_THAT(next.settled, ElementsAre(std::pair{std::size_t{7}, done}, std::pair{std::size_t{9}, not_subscribed}));
  EXPECT_THAT(next.later, ElementsAre(4));
  EXPECT_THAT(next.now, IsEmpty());
  EXPECT_THAT(next.refused, IsEmpty());
}

TEST(UsageBatchTest, TroubleThatNoRecordMadeLetsAllWait) {
  for (const MarketplaceErrc code :
       {MarketplaceErrc::kTemporary, MarketplaceErrc::kCredentials, MarketplaceErrc::kDisabled,
        MarketplaceErrc::kExpiredToken, MarketplaceErrc::kInvalidToken, MarketplaceErrc::kUnreadable}) {
    const UsageNext next = After({1, 2, 3}, code);
    EXPECT_THAT(next.later, ElementsAre(1, 2, 3)) << MarketplaceErrcName(code);
    EXPECT_TRUE(next.now.empty() && next.refused.empty() && next.settled.empty());
  }
}

TEST(UsageBatchTest, AWrongProductIsWrongForAllOfARequest) {
  EXPECT_THAT(After({1, 2, 3}, MarketplaceErrc::kInvalidProduct).refused, ElementsAre(1, 2, 3));
}

TEST(UsageBatchTest, AWrongRecordIsLookedForInHalves) {
  const UsageNext next = After({1, 2, 3}, MarketplaceErrc::kTimestampOutOfBounds);
  EXPECT_THAT(next.now, ElementsAre(UsageBatch{1}, UsageBatch{2, 3}));
  EXPECT_TRUE(next.later.empty() && next.refused.empty() && next.settled.empty());
  EXPECT_THAT(After({2}, MarketplaceErrc::kTimestampOutOfBounds).refused, ElementsAre(2));
}

// Like AWS: one wrong record, and nothing of the request is taken.
Answer Send(const UsageBatch& batch, const std::set<std::size_t>& wrong, MarketplaceErrc code) {
  if (std::ranges::any_of(batch, [&](std::size_t i) { return wrong.contains(i); })) return Fail(code, "");
  return std::vector<UsageOutcome>(batch.size(), UsageOutcome{UsageStatus::kSuccess, "", "Success"});
}

struct Sent {
  std::set<std::size_t> settled;
  std::set<std::size_t> refused;
  std::size_t requests = 0;
};
Sent SendAll(std::size_t count, const std::set<std::size_t>& wrong, MarketplaceErrc code) {
  UsageBatch all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(i);
  Sent sent;
  for (std::deque<UsageBatch> waiting{all}; !waiting.empty() && sent.requests < 100; waiting.pop_front()) {
    ++sent.requests;
    const UsageNext next = NextAfter(waiting.front(), Send(waiting.front(), wrong, code));
    for (const auto& [i, outcome] : next.settled) EXPECT_TRUE(sent.settled.insert(i).second) << "sent twice";
    sent.refused.insert(next.refused.begin(), next.refused.end());
    waiting.insert(waiting.end(), next.now.begin(), next.now.end());
    EXPECT_THAT(next.later, IsEmpty());
  }
  return sent;
}

TEST(UsageBatchTest, WhereverTheWrongRecordsAreTheOthersAreTaken) {
  constexpr std::size_t kCount = kUsageRecordsMax;
  for (const MarketplaceErrc code :
       {MarketplaceErrc::kTimestampOutOfBounds, MarketplaceErrc::kInvalidDimension, MarketplaceErrc::kInvalidCustomer,
        MarketplaceErrc::kInvalidLicence, MarketplaceErrc::kInvalidTag, MarketplaceErrc::kInvalidAllocations,
        MarketplaceErrc::kInvalidParameter, MarketplaceErrc::kRefused}) {
    for (std::size_t first = 0; first < kCount; ++first) {
      for (std::size_t second = first; second < kCount; ++second) {
        const std::set<std::size_t> wrong = {first, second};
        const Sent sent = SendAll(kCount, wrong, code);
        EXPECT_EQ(sent.refused, wrong);
        EXPECT_EQ(sent.settled.size(), kCount - wrong.size());
        EXPECT_LE(sent.requests, 2 * kCount - 1);
      }
    }
  }
}

TEST(UsageBatchTest, IfAllAreWrongAllAreRefusedAfterABoundedSearch) {
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < kUsageRecordsMax; ++i) all.insert(i);
  const Sent sent = SendAll(kUsageRecordsMax, all, MarketplaceErrc::kTimestampOutOfBounds);
  EXPECT_EQ(sent.refused, all);
  EXPECT_EQ(sent.requests, 2 * kUsageRecordsMax - 1);
}

}  // namespace
}  // namespace dunlin
