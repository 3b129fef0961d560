// The oracles, shown one moment each that must never be: no mistake of the service brings about all of them.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/ledger_values.h"
#include "workflows/simulate/oracles.h"

namespace dunlin::simulate {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNoon;
using testing::MakeAttempt;
using testing::MakeSubscription;
using ::testing::Not;

class WatchTest : public ::testing::Test {
 protected:
  UnitResult Commit(Unit unit) {
    const Result<UnitResult> done = ledger_->Commit(std::move(unit));
    EXPECT_TRUE(done) << done.error().detail;
    return done.value_or(UnitResult{});
  }
  // What the commit of this subscription shows after its step.
  const std::vector<std::string>& Saved(const Subscription& s) {
    oracles_.OnCommitted({.saved = {{s.id, s.values, s.recovery}}});
    oracles_.AfterStep();
    return oracles_.broken();
  }
  // What is said of k1, opened now, while sub_1 has these facts.
  std::vector<std::string> Opened(Facts facts) {
    Unit unit;
    unit.save.push_back(MakeSubscription("sub_1"));
    unit.save.back().facts = std::move(facts);
    unit.open_attempts.push_back(MakeAttempt("k1"));
    Commit(std::move(unit));
    oracles_.OnCommitted({.opened = {MakeAttempt("k1")}});
    return oracles_.broken();
  }
  static Facts Owing() {
    InvoiceFact invoice;
    invoice.id = InvoiceId{"in_1"};
    invoice.status = InvoiceStatus::kOpen;
    Facts facts;
    facts.invoices.push_back(invoice);
    return facts;
  }
  // Makes `job` and sees it fail, which leaves it so.
  void AddFailed(NewJob job, JobState state) {
    const JobId id = Commit(testing::Add(std::move(job))).new_jobs.at(0).id;
    Unit unit;
    unit.retries.push_back({.id = id, .due = kNoon + 2h, .state = state, .error = "no answer"});
    Commit(std::move(unit));
  }
  static Subscription InGrace() {
    Subscription s = MakeSubscription("sub_1");
    s.values.status = SubscriptionStatus::kPastDue;
    s.values.access_until = kNoon + 1h;
    return s;
  }

