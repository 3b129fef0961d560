#include "state/derive.h"

#include <gtest/gtest.h>

#include "tests/state/facts_builder.h"

namespace dunlin {
namespace {

using build::Answer;
using build::Because;
using build::Day;
using build::Derive;
using build::Failed;
using build::Invoice;
using build::Made;
using build::Naming;
using build::Snapshot;
using build::Together;
using enum ProviderStatus;
using Status = SubscriptionStatus;

// ---- R23

TEST(DeriveTest, R23EveryWordHasItsStatusAndAccess) {
  struct Row {
    ProviderStatus word;
    Status status;
    Access access;
  };
  for (const Row& row : std::initializer_list<Row>{{kIncomplete, Status::kPending, Access::kRevoked},
                                                   {kIncompleteExpired, Status::kCanceled, Access::kRevoked},
                                                   {kTrialing, Status::kTrialing, Access::kGranted},
                                                   {kActive, Status::kActive, Access::kGranted},
                                                   {kPastDue, Status::kPastDue, Access::kRevoked},
                                                   {kUnpaid, Status::kPastDue, Access::kRevoked},
                                                   {kPaused, Status::kPaused, Access::kRevoked},
                                                   {kCanceled, Status::kCanceled, Access::kRevoked},
                                                   {kUnknown, Status::kPending, Access::kRevoked}}) {
    const Derived d = Derive(Together(Snapshot("e1", Day(1), row.word)));
    EXPECT_EQ(d.values.status, row.status) << static_cast<int>(row.word);
    EXPECT_EQ(d.values.access, row.access) << static_cast<int>(row.word);
    EXPECT_EQ(d.because, "e1");
    EXPECT_FALSE(d.refetch_owed);
  }
}

TEST(DeriveTest, R23AWordWeDoNotKnowLeavesTheOneBeforeIt) {
  const Derived d = Derive(Together(Snapshot("e1", Day(1), kActive), Snapshot("e2", Day(2), kUnknown)));
  EXPECT_EQ(d.values.status, Status::kActive);
  EXPECT_TRUE(d.unknown_status);
  EXPECT_FALSE(Derive(Together(Snapshot("e1", Day(1), kActive))).unknown_status);
}

TEST(DeriveTest, R23ActiveIsNotCutBecauseItsPeriodHasPassed) {
  const Derived d = Derive(Together(Snapshot("e1", Day(1), kActive)), Day(300));
  EXPECT_EQ(d.values.access, Access::kGranted);
  EXPECT_EQ(d.values.access_until, std::nullopt);
}

TEST(DeriveTest, WithoutASnapshotNothingIsGrantedAndTheProviderIsAsked) {
  const Derived d = Derive(Together(Invoice("e1", Day(1), InvoiceStatus::kPaid)));
  EXPECT_EQ(d.values.status, Status::kPending);
  EXPECT_EQ(d.values.access, Access::kRevoked);
  EXPECT_EQ(d.values.paid_until, Day(30));
  EXPECT_EQ(d.doubt, "no snapshot");
}

// ---- R24

TEST(DeriveTest, R24aCanceledWinsOverEverything) {
  SubscriptionSnapshot deleted = Snapshot("e2", Day(2), kActive);
  deleted.kind = SubscriptionSnapshot::Kind::kDeleted;
  for (const SubscriptionSnapshot& end :
       {Snapshot("e2", Day(2), kCanceled), Snapshot("e2", Day(2), kIncompleteExpired), deleted}) {
    Facts facts = Together(Naming("in_1", Snapshot("e1", Day(1), kPastDue)), end, Snapshot("e3", Day(3), kActive),
                           Invoice("e4", Day(4), InvoiceStatus::kPaid));
    Merge(facts, Answer(1, facts, kActive));
    const Derived d = Derive(facts);
    EXPECT_EQ(d.values.status, Status::kCanceled);
    EXPECT_EQ(d.rule, "R24a");
    EXPECT_EQ(d.because, "e2");
    EXPECT_TRUE(d.cancelled);
    EXPECT_FALSE(d.refetch_owed);
  }
}

TEST(DeriveTest, R24bAPaidLatestInvoiceLiftsWhateverTheTimesSay) {
  for (const ProviderStatus owing : {kPastDue, kUnpaid, kIncomplete}) {
    const Derived d =
        Derive(Together(Naming("in_1", Snapshot("e9", Day(9), owing)), Invoice("e1", Day(1), InvoiceStatus::kPaid)));
    EXPECT_EQ(d.values.status, Status::kActive);
    EXPECT_EQ(d.values.access, Access::kGranted);
    EXPECT_EQ(d.rule, "R24b");
    EXPECT_EQ(d.because, "e1");
    EXPECT_EQ(d.collectible, std::nullopt);
    EXPECT_FALSE(d.refetch_owed);
  }
}

TEST(DeriveTest, R24bOnlyTheLatestInvoiceLifts) {
  const SubscriptionSnapshot owing = Naming("in_2", Snapshot("e9", Day(9), kPastDue));
  const InvoiceFact old_paid = Invoice("e1", Day(1), InvoiceStatus::kPaid, "in_1");
  EXPECT_EQ(Derive(Together(owing, old_paid, Made(Day(8), Failed("e8", Day(8), "in_2")))).values.status,
            Status::kPastDue);
  // The latest is not known yet: nothing is lifted on the strength of an older one.
  const Derived unknown = Derive(Together(owing, old_paid));
  EXPECT_EQ(unknown.values.status, Status::kPastDue);
  EXPECT_EQ(unknown.doubt, "invoice unknown");
  // Of the latest only a decline is known, which is no picture of it.
  InvoiceFact decline;
  decline.id = InvoiceId{"in_2"};
  decline.decline = Decline{"expired_card", "", "", ""};
  EXPECT_EQ(Derive(Together(owing, old_paid, decline)).doubt, "invoice unknown");
}

TEST(DeriveTest, R24bALaterPeriodThatIsPaidLifts) {
  const Derived d = Derive(Together(Naming("in_1", Snapshot("e1", Day(1), kPastDue)), Failed("e2", Day(1)),
                                    Made(Day(30), Invoice("e3", Day(31), InvoiceStatus::kPaid, "in_2"))));
  EXPECT_EQ(d.rule, "R24b");
}

TEST(DeriveTest, R24bTheNextPeriodsInvoiceTakesNothingBeforeItWasTried) {
  Facts facts = Together(Naming("in_1", Snapshot("e1", Day(1), kPastDue)),
                         Made(Day(1), Invoice("e2", Day(3), InvoiceStatus::kPaid, "in_1")),
                         Made(Day(31), Invoice("e3", Day(31), InvoiceStatus::kOpen, "in_2")));
  Derived d = Derive(facts);
  EXPECT_EQ(d.values.status, Status::kActive);
  EXPECT_EQ(d.rule, "R24b");
  EXPECT_FALSE(d.collectible);
  EXPECT_EQ(d.doubt, "snapshot older than its invoices");
  Merge(facts, Made(Day(31), Failed("e4", Day(32), "in_2")));
  d = Derive(facts);
  EXPECT_EQ(d.values.status, Status::kPastDue);
  EXPECT_EQ(d.collectible, InvoiceId{"in_2"});
}

TEST(DeriveTest, WhatNobodyTriedToCollectIsNotOwedUnlessTheSnapshotNamesIt) {
  const Facts facts = Together(Naming("in_unknown", Snapshot("e1", Day(1), kPastDue)),
                               Made(Day(31), Invoice("e3", Day(31), InvoiceStatus::kOpen, "in_2")));
  EXPECT_FALSE(Derive(facts).collectible);
  EXPECT_EQ(Derive(facts).doubt, "invoice unknown");
}

TEST(DeriveTest, R24bMoneyForSomethingElseDoesNotLift) {
  for (const char* reason : {"manual", "subscription_threshold", "subscription_update"}) {
    const Derived d =
        Derive(Together(Naming("in_1", Snapshot("e1", Day(1), kPastDue)), Failed("e2", Day(1)),
                        Because(reason, Made(Day(3), Invoice("e3", Day(3), InvoiceStatus::kPaid, "in_2")))));
    EXPECT_EQ(d.values.status, Status::kPastDue) << reason;
    EXPECT_EQ(d.collectible, InvoiceId{"in_1"}) << reason;
  }
}

TEST(DeriveTest, R24cAFailureNotOlderThanTheSnapshotDrops) {
  for (const Timestamp failed_at : {Day(1), Day(2)}) {
    const Derived d = Derive(Together(Naming("in_1", Snapshot("e1", Day(1), kActive)), Failed("e2", failed_at)));
    EXPECT_EQ(d.values.status, Status::kPastDue);
    EXPECT_EQ(d.values.access, Access::kRevoked);
    EXPECT_EQ(d.rule, "R24c");
    EXPECT_EQ(d.because, "e2");
    EXPECT_EQ(d.collectible, InvoiceId{"in_1"});
    EXPECT_EQ(d.past_due_since, failed_at);
    EXPECT_TRUE(d.refetch_owed);
    EXPECT_EQ(d.doubt, "R24c");
  }
}

TEST(DeriveTest, R24cAnOlderFailureTheSnapshotKnewOfDoesNotDrop) {
  const Derived d = Derive(Together(Snapshot("e2", Day(2), kActive), Failed("e1", Day(1))));
  EXPECT_EQ(d.values.status, Status::kActive);
  EXPECT_EQ(d.rule, "R24d");
  EXPECT_FALSE(d.refetch_owed);
}

TEST(DeriveTest, R24cTheAnswerSettlesIt) {
  Facts facts = Together(Snapshot("e1", Day(1), kActive), Failed("e2", Day(1)));
  ASSERT_EQ(Derive(facts).rule, "R24c");
  Merge(facts, Answer(1, facts, kActive));
  EXPECT_EQ(Derive(facts).values.status, Status::kActive);
  EXPECT_FALSE(Derive(facts).refetch_owed);
  // A failure of the same second that was not known when we asked is a new doubt.
  InvoiceFact again = Failed("e3", Day(1));
  again.attempt_count = 2;
  Merge(facts, again);
  EXPECT_EQ(Derive(facts).rule, "R24c");
}

TEST(DeriveTest, R24cNeedsAnOpenNewestCycleInvoice) {
  const SubscriptionSnapshot active = Snapshot("e1", Day(1), kActive);
  InvoiceFact voided = Failed("e2", Day(2));
  voided.status = InvoiceStatus::kVoid;
  EXPECT_EQ(Derive(Together(active, voided)).rule, "R24d");
  EXPECT_EQ(
      Derive(Together(active, Failed("e2", Day(2)), Made(Day(3), Invoice("e3", Day(3), InvoiceStatus::kPaid, "in_2"))))
          .rule,
      "R24d");
  EXPECT_EQ(Derive(Together(active, Invoice("e2", Day(2), InvoiceStatus::kOpen))).rule, "R24d");  // not tried yet
  EXPECT_EQ(Derive(Together(Snapshot("e1", Day(1), kTrialing), Failed("e2", Day(2)))).rule, "R24d");
}

TEST(DeriveTest, R24dOtherwiseTheNewestSnapshotCounts) {
  const Derived d = Derive(
      Together(Snapshot("e1", Day(3), kActive), Snapshot("e2", Day(2), kPastDue), Snapshot("e3", Day(1), kTrialing)));
  EXPECT_EQ(d.values.status, Status::kActive);
  EXPECT_EQ(d.rule, "R24d");
  EXPECT_EQ(d.because, "e1");
}

TEST(DeriveTest, R24ADeclinedUpgradeAloneNeverTakesAccess) {
  const InvoiceFact paid = Invoice("e1", Day(1), InvoiceStatus::kPaid, "in_1");
  const InvoiceFact upgrade = Because("subscription_update", Made(Day(5), Failed("e2", Day(5), "in_2")));
  // The snapshot has not moved: nothing happens.
  const Derived active = Derive(Together(Snapshot("e3", Day(5), kActive), paid, upgrade), Day(10));
  EXPECT_EQ(active.values.status, Status::kActive);
  EXPECT_FALSE(active.refetch_owed);
  // The provider calls it past due: what is paid for stays until its end.
  const Facts facts = Together(Naming("in_2", Snapshot("e3", Day(5), kPastDue)), paid, upgrade);
  const Derived owing = Derive(facts, Day(10));
  EXPECT_EQ(owing.values.status, Status::kPastDue);
  EXPECT_EQ(owing.values.access, Access::kGranted);
  EXPECT_EQ(owing.values.access_until, Day(30));
  EXPECT_EQ(owing.collectible, InvoiceId{"in_2"});
  EXPECT_EQ(Derive(facts, Day(30)).values.access, Access::kRevoked);
}

TEST(DeriveTest, R24AnUpgradeBesideAnUnpaidPeriodProtectsNothing) {
  const InvoiceFact upgrade = Because("subscription_update", Made(Day(5), Failed("e2", Day(5), "in_2")));
  const Derived d = Derive(Together(Naming("in_2", Snapshot("e3", Day(5), kPastDue)), Failed("e1", Day(1)), upgrade,
                                    Made(Day(-30), Invoice("e0", Day(-29), InvoiceStatus::kPaid, "in_0"))),
                           Day(10));
  EXPECT_EQ(d.values.access, Access::kRevoked);
}

// ---- R25: doubt

TEST(DeriveTest, R25ATieOwesARefetchAndTheAnswerEndsIt) {
  Facts facts = Together(Snapshot("e1", Day(1), kPastDue), Snapshot("e2", Day(1), kActive));
  EXPECT_EQ(Derive(facts).doubt, "R25 tie");
  EXPECT_EQ(Derive(facts).values.status, Status::kPastDue);  // by rank
  Merge(facts, Answer(1, facts, kActive));
  EXPECT_EQ(Derive(facts).values.status, Status::kActive);
  EXPECT_FALSE(Derive(facts).refetch_owed);
}

TEST(DeriveTest, R25AMissingPredecessorOwesARefetchAndTheAnswerEndsIt) {
  SubscriptionSnapshot update = Snapshot("e3", Day(3), kActive);
  update.previous = PreviousAttributes{.status = kPastDue};
  Facts facts = Together(Snapshot("e1", Day(1), kActive), update);
  EXPECT_EQ(Derive(facts).doubt, "R25 predecessor");
  Merge(facts, Answer(1, facts, kActive));
  EXPECT_FALSE(Derive(facts).refetch_owed);
}

// ---- R7, R16: the end

TEST(DeriveTest, R7AfterTheEndAccessLastsUntilPaidUntil) {
  const Facts facts = Together(Snapshot("e1", Day(10), kCanceled), Invoice("e2", Day(1), InvoiceStatus::kPaid));
  EXPECT_EQ(Derive(facts, Day(29)).values.access, Access::kGranted);
  EXPECT_EQ(Derive(facts, Day(29)).values.access_until, Day(30));
  EXPECT_EQ(Derive(facts, Day(30)).values.access, Access::kRevoked);
}

TEST(DeriveTest, R7CancelledForThePeriodsEndIsCancelled) {
  SubscriptionSnapshot s = Snapshot("e1", Day(1), kActive);
  EXPECT_FALSE(Derive(Together(s)).cancelled);
  s.cancel_at_period_end = true;
  Derived d = Derive(Together(s));
  EXPECT_TRUE(d.cancelled);
  EXPECT_EQ(d.values.status, Status::kActive);
  EXPECT_EQ(d.values.cancel_at, Day(30));
  EXPECT_EQ(d.values.access_until, Day(30));
  s.cancel_at_period_end = false;
  s.cancel_at = Day(20);
  EXPECT_TRUE(Derive(Together(s)).cancelled);
  EXPECT_EQ(Derive(Together(s)).values.cancel_at, Day(20));
  s.cancel_at = Day(365);  // a term that was agreed
  EXPECT_FALSE(Derive(Together(s)).cancelled);
  EXPECT_EQ(Derive(Together(s)).values.cancel_at, Day(365));
}

TEST(DeriveTest, R16MoneyAfterTheEndExtendsAccessToWhatItPaysFor) {
  Facts facts = Together(Failed("e1", Day(1)), Snapshot("e2", Day(10), kCanceled));
  EXPECT_EQ(Derive(facts, Day(11)).values.access, Access::kRevoked);
  Merge(facts, Invoice("e3", Day(11), InvoiceStatus::kPaid));
  const Derived d = Derive(facts, Day(11));
  EXPECT_EQ(d.values.status, Status::kCanceled);
  EXPECT_EQ(d.values.access, Access::kGranted);
  EXPECT_EQ(d.values.access_until, Day(30));
}

// ---- paid_until

TEST(DeriveTest, PaidUntilIsTheLatestPeriodThatIsPaidNotTheCurrentOne) {
  InvoiceFact next = Made(Day(30), Failed("e3", Day(30), "in_2"));
  next.line_period_end = Day(60);
  SubscriptionSnapshot renewed = Naming("in_2", Snapshot("e2", Day(30), kPastDue));
  renewed.period_end = Day(60);
  const Derived d = Derive(Together(Invoice("e1", Day(1), InvoiceStatus::kPaid), renewed, next));
  EXPECT_EQ(d.values.paid_until, Day(30));
  EXPECT_EQ(d.values.period_end, Day(60));
}

TEST(DeriveTest, AnInvoiceMadeByHandPaysForNoTime) {
  SubscriptionSnapshot active = Snapshot("e1", Day(1), kActive);
  active.period_end = Day(31);
  InvoiceFact extra = Because("manual", Invoice("e2", Day(5), InvoiceStatus::kPaid, "in_x"));
  extra.line_period_end = Day(5);
  EXPECT_EQ(Derive(Together(active, extra)).values.paid_until, Day(31));
  EXPECT_EQ(Derive(Together(active, Because("subscription_update", extra))).values.paid_until, Day(5));
}

TEST(DeriveTest, AnEndThatIsTheFirstThingHeardAsksForThePaidPeriod) {
  SubscriptionSnapshot end = Naming("in_1", Snapshot("e1", Day(5), kCanceled));
  end.period_end = Day(30);
  EXPECT_EQ(Derive(Together(end), Day(6)).doubt, "paid period unknown");
  EXPECT_FALSE(Derive(Together(end), Day(30)).refetch_owed) << "what is over matters no more";
  InvoiceFact paid = Invoice("e2", Day(1), InvoiceStatus::kPaid, "in_1");
  paid.line_period_end = Day(30);
  const Derived d = Derive(Together(end, paid), Day(6));
  EXPECT_FALSE(d.refetch_owed);
  EXPECT_EQ(d.values.access, Access::kGranted);
  EXPECT_FALSE(Derive(Together(end, Invoice("e3", Day(1), InvoiceStatus::kOpen, "in_1")), Day(6)).refetch_owed);
}

TEST(DeriveTest, WithoutInvoicesPaidUntilIsTheLastGoodPeriodThatNoFailureFollows) {
  SubscriptionSnapshot renewed = Snapshot("e2", Day(30), kActive);
  renewed.period_end = Day(60);
  const Facts good = Together(Snapshot("e1", Day(1), kTrialing), renewed);
  EXPECT_EQ(Derive(good).values.paid_until, Day(60));
  Facts overdue = good;
  SubscriptionSnapshot failed = Snapshot("e3", Day(31), kPastDue);
  failed.period_end = Day(60);
  Merge(overdue, failed);
  EXPECT_EQ(Derive(overdue).values.paid_until, Day(30));
  Facts by_invoice = good;
  InvoiceFact invoice = Failed("e4", Day(31));
  invoice.line_period_end = Day(60);
  Merge(by_invoice, invoice);
  EXPECT_EQ(Derive(by_invoice).values.paid_until, Day(30));
}

// ---- R3: grace, and what is owed

TEST(DeriveTest, R3GraceCountsFromTheFirstFailure) {
  const Facts facts = Together(Naming("in_1", Snapshot("e2", Day(2), kPastDue)), Failed("e1", Day(1)));
  EXPECT_EQ(Derive(facts, Day(3), 72h).past_due_since, Day(1));
  EXPECT_EQ(Derive(facts, Day(3), 72h).values.access_until, Day(4));
  EXPECT_EQ(Derive(facts, Day(4) - 1ms, 72h).values.access, Access::kGranted);
  EXPECT_EQ(Derive(facts, Day(4), 72h).values.access, Access::kRevoked);
  EXPECT_EQ(Derive(facts, Day(1)).values.access, Access::kRevoked);
  EXPECT_EQ(Derive(facts, Day(1)).values.access_until, std::nullopt);
}

TEST(DeriveTest, AccessIsJudgedAtTheMomentOfTheRead) {
  Values v;
  v.status = Status::kCanceled;
  v.access_until = Day(30);
  EXPECT_EQ(AccessAt(v, Day(30) - 1ms), Access::kGranted);
  EXPECT_EQ(AccessAt(v, Day(30)), Access::kRevoked);
  v.access_until.reset();
  EXPECT_EQ(AccessAt(v, Day(0)), Access::kRevoked);
}

TEST(DeriveTest, WhatIsOwedIsTheLatestInvoiceElseTheNewestOpenOne) {
  const SubscriptionSnapshot owing = Naming("in_3", Snapshot("e9", Day(9), kPastDue));
  const InvoiceFact a = Made(Day(1), Failed("e1", Day(1), "in_1"));
  const InvoiceFact b = Made(Day(5), Failed("e2", Day(5), "in_2"));
  EXPECT_EQ(
      Derive(Together(owing, a, b, Made(Day(8), Invoice("e3", Day(8), InvoiceStatus::kDraft, "in_3")))).collectible,
      InvoiceId{"in_2"});
  EXPECT_EQ(Derive(Together(owing, a, b, Made(Day(8), Failed("e3", Day(8), "in_3")))).collectible, InvoiceId{"in_3"});
  InvoiceFact covered = Made(Day(8), Failed("e3", Day(8), "in_3"));
  covered.amount_remaining = 0;
  EXPECT_EQ(Derive(Together(owing, covered)).collectible, std::nullopt);
}

TEST(DeriveTest, WhatIsPaidByTransferIsNotCollected) {
  SubscriptionSnapshot s = Naming("in_1", Snapshot("e2", Day(2), kPastDue));
  s.collected_by_invoice_mail = true;
  EXPECT_EQ(Derive(Together(s, Failed("e1", Day(1)))).collectible, std::nullopt);
}

// ---- plans

TEST(DeriveTest, OfSeveralPricesTheHighestRankIsThePlan) {
  SubscriptionSnapshot s = Snapshot("e1", Day(1), kActive);
  for (const bool highest_first : {true, false}) {
    s.prices = {"price_plus", "price_pro", "price_seat"};
    if (!highest_first) std::reverse(s.prices.begin(), s.prices.end());
    EXPECT_EQ(Derive(Together(s)).values.plan, "pro_plus");
    EXPECT_FALSE(Derive(Together(s)).unknown_price);
  }
  s.prices = {"price_seat"};
  EXPECT_EQ(Derive(Together(s)).values.plan, "");
  EXPECT_TRUE(Derive(Together(s)).unknown_price);
  s.prices = {};
  EXPECT_FALSE(Derive(Together(s)).unknown_price);
}

}  // namespace
}  // namespace dunlin
