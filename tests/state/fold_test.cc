// What is folded away leaves everything that is derived as it was.
#include <gtest/gtest.h>

#include "state/merge.h"
#include "tests/state/facts_builder.h"

namespace dunlin {
namespace {

using build::Answer;
using build::Day;
using build::Failed;
using build::Invoice;
using build::Order;
using build::Snapshot;
using build::Together;
using build::Update;
using enum ProviderStatus;

TEST(FoldTest, OldSnapshotsLeaveTheNewest) {
  Facts facts = Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kActive),
                         Snapshot("e3", Day(3), kActive), Snapshot("e8", Day(50), kActive));
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e3 e8 ");
  EXPECT_EQ(facts.baseline.until, Day(40));
}

TEST(FoldTest, WhatIsOlderThanTheBaselineIsNotTakenAnyMore) {
  Facts facts = Together(Snapshot("e1", Day(1), kActive), Snapshot("e8", Day(50), kActive));
  Fold(facts, Day(40));
  EXPECT_FALSE(Merge(facts, Snapshot("e7", Day(39), kPastDue)));
  EXPECT_FALSE(Merge(facts, Failed("e6", Day(39))));
  EXPECT_TRUE(Merge(facts, Snapshot("e9", Day(40), kActive)));
}

TEST(FoldTest, AnAnswerIsTakenHoweverOldTheNewestFactIs) {
  Facts facts = Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kActive));
  Fold(facts, Day(60) + 250ms);
  const SubscriptionSnapshot answer = Answer(1, facts, kCanceled);
  EXPECT_TRUE(Merge(facts, answer));
  EXPECT_EQ(build::Derive(facts).values.status, SubscriptionStatus::kCanceled);
  InvoiceFact invoice = Invoice("fetch/1", NewestFact(facts), InvoiceStatus::kPaid);
  invoice.fetched = true;
  EXPECT_TRUE(Merge(facts, invoice));
}

TEST(FoldTest, PaidPeriodsAndTheLatestInvoiceSurvive) {
  Facts facts = Together(
      Invoice("e1", Day(1), InvoiceStatus::kPaid, "in_1"), Invoice("e2", Day(2), InvoiceStatus::kPaid, "in_2"),
      Invoice("e3", Day(3), InvoiceStatus::kVoid, "in_3"), Invoice("e4", Day(4), InvoiceStatus::kOpen, "in_4"));
  for (InvoiceFact& i : facts.invoices) i.made_at = i.created;
  SubscriptionSnapshot s = Snapshot("e5", Day(5), kPastDue);
  s.latest_invoice = "in_1";
  Merge(facts, s);
  Fold(facts, Day(40));
  EXPECT_NE(FindInvoice(facts, InvoiceId{"in_1"}), nullptr);  // a snapshot names it
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_2"}), nullptr);
  EXPECT_EQ(facts.baseline.paid_until, Day(30));
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_3"}), nullptr);
  EXPECT_NE(FindInvoice(facts, InvoiceId{"in_4"}), nullptr);  // still to be paid
}

TEST(FoldTest, TheNewestPaidPeriodStillLiftsWhenNoSnapshotNamesIt) {
  Facts facts = Together(Snapshot("e1", Day(1), kPastDue), Invoice("e2", Day(2), InvoiceStatus::kPaid));
  ASSERT_EQ(build::Derive(facts).rule, "R24b");
  Fold(facts, Day(40));
  EXPECT_EQ(build::Derive(facts).rule, "R24b");
}

TEST(FoldTest, TheStartOfAnOverdueRunSurvives) {
  Facts facts =
      Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kPastDue), Snapshot("e3", Day(3), kPastDue));
  ASSERT_EQ(build::Derive(facts).past_due_since, Day(2));
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e3 ");
  EXPECT_EQ(build::Derive(facts).past_due_since, Day(2));
}

TEST(FoldTest, AnEndIsNeverFoldedAway) {
  SubscriptionSnapshot odd = Snapshot("e3", Day(3), kActive);
  Facts facts = Together(Snapshot("e1", Day(1), kCanceled), Snapshot("e2", Day(2), kActive), odd);
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e1 e3 ");
  EXPECT_EQ(build::Derive(facts).rule, "R24a");
}

TEST(FoldTest, OfEndsAloneTheLastTwoAreKept) {
  Facts facts = Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kCanceled),
                         Snapshot("e3", Day(3), kIncompleteExpired));
  const Values before = build::Derive(facts).values;
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e2 e3 ");
  EXPECT_EQ(build::Derive(facts).values, before);
}

TEST(FoldTest, ADeletionIsNeverFoldedAwayWhateverItsWord) {
  SubscriptionSnapshot deleted = Snapshot("e1", Day(1), kActive);
  deleted.kind = SubscriptionSnapshot::Kind::kDeleted;
  Facts facts = Together(deleted, Snapshot("e2", Day(2), kActive), Snapshot("e3", Day(3), kActive),
                         Snapshot("e8", Day(50), kActive));
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e1 e3 e8 ");
  EXPECT_EQ(build::Derive(facts).rule, "R24a");
}

