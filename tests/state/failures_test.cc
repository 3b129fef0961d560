#include "state/failures.h"

#include <gtest/gtest.h>

#include "tests/state/facts_builder.h"

namespace dunlin {
namespace {

using build::Day;
using build::Invoice;

InvoiceFact Told(const std::string& source, Timestamp at, int count, const std::string& key = "") {
  InvoiceFact i = Invoice(source, at, InvoiceStatus::kOpen);
  i.attempt_count = count;
  i.failures = {{.at = at, .source = EventId{source}, .key = key, .attempt_count = count}};
  return i;
}

// An answer with an open invoice of `count` attempts, whose newest decline was at `by`.
InvoiceFact Counted(int number, int count, Timestamp by, int first = 1) {
  InvoiceFact i = Invoice("fetch/" + std::to_string(number), Day(0), InvoiceStatus::kOpen);
  i.attempt_count = count;
  i.fetched = true;
  CountFailures(i, first, count, by);
  return i;
}

// What all of them together come to, in this order and the other way round.
template <class... Fact>
std::vector<Failure> Failed(const Fact&... fact) {
  const Facts facts = build::Together(fact...);
  std::vector<InvoiceFact> all = {fact...};
  Facts backwards;
  for (auto i = all.rbegin(); i != all.rend(); ++i) Merge(backwards, *i);
  EXPECT_TRUE(facts == backwards);
  for (const InvoiceFact& i : all) EXPECT_FALSE(Merge(backwards, i)) << "known already";
  return FailedAttempts(facts.invoices.at(0));
}

TEST(FailuresTest, AnAnswerLeavesTheFailuresThatItCounts) {
  const std::vector<Failure> failed = Failed(Counted(1, 2, Day(3)));
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_LT(failed[0].at, Day(3));
  EXPECT_EQ(failed[1].at, Day(3));
  EXPECT_EQ(failed[1].attempt_count, 2);
  EXPECT_TRUE(IsOnlyCounted(failed[1]));
}

TEST(FailuresTest, AnotherAnswerCountsNoneOfThemAgain) {
  const std::vector<Failure> failed = Failed(Counted(1, 1, Day(1)), Counted(2, 1, Day(4)), Counted(3, 2, Day(6)));
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].at, Day(1)) << "the earliest of its latest times";
  EXPECT_EQ(failed[1].at, Day(6));
}

TEST(FailuresTest, WhatAnEventTellsIsNotCountedAgain) {
  const std::vector<Failure> failed =
      Failed(Counted(1, 2, Day(3)), Told("evt_1", Day(1), 1), Told("evt_2", Day(3, 2), 2), Counted(2, 2, Day(3)));
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(failed[0].source.str(), "evt_1");
  EXPECT_EQ(failed[1].at, Day(3, 2)) << "an event knows when";
}

TEST(FailuresTest, TheFirstAttemptMayBeAnybodysAndIsCounted) {
  EXPECT_EQ(Failed(Counted(1, 1, Day(1)), Told("evt_1", Day(1, 1), 1, "checkout")).size(), 1U);
}

TEST(FailuresTest, ALaterRequestIsAnAttemptOfItsOwn) {
  EXPECT_EQ(Failed(Counted(1, 1, Day(1)), Told("evt_1", Day(2), 1, "by hand")).size(), 2U);
  EXPECT_EQ(Failed(Counted(1, 2, Day(3)), Told("evt_1", Day(3, 20), 2, "by hand")).size(), 3U);
}

TEST(FailuresTest, WhatACustomerTriesByHandIsOneAttemptARequest) {
  const auto by_hand = [](const std::string& source, Timestamp at, const std::string& request) {
    InvoiceFact i = Told(source, at, 1);
    i.failures[0].request = request;
    return i;
  };
  const auto automatic = Told("evt_0", Day(1), 1);
  const auto failed = by_hand("evt_1", Day(2), "req_1");
  EXPECT_EQ(Failed(automatic, failed, by_hand("evt_2", Day(2, 1), "req_1")).size(), 2U) << "and action required";
  EXPECT_EQ(Failed(automatic, failed, by_hand("evt_2", Day(2, 1), "req_2")).size(), 3U);
  EXPECT_EQ(Failed(Counted(1, 1, Day(1)), by_hand("evt_1", Day(2), "req_1")).size(), 2U) << "a later request";
  EXPECT_EQ(Failed(failed, Told("evt_3", Day(3), 1)).size(), 2U) << "and then the provider by itself";
}

TEST(FailuresTest, OneAttemptThatIsToldByTwoEventsIsOne) {
  const std::vector<Failure> failed = Failed(Told("evt_2", Day(1, 1), 1), Told("evt_1", Day(1), 1));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].source.str(), "evt_1");
  EXPECT_EQ(Failed(Told("evt_1", Day(1), 0), Told("evt_2", Day(1, 1), 0)).size(), 2U) << "nothing says so";
}

// After a hard decline the provider's schedule counts on without charging, and answers say so one by one.
TEST(FailuresTest, ACountWithoutAnotherChargeIsNoAttempt) {
  EXPECT_EQ(Failed(Counted(1, 1, Day(1), 1), Counted(2, 2, Day(1), 2), Counted(3, 3, Day(1), 3)).size(), 1U);
  EXPECT_EQ(Failed(Told("evt_1", Day(1, 1), 1), Counted(3, 3, Day(1), 3)).size(), 1U);
  EXPECT_EQ(Failed(Told("evt_1", Day(1, 1), 1), Counted(3, 3, Day(9), 3)).size(), 2U) << "and then another card";
}

TEST(FailuresTest, AnAbsurdCountFillsNothing) {
  const std::vector<Failure> failed = Failed(Counted(1, 1'000'000, Day(1)));
  EXPECT_EQ(failed.size(), 50U);
  EXPECT_EQ(failed.back().attempt_count, 1'000'000);
}

// ---- What is derived from them

TEST(FailuresTest, AnAnswerKnowsOfTheFailuresThatItCounts) {
  const Facts known = build::Together(build::Snapshot("e1", Day(0), ProviderStatus::kActive));
  SubscriptionSnapshot active = build::Answer(1, known, ProviderStatus::kActive);
  active.fetch_number = ToUnixMillis(Day(2)) * 1000;
  const auto derive = [&](Timestamp by) {
    return build::Derive(build::Together(known.snapshots[0], active, Counted(1, 1, by)));
  };
  EXPECT_EQ(derive(Day(1)).rule, "R24d");
  EXPECT_FALSE(derive(Day(1)).refetch_owed);
  EXPECT_EQ(derive(Day(3)).rule, "R24c") << "a later answer about the invoice alone";
  EXPECT_EQ(derive(Day(3)).because, "fetch/1");
}

TEST(FailuresTest, TheyAreNotWhatAnAnswerIsFencedBy) {
  const Facts facts = build::Together(Counted(1, 1, Day(5)));
  EXPECT_EQ(NewestFact(facts), Day(0));
  EXPECT_TRUE(EventsAt(facts, Day(5)).empty());
}

}  // namespace
}  // namespace dunlin
