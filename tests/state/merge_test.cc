#include "state/merge.h"

#include <gtest/gtest.h>

#include "state/order.h"
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

TEST(MergeTest, AFactThatIsKnownChangesNothing) {
  Facts facts;
  EXPECT_TRUE(Merge(facts, Snapshot("a", Day(0), kActive)));
  EXPECT_TRUE(Merge(facts, Failed("b", Day(1))));
  EXPECT_TRUE(Merge(facts, MethodChange{Day(2), EventId{"c"}}));
  const Facts before = facts;
  EXPECT_FALSE(Merge(facts, Snapshot("a", Day(0), kActive)));
  EXPECT_FALSE(Merge(facts, Failed("b", Day(1))));
  EXPECT_FALSE(Merge(facts, MethodChange{Day(2), EventId{"c"}}));
  EXPECT_FALSE(Merge(facts, MethodChange{Day(1), EventId{"z"}}));
  EXPECT_EQ(facts, before);
}

TEST(MergeTest, R25AnInvoicesHighestPictureStays) {
  const InvoiceFact draft = Invoice("e1", Day(9), InvoiceStatus::kDraft);
  const InvoiceFact open = Invoice("e2", Day(1), InvoiceStatus::kOpen);
  InvoiceFact again = Invoice("e0", Day(0), InvoiceStatus::kOpen);
  again.attempt_count = 2;
  const InvoiceFact written_off = Invoice("e3", Day(0), InvoiceStatus::kUncollectible);
  const InvoiceFact voided = Invoice("e4", Day(0), InvoiceStatus::kVoid);
  const InvoiceFact paid = Invoice("e5", Day(0), InvoiceStatus::kPaid);
  EXPECT_EQ(Together(draft, open).invoices[0].source.str(), "e2");
  EXPECT_EQ(Together(again, open, draft).invoices[0].source.str(), "e0");
  EXPECT_EQ(Together(written_off, again).invoices[0].source.str(), "e3");
  EXPECT_EQ(Together(voided, written_off).invoices[0].source.str(), "e4");
  EXPECT_EQ(Together(paid, voided, again, open).invoices[0].source.str(), "e5");
}

TEST(MergeTest, R25PaidAndVoidAbsorb) {
  for (const InvoiceStatus end : {InvoiceStatus::kPaid, InvoiceStatus::kVoid}) {
    Facts facts = Together(Invoice("e1", Day(1), end));
    Merge(facts, Failed("e9", Day(9)));
    EXPECT_EQ(facts.invoices[0].status, end);
    EXPECT_EQ(facts.invoices[0].failures.size(), 1u);  // it is known nevertheless
  }
}

TEST(MergeTest, FailuresAreKeptWhateverThePicture) {
  InvoiceFact second = Failed("e2", Day(3));
  second.attempt_count = 2;
  const Facts facts = Together(second, Invoice("e9", Day(4), InvoiceStatus::kPaid), Failed("e1", Day(1)));
  ASSERT_EQ(facts.invoices.size(), 1u);
  ASSERT_EQ(facts.invoices[0].failures.size(), 2u);
  EXPECT_EQ(facts.invoices[0].failures[0].at, Day(1));
  EXPECT_EQ(facts.invoices[0].failures[1].at, Day(3));
}

TEST(MergeTest, TheNewestDeclineCounts) {
  InvoiceFact older = Failed("e1", Day(1));
  older.decline = Decline{"expired_card", "", "", ""};
  older.decline_at = Day(1);
  InvoiceFact newer = Failed("e2", Day(2));
  newer.decline = Decline{"stolen_card", "", "", ""};
  newer.decline_at = Day(2);
  EXPECT_EQ(Together(older, newer).invoices[0].decline->code, "stolen_card");
  EXPECT_EQ(Together(newer, older).invoices[0].decline->code, "stolen_card");
  EXPECT_EQ(Together(newer, Invoice("e3", Day(3), InvoiceStatus::kPaid)).invoices[0].decline->code, "stolen_card");
}

