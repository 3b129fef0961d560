#include "workflows/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "tests/workflows/effects_world.h"

namespace dunlin {
namespace {

using ::testing::Contains;
using testing::FailureDigest;
using ::testing::HasSubstr;
using testing::kDay;
using testing::kNoon;
using testing::PaidDigest;
using testing::SnapshotDigest;
using testing::World;

Digest Of(Digest digest, const std::string& subscription) {
  digest.event = EventId{digest.event.str() + "_" + subscription};
  digest.subscription = SubscriptionId{subscription};
  if (digest.snapshot) digest.snapshot->source = digest.event;
  if (digest.invoice) {
    digest.invoice->id = InvoiceId{"in_" + subscription};
    digest.invoice->source = digest.event;
    for (Failure& f : digest.invoice->failures) f.source = digest.event;
  }
  return digest;
}

// Applies everything that waits, in batches of at most `most`.
void ApplyAll(World& world, std::size_t most = 1000) {
  for (;;) {
    const std::vector<JobRef> due = *world.base->DueJobs(world.clock.Now(), 10'000);
    std::vector<JobId> ids;
    for (const JobRef& job : due) {
      if (job.lane == Lane::kApply && ids.size() < most) ids.push_back(job.id);
    }
    if (ids.empty()) return;
    Applier(world.engine).Run(ids);
  }
}

EventOutcome OutcomeOf(World& world, const std::string& event) {
  return (*world.base->FindEvent(Provider::kStripe, EventId{event}))->outcome;
}

TEST(ApplyTest, FiftyEventsOfThreeSubscriptionsAreThreeSaves) {
  World world;
  for (int i = 0; i < 50; ++i) {
    const std::string subscription = "sub_" + std::to_string(i % 3);
    world.Store(Of(SnapshotDigest("evt_" + std::to_string(i), kNoon - Seconds{100 - i},
                                  i % 2 == 0 ? ProviderStatus::kActive : ProviderStatus::kPastDue),
                   subscription));
  }
  const int before = world.ledger.commits();
  ApplyAll(world);
  EXPECT_EQ(world.ledger.commits() - before, 3);
  for (const char* id : {"sub_0", "sub_1", "sub_2"}) EXPECT_EQ(world.Record(id).subscription.version, 1);
}

TEST(ApplyTest, AnEventThatCannotBeWrittenHoldsUpNoOther) {
  World world;
  for (int i = 0; i < 5; ++i)
    world.Store(SnapshotDigest("evt_" + std::to_string(i), kNoon - Seconds{100 - i}, ProviderStatus::kActive));
  world.ledger.RefuseEvent((*world.base->FindEvent(Provider::kStripe, EventId{"evt_2"}))->seq);
  ApplyAll(world);
  for (const char* id : {"evt_0", "evt_1", "evt_3", "evt_4"}) EXPECT_NE(OutcomeOf(world, id), EventOutcome::kWaiting);
  EXPECT_EQ(OutcomeOf(world, "evt_2"), EventOutcome::kWaiting);
  const Listing<Job> jobs = *world.base->Jobs({.kind = JobKind::kApply}, {});
  ASSERT_EQ(jobs.items.size(), 1U);
  EXPECT_THAT(jobs.items[0].last_error, HasSubstr("refused on purpose"));
}

TEST(ApplyTest, ABatchHasOneChangeRowForEachChangeAndNoMore) {
  World world;
  world.Store(SnapshotDigest("evt_1", kNoon - 50s, ProviderStatus::kActive));
  world.Store(SnapshotDigest("evt_2", kNoon - 40s, ProviderStatus::kActive));
  world.Store(SnapshotDigest("evt_3", kNoon - 30s, ProviderStatus::kPastDue));
  world.Store(SnapshotDigest("evt_4", kNoon - 20s, ProviderStatus::kPastDue));
  world.Store(SnapshotDigest("evt_5", kNoon - 10s, ProviderStatus::kActive));
  ApplyAll(world);
  EXPECT_EQ(world.Reasons("change").size(), 3U);
  const auto told = world.base->Jobs({.kind = JobKind::kNotify}, {.limit = 10});
  ASSERT_EQ(told->items.size(), 1U) << "of one commit the product hears once, how it stands in the end";
  EXPECT_NE(told->items[0].payload.find(R"("status":"active")"), std::string::npos) << told->items[0].payload;
}

TEST(ApplyTest, AnAlertThatIsOverWithinTheBatchIsNotRaised) {
  World world;
  Digest unknown = SnapshotDigest("evt_1", kNoon - 50s, ProviderStatus::kActive);
  unknown.snapshot->prices = {"price_of_no_plan"};
  world.Store(unknown);
  world.Store(SnapshotDigest("evt_2", kNoon - 40s, ProviderStatus::kActive));
  ApplyAll(world);
  EXPECT_THAT(world.OpenAlerts(), ::testing::IsEmpty());
  EXPECT_EQ(world.Record().subscription.values.plan, "pro");
}

TEST(ApplyTest, TwoAppliersApplyEachEventOnce) {  // I2
  World world;
  for (int i = 0; i < 60; ++i) {
    world.Store(SnapshotDigest("evt_" + std::to_string(i), kNoon - Seconds{100 - i},
                               i % 2 == 0 ? ProviderStatus::kActive : ProviderStatus::kPastDue));
  }
  std::vector<JobId> ids;
  const std::vector<JobRef> due = *world.base->DueJobs(kNoon, 1000);
  for (const JobRef& job : due) ids.push_back(job.id);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&world, ids, t] {
      for (std::size_t i = 0; i < ids.size(); i += 5) {
        const std::size_t at = t == 0 ? i : ids.size() - 5 - i;
        Applier(world.engine).Run(std::span(ids).subspan(at, 5));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ApplyAll(world);
  const Subscription s = world.Record().subscription;
  EXPECT_EQ(s.facts.snapshots.size(), 60U);
  EXPECT_EQ(s.values.status, SubscriptionStatus::kPastDue);
  const auto events =
      *world.base->Events({.subscription = "", .type = "", .outcome = EventOutcome::kWaiting}, {.limit = 1000});
  EXPECT_TRUE(events.items.empty());
  // I9: the rows lead from one to the next, whoever wrote them.
  SubscriptionStatus at = SubscriptionStatus::kPending;
  const auto timeline = *world.base->Timeline(SubscriptionId{"sub_1"});
  for (const TimelineRow& row : timeline) {
    if (!row.status_to) continue;
    EXPECT_EQ(row.status_from, at);
    at = *row.status_to;
  }
  EXPECT_EQ(at, s.values.status);
}

TEST(ApplyTest, ARowThatMovedIsReadAgain) {
  World world;
  world.Hear(SnapshotDigest("evt_1", kNoon - 9s, ProviderStatus::kActive));
  world.Store(SnapshotDigest("evt_2", kNoon - 5s, ProviderStatus::kPastDue));
  world.Store(SnapshotDigest("evt_3", kNoon - 1s, ProviderStatus::kActive));
  const EventReader plain = world.engine.read;
  bool moved = false;
  world.engine.read = [&](Provider provider, std::string_view body) {
    if (!moved && body == "evt_3") {  // the row was read for evt_2; somebody else saves it before it is written
      moved = true;
      Subscription row = world.Record().subscription;
      EXPECT_TRUE(Merge(row.facts, MethodChange{kNoon, EventId{"evt_m"}}));
      EXPECT_TRUE(world.base->Commit(testing::Save(row)));
    }
    return plain(provider, body);
  };
  const int before = world.ledger.commits();
  ApplyAll(world);
  EXPECT_TRUE(moved);
  EXPECT_EQ(world.ledger.commits() - before, 2);  // one that lost, one that read again
  const Subscription s = world.Record().subscription;
  EXPECT_EQ(s.version, 3);
  EXPECT_EQ(s.facts.snapshots.size(), 3U);
  EXPECT_EQ(s.facts.method.source.str(), "evt_m");
  EXPECT_EQ(world.Reasons("change").size(), 3U);
}

TEST(ApplyTest, AnEventThatCannotBeReadIsKeptAndToldToSupport) {
  World world;
  Digest digest = SnapshotDigest("evt_1", kNoon, ProviderStatus::kActive);
  world.Store(digest);
  world.engine.read = [](Provider, std::string_view) -> Result<Digest> {
    return Fail(Errc::kInvalidArgument, "no status");
  };
  ApplyAll(world);
  const auto event = **world.base->FindEvent(Provider::kStripe, EventId{"evt_1"});
  EXPECT_EQ(event.outcome, EventOutcome::kUnreadable);
  EXPECT_THAT(event.detail, HasSubstr("no status"));
  EXPECT_EQ(event.body, "evt_1");
  EXPECT_THAT(world.OpenAlerts(), Contains("unreadable/evt_1"));
}

TEST(ApplyTest, ATypeThatIsNotActedOnIsKept) {
  World world;
  Digest digest;
  digest.event = EventId{"evt_1"};
  digest.type = "balance.available";
  digest.created = kNoon;
  world.Hear(digest);
  EXPECT_EQ(OutcomeOf(world, "evt_1"), EventOutcome::kKept);
}

TEST(ApplyTest, ANewMethodOfTheCustomerReachesEachSubscription) {
  World world;
  for (const char* id : {"sub_1", "sub_2", "sub_3"}) {
    world.Store(Of(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kActive), id));
  }
  Digest method;
  method.event = EventId{"evt_m"};
  method.type = "customer.updated";
  method.created = kNoon;
  method.account = AccountId{"cus_1"};
  method.method = MethodChange{kNoon, method.event};
  method.acted_on = true;
  ApplyAll(world);
  world.Store(method);
  world.Store(Of(SnapshotDigest("evt_b", kNoon - 1s, ProviderStatus::kActive), "sub_2"));  // in the same batch
  ApplyAll(world);
  for (const char* id : {"sub_1", "sub_2", "sub_3"})
    EXPECT_EQ(world.Record(id).subscription.facts.method.source, method.event) << id;
}

TEST(ApplyTest, AThinEventOfTheCustomerAsksForEachSubscriptionThatHasNotEnded) {
  World world;
  world.Hear(Of(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kActive), "sub_1"));
  world.Hear(Of(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kPastDue), "sub_2"));
  world.Hear(Of(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kCanceled), "sub_3"));
  world.Hear(testing::ThinDigest("evt_c", kNoon, "customer", "cus_1"));
  EXPECT_EQ(OutcomeOf(world, "evt_c"), EventOutcome::kApplied);
  EXPECT_TRUE(world.FindJob("refetch/sub_1"));
  EXPECT_TRUE(world.FindJob("refetch/sub_2"));
  EXPECT_FALSE(world.FindJob("refetch/sub_3"));
  world.Hear(testing::ThinDigest("evt_d", kNoon, "customer", "cus_unknown"));
  EXPECT_EQ(OutcomeOf(world, "evt_d"), EventOutcome::kNoChange);
}