  const std::unique_ptr<Ledger> ledger_ = std::move(*OpenLedger("sqlite::memory:"));
  World world_{1, FaultSet{}.set(), false, kNoon};
  Oracles oracles_{*ledger_, world_, {.schedule_steps = 2, .secrets = {"whsec_1"}, .address = "ann@example.org"}};
};

TEST_F(WatchTest, AnEventThatWasAcknowledgedIsStoredAndReadAndHasAJobWhileItWaits) {
  const EventId event{"evt_1"};
  oracles_.OnAcknowledged(event);
  oracles_.AfterStep();
  EXPECT_THAT(oracles_.broken(), ElementsAre(HasSubstr("evt_1 was acknowledged and is not in the ledger (I1)")));

  const UnitResult stored = Commit(testing::Accept(testing::MakeEvent("evt_1")));
  oracles_.AtEnd();
  EXPECT_EQ(oracles_.broken().size(), 1U) << "it waits, and has its job";

  Unit unit;
  unit.done.push_back(stored.new_jobs.at(0).id);
  Commit(std::move(unit));
  oracles_.AtEnd();
  EXPECT_THAT(oracles_.broken(), Contains("evt_1 waits and has no job (I1, I8)"));

  unit = {};
  const std::int64_t seq = (**ledger_->FindEvent(Provider::kStripe, event)).seq;
  unit.events.push_back({.seq = seq, .outcome = EventOutcome::kUnreadable, .at = kNoon});
  Commit(std::move(unit));
  oracles_.AtEnd();
  EXPECT_THAT(oracles_.broken(), Contains("evt_1 could not be read"));
}

TEST_F(WatchTest, WhatWasSavedIsInTheLedger) {
  EXPECT_THAT(Saved(MakeSubscription("sub_1")), ElementsAre("sub_1 was saved and is not in the ledger"));
  oracles_.AtEnd();
  EXPECT_THAT(oracles_.broken(), ElementsAre("sub_1 was saved and is not in the ledger")) << "said once";
}

TEST_F(WatchTest, AChargeOfAnOpenInvoiceIsInOrder) { EXPECT_THAT(Opened(Owing()), IsEmpty()); }

TEST_F(WatchTest, AKeyIsUsedOnce) {
  Opened(Owing());
  oracles_.OnCommitted({.opened = {MakeAttempt("k1")}});
  EXPECT_THAT(oracles_.broken(), ElementsAre("k1 of in_1: its key was used before (I4)"));
}

TEST_F(WatchTest, AChargeHasItsRowAndItsSubscription) {
  oracles_.OnCommitted({.opened = {MakeAttempt("k1")}});
  EXPECT_THAT(oracles_.broken(), ElementsAre("k1 of in_1: it will be sent and has no row (I4)",
                                             "k1 of in_1: an attempt of no subscription (I4)"));
}

TEST_F(WatchTest, WhatIsChargedIsAnInvoiceThatIsKnownOpenAndOurs) {
  EXPECT_THAT(Opened({}), ElementsAre("k1 of in_1: nothing is known of that invoice (I4)"));
}

TEST_F(WatchTest, APaidInvoiceIsNotCharged) {
  Facts facts = Owing();
  facts.invoices[0].status = InvoiceStatus::kPaid;
  EXPECT_THAT(Opened(facts), ElementsAre("k1 of in_1: known not to be open (I4)"));
}

TEST_F(WatchTest, AnInvoiceThatTheProviderTriesIsNotCharged) {
  Facts facts = Owing();
  facts.invoices[0].next_payment_attempt = kNoon + 24h;
  EXPECT_THAT(Opened(facts), ElementsAre("k1 of in_1: the provider plans an attempt of its own (I4, R21)"));
}

TEST_F(WatchTest, ACustomerWhoLeftIsNotCharged) {
  Facts facts = Owing();
  SubscriptionSnapshot ended;
  ended.kind = SubscriptionSnapshot::Kind::kDeleted;
  ended.source = EventId{"evt_1"};
  ended.status = ProviderStatus::kCanceled;
  facts.snapshots.push_back(ended);
  EXPECT_THAT(Opened(facts), ElementsAre("k1 of in_1: known to be cancelled (I4, R17)"));
}

TEST_F(WatchTest, AnAttemptThatIsOutHasALivingJob) {
  NewJob job = testing::MakeJob(JobKind::kCharge, kNoon, "charge/sub_1");
  const JobId id = Commit(testing::Add(job)).new_jobs.at(0).id;
  Unit unit;
  unit.save.push_back(MakeSubscription("sub_1"));
  unit.open_attempts.push_back(MakeAttempt("k1"));
  unit.open_attempts.back().job = id;
  Commit(std::move(unit));
  const char* const said = "k1 is out and has no living job (I8)";
  EXPECT_THAT(Saved(MakeSubscription("sub_1")), Not(Contains(said)));
  unit = {};
  unit.retries.push_back({.id = id, .due = kNoon, .state = JobState::kDead, .error = "given up"});
  Commit(std::move(unit));
  EXPECT_THAT(Saved(MakeSubscription("sub_1")), Contains(said));
}

TEST_F(WatchTest, AnAttemptOfAJobThatIsGoneIsNotForgotten) {
  Unit unit;
  unit.save.push_back(MakeSubscription("sub_1"));
  unit.open_attempts.push_back(MakeAttempt("k1"));
  Commit(std::move(unit));
  EXPECT_THAT(Saved(MakeSubscription("sub_1")), Contains("k1 is out and has no living job (I8)"));
}

TEST_F(WatchTest, TheEndOfAccessHasAJobInTime) {
  const char* const said = "sub_1: its access ends and no job will commit that in time (I5)";
  Commit(testing::Save(InGrace()));
  NewJob late = testing::MakeJob(JobKind::kAccessCheck, kNoon + 2h, "access/sub_1");
  late.subject = "sub_1";
  Commit(testing::Add(late));
  EXPECT_THAT(Saved(InGrace()), Contains(said));
}

TEST_F(WatchTest, AJobThatCommitsAnEndOfAccessMayFailButNotDie) {
  const char* const said = "sub_1: its access ends and no job will commit that in time (I5)";
  Commit(testing::Save(InGrace()));
  NewJob job = testing::MakeJob(JobKind::kAccessCheck, kNoon + 1h, "access/sub_1");
  job.subject = "sub_1";
  AddFailed(job, JobState::kReady);
  EXPECT_THAT(Saved(InGrace()), Not(Contains(said))) << "it failed, and is tried again";
  job.key = "access/again";
  Unit unit;
  unit.drop_jobs.push_back("access/sub_1");
  Commit(std::move(unit));
  AddFailed(job, JobState::kDead);
  EXPECT_THAT(Saved(InGrace()), Contains(said));
}

TEST_F(WatchTest, ACancelledSubscriptionHasAccessForAsLongAsIsPaid) {
  Subscription s = InGrace();
  s.values.status = SubscriptionStatus::kCanceled;
  s.values.paid_until = kNoon + 2h;
  Commit(testing::Save(s));
  EXPECT_THAT(Saved(s), Contains("sub_1: it is cancelled and its access does not end with what is paid (I5, R7)"));
}

TEST_F(WatchTest, AnEndOfAccessIsCommittedWithinHalfADay) {
  TimelineRow row;
  row.subscription = SubscriptionId{"sub_1"};
  row.by = "time";
  row.at = kNoon - 12h;
  oracles_.OnCommitted({.timeline = {row}});
  EXPECT_THAT(oracles_.broken(), IsEmpty());
  row.at -= 1s;
  oracles_.OnCommitted({.timeline = {row}});
  EXPECT_THAT(oracles_.broken(), ElementsAre("sub_1: its access's end was committed too late (I5)"));
}

TEST_F(WatchTest, SecretsStandNowhereAndAddressesInMailsAlone) {
  oracles_.OnText("a failed job", "the key whsec_1 was refused");
  oracles_.OnText("an alert", "ann@example.org did not pay");
  EXPECT_THAT(oracles_.broken(),
              ElementsAre("a secret stands in a failed job (I10)", "an e-mail address stands in an alert (I10)"));
  oracles_.OnMessage(JobId{1}, R"({"kind":"mail","to":"ann@example.org"})");
  EXPECT_EQ(oracles_.broken().size(), 2U);
  oracles_.OnMessage(JobId{2}, R"({"kind":"notification","account":"ann@example.org"})");
  EXPECT_THAT(oracles_.broken(), Contains("an e-mail address stands in a message (I10)"));
}

TEST_F(WatchTest, AMessageIsAnObject) {
  WatchedOutbox outbox(world_, oracles_);
  EXPECT_TRUE(outbox.Deliver(JobId{1}, R"({"kind":"mail","subscription":"sub_1"})"));
  EXPECT_THAT(oracles_.broken(), IsEmpty());
  EXPECT_TRUE(outbox.Deliver(JobId{2}, "[]"));
  EXPECT_THAT(oracles_.broken(), ElementsAre("a message is no JSON object"));
}

// What customers and the product are told.
class ToldTest : public ::testing::Test {
 protected:
  void Recovers(RecoveryState state, SubscriptionStatus status = SubscriptionStatus::kPastDue) {
    Committed::Saved saved{SubscriptionId{"sub_1"}, {}, {}};
    saved.values.status = status;
    saved.recovery.state = state;
    saved.recovery.invoice = InvoiceId{"in_1"};
    told_.OnCommitted({.saved = {saved}});
  }
  void Mail(const char* about) {
    told_.OnMessage(JobId{1},
                    {{"kind", "mail"}, {"template", "payment_failed"}, {"subscription", "sub_1"}, {"invoice", about}});
  }

