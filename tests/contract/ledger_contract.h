// What the suites of the ledger contract share: one ledger in a file and one in memory, each anew for every test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "state/ledger.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {

class LedgerContract : public ::testing::TestWithParam<const char*> {  // "File" or "Memory"
 protected:
  void SetUp() override {
    const bool memory = GetParam() == std::string_view("Memory");
    auto opened = OpenLedger(memory ? "sqlite::memory:" : "sqlite:" + scratch_.File("ledger.db"));
    ASSERT_TRUE(opened) << opened.error().detail;
    ledger_ = std::move(*opened);
  }

  UnitResult Must(Unit unit) {
    Result<UnitResult> result = ledger_->Commit(std::move(unit));
    EXPECT_TRUE(result) << result.error().detail;
    return result.value_or(UnitResult{});
  }
  Errc Refused(Unit unit) {
    Result<UnitResult> result = ledger_->Commit(std::move(unit));
    EXPECT_FALSE(result);
    return result ? Errc::kCorrupt : result.error().code;
  }
  std::vector<std::int64_t> DueIds(Timestamp until, std::size_t limit = 100) {
    std::vector<std::int64_t> ids;
    const std::vector<JobRef> due = ledger_->DueJobs(until, limit).value();
    for (const JobRef& ref : due) ids.push_back(ToInt(ref.id));
    return ids;
  }
  Subscription Stored(const char* id) {
    return ledger_->LoadSubscription(SubscriptionId(id)).value().value().subscription;
  }

  ScratchDir scratch_;
  std::unique_ptr<Ledger> ledger_;
};

// In the file of each suite.
#define DUNLIN_FOR_EACH_LEDGER(Suite)                                              \
  INSTANTIATE_TEST_SUITE_P(Everywhere, Suite, ::testing::Values("File", "Memory"), \
                           [](const auto& place) { return std::string(place.param); })

}  // namespace dunlin::testing
