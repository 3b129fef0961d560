#include "workflows/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/derive.h"
#include "tests/support/market_values.h"
#include "tests/workflows/decide_case.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using enum ProviderStatus;

SubscriptionSnapshot Deleted(const std::string& source, Timestamp at) {
  SubscriptionSnapshot s = Snapshot(source, at, kCanceled);
  s.kind = SubscriptionSnapshot::Kind::kDeleted;
  return s;
}

TEST(DecideTest, EachChangeOfStatusSaysWhyInASentence) {
  const std::vector<std::pair<ProviderStatus, std::string>> words = {
      {kIncomplete, "The first payment is not confirmed yet."},
      {kTrialing, "The trial runs."},
      {kActive, "The provider says that it is paid."},
      {kPastDue, "The provider says that a payment is overdue."},
      {kPaused, "The provider has paused it."},
      {kCanceled, "The provider says that the subscription has ended."}};
  for (const auto& word : words) {
    Case c;
    c.Tell(Snapshot("evt_1", kNoon - 1h, word.first == kActive ? kTrialing : kActive));
    c.Look();
    c.Tell(Snapshot("evt_2", kNoon, word.first));
    const Decision decision = c.Look();
    ASSERT_FALSE(decision.timeline.empty()) << word.second;
    EXPECT_EQ(decision.timeline.back().kind, "change");
    EXPECT_EQ(decision.timeline.back().reason, word.second);
    EXPECT_EQ(CountJobs(decision, JobKind::kNotify), 1) << word.second;
  }
}

TEST(DecideTest, AStatusWordThatIsNotKnownIsToldToSupportAndChangesNothing) {
  Case c;
  c.Tell(Snapshot("evt_1", kNoon - 1h, kActive));
  c.Look();
  c.Tell(Snapshot("evt_2", kNoon, kUnknown));
  const Decision decision = c.Look();
  EXPECT_THAT(AlertsOf(decision), ElementsAre("unknown_status/sub_1"));
  EXPECT_THAT(decision.timeline, IsEmpty());
  EXPECT_EQ(c.values().status, SubscriptionStatus::kActive);
}

TEST(DecideTest, ALongHistoryIsFoldedAndTheValuesStayAsTheyWere) {
  Case c;
  for (int day = 0; day < 70; ++day)
    c.Tell(Snapshot("evt_" + std::to_string(100 + day), kNoon - (70 - day) * kDay, kActive));
  const auto decide = [&](Timestamp fold_before) {
    return Decide({.before = c.record, .facts = c.facts, .now = kNoon, .fold_before = fold_before}, c.policies).next;
  };
  const Subscription whole = decide({}), folded = decide(kNoon - 35 * kDay);
  EXPECT_EQ(whole.facts.snapshots.size(), 70U);
  EXPECT_EQ(folded.facts.snapshots.size(), 36U) << "the newest of the old ones, and 35 days";
  EXPECT_EQ(folded.values, whole.values);
  c.facts.snapshots.resize(60);
  EXPECT_EQ(decide(kNoon - 35 * kDay).facts.snapshots.size(), 60U) << "most histories never grow long";
}

TEST(DecideTest, WithoutAPeriodsEndNoRenewalIsAwaited) {
  for (const bool has_end : {true, false}) {
    Case c;
    SubscriptionSnapshot active = Snapshot("evt_1", kNoon, kActive);
    if (!has_end) active.period_end.reset();
    c.Tell(active);
    EXPECT_EQ(FindJob(c.Look(), "period/sub_1") != nullptr, has_end);
  }
}

TEST(DecideTest, WhenTheClockWasSetBackTheEndOfAccessIsAwaitedAgain) {
  CollectionPolicy policy = ServicePolicy();
  policy.grace = 2 * kDay;
  Case c(policy);
  c.Tell(Snapshot("evt_1", kNoon, kPastDue));
  c.Tell(FailedInvoice("evt_2", kNoon));
  const Timestamp end = kNoon + 2 * kDay;
  ASSERT_NE(FindJob(c.Look(), "access/sub_1"), nullptr);
  c.now = end;
  EXPECT_EQ(FindJob(c.Look(), "access/sub_1"), nullptr);
  EXPECT_EQ(c.values().access, Access::kRevoked);
  c.now = end - 1h;
  const Decision decision = c.Look();
  EXPECT_EQ(c.values().access, Access::kGranted);
  ASSERT_NE(FindJob(decision, "access/sub_1"), nullptr);
  EXPECT_EQ(FindJob(decision, "access/sub_1")->due, end);
}

// ---- R16: money after the end

