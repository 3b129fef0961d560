// What every ledger lets go of, and what it keeps (state/keeping.h). One suite for each location.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/ledger_contract.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KeepingContract : public LedgerContract {
 protected:
  // An event whose work is done.
  void Applied(const std::string& id, const std::string& body, Timestamp received = kNoon,
               const std::string& subscription = "") {
    NewEvent event = MakeEvent(id, body);
    event.received_at = received;
    event.subscription = subscription;
    const JobId job = Must(Accept(event)).new_jobs[0].id;
    Unit unit;
    unit.done = {job};
    unit.events = {{.seq = Find(id).seq, .outcome = EventOutcome::kApplied, .at = received}};
    Must(std::move(unit));
  }
  StoredEvent Find(const std::string& id) { return ledger_->FindEvent(Provider::kStripe, EventId(id)).value().value(); }
  Dropped Drop(const BodyDrop& drop) {
    Unit unit;
    unit.drop_bodies = drop;
    return Must(std::move(unit)).dropped;
  }
};

DUNLIN_FOR_EACH_LEDGER(KeepingContract);

TEST_P(KeepingContract, ADroppedBodyLeavesItsEventWhichIsStillADuplicate) {
  Applied("evt_1", "old", kNoon - 1h, "sub_1");
  EXPECT_EQ(Drop({.received_before = kNoon}).bodies, 1);
  const StoredEvent event = Find("evt_1");
  EXPECT_EQ(event.body, "");
  EXPECT_EQ(event.type, "invoice.paid");
  EXPECT_EQ(event.outcome, EventOutcome::kApplied);
  EXPECT_THAT(ledger_->Events({.subscription = "sub_1"}, {}).value().items, SizeIs(1));
  const UnitResult again = Must(Accept(MakeEvent("evt_1", "again")));
  EXPECT_THAT(again.stored, ElementsAre(false));
  EXPECT_THAT(again.new_jobs, IsEmpty());
  EXPECT_EQ(Find("evt_1").body, "");
}

TEST_P(KeepingContract, ABodyThatIsYoungEnoughStays) {
  Applied("evt_1", "old", kNoon - 1ms);
  Applied("evt_2", "young", kNoon);
  const Dropped dropped = Drop({.received_before = kNoon});
  EXPECT_EQ(dropped.bodies, 1);
  EXPECT_EQ(dropped.bodies_after, 0);
  EXPECT_EQ(Find("evt_1").body, "");
  EXPECT_EQ(Find("evt_2").body, "young");
}

TEST_P(KeepingContract, ABodyThatWorkWaitsForStaysHoweverOldItIs) {
  Must(Accept(MakeEvent("evt_waits", "w")));
  const JobId dying = Must(Accept(MakeEvent("evt_dead", "d"))).new_jobs[0].id;
  Unit dies;
  dies.retries = {{.id = dying, .due = kNoon, .state = JobState::kDead}};
  Must(std::move(dies));
  Applied("evt_replayed", "r");
  Must(Add([&] {
    NewJob job = MakeJob(JobKind::kApply, kNoon);
    job.event_seq = Find("evt_replayed").seq;
    return job;
  }()));
  Applied("evt_done", "x");
  EXPECT_EQ(Drop({.received_before = kNoon + 1h}).bodies, 1);
  EXPECT_EQ(Find("evt_waits").body, "w");
  EXPECT_EQ(Find("evt_dead").body, "d");
  EXPECT_EQ(Find("evt_replayed").body, "r");
  EXPECT_EQ(Find("evt_done").body, "");
}

TEST_P(KeepingContract, BodiesAreDroppedInBatchesThatGoOnWhereTheOneBeforeEnded) {
  for (int i = 0; i < 5; ++i) Applied("evt_" + std::to_string(i), "b");
  Dropped dropped = Drop({.received_before = kNoon + 1h, .naming = {}, .limit = 2});
  EXPECT_EQ(dropped.bodies, 2);
  EXPECT_EQ(dropped.bodies_after, Find("evt_1").seq);
  dropped = Drop({.received_before = kNoon + 1h, .naming = {}, .after = dropped.bodies_after, .limit = 2});
  EXPECT_EQ(dropped.bodies, 2);
  dropped = Drop({.received_before = kNoon + 1h, .naming = {}, .after = dropped.bodies_after, .limit = 2});
  EXPECT_EQ(dropped.bodies, 1);
  EXPECT_EQ(dropped.bodies_after, 0);
}