TEST(FoldTest, WordsOfWhichNoneIsKnownAreAllKept) {
  Facts facts =
      Together(Snapshot("e1", Day(1), kUnknown), Snapshot("e2", Day(2), kUnknown),
               Invoice("e3", Day(3), InvoiceStatus::kVoid), Invoice("e4", Day(4), InvoiceStatus::kOpen, "in_2"));
  for (InvoiceFact& i : facts.invoices) i.made_at = i.created;
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e1 e2 ");
  EXPECT_EQ(facts.baseline.until, Day(40));
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_1"}), nullptr) << "what is settled goes all the same";
  EXPECT_EQ(build::Derive(facts).values.status, SubscriptionStatus::kPending);
}

TEST(FoldTest, AnInvoiceThatPaidForNoTimeLeavesNoPaidPeriod) {
  InvoiceFact extra = Invoice("e1", Day(1), InvoiceStatus::kPaid, "in_1");
  extra.billing_reason = "manual";
  InvoiceFact endless = Invoice("e2", Day(2), InvoiceStatus::kPaid, "in_2");
  endless.line_period_end.reset();
  InvoiceFact newest = Invoice("e3", Day(3), InvoiceStatus::kOpen, "in_3");
  newest.made_at = Day(3);
  Facts facts = Together(Snapshot("e4", Day(4), kActive), extra, endless, newest);
  ASSERT_EQ(build::Derive(facts).values.paid_until, Day(30)) << "by the snapshot";
  Fold(facts, Day(40));
  ASSERT_EQ(facts.invoices.size(), 1U);
  EXPECT_EQ(facts.baseline.paid_until, std::nullopt);
  EXPECT_EQ(build::Derive(facts).values.paid_until, Day(30));
}

TEST(FoldTest, TheLatestOfThePaidPeriodsIsKept) {
  for (const bool later_first : {true, false}) {
    InvoiceFact a = Invoice("e1", Day(1), InvoiceStatus::kPaid, "in_1");
    InvoiceFact b = Invoice("e2", Day(2), InvoiceStatus::kPaid, "in_2");
    (later_first ? a : b).line_period_end = Day(33);
    InvoiceFact newest = Invoice("e3", Day(3), InvoiceStatus::kOpen, "in_3");
    newest.made_at = Day(3);
    Facts facts = Together(a, b, newest);
    Fold(facts, Day(40));
    EXPECT_EQ(facts.invoices.size(), 1U);
    EXPECT_EQ(facts.baseline.paid_until, Day(33));
  }
}

TEST(FoldTest, AnUnknownWordKeepsTheKnownOneBeforeIt) {
  Facts facts =
      Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kPastDue), Snapshot("e3", Day(3), kUnknown));
  Fold(facts, Day(40));
  EXPECT_EQ(Order(facts), "e2 e3 ");
  EXPECT_EQ(build::Derive(facts).values.status, SubscriptionStatus::kPastDue);
}

// A failed payment that was folded with its period must not count again against the period before it.
TEST(FoldTest, WithoutPaidInvoicesTheGoodPeriodsComeOutTheSame) {
  SubscriptionSnapshot first = Snapshot("e1", Day(1), kActive);
  SubscriptionSnapshot second = Snapshot("e3", Day(35), kActive);
  second.period_end = Day(60);
  SubscriptionSnapshot third = Snapshot("e4", Day(61), kActive);
  third.period_end = Day(90);
  InvoiceFact failed = Failed("e2", Day(34));
  failed.line_period_end = Day(60);
  InvoiceFact latest = Failed("e5", Day(100), "in_2");
  latest.line_period_end = Day(90);
  Facts facts = Together(first, failed, second, third, latest);
  ASSERT_EQ(build::Derive(facts).values.paid_until, Day(60));
  Fold(facts, Day(95));
  EXPECT_EQ(facts.snapshots.size(), 1u);
  EXPECT_EQ(build::Derive(facts).values.paid_until, Day(60));
}

TEST(FoldTest, AFailureThatWasFoldedStillTookItsPeriod) {
  SubscriptionSnapshot second = Snapshot("e2", Day(31), kActive);
  second.period_end = Day(60);
  InvoiceFact voided = Invoice("e4", Day(33), InvoiceStatus::kVoid);
  voided.line_period_end = Day(60);
  voided.failures = Failed("e3", Day(32)).failures;
  Facts facts =
      Together(Snapshot("e1", Day(1), kActive), second, voided, Invoice("e5", Day(61), InvoiceStatus::kVoid, "in_2"));
  ASSERT_EQ(build::Derive(facts).values.paid_until, Day(30));
  Fold(facts, Day(95));
  EXPECT_EQ(build::Derive(facts).values.paid_until, Day(30));
}

TEST(FoldTest, NothingIsFoldedInDoubtOrOutOfOneSecond) {
  Facts tied =
      Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kPastDue), Snapshot("e3", Day(2), kActive));
  ASSERT_TRUE(build::Derive(tied).refetch_owed);
  const Facts before = tied;
  Fold(tied, Day(40));
  EXPECT_EQ(tied, before);
  Merge(tied, Answer(1, tied, kActive));
  Fold(tied, Day(40));
  EXPECT_EQ(Order(tied), "fetch/1 ");

  Facts one_second = Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kPastDue),
                              Update("e3", Day(2), kPastDue, kUnknown), Update("e4", Day(3), kUnknown, kUnknown));
  const Facts whole = one_second;
  Fold(one_second, Day(40));
  EXPECT_EQ(one_second, whole);
}

}  // namespace
}  // namespace dunlin