TEST(MergeTest, TheTenthAnswerIsLaterThanTheNinth) {
  InvoiceFact ninth = Invoice("fetch/9", Day(1), InvoiceStatus::kOpen);
  ninth.fetched = true;
  ninth.auto_advance = true;
  InvoiceFact tenth = Invoice("fetch/10", Day(1), InvoiceStatus::kOpen);
  tenth.fetched = true;
  EXPECT_FALSE(Together(ninth, tenth).invoices[0].auto_advance);
  EXPECT_FALSE(Together(tenth, ninth).invoices[0].auto_advance);
  InvoiceFact tried_often = tenth;
  tried_often.source = EventId{"fetch/9/12"};
  tenth.source = EventId{"fetch/10/1"};
  EXPECT_EQ(Together(tried_often, tenth).invoices[0].source.str(), "fetch/10/1");
  tenth.source = EventId{"fetch/9/2"};
  EXPECT_EQ(Together(tried_often, tenth).invoices[0].source.str(), "fetch/9/12");
  // An event's id says nothing about time, but it must decide the same way round every time.
  EXPECT_EQ(Together(Invoice("evt_9", Day(1), InvoiceStatus::kOpen), Invoice("evt_10", Day(1), InvoiceStatus::kOpen)),
            Together(Invoice("evt_10", Day(1), InvoiceStatus::kOpen), Invoice("evt_9", Day(1), InvoiceStatus::kOpen)));
}

TEST(MergeTest, R25SnapshotsSortByTheTimeTheyWereMade) {
  EXPECT_EQ(
      Order(Together(Snapshot("c", Day(3), kActive), Snapshot("a", Day(5), kActive), Snapshot("b", Day(1), kActive))),
      "b c a ");
}

TEST(MergeTest, R25OneSecondIsChainedByWhatWasThereBefore) {
  // Ids and ranks would say otherwise: past_due is the higher rank, and its id the higher one.
  const Facts facts = Together(Update("e1", Day(1), kActive, kActive), Update("e9", Day(2), kActive, kPastDue),
                               Update("e5", Day(2), kPastDue, kUnpaid), Update("e2", Day(2), kUnpaid, kActive));
  EXPECT_EQ(Order(facts), "e1 e9 e5 e2 ");
  EXPECT_FALSE(OrderSnapshots(facts).tied);
  EXPECT_FALSE(OrderSnapshots(facts).predecessor_missing);
}

TEST(MergeTest, R25ThereAndBackInOneSecondIsStillInOrder) {
  SubscriptionSnapshot cancel = Update("e9", Day(2), kActive, kActive);
  cancel.cancel_at_period_end = true;
  cancel.previous->cancel_at_period_end = false;
  SubscriptionSnapshot keep = Update("e1", Day(2), kActive, kActive);
  keep.previous->cancel_at_period_end = true;
  const Facts facts = Together(Snapshot("e5", Day(1), kActive), keep, cancel);
  EXPECT_EQ(Order(facts), "e5 e9 e1 ");
  EXPECT_FALSE(OrderSnapshots(facts).tied);
}

TEST(MergeTest, R25TheFirstEventIsTheOneThatMadeIt) {
  SubscriptionSnapshot made = Snapshot("e9", Day(1), kIncomplete);
  made.kind = SubscriptionSnapshot::Kind::kCreated;
  EXPECT_EQ(Order(Together(Update("e1", Day(1), kIncomplete, kActive), made)), "e9 e1 ");
}

TEST(MergeTest, R25WhatIsStillTiedGoesByRankThenIdAndIsInDoubt) {
  const Facts facts =
      Together(Snapshot("e9", Day(1), kActive), Snapshot("e5", Day(1), kPastDue), Snapshot("e1", Day(1), kActive));
  EXPECT_EQ(Order(facts), "e1 e9 e5 ");
  EXPECT_TRUE(OrderSnapshots(facts).tied);
  // Two that end in the same picture leave no doubt, whichever is last.
  EXPECT_FALSE(OrderSnapshots(Together(Snapshot("e9", Day(1), kActive), Snapshot("e1", Day(1), kActive))).tied);
  // And what came before the newest second is of no consequence.
  Facts later = facts;
  Merge(later, Snapshot("e2", Day(2), kActive));
  EXPECT_FALSE(OrderSnapshots(later).tied);
}

TEST(MergeTest, R25ManyEventsOfOneSecondAreNotGuessedAt) {
  Facts facts;
  for (int i = 0; i < 9; ++i) Merge(facts, Update("e" + std::to_string(i), Day(1), kActive, kActive));
  EXPECT_TRUE(OrderSnapshots(facts).tied);
}

TEST(MergeTest, R25AMissingPredecessorIsNoticed) {
  const Facts facts = Together(Snapshot("e1", Day(1), kActive), Update("e3", Day(3), kPastDue, kUnpaid));
  EXPECT_TRUE(OrderSnapshots(facts).predecessor_missing);
  Facts complete = facts;
  Merge(complete, Update("e2", Day(2), kActive, kPastDue));
  EXPECT_FALSE(OrderSnapshots(complete).predecessor_missing);
}

