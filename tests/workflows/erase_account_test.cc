// A customer is forgotten; the sums are not.
#include "workflows/erase_account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/ledger_values.h"
#include "tests/workflows/effects_world.h"
#include "workflows/retry_request.h"

namespace dunlin::testing {
namespace {

using ::testing::SizeIs;

const AccountId kCustomer{"cus_1"};

// A recovery ran on sub_1, whose invoice tells an address, and the subscription has ended.
void LiveAndEnd(World& world) {
  world.ReachDue();
  Digest told = FailureDigest("evt_mail", kNoon, "", 2);
  told.invoice->customer_email = "ann@example.com";
  told.invoice->hosted_url = "https://pay.example.com/ann";
  world.Hear(told);
  world.Hear(SnapshotDigest("evt_end", kNoon + 1h, ProviderStatus::kCanceled));
}

Result<AccountErased> Erase(World& world, StillRunning running = StillRunning::kRefuse) {
  Unit along;
  along.jobs.push_back(EraseAgainJob(kCustomer, world.clock.Now()));
  return EraseAccount(world.ledger, kCustomer, running, world.clock.Now(), along);
}

TEST(EraseAccountTest, AddressesGoAndSumsStay) {
  World world;
  LiveAndEnd(world);
  const InvoiceFact before = world.Record().subscription.facts.invoices.at(0);
  ASSERT_EQ(before.customer_email, "ann@example.com");
  const Result<AccountErased> erased = Erase(world);
  ASSERT_TRUE(erased) << erased.error().detail;
  EXPECT_EQ(erased->invoices, 1);
  EXPECT_GE(erased->dropped.bodies, 4);
  const SubscriptionRecord after = world.Record();
  const InvoiceFact& invoice = after.subscription.facts.invoices.at(0);
  EXPECT_EQ(invoice.customer_email, "");
  EXPECT_EQ(invoice.hosted_url, "");
  EXPECT_EQ(invoice.amount_due, before.amount_due);
  EXPECT_EQ(invoice.failures, before.failures);
  EXPECT_EQ(after.subscription.values.status, SubscriptionStatus::kCanceled);
  EXPECT_THAT(world.Reasons("note"), SizeIs(1));
}

TEST(EraseAccountTest, WhatStaffWroteWithARetryIsNowhereAnyMore) {
  World world;
  const auto written = [&world] {
    std::string all;
    const std::vector<TimelineRow> rows = *world.base->Timeline(SubscriptionId{"sub_1"});
    for (const TimelineRow& row : rows) all += row.reason + row.next;
    const std::vector<Attempt> attempts = world.attempts();
    for (const Attempt& attempt : attempts) all += attempt.reason + attempt.detail;
    const Listing<Job> jobs = *world.base->Jobs({}, {});
    for (const Job& job : jobs.items) all += job.payload;
    return all;
  };
  world.ReachDue();
  ASSERT_TRUE(AskForRetry(*world.base, world.policies, SubscriptionId{"sub_1"}, "bob", "Ann Smith called", kNoon + 1h));
  world.provider.WillPay(Declined());
  world.Run("retry/sub_1");
  ASSERT_THAT(world.attempts(), SizeIs(1));
  ASSERT_THAT(written(), ::testing::HasSubstr("Ann Smith"));
  world.Hear(SnapshotDigest("evt_end", kNoon + 2h, ProviderStatus::kCanceled));
  ASSERT_TRUE(Erase(world));
  EXPECT_THAT(written(), ::testing::Not(::testing::HasSubstr("Ann Smith")));
}

TEST(EraseAccountTest, ASubscriptionThatRunsIsRefusedUnlessItIsForced) {
  World world;
  world.ReachDue();
  const Result<AccountErased> refused = Erase(world);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().detail, ::testing::HasSubstr("sub_1 has not ended"));
  EXPECT_FALSE(world.FindJob("erase/cus_1"));
  EXPECT_TRUE(Erase(world, StillRunning::kEraseToo));
}

TEST(EraseAccountTest, AnAttemptWhoseOutcomeIsNotKnownIsWaitedFor) {
  World world;
  world.ReachDue();
  world.provider.WillPay({.outcome = PayOutcome::kUnknown, .detail = "no answer"});
  world.Run(kCharge);
  world.Hear(SnapshotDigest("evt_end", world.clock.Now(), ProviderStatus::kCanceled));
  const Result<AccountErased> refused = Erase(world);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().detail, ::testing::HasSubstr("attempt of subscription sub_1 is open"));
}

