// Asking the provider, catching up, telling, and how often what fails is tried.
#include "workflows/effects/effects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/workflows/effects_world.h"
#include "workflows/effects/catch_up.h"
#include "workflows/outbox.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FailureDigest;
using ::testing::HasSubstr;
using testing::Invoice;
using ::testing::IsEmpty;
using testing::kDay;
using testing::kNoon;
using testing::SnapshotDigest;
using testing::Standing;
using testing::World;

// ---- Asking

struct RefetchTest : ::testing::Test {
  void SetUp() override {
    world.Hear(SnapshotDigest("evt_a", kNoon - 1s, ProviderStatus::kActive));
    world.Hear(FailureDigest("evt_f", kNoon));  // R24c: in doubt
    ASSERT_TRUE(world.Record().subscription.dirty);
  }
  World world;
};

TEST_F(RefetchTest, TheAnswerClearsTheDoubt) {
  world.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
  world.Run("refetch/sub_1");
  EXPECT_FALSE(world.Record().subscription.dirty);
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kPastDue);
  EXPECT_FALSE(world.FindJob("refetch/sub_1"));
}

TEST_F(RefetchTest, AnEventThatArrivesMeanwhileIsNotOverwritten) {
  world.provider.Shows(Standing(ProviderStatus::kPastDue), "sub_1");
  world.provider.during = [&](const auto&) {
    world.Hear(SnapshotDigest("evt_n", kNoon + 5s, ProviderStatus::kActive));
  };
  world.Run("refetch/sub_1");
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(RefetchTest, InDoubtStillItIsAskedAgainButNotSoonerThanTenSeconds) {
  world.provider.Shows(Standing(ProviderStatus::kActive), "sub_1");
  world.provider.during = [&](const auto&) { world.Hear(FailureDigest("evt_g", kNoon + 5s, "", 2)); };
  world.Run("refetch/sub_1");
  EXPECT_TRUE(world.Record().subscription.dirty);
  ASSERT_TRUE(world.FindJob("refetch/sub_1"));
  EXPECT_EQ(world.FindJob("refetch/sub_1")->due, world.clock.Now() + 10s);
  world.provider.during = nullptr;
  world.Run("refetch/sub_1");
  EXPECT_FALSE(world.Record().subscription.dirty);
}

TEST_F(RefetchTest, WhatTheProviderDoesNotKnowIsForAPerson) {
  world.provider.Shows(Result<SubscriptionAnswer>(Fail(Errc::kNotFound, "no such subscription")), "sub_1");
  world.Run("refetch/sub_1");
  EXPECT_THAT(world.OpenAlerts(), Contains("not_at_provider/sub_1"));
  EXPECT_FALSE(world.FindJob("refetch/sub_1"));
}

TEST_F(RefetchTest, APaymentFindsItsInvoiceAndItsDecline) {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.type = "payment_intent.payment_failed";
  failed.created = kNoon;
  failed.failure =
      PaymentFailure{.payment_intent = "pi_1", .invoice = {}, .at = kNoon, .decline = {.code = "stolen_card"}};
  failed.acted_on = true;
  world.Hear(failed);
  InvoiceFact invoice = Invoice("", kNoon);
  invoice.decline = Decline{.code = "stolen_card"};
  invoice.decline_at = kNoon;
  InvoiceAnswer answer = Answer(invoice);
  answer.payment_intents = {"pi_1"};
  world.provider.ShowsPayment("pi_1", InvoiceId{"in_1"});
  world.provider.Shows(answer, "in_1");
  world.Run("fetch/pi_1");
  const auto facts = world.Record().subscription.facts;
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_1"})->decline->code, "stolen_card");
  EXPECT_EQ((*world.base->FindPayment("pi_1"))->invoice.str(), "in_1");
}

TEST_F(RefetchTest, APaymentOfSomethingElseIsLeftAlone) {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.created = kNoon;
  failed.failure = PaymentFailure{.payment_intent = "pi_9", .invoice = {}, .at = kNoon, .decline = {}};
  failed.acted_on = true;
  world.Hear(failed);
  world.provider.ShowsPayment("pi_9", Fail(Errc::kNotFound, "none"));
  world.Run("fetch/pi_9");
  EXPECT_FALSE(world.FindJob("fetch/pi_9"));
  EXPECT_THAT(world.OpenAlerts(), IsEmpty());
}

// ---- Catching up

struct CatchUpTest : ::testing::Test {
  std::string Listed(int n) {  // newest first: n seconds before noon
    Digest digest = SnapshotDigest("evt_" + std::to_string(n), kNoon - Seconds{n}, ProviderStatus::kActive);
    world.digests.Add(digest);
    return digest.event.str();
  }
  std::vector<std::string> Sinces() {
    std::vector<std::string> sinces;
    for (const auto& call : world.provider.calls()) sinces.push_back(call.parameters);
    return sinces;
  }
  bool Has(int n) {
    return (*world.base->FindEvent(Provider::kStripe, EventId{"evt_" + std::to_string(n)})).has_value();
  }
  World world;
};

TEST_F(CatchUpTest, ARunThatIsCutShortMissesNothing) {
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.provider.WillList(EventsPage{{Listed(1), Listed(2)}, "evt_2"});
  world.provider.WillList(Fail(Errc::kUnavailable, "no answer"));
  world.Run("catch_up/stripe");
  EXPECT_TRUE(Has(2));
  world.provider.WillList(EventsPage{{Listed(1), Listed(2)}, "evt_2"});
  world.provider.WillList(EventsPage{{Listed(7200), "not an event", Listed(20 * 86400)}, ""});
  world.Run("catch_up/stripe");
  EXPECT_TRUE(Has(7200));
  EXPECT_TRUE(Has(20 * 86400));
  EXPECT_THAT(Sinces(),
              ::testing::AllOf(::testing::SizeIs(4), ::testing::Each(::testing::StartsWith("2026-10-22T12:00:00"))));
  EXPECT_EQ(world.provider.calls().back().key, "evt_2");
}

TEST_F(CatchUpTest, TheNextRunStartsAnHourBeforeTheNewestThatWasKnown) {
  world.Store(SnapshotDigest("evt_w", kNoon - 5 * kDay, ProviderStatus::kActive));
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.provider.WillList(EventsPage{{Listed(60)}, ""});
  world.Run("catch_up/stripe");
  ASSERT_TRUE(world.FindJob("catch_up/stripe"));
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now() + 5min);
  world.Run("catch_up/stripe");  // what the first run brought counts only from here on
  world.Run("catch_up/stripe");
  EXPECT_THAT(Sinces(), ElementsAre(FormatRfc3339(kNoon - 5 * kDay - 1h), FormatRfc3339(kNoon - 5 * kDay - 1h),
                                    FormatRfc3339(kNoon - 60s - 1h)));
}

