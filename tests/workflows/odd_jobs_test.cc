// Jobs that find nothing to do, or cannot tell what: of another version, edited by hand, overtaken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workflows/usage_world.h"
#include "workflows/decide.h"
#include "workflows/effects/catch_up.h"
#include "workflows/engine.h"

namespace dunlin::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

NewJob Odd(JobKind kind, const std::string& payload, const std::string& subject = "") {
  NewJob job = MakeJob(kind, kNoon, "odd");
  job.subject = subject;
  job.payload = payload;
  return job;
}

TEST(OddJobTest, WhatCannotBeReadIsTriedUntilAPersonLooks) {
  struct Row {
    JobKind kind;
    const char* payload;
    const char* says;
  };
  for (const Row& row : {Row{JobKind::kFetchEvent, "[]", "not readable"}, Row{JobKind::kFetchEvent, "", "not readable"},
                         Row{JobKind::kErase, "[]", "which account"}, Row{JobKind::kErase, "{\"until_ms\":1}", "which"},
                         Row{JobKind::kErase, "{\"account\":\"cus_1\"}", "which account"}}) {
    World w;
    ASSERT_TRUE(w.base->Commit(Add(Odd(row.kind, row.payload))));
    w.Run("odd");
    ASSERT_TRUE(w.FindJob("odd")) << row.payload;
    EXPECT_EQ(w.FindJob("odd")->tries, 1);
    EXPECT_THAT(w.FindJob("odd")->last_error, HasSubstr(row.says));
    EXPECT_THAT(w.provider.calls(), IsEmpty());
  }
}

TEST(OddJobTest, RetentionThatDoesNotKnowWhereItStoppedBeginsAnew) {
  World w;
  w.Hear(SnapshotDigest("evt_1", kNoon, ProviderStatus::kActive));
  w.clock.Set(kNoon + kRetain + 1h);
  ASSERT_TRUE(w.base->Commit(Add(Odd(JobKind::kRetention, "[]"))));
  w.Run("odd");
  EXPECT_EQ(w.base->FindEvent(Provider::kStripe, EventId{"evt_1"}).value()->body, "");
  EXPECT_FALSE(w.FindJob("odd"));
  EXPECT_TRUE(w.FindJob("retention"));
}

TEST(OddJobTest, ACatchUpThatDoesNotKnowWhereItStoppedListsAllThatIsListed) {
  World w;
  NewJob run = Odd(JobKind::kCatchUp, "[]");
  run.key = "catch_up/stripe";
  ASSERT_TRUE(w.base->Commit(Add(run)));
  w.Run("catch_up/stripe");
  ASSERT_THAT(w.provider.calls(), SizeIs(1));
  EXPECT_EQ(w.provider.calls()[0].parameters, FormatRfc3339(kNoon - 30 * kDay));
}

TEST(OddJobTest, AConfirmationWithoutItsMessageEndsAndAsksNobody) {
  for (const char* payload : {"[]", "{}", "{\"event\":7}", "{\"event\":\"m-unknown\"}"}) {
    World w;
    int asked = 0;
    w.engine.confirm_topic = [&](std::string_view) -> Result<std::string> {
      ++asked;
      return std::string("s-1");
    };
    ASSERT_TRUE(w.base->Commit(Add(Odd(JobKind::kConfirmTopic, payload))));
    w.Run("odd");
    EXPECT_FALSE(w.FindJob("odd")) << payload;
    EXPECT_EQ(asked, 0) << payload;
  }
}

TEST(OddJobTest, AChargeThatDoesNotSayWhoWantsItIsOneOfTheSchedule) {
  World w;
  w.ReachDue();
  NewJob charge = Odd(JobKind::kCharge, "[]", "sub_1");
  charge.key = ChargeJobKey(SubscriptionId{"sub_1"});
  charge.due = w.clock.Now();
  charge.on_same_key = OnSameKey::kReplace;
  ASSERT_TRUE(w.base->Commit(Add(charge)));
  w.provider.WillPay(Paid());
  w.Run(kCharge);
  ASSERT_THAT(w.attempts(), SizeIs(1));
  EXPECT_EQ(w.attempts()[0].kind, AttemptKind::kAutomatic);
  EXPECT_EQ(w.attempts()[0].by, "");
}

TEST(OddJobTest, AJobOfASubscriptionThatIsNotThereEndsAndLeavesNothing) {
  for (const JobKind kind : {JobKind::kTakeOver, JobKind::kCancel, JobKind::kPeriodCheck, JobKind::kEntitlements,
                             JobKind::kFreezeUsage, JobKind::kMeter}) {
    UsageWorld w;
    ASSERT_TRUE(w.base->Commit(Add(Odd(kind, "{}", "sub_9"))));
    w.Run("odd");
    EXPECT_FALSE(w.FindJob("odd")) << JobKindName(kind);
    EXPECT_THAT(w.base->Jobs({}, {}).value().items, IsEmpty()) << JobKindName(kind);
    EXPECT_THAT(w.base->Subscriptions({}, {}).value().items, IsEmpty()) << JobKindName(kind);
    EXPECT_THAT(w.provider.calls(), IsEmpty()) << JobKindName(kind);
    EXPECT_THAT(w.marketplace.calls(), IsEmpty()) << JobKindName(kind);
  }
}