struct PaymentFailureTest : ::testing::Test {
  PaymentFailureTest() {
    failed.event = EventId{"evt_pi"};
    failed.type = "payment_intent.payment_failed";
    failed.created = kNoon - 30s;
    failed.failure =
        PaymentFailure{.payment_intent = "pi_1", .invoice = {}, .at = kNoon - 30s, .decline = {.code = "stolen_card"}};
    failed.acted_on = true;
    invoice = FailureDigest("evt_in", kNoon - 30s);
    invoice.link = PaymentLink{"pi_1", InvoiceId{"in_1"}, SubscriptionId{"sub_1"}};
    world.Hear(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kActive));
  }
  Digest failed, invoice;
  World world;
};

TEST_F(PaymentFailureTest, AfterItsInvoiceItsDeclineIsFiledAtOnce) {
  world.Hear(invoice);
  world.Hear(failed);
  const Facts facts = world.Record().subscription.facts;
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_1"})->decline->code, "stolen_card");
  EXPECT_FALSE(world.FindJob("fetch/pi_1"));
}

TEST_F(PaymentFailureTest, BeforeItsInvoiceItAsks) {
  world.Hear(failed);
  EXPECT_TRUE(world.FindJob("fetch/pi_1"));
  world.Hear(invoice);
  InvoiceFact shown = testing::Invoice("", kNoon);
  shown.decline = Decline{.code = "stolen_card"};
  shown.decline_at = kNoon - 30s;
  world.provider.ShowsPayment("pi_1", InvoiceId{"in_1"});
  world.provider.Shows(testing::Answer(shown), "in_1");
  world.Run("fetch/pi_1");
  const Facts facts = world.Record().subscription.facts;
  EXPECT_EQ(FindInvoice(facts, InvoiceId{"in_1"})->decline->code, "stolen_card");
}

