// The policies that were ever in force, for the recoveries that are pinned to them (R20).
#include "workflows/policy_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/faulty_ledger.h"
#include "tests/support/story.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

std::string TextOf(int version, const std::string& more) {
  return "version = " + std::to_string(version) + "\n" + more;
}

struct PolicyBookTest : ::testing::Test {
  Result<PolicyBook> Open(int version, const std::string& more = "") {
    const std::string text = TextOf(version, more);
    Result<Policy> policy = ParsePolicy(text, "policy.toml");
    if (!policy) return tl::unexpected(policy.error());
    return PolicyBook::Open(ledger, std::move(*policy), text);
  }
  std::unique_ptr<Ledger> base = std::move(*OpenLedger("sqlite::memory:"));
  FaultyLedger ledger{*base};
};

constexpr const char* kSlow = "[collection.slow]\nowner = \"service\"\nretry_after = [\"5d\"]\n";

TEST_F(PolicyBookTest, ARecoveryKeepsTheRulesOfItsVersion) {
  const Result<PolicyBook> first = Open(1, kSlow);
  ASSERT_TRUE(first) << first.error().detail;
  const Result<PolicyBook> book = Open(2);
  ASSERT_TRUE(book) << book.error().detail;
  EXPECT_EQ(book->Pinned("slow", 1).retry_after, std::vector<Millis>{5 * kDay});
}

TEST_F(PolicyBookTest, WhereTheVersionOrTheNameIsNoMoreTodaysRulesHold) {
  ASSERT_TRUE(Open(1));
  const std::string today = "[collection.default]\nowner = \"service\"\nretry_after = [\"2d\"]\n";
  const Result<PolicyBook> book = Open(2, today + kSlow);
  ASSERT_TRUE(book) << book.error().detail;
  EXPECT_EQ(book->Pinned("slow", 7).retry_after, std::vector<Millis>{5 * kDay}) << "a version that was never in force";
  EXPECT_EQ(book->Pinned("slow", 1).retry_after, std::vector<Millis>{2 * kDay}) << "a name that version 1 had not";
  EXPECT_EQ(book->Pinned("gone", 2).retry_after, std::vector<Millis>{2 * kDay});
}

TEST_F(PolicyBookTest, AnotherTextUnderTheSameVersionIsRefused) {
  ASSERT_TRUE(Open(1));
  const Result<PolicyBook> book = Open(1, kSlow);
  ASSERT_FALSE(book);
  EXPECT_EQ(book.error().code, Errc::kConflict);
  EXPECT_THAT(book.error().detail, HasSubstr("raise `version`"));
  EXPECT_TRUE(Open(1));
}

TEST_F(PolicyBookTest, AnEarlierVersionThatThisProgramDoesNotAcceptStandsInNobodysWay) {
  ASSERT_TRUE(base->KeepPolicy(1, "version = 1\n[collection.default]\nno_such_key = 1\n"));
  const Result<PolicyBook> book = Open(2, kSlow);
  ASSERT_TRUE(book) << book.error().detail;
  EXPECT_EQ(book->Pinned("slow", 1).retry_after, std::vector<Millis>{5 * kDay});
}

TEST_F(PolicyBookTest, ALedgerThatDoesNotAnswerIsNoNewPolicy) {
  for (const int call : {1, 2}) {
    ledger.Disturb(FaultyLedger::At::kCall, call, false, []() -> Status { return Fail(Errc::kUnavailable, "busy"); });
    const Result<PolicyBook> book = Open(1);
    ASSERT_FALSE(book) << call;
    EXPECT_EQ(book.error().code, Errc::kUnavailable);
    EXPECT_EQ(book.error().detail, "busy");
  }
  EXPECT_TRUE(Open(1));
}

}  // namespace
}  // namespace dunlin::testing