TEST_F(CatchUpTest, AnEventFromTheFutureHidesNothing) {
  world.Store(SnapshotDigest("evt_future", kNoon + 40 * kDay, ProviderStatus::kActive));
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.Run("catch_up/stripe");
  world.Run("catch_up/stripe");
  EXPECT_THAT(Sinces(), ElementsAre(FormatRfc3339(kNoon - 1h), FormatRfc3339(kNoon - 1h)));
}

TEST_F(CatchUpTest, ARequestLetsTheWaitingRunGoNow) {
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  world.Run("catch_up/stripe");
  ASSERT_TRUE(RequestCatchUp(*world.base, world.clock.Now()));
  EXPECT_EQ(world.FindJob("catch_up/stripe")->due, world.clock.Now());
}

// ---- Messages and the retry rule

TEST(DeliverTest, MessagesGoToTheFileOneLineEach) {
  const testing::ScratchDir dir;
  FileOutbox outbox(dir.File("outbox.jsonl"));
  EXPECT_TRUE(outbox.Deliver(JobId{7}, R"({"kind":"mail"})"));
  EXPECT_TRUE(outbox.Deliver(JobId{8}, "{}"));
  EXPECT_EQ(outbox.Deliver(JobId{9}, "no object").error().code, Errc::kInvalidArgument);
  std::ifstream file(dir.File("outbox.jsonl"));
  std::string first, second, third;
  std::getline(file, first);
  std::getline(file, second);
  EXPECT_EQ(first, R"({"id":"job_7","kind":"mail"})");
  EXPECT_EQ(second, R"({"id":"job_8"})");
  EXPECT_FALSE(std::getline(file, third));
  FileOutbox nowhere(dir.File("no/such/dir"));
  EXPECT_EQ(nowhere.Deliver(JobId{7}, "{}").error().code, Errc::kUnavailable);
}

