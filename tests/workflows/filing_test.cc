// Where an event is filed, and what it says became of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "state/merge.h"
#include "tests/workflows/market_world.h"
#include "workflows/decide.h"

namespace dunlin::testing {
namespace {

using Kind = MarketNotice::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

StoredEvent EventOf(World& world, const std::string& id, Provider provider = Provider::kStripe) {
  return world.base->FindEvent(provider, EventId{id}).value().value();
}

// Staff have it applied once more.
void ApplyAgain(World& world, const StoredEvent& event) {
  NewJob again = MakeJob(JobKind::kApply, world.clock.Now());
  again.event_seq = event.seq;
  const JobId id = world.base->Commit(Add(again)).value().new_jobs[0].id;
  Applier(world.engine).Run(std::span(&id, 1));
  EXPECT_FALSE(world.base->FindJob(id).value());
}

Digest OfSubscription(Digest digest, const std::string& id) {
  digest.subscription = SubscriptionId{id};
  return digest;
}

struct FilingTest : ::testing::Test {
  FilingTest() { world.Hear(SnapshotDigest("evt_a", kNoon - 1h, ProviderStatus::kActive)); }
  World world;
};

// ---- What became of it -------------------------------------------------------------------------------------------

TEST_F(FilingTest, AnEventThatIsAppliedAgainIsKnownAlready) {
  const std::int64_t version = world.Record().subscription.version;
  ApplyAgain(world, EventOf(world, "evt_a"));
  EXPECT_EQ(EventOf(world, "evt_a").outcome, EventOutcome::kNoChange);
  EXPECT_EQ(EventOf(world, "evt_a").detail, "known already");
  EXPECT_EQ(world.Record().subscription.version, version);
}

TEST_F(FilingTest, AnEventFromBeforeEverythingThatIsKeptSaysSo) {
  world.clock.Set(kNoon + 80 * kDay);
  for (int i = 0; i < 70; ++i)  // so many that old ones are folded
    world.Store(SnapshotDigest("evt_" + std::to_string(i), kNoon + i * 1s, ProviderStatus::kActive));
  world.RunUntil(world.clock.Now());
  world.Hear(SnapshotDigest("evt_c", kNoon + 79 * kDay, ProviderStatus::kActive));
  world.Hear(SnapshotDigest("evt_old", kNoon - 10 * kDay, ProviderStatus::kPastDue));
  EXPECT_EQ(EventOf(world, "evt_old").outcome, EventOutcome::kNoChange);
  EXPECT_EQ(EventOf(world, "evt_old").detail, "older than everything that is still kept");
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(FilingTest, AnOlderPictureOfAnInvoiceChangesSomethingOnlyByTheFailureThatItTells) {
  world.Hear(PaidDigest("evt_paid", kNoon));
  Digest updated = PaidDigest("evt_updated", kNoon - 10s);
  updated.invoice->status = InvoiceStatus::kOpen;
  updated.invoice->decline = Decline{.code = "expired_card"};
  updated.invoice->decline_at = kNoon - 10s;
  world.Hear(updated);
  world.Hear(FailureDigest("evt_failed", kNoon - 5s));
  EXPECT_EQ(EventOf(world, "evt_updated").outcome, EventOutcome::kNoChange);
  EXPECT_EQ(EventOf(world, "evt_updated").detail, "superseded by evt_paid");
  EXPECT_EQ(EventOf(world, "evt_failed").outcome, EventOutcome::kApplied);
  EXPECT_EQ(EventOf(world, "evt_failed").detail, "superseded by evt_paid");
  EXPECT_EQ(world.Record().subscription.values.status, SubscriptionStatus::kActive);
}

TEST_F(FilingTest, AnInvoiceOfNoSubscriptionIsKept) {
  Digest one_off = FailureDigest("evt_in", kNoon);
  one_off.subscription = SubscriptionId{};
  one_off.acted_on = false;
  world.Hear(one_off);
  EXPECT_EQ(EventOf(world, "evt_in").outcome, EventOutcome::kKept);
  EXPECT_EQ(EventOf(world, "evt_in").detail, "is about no subscription");
}

TEST_F(FilingTest, APaymentMethodOfNobodyChangesNobody) {
  Digest method = MethodDigest("evt_m", kNoon);
  method.account = AccountId{};
  world.Hear(method);
  EXPECT_EQ(EventOf(world, "evt_m").outcome, EventOutcome::kNoChange);
  EXPECT_EQ(EventOf(world, "evt_m").detail, "no subscription that it is about is known");
  EXPECT_THAT(world.Record().subscription.facts.method.source.str(), IsEmpty());
}

// Whichever of the two is first in the batch.
TEST_F(FilingTest, AMethodOfTheAccountReachesASubscriptionThatTheSameBatchChanges) {
  world.Hear(OfSubscription(SnapshotDigest("evt_a2", kNoon - 1h, ProviderStatus::kActive), "sub_2"));
  std::vector<Digest> batch = {OfSubscription(SnapshotDigest("evt_b", kNoon, ProviderStatus::kPastDue), "sub_2"),
                               MethodDigest("evt_m", kNoon)};
  for (const Digest& digest : batch) world.Store(digest);
  std::vector<JobId> ids;
  const std::vector<JobRef> due = *world.base->DueJobs(kNoon, 100);
  for (const JobRef& job : due) {
    if (job.lane == Lane::kApply) ids.push_back(job.id);
  }
  ASSERT_THAT(ids, SizeIs(2));
  Applier(world.engine).Run(ids);
  EXPECT_EQ(world.Record("sub_1").subscription.facts.method.source.str(), "evt_m");
  EXPECT_EQ(world.Record("sub_2").subscription.facts.method.source.str(), "evt_m");
  EXPECT_EQ(world.Record("sub_2").subscription.values.status, SubscriptionStatus::kPastDue);
}

// ---- Payments ----------------------------------------------------------------------------------------------------

Digest FailedPayment(const std::string& payment, const std::string& invoice = "") {
  Digest failed;
  failed.event = EventId{"evt_pi"};
  failed.created = kNoon - 30s;
  failed.failure =
      PaymentFailure{.payment_intent = payment, .invoice = {}, .at = kNoon - 30s, .decline = {.code = "stolen_card"}};
  if (!invoice.empty()) failed.failure->invoice = InvoiceId{invoice};
  failed.acted_on = true;
  return failed;
}

struct PaymentFilingTest : FilingTest {
  PaymentFilingTest() {
    Digest invoice = FailureDigest("evt_in", kNoon - 30s);
    invoice.link = PaymentLink{"pi_1", InvoiceId{"in_1"}, SubscriptionId{"sub_1"}};
    world.Hear(invoice);
  }
  std::string DeclineOfInvoice() {
    const Facts facts = world.Record().subscription.facts;
    const InvoiceFact* invoice = FindInvoice(facts, InvoiceId{"in_1"});
    return invoice != nullptr && invoice->decline ? invoice->decline->code : "";
  }
};

TEST_F(PaymentFilingTest, AFailureThatNamesItsInvoiceIsFiledThere) {
  world.Hear(FailedPayment("pi_other", "in_1"));
  EXPECT_EQ(EventOf(world, "evt_pi").subscription, "sub_1");
  EXPECT_EQ(DeclineOfInvoice(), "stolen_card");
  EXPECT_FALSE(world.FindJob("fetch/pi_other"));
}

TEST_F(PaymentFilingTest, WhereTheInvoiceIsNotKnownThePaymentIs) {
  world.Hear(FailedPayment("pi_1", "in_9"));
  EXPECT_EQ(EventOf(world, "evt_pi").subscription, "sub_1");
}

TEST_F(PaymentFilingTest, APaymentOfAnInvoiceWhoseSubscriptionIsNotKnownIsAskedAbout) {
  Unit link;
  link.links.push_back({"pi_9", InvoiceId{"in_9"}, SubscriptionId{}});
  ASSERT_TRUE(world.base->Commit(std::move(link)));
  world.Hear(FailedPayment("pi_9"));
  EXPECT_TRUE(world.FindJob("fetch/pi_9"));
  EXPECT_EQ(EventOf(world, "evt_pi").subscription, "");
}

// The ledger can say whose payment it is, and not which invoice it pays: it is not filed by halves.
TEST_F(PaymentFilingTest, AFailureWhoseInvoiceCannotBeReadIsAppliedLater) {
  world.RunUntil(kNoon);
  world.Store(FailedPayment("pi_1"));
  constexpr int kInvoice = 4;  // after the work, whose payment it is, and the subscription
  world.ledger.Disturb(FaultyLedger::At::kCall, kInvoice, false,
                       []() -> Status { return Fail(Errc::kUnavailable, "busy"); });
  world.RunDue();
  ASSERT_TRUE(world.ledger.disturbed());
  EXPECT_EQ(EventOf(world, "evt_pi").outcome, EventOutcome::kWaiting);
  EXPECT_EQ(DeclineOfInvoice(), "");
  world.RunUntil(kNoon + 5s);
  EXPECT_EQ(EventOf(world, "evt_pi").outcome, EventOutcome::kApplied);
  EXPECT_EQ(DeclineOfInvoice(), "stolen_card");
}

// A decline that we could not learn from the answer comes with the event.
TEST_F(PaymentFilingTest, TheDeclineOfAnAttemptThatHasEndedIsAdded) {
  World w;
  w.ReachDue();
  w.provider.WillPay(Declined(""));
  w.Run(kCharge);
  ASSERT_EQ(w.attempts().at(0).state, AttemptState::kDeclined);
  ASSERT_EQ(w.attempts().at(0).decline.code, "");
  Digest told = FailedPayment("pi_1", "in_1");
  told.created = w.clock.Now();
  told.idempotency_key = w.attempts().at(0).key.str();
  w.Hear(told);
  EXPECT_EQ(w.attempts().at(0).state, AttemptState::kDeclined);
  EXPECT_EQ(w.attempts().at(0).decline.code, "stolen_card");
  EXPECT_THAT(w.attempts(), SizeIs(1));
}

// ---- AWS Marketplace ---------------------------------------------------------------------------------------------

struct MarketFilingTest : ::testing::Test {
  MarketWorld world;
};

TEST_F(MarketFilingTest, AnEventThatIsAppliedAgainIsKnownAlreadyAndAsksAgain) {
  const MarketFacts up = OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1");
  world.HearAll({Registered("", "l-01")});
  world.Hear(News(up, true));
  world.marketplace.WillEntitle(std::vector<Entitlement>{});
  world.Run("entitlements/agmt-1");
  const std::int64_t version = world.Of("l-01").version;
  ApplyAgain(world, world.Event(up));
  EXPECT_EQ(world.Event(up).outcome, EventOutcome::kNoChange);
  EXPECT_EQ(world.Event(up).detail, "known already");
  EXPECT_TRUE(world.FindJob("entitlements/agmt-1"));
  EXPECT_EQ(world.Of("l-01").version, version + 1) << "an answer that is on its way must see that it may be too early";
}

TEST_F(MarketFilingTest, AnAccountThatWasRegisteredDifferentlyIsFoundByItsOldIdToo) {
  world.HearAll({Registered("c1", "", "")});
  ASSERT_EQ(world.Of("prod1/c1").account, AccountId{"c1"});
  world.HearAll({Registered("c1", "", "123")});
  EXPECT_EQ(world.Of("prod1/c1").account, AccountId{"123"});
  EXPECT_THAT(world.base->ResolveAccount("c1").value(), ElementsAre(AccountId{"123"}));
}

// Its time has come, and while that is looked at it gets another id.
TEST_F(MarketFilingTest, ASubscriptionThatIsRenamedWhileItIsLookedAtIsLookedAtUnderItsNewId) {
  world.HearAll({Registered("", "l-01"), OfLicence(Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1")});
  NewJob look = MakeJob(JobKind::kAccessCheck, kNoon, "access/agmt-1");
  look.subject = "agmt-1";
  const JobId id = world.base->Commit(Add(look)).value().new_jobs[0].id;
  world.ledger.Disturb(FaultyLedger::At::kCall, 2, false, [&]() -> Status {
    world.Hear(News(OfAgreement(Kind::kAgreementCreated, kNoon, "agmt-1", AgreementStatus::kActive, "agmt-0")));
    return {};
  });
  Applier(world.engine).Run(std::span(&id, 1));
  ASSERT_TRUE(world.ledger.disturbed());
  EXPECT_EQ(world.IdOf("l-01"), "agmt-0");
  EXPECT_FALSE(world.base->FindJob(id).value());
  EXPECT_THAT(world.base->Subscriptions({}, {}).value().items, SizeIs(1));
}

}  // namespace
}  // namespace dunlin::testing