TEST(DecideTest, R16APaymentAfterTheEndIsToldThoughItsInvoiceWasNeverHeardOf) {
  for (const bool fetched : {true, false}) {
    Case c;
    c.Tell(Deleted("evt_1", kNoon - 2h));
    c.Look();
    InvoiceFact paid = Invoice("evt_2", kNoon - 1h, InvoiceStatus::kPaid);
    paid.fetched = fetched;
    c.Tell(paid);
    const Decision decision = c.Look();
    if (fetched) {
      EXPECT_THAT(AlertsOf(decision), IsEmpty()) << "an answer does not tell when it was paid";
    } else {
      EXPECT_THAT(AlertsOf(decision), ElementsAre("payment_after_end/in_1"));
    }
    EXPECT_THAT(AlertsOf(c.Look()), IsEmpty()) << "it is told once";
  }
}

TEST(DecideTest, R16OfSeveralWordsOfTheEndTheFirstInTimeCounts) {
  for (const bool first_in_time_sorts_first : {true, false}) {
    Case c;
    c.Tell(Deleted(first_in_time_sorts_first ? "evt_1" : "evt_2", kNoon - 3h));
    c.Tell(Snapshot(first_in_time_sorts_first ? "evt_2" : "evt_1", kNoon - 1h, kCanceled));
    c.Look();
    c.Tell(Invoice("evt_3", kNoon - 2h, InvoiceStatus::kPaid));
    EXPECT_THAT(AlertsOf(c.Look()), ElementsAre("payment_after_end/in_1"));
  }
}

TEST(DecideTest, R16WhatWasPaidBeforeTheEndOrIsFreeNeedsNoLook) {
  Case c;
  c.Tell(Deleted("evt_1", kNoon - 2h));
  c.Look();
  c.Tell(Invoice("evt_2", kNoon - 3h, InvoiceStatus::kPaid, "in_1"));
  InvoiceFact free = Invoice("evt_3", kNoon - 1h, InvoiceStatus::kPaid, "in_2");
  free.amount_due.minor = 0;
  c.Tell(free);
  EXPECT_THAT(AlertsOf(c.Look()), IsEmpty());
}

// ---- Units

TEST(DecideTest, OfAUnitTheProductHearsOfEachSubscriptionOnceAsItStandsInTheEnd) {
  Case first, second;
  second.record.subscription.id = SubscriptionId{"sub_2"};
  Unit unit;
  first.Tell(Snapshot("evt_1", kNoon - 2h, kActive));
  second.Tell(Snapshot("evt_2", kNoon - 2h, kActive));
  AddTo(unit, first.Look());
  AddTo(unit, second.Look());
  first.Tell(Snapshot("evt_3", kNoon - 1h, kPaused));
  AddTo(unit, first.Look());
  std::vector<std::string> told;
  for (const NewJob& job : unit.jobs) {
    const bool paused = job.payload.find(R"("status":"paused")") != std::string::npos;
    if (job.kind == JobKind::kNotify) told.push_back(job.subject + (paused ? " paused" : " runs"));
  }
  EXPECT_THAT(told, ElementsAre("sub_2 runs", "sub_1 paused"));
}

// ---- The marketplace

TEST(DecideTest, WhatABuyerHoldsIsToldByDimension) {
  const auto holding = [](Timestamp asked, std::vector<MarketEntitlement> entitlements) {
    EntitlementAnswer answer;
    answer.number = ToUnixMillis(asked) * 1000;
    answer.asked_at = asked;
    answer.entitlements = std::move(entitlements);
    return FactsOf(std::move(answer));
  };
  const auto told = [](const Decision& decision) {
    std::string notes;
    for (const TimelineRow& row : decision.timeline) {
      if (row.kind == "note") notes += row.reason;
    }
    return notes;
  };
  Case c;
  c.record.subscription.provider = Provider::kAwsMarketplace;
  c.facts.market = All({Registered("c1", ""), holding(kNoon - 2h, {{kProduct, "seats", "3", {}},
                                                                   {kProduct, "seats", "5", kNoon + kDay},
                                                                   {kProduct, "users", "1", kNoon - 3h}})});
  EXPECT_EQ(told(c.Look()), "Entitlements: seats none → 3 + 5");
  Merge(c.facts.market, holding(kNoon - 1h, {{kProduct, "admins", "1", {}}, {kProduct, "users", "2", {}}}));
  EXPECT_EQ(told(c.Look()), "Entitlements: admins none → 1, seats 3 + 5 → none, users none → 2");
  EXPECT_EQ(told(c.Look()), "");
}

}  // namespace
}  // namespace dunlin::testing