TEST(MergeTest, R25WhicheverFieldDoesNotFitThePredecessorIsMissing) {
  SubscriptionSnapshot before = Snapshot("e1", Day(1), kActive);
  before.latest_invoice = "in_1";
  before.default_payment_method = "pm_1";
  const auto missing = [&](const PreviousAttributes& was) {
    SubscriptionSnapshot next = before;
    next.source = EventId{"e2"};
    next.created = Day(2);
    next.previous = was;
    return OrderSnapshots(Together(before, next)).predecessor_missing;
  };
  EXPECT_TRUE(missing({.status = kPastDue}));
  EXPECT_TRUE(missing({.cancel_at_period_end = true}));
  EXPECT_TRUE(missing({.cancel_at = Day(9)}));
  EXPECT_TRUE(missing({.latest_invoice = "in_0"}));
  EXPECT_TRUE(missing({.default_payment_method = "pm_0"}));
  EXPECT_TRUE(missing({.period_end = Day(29)}));
  EXPECT_TRUE(missing({.prices = std::vector<std::string>{"price_plus"}}));
  EXPECT_FALSE(missing({.status = kActive,
                        .cancel_at_period_end = false,
                        .cancel_at = std::optional<Timestamp>(),
                        .latest_invoice = "in_1",
                        .default_payment_method = "pm_1",
                        .period_end = Day(30),
                        .prices = before.prices}));
}

TEST(MergeTest, AnAnswersRankFollowsTheNumbersHoweverLongTheyAre) {
  EXPECT_LT(AnswerRank(EventId{"fetch/9/2"}), AnswerRank(EventId{"fetch/10/1"}));
  EXPECT_LT(AnswerRank(EventId{"fetch/999999999999999999"}), AnswerRank(EventId{"fetch/9223372036854775807"}));
  EXPECT_LT(AnswerRank(EventId{"fetch/1000000000000000000"}), AnswerRank(EventId{"fetch/1000000000000000001"}));
}

TEST(MergeTest, AnAnswerStandsBetweenWhatWasKnownAndTheRestOfItsSecond) {
  Facts facts = Together(Update("e5", Day(1), kActive, kPastDue));
  const SubscriptionSnapshot answer = Answer(1, facts, kUnpaid);
  Merge(facts, Update("e1", Day(1), kUnpaid, kActive));  // same second, not known when we asked
  Merge(facts, answer);
  Merge(facts, Update("e0", Day(0), kActive, kActive));  // late
  Merge(facts, Update("e2", Day(2), kActive, kPastDue));
  EXPECT_EQ(Order(facts), "e0 e5 fetch/1 e1 e2 ");
}

TEST(MergeTest, WhetherAnAnswerKnewTheRestOfItsSecondIsInDoubt) {
  // Paid in the second in which it failed; the failure's event comes last, when the answer has settled everything.
  Facts facts = Together(Update("e1", Day(1), kActive, kActive), Update("e5", Day(2), kPastDue, kActive));
  Merge(facts, Answer(1, facts, kActive));
  EXPECT_FALSE(OrderSnapshots(facts).tied);
  Merge(facts, Update("e9", Day(2), kActive, kPastDue));
  EXPECT_TRUE(OrderSnapshots(facts).tied);
  Merge(facts, Answer(2, facts, kActive));
  EXPECT_FALSE(OrderSnapshots(facts).tied);
}

TEST(MergeTest, AnAnswerIsNoStartToChainFrom) {
  // Asked on day 1, answered on day 2 between two changes: the answer knows the first of them and not the second.
  Facts facts = Together(Snapshot("e1", Day(1), kActive));
  Merge(facts, Answer(1, facts, kPastDue));
  Merge(facts, Update("e9", Day(2), kActive, kPastDue));
  Merge(facts, Update("e5", Day(2), kPastDue, kActive));
  EXPECT_TRUE(OrderSnapshots(facts).tied);
}

TEST(MergeTest, LaterAnswersComeAfterEarlierOnes) {
  Facts facts = Together(Snapshot("e5", Day(1), kActive));
  const SubscriptionSnapshot ninth = Answer(9, facts, kPastDue);
  const SubscriptionSnapshot tenth = Answer(10, facts, kActive);
  Merge(facts, tenth);
  Merge(facts, ninth);
  EXPECT_EQ(Order(facts), "e5 fetch/9 fetch/10 ");
}

TEST(MergeTest, TheFenceIsEverythingOfTheNewestSecond) {
  const Facts facts = Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(3), kActive), Failed("e3", Day(3)),
                               Invoice("e4", Day(3), InvoiceStatus::kOpen, "in_2"));
  EXPECT_EQ(NewestFact(facts), Day(3));
  EXPECT_EQ(EventsAt(facts, Day(3)), (std::vector<EventId>{EventId{"e2"}, EventId{"e3"}, EventId{"e4"}}));
  EXPECT_EQ(NewestFact(Facts{}), Timestamp{});
}

}  // namespace
}  // namespace dunlin