  World world_{1, FaultSet{}.set(), false, kNoon};
  std::vector<std::string> broken_;
  Correspondence told_{world_, [this](std::string what) { broken_.push_back(std::move(what)); }};
};

TEST_F(ToldTest, MailsAreCountedByInvoice) {
  Mail("in_1");  // of nothing that is owed
  Mail("in_0");
  EXPECT_EQ(told_.Mails(SubscriptionId{"sub_1"}, "payment_failed", InvoiceId{"in_0"}), 1);
  EXPECT_EQ(told_.Mails(SubscriptionId{"sub_1"}, "payment_failed", InvoiceId{"in_2"}), 0);
  EXPECT_EQ(told_.Mails(SubscriptionId{"sub_2"}, "payment_failed", InvoiceId{"in_1"}), 0);
}

TEST_F(ToldTest, AMailAboutAnotherInvoiceTellsNothingOfThisOne) {
  Recovers(RecoveryState::kWaiting);
  Mail("in_0");
  world_.now += 12h;
  told_.CheckUntold();
  EXPECT_THAT(broken_, IsEmpty());
  world_.now += 1s;
  told_.CheckUntold();
  EXPECT_THAT(broken_, ElementsAre("sub_1: nobody was told that in_1 failed (R3)"));
  broken_.clear();
  Mail("in_1");
  told_.CheckUntold();
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(ToldTest, AnEndThatWeMadeIsTold) {
  Recovers(RecoveryState::kEnding);
  Recovers(RecoveryState::kNone, SubscriptionStatus::kCanceled);
  told_.CheckEnd(MakeSubscription("sub_1"), {});
  EXPECT_THAT(broken_, ElementsAre("sub_1: 0 mails tell of its end (R7)"));
}

TEST_F(ToldTest, TheProductIsToldOfEachChangeOfAccess) {
  TimelineRow row;
  row.kind = "note";
  told_.CheckEnd(MakeSubscription("sub_1"), {row});
  EXPECT_THAT(broken_, IsEmpty()) << "nothing has changed";
  row.access_from = Access::kRevoked;
  row.access_to = Access::kGranted;
  told_.CheckEnd(MakeSubscription("sub_1"), {row});
  EXPECT_THAT(broken_, ElementsAre("sub_1: the product was told of no change"));
}

}  // namespace
}  // namespace dunlin::simulate