TEST(DeliverTest, AMessageIsDeliveredOnceAndTriedAgainWhenItFails) {
  World w;
  w.outbox.fails = "disk full";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  w.Run("mail/1");
  ASSERT_TRUE(w.FindJob("mail/1"));
  EXPECT_EQ(w.FindJob("mail/1")->tries, 1);
  EXPECT_THAT(w.FindJob("mail/1")->last_error, HasSubstr("disk full"));
  w.outbox.fails.clear();
  w.Run("mail/1");
  EXPECT_EQ(w.outbox.messages.size(), 1U);
  EXPECT_FALSE(w.FindJob("mail/1"));
}

TEST(DeliverTest, TheChangesOfASubscriptionAreToldInTheirOrder) {
  World w;
  NewJob first = testing::MakeJob(JobKind::kNotify, kNoon, "notify/1");
  NewJob second = testing::MakeJob(JobKind::kNotify, kNoon, "notify/2");
  NewJob other = testing::MakeJob(JobKind::kNotify, kNoon, "notify/3");
  first.subject = second.subject = "sub_1";
  other.subject = "sub_2";
  ASSERT_TRUE(w.base->Commit(testing::Add(first)));
  ASSERT_TRUE(w.base->Commit(testing::Add(second)));
  ASSERT_TRUE(w.base->Commit(testing::Add(other)));
  w.Run("notify/2");
  EXPECT_TRUE(w.outbox.messages.empty());
  EXPECT_EQ(w.FindJob("notify/2")->tries, 0) << "waiting is no failure";
  w.Run("notify/3");
  EXPECT_EQ(w.outbox.messages.size(), 1U);
  w.Run("notify/1");
  w.Run("notify/2");
  EXPECT_EQ(w.outbox.messages.size(), 3U);
}

TEST(RetryRuleTest, WaitsDoubleWithinTwentyPercentUpToAnHour) {
  testing::FixedRandom random;
  const Error error{Errc::kUnavailable, "x"};
  for (int tries = 0; tries < 40; ++tries) {
    Job job;
    job.kind = JobKind::kMail;
    job.tries = tries;
    const Millis base = std::min(Millis{1000 * (1LL << std::min(tries, 20))}, Millis{1h});
    for (int i = 0; i < 20; ++i) {
      const Millis wait = TryAgain(job, error, kNoon, random).due - kNoon;
      EXPECT_GE(wait, base * 8 / 10) << tries;
      EXPECT_LE(wait, std::min(base * 12 / 10, Millis{1h})) << tries;
    }
  }
}

TEST(RetryRuleTest, TimeThatPassedWhileTheServiceWasAwayIsNoFailure) {
  World w;
  w.outbox.fails = "no";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  w.Run("mail/1");
  w.clock.Advance(PatienceOf(JobKind::kMail) * 2);
  for (int i = 2; i < kTriesMin; ++i) {
    w.Run("mail/1");
    EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kReady) << i;
  }
  w.Run("mail/1");
  EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kDead);
}

TEST(RetryRuleTest, AJobThatFailsTooLongDiesWithAnAlertAndBeginsAnewWhenRequeued) {
  World w;
  w.outbox.fails = "no";
  ASSERT_TRUE(w.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, kNoon, "mail/1"))));
  for (int i = 0; i < 60 && w.FindJob("mail/1")->state == JobState::kReady; ++i) w.Run("mail/1");
  const Job dead = *w.FindJob("mail/1");
  ASSERT_EQ(dead.state, JobState::kDead);
  EXPECT_GE(w.clock.Now() - *dead.first_failed_at, PatienceOf(JobKind::kMail));
  EXPECT_THAT(w.OpenAlerts(), Contains("dead_job/" + std::to_string(ToInt(dead.id))));
  Unit requeue;
  requeue.retries.push_back({.id = dead.id, .due = w.clock.Now(), .count_try = false, .at = w.clock.Now()});
  ASSERT_TRUE(w.base->Commit(std::move(requeue)));
  w.Run("mail/1");
  EXPECT_EQ(w.FindJob("mail/1")->state, JobState::kReady);  // one more failure does not kill it again
  EXPECT_EQ(w.FindJob("mail/1")->tries, 1);
}

}  // namespace
}  // namespace dunlin