TEST(OddJobTest, AChargeOfASubscriptionThatIsNotThereOnlyAsksAboutIt) {
  World w;
  ASSERT_TRUE(w.base->Commit(Add(Odd(JobKind::kCharge, "{}", "sub_9"))));
  w.Run("odd");
  EXPECT_FALSE(w.FindJob("odd"));
  EXPECT_TRUE(w.FindJob("refetch/sub_9"));
  EXPECT_THAT(w.provider.calls(), IsEmpty());
  EXPECT_THAT(w.Record("sub_9").attempts, IsEmpty());
}

TEST(OddJobTest, AnEventThatIsOfferedInTheWrongLaneIsNotLost) {
  World w;
  w.Store(SnapshotDigest("evt_1", kNoon - 1s, ProviderStatus::kActive));
  const JobId id = w.base->DueJobs(kNoon, 10)->at(0).id;
  Effects(w.engine).Run(id);
  ASSERT_TRUE(w.base->FindJob(id).value());
  EXPECT_THAT(w.base->FindJob(id).value()->last_error, HasSubstr("other lane"));
  w.clock.Advance(2s);
  EXPECT_EQ(w.RunDue(), 1);
  EXPECT_EQ(w.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST(OddJobTest, AnAccessCheckThatIsOfferedInTheWrongLaneIsNotLost) {
  World w;
  w.Hear(SnapshotDigest("evt_1", kNoon - 1s, ProviderStatus::kActive));
  ASSERT_TRUE(w.base->Commit(Add(Odd(JobKind::kAccessCheck, "{}", "sub_1"))));
  w.Run("odd");
  EXPECT_THAT(w.FindJob("odd")->last_error, HasSubstr("other lane"));
  w.RunUntil(kNoon + 2s);
  EXPECT_FALSE(w.FindJob("odd"));
}

TEST(OddJobTest, AnErasureOfAnAccountOfWhichNothingIsLeftGoesOnUntilItsTimeIsOver) {
  World w;
  const std::int64_t until = ToUnixMillis(kNoon + 36h);
  ASSERT_TRUE(
      w.base->Commit(Add(Odd(JobKind::kErase, R"({"account":"cus_9","until_ms":)" + std::to_string(until) + "}"))));
  w.Run("odd");
  ASSERT_TRUE(w.FindJob("odd"));
  EXPECT_EQ(w.FindJob("odd")->due, kNoon + 24h);
  EXPECT_EQ(w.FindJob("odd")->tries, 0);
  w.Run("odd");
  EXPECT_FALSE(w.FindJob("odd"));
}

TEST(OddJobTest, APeriodCheckOfASubscriptionWithoutAPeriodAsksNothing) {
  World w;
  Digest digest = SnapshotDigest("evt_1", kNoon - 1s, ProviderStatus::kActive);
  digest.snapshot->period_end.reset();
  w.Hear(digest);
  ASSERT_TRUE(w.base->Commit(Add(Odd(JobKind::kPeriodCheck, "{}", "sub_1"))));
  w.Run("odd");
  EXPECT_FALSE(w.FindJob("odd"));
  EXPECT_THAT(w.provider.calls(), IsEmpty());
}

TEST(OddJobTest, AnInvoiceOfNoSubscriptionLeavesNothing) {
  World w;
  w.Hear(ThinDigest("evt_t", kNoon, "invoice", "in_5"));
  InvoiceAnswer one_off = Answer(Invoice("", kNoon, InvoiceStatus::kOpen, "in_5"));
  one_off.subscription = SubscriptionId{};
  w.provider.Shows(one_off, "in_5");
  w.Run("fetch/in_5");
  EXPECT_FALSE(w.FindJob("fetch/in_5"));
  EXPECT_THAT(w.base->Subscriptions({}, {}).value().items, IsEmpty());
}

// ---- Giving up ---------------------------------------------------------------------------------------------------

// What would leave money or access wrong outlasts a provider's long outage; what looks after others never ends.
TEST(PatienceTest, IsAsLongAsItsOmissionIsBad) {
  const auto week = Millis{24h} * 7;
  for (const JobKind kind : {JobKind::kTakeOver, JobKind::kCancel, JobKind::kRefetch, JobKind::kFetchEvent,
                             JobKind::kPeriodCheck, JobKind::kEntitlements, JobKind::kMeter})
    EXPECT_EQ(PatienceOf(kind), week) << JobKindName(kind);
  for (const JobKind kind : {JobKind::kApply, JobKind::kAccessCheck, JobKind::kConfirmTopic, JobKind::kMail,
                             JobKind::kNotify, JobKind::kAlert})
    EXPECT_EQ(PatienceOf(kind), Millis{24h}) << JobKindName(kind);
  for (const JobKind kind :
       {JobKind::kCatchUp, JobKind::kRetention, JobKind::kErase, JobKind::kEntitlementSweep, JobKind::kFreezeUsage})
    EXPECT_GT(PatienceOf(kind), week * 1000) << JobKindName(kind);
}

TEST(PatienceTest, AMessageToSupportThatDiesRaisesNoOther) {
  for (const JobKind kind : {JobKind::kAlert, JobKind::kMail}) {
    World w;
    w.outbox.fails = "no";
    ASSERT_TRUE(w.base->Commit(Add(Odd(kind, "{}"))));
    for (int i = 0; i < 60 && w.FindJob("odd")->state == JobState::kReady; ++i) w.Run("odd");
    ASSERT_EQ(w.FindJob("odd")->state, JobState::kDead);
    EXPECT_EQ(w.OpenAlerts().size(), kind == JobKind::kAlert ? 0U : 1U);
  }
}

}  // namespace
}  // namespace dunlin::testing