TEST_P(KeepingContract, BodiesOfOneAccountAreThoseThatNameItOrBelongToItsSubscriptions) {
  Must(Save(MakeSubscription("sub_1", "cus_1")));
  Must(Save(MakeSubscription("sub_2", "cus_12")));
  Applied("evt_named", R"({"customer":"cus_1"})");
  Applied("evt_inner", R"({"Message":"{\"customer\":\"cus_1\"}"})");
  Applied("evt_filed", "{}", kNoon, "sub_1");
  Applied("evt_other", R"({"customer":"cus_12","note":"xcus_1"})");
  Applied("evt_other_filed", "{}", kNoon, "sub_2");
  EXPECT_EQ(Drop({.received_before = Timestamp::max(), .naming = AccountId("cus_1")}).bodies, 3);
  EXPECT_EQ(Find("evt_named").body, "");
  EXPECT_EQ(Find("evt_inner").body, "");
  EXPECT_EQ(Find("evt_filed").body, "");
  EXPECT_NE(Find("evt_other").body, "");
  EXPECT_NE(Find("evt_other_filed").body, "");
}

TEST_P(KeepingContract, OldRepliesAndSettledAlertsAreDroppedAndOpenAlertsStay) {
  Unit unit;
  unit.replies = {{.key = "old", .request_hash = "h", .status = 202, .body = "{}", .at = kNoon - 2h},
                  {.key = "young", .request_hash = "h", .status = 202, .body = "{}", .at = kNoon}};
  unit.alerts = {{.key = "open", .kind = "k", .subject = "", .detail = "", .raised_at = kNoon - 2h, .message = ""},
                 {.key = "settled", .kind = "k", .subject = "", .detail = "", .raised_at = kNoon - 2h, .message = ""},
                 {.key = "lately", .kind = "k", .subject = "", .detail = "", .raised_at = kNoon, .message = ""}};
  Must(std::move(unit));
  Unit settle;
  settle.settle_alerts = {"settled", "lately"};
  Must(std::move(settle));
  Unit expire;
  expire.expire = Expiry{.replies_before = kNoon - 1h, .alerts_before = kNoon - 1h};
  const Dropped dropped = Must(std::move(expire)).dropped;
  EXPECT_EQ(dropped.replies, 1);
  EXPECT_EQ(dropped.alerts, 1);
  EXPECT_FALSE(ledger_->FindReply("old").value());
  EXPECT_TRUE(ledger_->FindReply("young").value());
  EXPECT_THAT(ledger_->Alerts({}).value().items, SizeIs(1));
}

TEST_P(KeepingContract, ErasingAnAccountTakesItsTextsAndLeavesOthersAndTheSums) {
  for (const auto& [subscription, account] : {std::pair("sub_1", "cus_1"), std::pair("sub_2", "cus_2")}) {
    Unit unit = Save(MakeSubscription(subscription, account));
    unit.aliases = {{std::string("user-of-") + account, AccountId(account)}};
    unit.alerts = {{.key = subscription, .kind = "k", .subject = subscription, .detail = "text", .message = "{}"}};
    Attempt attempt = MakeAttempt(std::string("key-") + subscription, subscription);
    attempt.reason = "she called";
    attempt.state = AttemptState::kSucceeded;
    attempt.finished_at = kNoon;
    unit.open_attempts = {attempt};
    TimelineRow row;
    row.subscription = SubscriptionId(subscription);
    row.kind = "staff";
    row.reason = "A retry was asked for: she called";
    unit.timeline = {row};
    NewJob mail = MakeJob(JobKind::kMail, kNoon);
    mail.subject = subscription;
    NewJob retry = MakeJob(JobKind::kCharge, kNoon, std::string("retry/") + subscription);
    retry.subject = subscription;
    retry.payload = R"({"by":"ann","reason":"she called"})";
    unit.jobs = {mail, retry};
    Must(std::move(unit));
  }
  Unit erase;
  erase.erase = AccountId("cus_1");
  const Dropped dropped = Must(std::move(erase)).dropped;
  EXPECT_EQ(dropped.messages, 2);  // the mail and the alert's
  EXPECT_EQ(dropped.aliases, 1);
  EXPECT_EQ(dropped.texts, 4);
  EXPECT_THAT(ledger_->ResolveAccount("user-of-cus_1").value(), IsEmpty());
  EXPECT_THAT(ledger_->ResolveAccount("user-of-cus_2").value(), SizeIs(1));
  const SubscriptionRecord record = ledger_->LoadSubscription(SubscriptionId("sub_1")).value().value();
  ASSERT_THAT(record.attempts, SizeIs(1));
  EXPECT_EQ(record.attempts[0].reason, "");
  EXPECT_EQ(record.attempts[0].state, AttemptState::kSucceeded);
  EXPECT_EQ(ledger_->Timeline(SubscriptionId("sub_1")).value()[0].reason, "Erased.");
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("sub_2")).value()[0].reason, ::testing::HasSubstr("she called"));
  const std::vector<Job> left = ledger_->Jobs({.subject = "sub_1"}, {}).value().items;
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left[0].payload, R"({"by":"ann","reason":""})");
  EXPECT_THAT(ledger_->Jobs({.subject = "sub_2"}, {}).value().items, SizeIs(3));
}

}  // namespace
}  // namespace dunlin::testing