TEST(EraseAccountTest, AnInvoiceThatTellsOnlyItsPageIsStrippedToo) {
  World world;
  Digest told = FailureDigest("evt_page", kNoon);
  told.invoice->hosted_url = "https://pay.example.com/ann";
  world.Hear(told);
  world.Hear(SnapshotDigest("evt_end", kNoon + 1h, ProviderStatus::kCanceled));
  const Result<AccountErased> erased = Erase(world);
  ASSERT_TRUE(erased) << erased.error().detail;
  EXPECT_EQ(erased->invoices, 1);
  EXPECT_EQ(world.Record().subscription.facts.invoices.at(0).hosted_url, "");
}

// Nothing of it was filed, but events that name it are kept: more of them than one commit looks at.
TEST(EraseAccountTest, AnAccountThatOnlyEventsNameIsErasedFromAllOfThem) {
  World world;
  constexpr int kMany = 2001;
  std::vector<Unit> units;
  for (int i = 0; i < kMany; ++i) {
    NewEvent event = MakeEvent("evt_" + std::to_string(i), R"({"customer":"cus_1"})");
    event.outcome = EventOutcome::kKept;
    units.push_back(Accept(std::move(event)));
  }
  world.base->CommitAll(std::move(units));
  const Result<AccountErased> erased = Erase(world);
  ASSERT_TRUE(erased) << erased.error().detail;
  EXPECT_EQ(erased->dropped.bodies, kMany);
  EXPECT_THAT(erased->subscriptions, ::testing::IsEmpty());
  EXPECT_EQ(world.base->FindEvent(Provider::kStripe, EventId{"evt_2000"}).value()->body, "");
  EXPECT_EQ(Erase(world).error().code, Errc::kNotFound);
}

TEST(EraseAccountTest, WhileItsSubscriptionsKeepMovingItIsToBeTriedAgain) {
  World world;
  LiveAndEnd(world);
  world.ledger.Disturb(FaultyLedger::At::kCondition, 1, true,
                       []() -> Status { return Fail(Errc::kConflict, "it has moved"); });
  const Result<AccountErased> erased = Erase(world);
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().code, Errc::kUnavailable);
  EXPECT_THAT(erased.error().detail, ::testing::HasSubstr("try again"));
  world.ledger.Calm();
  EXPECT_TRUE(Erase(world));
}

TEST(EraseAccountTest, AnAccountOfWhichNothingIsKnownIsNotFound) {
  World world;
  const Result<AccountErased> erased = Erase(world);
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().code, Errc::kNotFound);
}

TEST(EraseAccountTest, AnEventThatComesAfterwardsIsAppliedAndErasedTheNextDay) {
  World world;
  LiveAndEnd(world);
  ASSERT_TRUE(Erase(world));
  Digest late = FailureDigest("evt_late", kNoon + 2h, "", 3);
  late.invoice->customer_email = "ann@example.com";
  world.Hear(late);
  ASSERT_EQ(world.Record().subscription.facts.invoices.at(0).customer_email, "ann@example.com");
  world.Run("erase/cus_1");
  EXPECT_EQ(world.Record().subscription.facts.invoices.at(0).customer_email, "");
  EXPECT_EQ(world.base->FindEvent(Provider::kStripe, EventId{"evt_late"}).value()->body, "");
  EXPECT_TRUE(world.FindJob("erase/cus_1"));
}

TEST(EraseAccountTest, ItIsErasedAgainOnceADayUntilNothingGenuineCanCome) {
  World world;
  LiveAndEnd(world);
  ASSERT_TRUE(Erase(world));
  int runs = 0;
  for (; world.FindJob("erase/cus_1") && runs < 100; ++runs) world.Run("erase/cus_1");
  EXPECT_EQ(runs, 35);
}

TEST(EraseAccountTest, AnEventSentAgainAfterwardsIsStillADuplicate) {
  World world;
  LiveAndEnd(world);
  ASSERT_TRUE(Erase(world));
  const std::int64_t version = world.Record().subscription.version;
  const Result<UnitResult> again = world.base->Commit(Accept(MakeEvent("evt_mail", "ann@example.com")));
  EXPECT_THAT(again.value().stored, ::testing::ElementsAre(false));
  EXPECT_EQ(world.Record().subscription.version, version);
}

// Wherever a crash or a lost commit falls, running it again ends in the same state.
TEST(EraseAccountTest, WhicheverCommitIsLostItCanBeRunAgain) {
  for (const auto fault : {FaultyLedger::Fault::kBeforeWrite, FaultyLedger::Fault::kAfterWrite}) {
    for (int nth = 1; nth <= 2; ++nth) {
      World world;
      LiveAndEnd(world);
      world.ledger.LoseCommit(nth, fault);
      EXPECT_FALSE(Erase(world));
      EXPECT_TRUE(Erase(world));
      EXPECT_EQ(world.Record().subscription.facts.invoices.at(0).customer_email, "");
    }
  }
}

}  // namespace
}  // namespace dunlin::testing