TEST(ApplyTest, TheEndOfAGraceIsCommittedWhenItComesAndDatedThen) {  // I5
  CollectionPolicy policy = testing::ServicePolicy();
  policy.grace = 2 * kDay;
  World world(policy);
  world.Hear(SnapshotDigest("evt_a", kNoon - 60s, ProviderStatus::kActive));
  world.Hear(FailureDigest("evt_f", kNoon - 30s));
  EXPECT_EQ(world.Record().subscription.values.access, Access::kGranted);
  ASSERT_TRUE(world.FindJob("access/sub_1"));
  const Timestamp end = world.FindJob("access/sub_1")->due;
  EXPECT_EQ(end, kNoon - 30s + 2 * kDay);
  world.clock.Set(end + 3s);
  ApplyAll(world);
  EXPECT_EQ(world.Record().subscription.values.access, Access::kRevoked);
  EXPECT_FALSE(world.FindJob("access/sub_1"));
  const auto timeline = *world.base->Timeline(SubscriptionId{"sub_1"});
  const auto ended = std::count_if(timeline.begin(), timeline.end(), [&](const TimelineRow& row) {
    return row.access_to == Access::kRevoked && row.at == end;
  });
  EXPECT_EQ(ended, 1);
}

// I3 at this level: any order, any batches, with duplicates.
TEST(ApplyTest, ShuffledEventsInBatchesOfAnySizeEndInTheSameValues) {
  std::vector<Digest> story;
  story.push_back(SnapshotDigest("evt_01", kNoon - 3000s, ProviderStatus::kActive));
  story.push_back(FailureDigest("evt_02", kNoon - 2000s));
  story.push_back(SnapshotDigest("evt_03", kNoon - 1999s, ProviderStatus::kPastDue));
  story.push_back(FailureDigest("evt_04", kNoon - 1500s, "", 2));
  story.push_back(PaidDigest("evt_05", kNoon - 1000s));
  story.push_back(SnapshotDigest("evt_06", kNoon - 999s, ProviderStatus::kActive));
  story.push_back(SnapshotDigest("evt_07", kNoon - 500s, ProviderStatus::kPastDue));
  Digest second = FailureDigest("evt_08", kNoon - 501s);
  second.invoice->id = InvoiceId{"in_2"};
  second.invoice->made_at = kNoon - 600s;
  story.push_back(second);
  std::optional<Values> expected;
  for (unsigned seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<Digest> order = story;
    if (seed > 0) std::shuffle(order.begin(), order.end(), random);
    World world;
    for (std::size_t i = 0; i < order.size();) {
      for (std::size_t n = 1 + random() % 4; n > 0 && i < order.size(); --n) world.Store(order[i++]);
      world.Store(order[random() % i]);  // delivered again
      ApplyAll(world, 1 + random() % 3);
    }
    const Values values = world.Record().subscription.values;
    if (!expected) expected = values;
    EXPECT_EQ(values, *expected);
    EXPECT_EQ(values.status, SubscriptionStatus::kPastDue);
    EXPECT_EQ(world.recovery().invoice.str(), "in_2");
  }
}

}  // namespace
}  // namespace dunlin
