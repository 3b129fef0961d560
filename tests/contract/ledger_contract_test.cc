// What every ledger does, whatever keeps it. One suite for each location.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "state/ledger.h"
#include "tests/support/faulty_ledger.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Place {
  const char* name;
  bool memory;
};

class LedgerContract : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override {
    auto opened = OpenLedger(GetParam().memory ? "sqlite::memory:" : "sqlite:" + scratch_.File("ledger.db"));
    ASSERT_TRUE(opened) << opened.error().detail;
    ledger_ = std::move(*opened);
  }

  UnitResult Must(Unit unit) {
    Result<UnitResult> result = ledger_->Commit(std::move(unit));
    EXPECT_TRUE(result) << result.error().detail;
    return result.value_or(UnitResult{});
  }
  Errc Refused(Unit unit) {
    Result<UnitResult> result = ledger_->Commit(std::move(unit));
    EXPECT_FALSE(result);
    return result ? Errc::kInvalidArgument : result.error().code;
  }
  std::vector<std::int64_t> DueIds(Timestamp until, std::size_t limit = 100) {
    std::vector<std::int64_t> ids;
    const std::vector<JobRef> due = ledger_->DueJobs(until, limit).value();
    for (const JobRef& ref : due) ids.push_back(ToInt(ref.id));
    return ids;
  }
  Subscription Stored(const char* id) {
    return ledger_->LoadSubscription(SubscriptionId(id)).value().value().subscription;
  }

  ScratchDir scratch_;
  std::unique_ptr<Ledger> ledger_;
};

INSTANTIATE_TEST_SUITE_P(Everywhere, LedgerContract, ::testing::Values(Place{"File", false}, Place{"Memory", true}),
                         [](const auto& place) { return place.param.name; });

TEST_P(LedgerContract, AnAcceptedEventComesBackAsItWasWithItsJob) {
  NewEvent event = MakeEvent("evt_1", std::string("{\"a\":\"\0\xff\xc3\xa9\"}", 13));
  event.livemode = true;
  event.object = "in_1";
  event.subscription = "sub_1";
  event.detail = "d";
  const UnitResult result = Must(Accept(event));
  ASSERT_THAT(result.stored, ElementsAre(true));
  ASSERT_THAT(result.new_jobs, SizeIs(1));
  EXPECT_EQ(result.new_jobs[0].due, event.received_at);
  EXPECT_EQ(result.new_jobs[0].lane, Lane::kApply);

  const std::vector<JobId> ids = {result.new_jobs[0].id};
  const std::vector<Work> work = ledger_->LoadWork(ids).value();
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].job.kind, JobKind::kApply);
  EXPECT_EQ(work[0].job.subject, "sub_1");
  EXPECT_EQ(work[0].job.created_at, event.received_at);
  ASSERT_TRUE(work[0].event);
  const StoredEvent& stored = *work[0].event;
  EXPECT_EQ(stored.seq, work[0].job.event_seq);
  EXPECT_EQ(stored.id, event.id);
  EXPECT_EQ(stored.type, event.type);
  EXPECT_EQ(stored.created, event.created);
  EXPECT_EQ(stored.received_at, event.received_at);
  EXPECT_TRUE(stored.livemode);
  EXPECT_EQ(stored.object, "in_1");
  EXPECT_EQ(stored.subscription, "sub_1");
  EXPECT_EQ(stored.body, event.body);
  EXPECT_EQ(stored.outcome, EventOutcome::kWaiting);
  EXPECT_EQ(stored.detail, "d");
  EXPECT_FALSE(stored.applied_at);
}

TEST_P(LedgerContract, TheSameEventTwiceIsADuplicateWithoutASecondJob) {
  Must(Accept(MakeEvent("evt_1", "first")));
  const UnitResult again = Must(Accept(MakeEvent("evt_1", "second")));
  EXPECT_THAT(again.stored, ElementsAre(false));
  EXPECT_THAT(again.new_jobs, IsEmpty());
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
  EXPECT_EQ(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().value().body, "first");
}

TEST_P(LedgerContract, TheSameEventTwiceInOneUnitAndOneCallIsStoredOnce) {
  Unit twice = Accept(MakeEvent("evt_1"));
  twice.accept.push_back(MakeEvent("evt_1"));
  std::vector<Unit> units;
  units.push_back(std::move(twice));
  units.push_back(Accept(MakeEvent("evt_1")));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_THAT(results[0].value().stored, ElementsAre(true, false));
  EXPECT_THAT(results[1].value().stored, ElementsAre(false));
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
}

TEST_P(LedgerContract, AKeptEventHasNoJob) {
  NewEvent event = MakeEvent("evt_1");
  event.outcome = EventOutcome::kKept;
  EXPECT_THAT(Must(Accept(event)).new_jobs, IsEmpty());
  EXPECT_THAT(DueIds(kNoon + 1h), IsEmpty());
}

TEST_P(LedgerContract, ADoneJobIsGoneAndDoingItAgainIsAConflict) {
  const JobId id = Must(Accept(MakeEvent("evt_1"))).new_jobs[0].id;
  Unit done;
  done.done = {id};
  Must(done);
  EXPECT_THAT(DueIds(kNoon + 1h), IsEmpty());
  EXPECT_FALSE(ledger_->FindJob(id).value());
  EXPECT_EQ(Refused(done), Errc::kConflict);
}

TEST_P(LedgerContract, AJobIdIsNeverUsedAgain) {
  const JobId first = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  Unit done;
  done.done = {first};
  Must(done);
  EXPECT_GT(ToInt(Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id), ToInt(first));
}

TEST_P(LedgerContract, AFailedUnitLeavesNothingAndItsNeighboursStay) {
  std::vector<Unit> units;
  units.push_back(Accept(MakeEvent("evt_1")));
  Unit failing = Accept(MakeEvent("evt_2"));
  failing.done = {JobId{999}};
  units.push_back(std::move(failing));
  units.push_back(Accept(MakeEvent("evt_3")));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kConflict);
  EXPECT_TRUE(results[2]);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_2")).value());
  EXPECT_TRUE(ledger_->FindEvent(Provider::kStripe, EventId("evt_3")).value());
}

TEST_P(LedgerContract, ASubscriptionComesBackWhole) {
  Subscription s = MakeSubscription("sub_1");
  s.values = {.status = SubscriptionStatus::kPastDue,
              .access = Access::kGranted,
              .plan = "pro_plus",
              .period_end = kNoon + 24h,
              .paid_until = kNoon,
              .cancel_at = kNoon + 48h,
              .access_until = kNoon + 1h};
  s.recovery = {.state = RecoveryState::kWaiting,
                .invoice = InvoiceId("in_1"),
                .policy = "default",
                .policy_version = 3,
                .opened_at = kNoon,
                .next_attempt_at = kNoon + 2h,
                .next_step = kNewMethodStep,
                .method_seen = "pm_2",
                .open_attempt = AttemptKey("k"),
                .failure_seen = EventId("evt_f")};
  s.facts.baseline.until = kNoon;
  s.dirty = true;
  Must(Save(s));
  const Subscription stored = Stored("sub_1");
  EXPECT_EQ(stored.version, 1);
  EXPECT_EQ(stored.account, s.account);
  EXPECT_EQ(stored.values, s.values);
  EXPECT_EQ(stored.recovery, s.recovery);
  EXPECT_EQ(stored.facts, s.facts);
  EXPECT_TRUE(stored.dirty);
  EXPECT_EQ(stored.updated_at, s.updated_at);
}

TEST_P(LedgerContract, ASecondWriterWithAStaleVersionLoses) {
  Must(Save(MakeSubscription("sub_1")));
  EXPECT_EQ(Refused(Save(MakeSubscription("sub_1"))), Errc::kConflict);
  const Subscription seen_by_both = Stored("sub_1");
  Must(Save(seen_by_both));
  EXPECT_EQ(Refused(Save(seen_by_both)), Errc::kConflict);
  EXPECT_EQ(Stored("sub_1").version, 2);
}

TEST_P(LedgerContract, OfTwoSavesOfOneVersionInOneCallOneLoses) {
  Must(Save(MakeSubscription("sub_1")));
  const Subscription seen = Stored("sub_1");
  std::vector<Unit> units(2, Save(seen));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_NE(results[0].has_value(), results[1].has_value());
}

TEST_P(LedgerContract, WhatBreaksARuleOfTheSchemaIsRefused) {
  Subscription paused = MakeSubscription("sub_1");
  paused.values.status = SubscriptionStatus::kPaused;  // R23: has no access
  EXPECT_EQ(Refused(Save(paused)), Errc::kInvalidArgument);
  for (const SubscriptionStatus status : {SubscriptionStatus::kActive, SubscriptionStatus::kTrialing}) {
    Subscription cut = MakeSubscription("sub_1");
    cut.values = {.status = status, .access = Access::kRevoked};
    EXPECT_EQ(Refused(Save(cut)), Errc::kInvalidArgument);  // R23: has access
  }
  Subscription waiting = MakeSubscription("sub_1");
  waiting.recovery.state = RecoveryState::kWaiting;  // for nothing
  EXPECT_EQ(Refused(Save(waiting)), Errc::kInvalidArgument);
  Subscription endless = MakeSubscription("sub_1");
  endless.values = {.status = SubscriptionStatus::kPastDue, .access = Access::kGranted};  // until when?
  EXPECT_EQ(Refused(Save(endless)), Errc::kInvalidArgument);
  Unit half;
  half.timeline.push_back({.subscription = SubscriptionId("sub_1"),
                           .at = kNoon,
                           .kind = "change",
                           .status_from = SubscriptionStatus::kActive});
  EXPECT_EQ(Refused(half), Errc::kInvalidArgument);
  EXPECT_EQ(Refused(Add(MakeJob(JobKind::kApply, kNoon))), Errc::kInvalidArgument);  // of no event
  Unit finished;
  finished.open_attempts.push_back(MakeAttempt("a"));
  finished.open_attempts[0].finished_at = kNoon;
  EXPECT_EQ(Refused(finished), Errc::kInvalidArgument);
}

TEST_P(LedgerContract, AnEventIsFiledWithWhatBecameOfIt) {
  const UnitResult accepted = Must(Accept(MakeEvent("evt_1")));
  const std::vector<JobId> ids = {accepted.new_jobs[0].id};
  Unit unit;
  unit.events.push_back({.seq = ledger_->LoadWork(ids).value()[0].job.event_seq,
                         .outcome = EventOutcome::kNoChange,
                         .detail = "evt_0",
                         .subscription = "sub_1",
                         .at = kNoon + 1s});
  Must(unit);
  const StoredEvent event = ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().value();
  EXPECT_EQ(event.outcome, EventOutcome::kNoChange);
  EXPECT_EQ(event.detail, "evt_0");
  EXPECT_EQ(event.subscription, "sub_1");
  EXPECT_EQ(event.applied_at, kNoon + 1s);
  EXPECT_EQ(event.body, "{}");
}

TEST_P(LedgerContract, AnEventCanBeAppliedAgain) {
  const UnitResult accepted = Must(Accept(MakeEvent("evt_1")));
  const std::vector<JobId> first = {accepted.new_jobs[0].id};
  const std::int64_t seq = ledger_->LoadWork(first).value()[0].job.event_seq;
  Unit unit;
  unit.done = first;
  unit.events.push_back({.seq = seq, .outcome = EventOutcome::kApplied, .at = kNoon});
  Must(unit);
  Unit again;
  again.events.push_back({.seq = seq, .outcome = EventOutcome::kWaiting});
  again.jobs.push_back(MakeJob(JobKind::kApply, kNoon));
  again.jobs[0].event_seq = seq;
  const std::vector<JobId> second = {Must(again).new_jobs[0].id};
  const std::vector<Work> work = ledger_->LoadWork(second).value();
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].event.value().id.str(), "evt_1");
  EXPECT_FALSE(work[0].event->applied_at);
}

TEST_P(LedgerContract, AnAttemptComesBackWholeAndOnlyOneIsOpen) {
  Attempt a = MakeAttempt("k/1");
  a.kind = AttemptKind::kStaff;
  a.step = 2;
  a.by = "ann";
  a.reason = "asked";
  a.ask_first = true;
  a.decline = {.code = "c", .advice_code = "a", .network_advice_code = "n", .payment_method = "pm"};
  a.detail = "d";
  Unit open = Save(MakeSubscription("sub_1"));
  open.open_attempts = {a};
  Must(open);
  EXPECT_EQ(ledger_->FindAttempt(a.key).value(), a);
  EXPECT_EQ(ledger_->FindAttemptOfJob(a.job).value(), a);
  EXPECT_THAT(ledger_->LoadSubscription(SubscriptionId("sub_1")).value()->attempts, ElementsAre(a));

  Unit second;
  second.open_attempts = {MakeAttempt("k/2")};
  EXPECT_EQ(Refused(second), Errc::kConflict);
}

TEST_P(LedgerContract, AClosedAttemptMakesRoomAndIsNotClosedTwice) {
  Unit open;
  open.open_attempts = {MakeAttempt("k/1")};
  Must(open);
  Attempt closed = MakeAttempt("k/1");
  closed.state = AttemptState::kDeclined;
  closed.finished_at = kNoon + 1s;
  closed.decline.code = "insufficient_funds";
  Unit close;
  close.close_attempts = {closed};
  close.open_attempts = {MakeAttempt("k/2")};  // in the same unit: closed first
  Must(close);
  EXPECT_EQ(ledger_->FindAttempt(closed.key).value(), closed);
  EXPECT_EQ(ledger_->FindAttemptOfJob(JobId{7}).value()->key.str(), "k/2");
  Unit again;
  again.close_attempts = {closed};
  EXPECT_EQ(Refused(again), Errc::kConflict);
}

TEST_P(LedgerContract, AnAnnotationChangesTheAnswerAlone) {
  Attempt closed = MakeAttempt("k/1");
  closed.state = AttemptState::kUnknown;
  closed.finished_at = kNoon;
  Unit open;
  open.open_attempts = {closed};
  Must(open);
  Attempt noted = closed;
  noted.decline.code = "lost_card";
  noted.detail = "told later";
  Attempt given = noted;
  given.state = AttemptState::kSucceeded;  // not an annotation's to change
  Unit annotate;
  annotate.annotate_attempts = {given};
  Must(annotate);
  EXPECT_EQ(ledger_->FindAttempt(closed.key).value(), noted);
}

TEST_P(LedgerContract, AJobWithTheSameKeyIsKeptOrReplaced) {
  const JobId id = Must(Add(MakeJob(JobKind::kCharge, kNoon + 1h, "charge/sub_1"))).new_jobs[0].id;
  NewJob other = MakeJob(JobKind::kCharge, kNoon + 2h, "charge/sub_1");
  other.payload = "{\"n\":2}";
  EXPECT_THAT(Must(Add(other)).new_jobs, IsEmpty());
  EXPECT_EQ(ledger_->FindJob(id).value()->due, kNoon + 1h);
  other.on_same_key = OnSameKey::kReplace;
  const UnitResult moved = Must(Add(other));
  ASSERT_THAT(moved.new_jobs, SizeIs(1));
  EXPECT_EQ(moved.new_jobs[0].id, id);
  EXPECT_EQ(ledger_->FindJob(id).value()->due, kNoon + 2h);
  EXPECT_EQ(ledger_->FindJob(id).value()->payload, "{\"n\":2}");
}

// Whoever delivers the first has loaded it, and ends it by its id.
TEST_P(LedgerContract, AMessageThatReplacesAnotherIsAJobOfItsOwn) {
  for (const JobKind kind : {JobKind::kMail, JobKind::kNotify, JobKind::kAlert}) {
    NewJob message = MakeJob(kind, kNoon, "message");
    const JobId first = Must(Add(message)).new_jobs[0].id;
    message.payload = "{\"n\":2}";
    message.on_same_key = OnSameKey::kReplace;
    const UnitResult replaced = Must(Add(message));
    ASSERT_THAT(replaced.new_jobs, SizeIs(1));
    EXPECT_NE(replaced.new_jobs[0].id, first);
    EXPECT_EQ(replaced.new_jobs[0].lane, Lane::kMessages);
    EXPECT_FALSE(ledger_->FindJob(first).value());
    Unit delivered;
    delivered.done = {first};
    EXPECT_EQ(Refused(delivered), Errc::kConflict);
    EXPECT_EQ(ledger_->FindJob(replaced.new_jobs[0].id).value()->payload, "{\"n\":2}");
    Unit drop;
    drop.drop_jobs = {"message"};
    Must(drop);
  }
}

TEST_P(LedgerContract, JobsWithoutAKeyDoNotMeet) {
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  EXPECT_THAT(DueIds(kNoon), SizeIs(2));
}

TEST_P(LedgerContract, AJobDroppedByKeyIsGoneAndAnAbsentOneIsNoError) {
  Must(Add(MakeJob(JobKind::kCharge, kNoon, "charge/sub_1")));
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  Unit drop;
  drop.drop_jobs = {"charge/sub_1", "not there", ""};
  Must(drop);
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
}

TEST_P(LedgerContract, AFailedJobWaitsForItsNextTryAndRemembersItsFirstFailure) {
  const JobId id = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  Unit retry;
  retry.retries = {{.id = id, .due = kNoon + 10s, .error = "first", .at = kNoon + 1s}};
  const UnitResult result = Must(retry);
  ASSERT_THAT(result.new_jobs, SizeIs(1));
  EXPECT_EQ(result.new_jobs[0].due, kNoon + 10s);
  EXPECT_EQ(result.new_jobs[0].lane, Lane::kMessages);
  retry.retries = {{.id = id, .due = kNoon + 30s, .error = "second", .at = kNoon + 11s}};
  Must(retry);
  const Job failed = ledger_->FindJob(id).value().value();
  EXPECT_EQ(failed.tries, 2);
  EXPECT_EQ(failed.first_failed_at, kNoon + 1s);
  EXPECT_EQ(failed.last_error, "second");
  EXPECT_EQ(failed.due, kNoon + 30s);
  retry.retries = {{.id = JobId{999}, .due = kNoon}};
  EXPECT_EQ(Refused(retry), Errc::kConflict);
}

TEST_P(LedgerContract, AJobThatIsMovedForgetsItsFailures) {
  const JobId id = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  Unit retry;
  retry.retries = {{.id = id, .due = kNoon + 10s, .error = "first", .at = kNoon + 1s}};
  Must(retry);
  retry.retries = {{.id = id, .due = kNoon + 20s, .count_try = false}};
  Must(retry);
  Job job = ledger_->FindJob(id).value().value();
  EXPECT_EQ(job.tries, 0);
  EXPECT_FALSE(job.first_failed_at);
  EXPECT_EQ(job.last_error, "first");
  EXPECT_EQ(job.due, kNoon + 20s);
  retry.retries = {{.id = id, .due = kNoon + 30s, .error = "later", .at = kNoon + 25s}};
  Must(retry);
  job = ledger_->FindJob(id).value().value();
  EXPECT_EQ(job.tries, 1);
  EXPECT_EQ(job.first_failed_at, kNoon + 25s);
}

TEST_P(LedgerContract, ADeadJobRestsUntilItsKeyIsAskedForAgain) {
  const JobId id = Must(Add(MakeJob(JobKind::kMail, kNoon, "mail/1"))).new_jobs[0].id;
  Unit dies;
  dies.retries = {{.id = id, .due = kNoon, .state = JobState::kDead, .error = "no", .at = kNoon}};
  EXPECT_THAT(Must(dies).new_jobs, IsEmpty());
  const std::vector<JobId> ids = {id};
  EXPECT_THAT(DueIds(kNoon + 1h), IsEmpty());
  EXPECT_THAT(ledger_->LoadWork(ids).value(), IsEmpty());
  EXPECT_EQ(ledger_->CountBacklog(kNoon).value().dead, 1);

  EXPECT_THAT(Must(Add(MakeJob(JobKind::kMail, kNoon + 1s, "mail/1"))).new_jobs, SizeIs(1));
  const Job woken = ledger_->FindJob(id).value().value();
  EXPECT_EQ(woken.state, JobState::kReady);
  EXPECT_EQ(woken.tries, 0);
  EXPECT_FALSE(woken.first_failed_at);
  EXPECT_EQ(woken.due, kNoon + 1s);
  EXPECT_THAT(ledger_->LoadWork(ids).value(), SizeIs(1));
}

TEST_P(LedgerContract, DueJobsComeInTheOrderOfTheirTimes) {
  const std::int64_t late = ToInt(Must(Add(MakeJob(JobKind::kMail, kNoon + 2s))).new_jobs[0].id);
  const std::int64_t early = ToInt(Must(Add(MakeJob(JobKind::kAccessCheck, kNoon + 1s))).new_jobs[0].id);
  Must(Add(MakeJob(JobKind::kMail, kNoon + 3s)));
  EXPECT_THAT(DueIds(kNoon + 2s), ElementsAre(early, late));
  EXPECT_THAT(DueIds(kNoon + 2s, 1), ElementsAre(early, late));  // one of each lane
  EXPECT_EQ(ledger_->DueJobs(kNoon + 1s, 1).value()[0].lane, Lane::kApply);
}

TEST_P(LedgerContract, NeitherLanesBacklogHidesTheOthersJobs) {
  Unit unit;
  for (int i = 0; i < 30; ++i) unit.jobs.push_back(MakeJob(JobKind::kRefetch, kNoon + Seconds{i}));
  unit.jobs.push_back(MakeJob(JobKind::kAccessCheck, kNoon + 60s));
  const std::vector<JobRef> jobs = Must(std::move(unit)).new_jobs;
  EXPECT_THAT(DueIds(kNoon + 60s, 2), ElementsAre(ToInt(jobs[0].id), ToInt(jobs[1].id), ToInt(jobs[30].id)));
  const Backlog backlog = ledger_->CountBacklog(kNoon + 10s).value();
  EXPECT_EQ(backlog.waiting, 11);
  EXPECT_EQ(backlog.scheduled, 20);
  EXPECT_EQ(backlog.oldest_due, kNoon);
}

TEST_P(LedgerContract, WorkComesInTheOrderAskedWithoutWhatIsGone) {
  const JobId a = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  const JobId b = Must(Add(MakeJob(JobKind::kNotify, kNoon))).new_jobs[0].id;
  const std::vector<JobId> ids = {b, JobId{999}, a};
  const std::vector<Work> work = ledger_->LoadWork(ids).value();
  ASSERT_THAT(work, SizeIs(2));
  EXPECT_EQ(work[0].job.id, b);
  EXPECT_EQ(work[1].job.id, a);
  EXPECT_FALSE(work[0].event);
}

TEST_P(LedgerContract, NewJobsAreHintedAfterTheyCanBeRead) {
  std::mutex mutex;
  std::vector<JobRef> hinted;
  ledger_->OnNewJobs([&](const std::vector<JobRef>& jobs) {
    const std::lock_guard lock(mutex);
    hinted.insert(hinted.end(), jobs.begin(), jobs.end());
  });
  Unit unit = Accept(MakeEvent("evt_1"));
  unit.jobs = {MakeJob(JobKind::kMail, kNoon + 1h)};
  const UnitResult result = Must(unit);
  EXPECT_TRUE(ledger_->CheckWritable());  // the next commit comes after the hint
  ledger_->OnNewJobs(nullptr);
  const std::lock_guard lock(mutex);
  ASSERT_THAT(hinted, SizeIs(2));
  EXPECT_EQ(hinted[0].id, result.new_jobs[0].id);
  EXPECT_EQ(hinted[1].due, kNoon + 1h);
}

// What a hint looks at may be taken down as soon as the hint was taken back.
TEST_P(LedgerContract, AHintThatIsTakenBackIsNotUnderWayAnyMore) {
  std::promise<void> entered;
  std::atomic<bool> left = false;
  ledger_->OnNewJobs([&](const std::vector<JobRef>&) {
    entered.set_value();
    std::this_thread::sleep_for(50ms);
    left = true;
  });
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  entered.get_future().wait();
  ledger_->OnNewJobs(nullptr);
  EXPECT_TRUE(left);
}

TEST_P(LedgerContract, ThreadsThatCommitAtOnceAllGetTheirOwnAnswer) {
  constexpr int kThreads = 8, kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<int> stored{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Every event is sent by two threads.
        const std::string id = "evt_" + std::to_string(t / 2) + "_" + std::to_string(i);
        const auto result = ledger_->Commit(Accept(MakeEvent(id)));
        if (result && result->stored[0]) ++stored;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored, kThreads / 2 * kEach);
  EXPECT_THAT(DueIds(kNoon, 10'000), SizeIs(kThreads / 2 * kEach));
}

TEST_P(LedgerContract, ACommitThatNobodyWaitsForIsAnsweredOnceItCanBeRead) {
  std::promise<std::pair<std::vector<bool>, bool>> answered;
  ledger_->CommitThen(Accept(MakeEvent("evt_1")), [&](Result<UnitResult> result) {
    const bool there = ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().has_value();
    answered.set_value({result.value().stored, there});
  });
  const auto [stored, there] = answered.get_future().get();
  EXPECT_THAT(stored, ElementsAre(true));
  EXPECT_TRUE(there);
}

TEST_P(LedgerContract, ACommitThatNobodyWaitsForTellsItsOwnFailure) {
  Unit failing = Accept(MakeEvent("evt_1"));
  failing.done = {JobId{999}};
  std::promise<Errc> refused;
  ledger_->CommitThen(std::move(failing), [&](Result<UnitResult> result) { refused.set_value(result.error().code); });
  EXPECT_EQ(refused.get_future().get(), Errc::kConflict);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value());
}

TEST_P(LedgerContract, CommitsWithAndWithoutWaitingAllGetTheirOwnAnswer) {
  constexpr int kThreads = 4, kEach = 50;
  std::atomic<int> stored{0}, duplicates{0};
  std::vector<std::promise<void>> answered(kThreads * kEach);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // The same event both ways at once.
        const std::string id = "evt_" + std::to_string(t) + "_" + std::to_string(i);
        const auto count = [&](const Result<UnitResult>& result) {
          ++(result.value().stored[0] ? stored : duplicates);
        };
        ledger_->CommitThen(Accept(MakeEvent(id)), [&, t, i, count](const Result<UnitResult>& result) {
          count(result);
          answered[static_cast<std::size_t>(t * kEach + i)].set_value();
        });
        count(ledger_->Commit(Accept(MakeEvent(id))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::promise<void>& one : answered) one.get_future().wait();
  EXPECT_EQ(stored, kThreads * kEach);
  EXPECT_EQ(duplicates, kThreads * kEach);
}

TEST_P(LedgerContract, ALedgerThatIsClosedAnswersWhatItOwes) {
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    ledger_->CommitThen(Accept(MakeEvent("evt_" + std::to_string(i))),
                        [&](const Result<UnitResult>& result) { answered += result ? 1 : 0; });
  }
  ledger_.reset();
  EXPECT_EQ(answered, 100);
}

TEST_P(LedgerContract, OfManyThreadsThatSaveOneVersionOneWins) {
  Must(Save(MakeSubscription("sub_1")));
  const Subscription seen = Stored("sub_1");
  std::atomic<int> won{0}, conflicts{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      const auto result = ledger_->Commit(Save(seen));
      if (result) ++won;
      if (!result && result.error().code == Errc::kConflict) ++conflicts;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, 1);
  EXPECT_EQ(conflicts, 7);
}

TEST_P(LedgerContract, ATimelineComesInTheOrderOfItsTimes) {
  TimelineRow full{.subscription = SubscriptionId("sub_1"),
                   .at = kNoon,
                   .kind = "change",
                   .status_from = SubscriptionStatus::kActive,
                   .status_to = SubscriptionStatus::kPastDue,
                   .access_from = Access::kGranted,
                   .access_to = Access::kRevoked,
                   .row = "D4",
                   .rule = "R24b",
                   .policy = "default@3",
                   .event = "evt_1",
                   .by = "provider",
                   .reason = "r",
                   .next = "n"};
  Unit unit;
  unit.timeline = {{.subscription = SubscriptionId("sub_1"), .at = kNoon + 1s, .kind = "note"},
                   full,
                   {.subscription = SubscriptionId("sub_2"), .at = kNoon, .kind = "note"}};
  Must(unit);
  const std::vector<TimelineRow> rows = ledger_->Timeline(SubscriptionId("sub_1")).value();
  ASSERT_THAT(rows, SizeIs(2));
  const TimelineRow& row = rows[0];
  EXPECT_EQ(row.at, full.at);
  EXPECT_EQ(row.kind, "change");
  EXPECT_EQ(row.status_from, full.status_from);
  EXPECT_EQ(row.status_to, full.status_to);
  EXPECT_EQ(row.access_from, full.access_from);
  EXPECT_EQ(row.access_to, full.access_to);
  EXPECT_EQ(row.row + row.rule + row.policy + row.event + row.by + row.reason + row.next,
            "D4R24bdefault@3evt_1providerrn");
  EXPECT_FALSE(rows[1].status_from);
}

TEST_P(LedgerContract, AccountsResolveByCustomerAndByAlias) {
  Must(Save(MakeSubscription("sub_1", "cus_1")));
  Unit unit;
  unit.aliases = {{"team", AccountId("cus_1")}, {"team", AccountId("cus_2")}, {"team", AccountId("cus_1")}};
  Must(unit);
  EXPECT_THAT(ledger_->ResolveAccount("team").value(), ElementsAre(AccountId("cus_1"), AccountId("cus_2")));
  EXPECT_THAT(ledger_->ResolveAccount("cus_1").value(), ElementsAre(AccountId("cus_1")));
  EXPECT_THAT(ledger_->ResolveAccount("nobody").value(), IsEmpty());
  EXPECT_THAT(ledger_->SubscriptionsOf(AccountId("cus_1")).value(), ElementsAre(SubscriptionId("sub_1")));
}

TEST_P(LedgerContract, AnAliasOfAnIdThatBecameAnAliasLeadsOn) {
  Unit unit = Save(MakeSubscription("sub_1", "123"));
  unit.aliases = {{"team", AccountId("c1")}, {"c1", AccountId("123")}};
  Must(unit);
  EXPECT_THAT(ledger_->ResolveAccount("team").value(), ElementsAre(AccountId("123"), AccountId("c1")));
}

TEST_P(LedgerContract, APaymentFindsItsInvoiceAndSubscriptionWheneverEachIsTold) {
  Unit unit;
  unit.links = {{"pi_1", InvoiceId("in_1"), SubscriptionId()}};
  Must(unit);
  EXPECT_EQ(ledger_->FindPayment("pi_1").value()->invoice.str(), "in_1");
  EXPECT_TRUE(ledger_->FindPayment("pi_1").value()->subscription.empty());
  EXPECT_FALSE(ledger_->SubscriptionOfInvoice(InvoiceId("in_1")).value());
  unit.links = {{"", InvoiceId("in_1"), SubscriptionId("sub_1")}};
  Must(unit);
  unit.links = {{"pi_1", InvoiceId("in_1"), SubscriptionId("sub_1")}};
  Must(unit);
  EXPECT_EQ(ledger_->FindPayment("pi_1").value()->subscription.str(), "sub_1");
  EXPECT_EQ(ledger_->SubscriptionOfInvoice(InvoiceId("in_1")).value()->str(), "sub_1");
  EXPECT_FALSE(ledger_->FindPayment("").value());
}

TEST_P(LedgerContract, AnAlertIsOpenOnceUntilItIsSettled) {
  Unit raise;
  raise.alerts = {{"two_owners/sub_1", "two_owners", "sub_1", "first", kNoon}};
  Must(raise);
  raise.alerts[0].detail = "second";
  Must(raise);
  auto open = ledger_->Alerts({}).value();
  ASSERT_THAT(open.items, SizeIs(1));
  EXPECT_EQ(open.items[0].detail, "first");
  EXPECT_EQ(open.items[0].raised_at, kNoon);
  Unit settle;
  settle.settle_alerts = {"two_owners/sub_1", "not there"};
  Must(settle);
  EXPECT_THAT(ledger_->Alerts({}).value().items, IsEmpty());
  Must(raise);
  EXPECT_THAT(ledger_->Alerts({}).value().items, SizeIs(1));
}

TEST_P(LedgerContract, AReplyIsGivenOnce) {
  Unit unit;
  unit.replies = {{"retry/t/1", "hash", 202, "{}", kNoon}};
  unit.jobs = {MakeJob(JobKind::kCharge, kNoon)};
  Must(unit);
  EXPECT_EQ(Refused(unit), Errc::kConflict);
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
  const ApiReply reply = ledger_->FindReply("retry/t/1").value().value();
  EXPECT_EQ(reply.request_hash, "hash");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.at, kNoon);
  EXPECT_FALSE(ledger_->FindReply("other").value());
}

TEST_P(LedgerContract, ATokenIsFoundByItsHashAndUpdatedById) {
  Unit unit;
  unit.tokens = {{"tok_1", "h1", Role::kSupport, "ann", kNoon, kNoon + 1h, std::nullopt}};
  Must(unit);
  unit.tokens[0].revoked_at = kNoon + 1s;
  Must(unit);
  const Token token = ledger_->FindToken("h1").value().value();
  EXPECT_EQ(token.role, Role::kSupport);
  EXPECT_EQ(token.expires_at, kNoon + 1h);
  EXPECT_EQ(token.revoked_at, kNoon + 1s);
  EXPECT_THAT(ledger_->Tokens().value(), SizeIs(1));
  EXPECT_FALSE(ledger_->FindToken("h2").value());
  unit.tokens = {{"tok_2", "h1", Role::kAdmin, "eve", kNoon, {}, {}}};
  EXPECT_EQ(Refused(unit), Errc::kConflict);
}

TEST_P(LedgerContract, APolicyVersionKeepsItsText) {
  EXPECT_TRUE(ledger_->KeepPolicy(3, "three"));
  EXPECT_TRUE(ledger_->KeepPolicy(3, "three"));
  const Status other = ledger_->KeepPolicy(3, "another");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kConflict);
  EXPECT_TRUE(ledger_->KeepPolicy(2, "two"));
  EXPECT_THAT(ledger_->Policies().value(),
              ElementsAre(std::pair<int, std::string>(2, "two"), std::pair<int, std::string>(3, "three")));
}

TEST_P(LedgerContract, SubscriptionPagesStandStillWhileRowsCome) {
  for (const char* id : {"sub_a", "sub_c", "sub_e", "sub_g"}) Must(Save(MakeSubscription(id)));
  const auto first = ledger_->Subscriptions({}, {.limit = 2}).value();
  ASSERT_THAT(first.items, SizeIs(2));
  Must(Save(MakeSubscription("sub_b")));
  const auto second = ledger_->Subscriptions({}, {.limit = 2, .cursor = first.next}).value();
  ASSERT_THAT(second.items, SizeIs(2));
  EXPECT_EQ(second.items[0].id.str(), "sub_e");
  EXPECT_TRUE(second.next.empty());
  Subscription paused = MakeSubscription("sub_p", "cus_2");
  paused.values = {.status = SubscriptionStatus::kPaused};
  Must(Save(paused));
  const SubscriptionFilter by_status{.status = SubscriptionStatus::kPaused, .account = {}};
  const SubscriptionFilter by_account{.status = {}, .account = AccountId("cus_1")};
  EXPECT_THAT(ledger_->Subscriptions(by_status, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Subscriptions(by_account, {}).value().items, SizeIs(5));
}

TEST_P(LedgerContract, EventPagesComeNewestFirstAndFilter) {
  for (int i = 0; i < 5; ++i) {
    NewEvent event = MakeEvent("evt_" + std::to_string(i), "body" + std::to_string(i));
    event.subscription = i % 2 == 0 ? "sub_1" : "";
    event.type = i == 1 ? "invoice.voided" : "invoice.paid";
    Must(Accept(event));
  }
  const auto first = ledger_->Events({}, {.limit = 2}).value();
  EXPECT_EQ(first.items[0].body, "body4");
  Must(Accept(MakeEvent("evt_9")));
  const auto second = ledger_->Events({}, {.limit = 2, .cursor = first.next}).value();
  EXPECT_EQ(second.items[0].id.str(), "evt_2");
  EXPECT_THAT(ledger_->Events({.subscription = "sub_1"}, {}).value().items, SizeIs(3));
  EXPECT_THAT(ledger_->Events({.type = "invoice.voided"}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Events({.outcome = EventOutcome::kApplied}, {}).value().items, IsEmpty());
  EXPECT_EQ(ledger_->NewestEvent(Provider::kStripe).value(), kNoon - 5s);
  const auto bad = ledger_->Events({}, {.cursor = "x"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::kInvalidArgument);
}

TEST_P(LedgerContract, JobPagesComeByDueTimeDeadOnesAmongThem) {
  std::vector<JobId> ids;
  for (const auto after : {3s, 1s, 2s, 2s}) {
    ids.push_back(Must(Add(MakeJob(JobKind::kMail, kNoon + after))).new_jobs[0].id);
  }
  Unit dies;
  dies.retries = {{.id = ids[1], .due = kNoon + 1s, .state = JobState::kDead, .error = "no", .at = kNoon}};
  Must(dies);
  const auto first = ledger_->Jobs({}, {.limit = 2}).value();
  ASSERT_THAT(first.items, SizeIs(2));
  EXPECT_EQ(first.items[0].id, ids[1]);
  EXPECT_EQ(first.items[1].id, ids[2]);
  const auto second = ledger_->Jobs({}, {.limit = 2, .cursor = first.next}).value();
  ASSERT_THAT(second.items, SizeIs(2));
  EXPECT_EQ(second.items[0].id, ids[3]);
  EXPECT_EQ(second.items[1].id, ids[0]);
  EXPECT_TRUE(second.next.empty());
  EXPECT_THAT(ledger_->Jobs({.kind = {}, .state = JobState::kDead}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Jobs({.kind = JobKind::kCharge}, {}).value().items, IsEmpty());
}

TEST_P(LedgerContract, TheBacklogIsCountedByWhatIsDue) {
  EXPECT_FALSE(ledger_->CountBacklog(kNoon).value().oldest_due);
  Must(Add(MakeJob(JobKind::kMail, kNoon - 1s)));
  Must(Add(MakeJob(JobKind::kMail, kNoon - 2s)));
  Must(Add(MakeJob(JobKind::kMail, kNoon + 1s)));
  const Backlog backlog = ledger_->CountBacklog(kNoon).value();
  EXPECT_EQ(backlog.waiting, 2);
  EXPECT_EQ(backlog.scheduled, 1);
  EXPECT_EQ(backlog.dead, 0);
  EXPECT_EQ(backlog.oldest_due, kNoon - 2s);
}

TEST_P(LedgerContract, WhatIsNotThereIsNone) {
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("sub_0")).value());
  EXPECT_FALSE(ledger_->FindAttempt(AttemptKey("k")).value());
  EXPECT_FALSE(ledger_->FindAttemptOfJob(JobId{1}).value());
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("e")).value());
  EXPECT_FALSE(ledger_->NewestEvent(Provider::kStripe).value());
  EXPECT_TRUE(ledger_->CommitAll({}).empty());
  EXPECT_EQ(ledger_->instance().size(), 16U);
}

TEST_P(LedgerContract, ALostCommitIsWrittenOrNotAsTheTestAsks) {
  FaultyLedger faulty(*ledger_);
  faulty.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  EXPECT_FALSE(faulty.Commit(Accept(MakeEvent("evt_1"))));
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value());
  faulty.LoseCommit(2, FaultyLedger::Fault::kAfterWrite);
  EXPECT_TRUE(faulty.Commit(Accept(MakeEvent("evt_2"))));
  EXPECT_FALSE(faulty.Commit(Accept(MakeEvent("evt_3"))));
  EXPECT_TRUE(ledger_->FindEvent(Provider::kStripe, EventId("evt_3")).value());
  EXPECT_EQ(faulty.commits(), 3);
  for (const auto& [id, fault] :
       {std::pair{"evt_4", FaultyLedger::Fault::kBeforeWrite}, {"evt_5", FaultyLedger::Fault::kAfterWrite}}) {
    faulty.LoseCommit(1, fault);
    std::promise<bool> told;
    faulty.CommitThen(Accept(MakeEvent(id)),
                      [&](const Result<UnitResult>& result) { told.set_value(result.has_value()); });
    EXPECT_FALSE(told.get_future().get());
    EXPECT_EQ(ledger_->FindEvent(Provider::kStripe, EventId(id)).value().has_value(),
              fault == FaultyLedger::Fault::kAfterWrite);
  }
}

// ---- AWS Marketplace ---------------------------------------------------------------------------------------------

Subscription Marketed(std::string id, std::int64_t version = 0) {
  Subscription s = MakeSubscription(std::move(id), "111122223333");
  s.provider = Provider::kAwsMarketplace;
  s.version = version;
  return s;
}

NewEvent OfAws(std::string id) {
  NewEvent event = MakeEvent(std::move(id));
  event.provider = Provider::kAwsMarketplace;
  return event;
}

Unit Link(std::string key, const char* subscription, bool binds = true) {
  Unit unit;
  unit.market_links = {{std::move(key), SubscriptionId(subscription), binds, kNoon}};
  return unit;
}

TEST_P(LedgerContract, TheSameEventIdOfTwoProvidersIsTwoEvents) {
  EXPECT_THAT(Must(Accept(MakeEvent("1"))).stored, ElementsAre(true));
  EXPECT_THAT(Must(Accept(OfAws("1"))).stored, ElementsAre(true));
  EXPECT_THAT(Must(Accept(OfAws("1"))).stored, ElementsAre(false));
}

TEST_P(LedgerContract, AnIdThatBindsBelongsToOneSubscriptionAlone) {
  Must(Link("l-1", "a"));
  Must(Link("l-1", "a"));  // again: nothing changes
  EXPECT_EQ(Refused(Link("l-1", "b")), Errc::kConflict);
  EXPECT_EQ(Refused(Link("l-1", "b", false)), Errc::kConflict);
  Must(Link("p/1", "a", false));
  Must(Link("p/1", "b", false));
  EXPECT_EQ(Refused(Link("p/1", "b", true)), Errc::kConflict);
  Must(Link("p/2", "a", false));
  Must(Link("p/2", "a", true));
  const std::vector<std::string> keys = {"l-1", "p/1", "p/2", "nowhere"};
  std::vector<std::string> found;
  const std::vector<MarketLink> links = ledger_->FindMarketLinks(keys).value();
  for (const MarketLink& l : links) found.push_back(l.key + " " + l.subscription.str() + (l.binds ? " binds" : ""));
  EXPECT_THAT(found, ElementsAre("l-1 a binds", "p/1 a", "p/1 b", "p/2 a binds"));
}

TEST_P(LedgerContract, AnEventThatWaitsGetsOneJobWhenOneOfItsIdsIsLinked) {
  const UnitResult accepted = Must(Accept(OfAws("eb/1")));
  const std::int64_t seq = ledger_->FindEvent(Provider::kAwsMarketplace, EventId("eb/1")).value()->seq;
  Unit waits;
  waits.done = {accepted.new_jobs[0].id};
  waits.events = {{.seq = seq, .outcome = EventOutcome::kWaiting, .detail = "waits for its registration", .at = kNoon}};
  waits.orphans = {{seq, {"l-1", "agmt-1"}}};
  Must(std::move(waits));
  EXPECT_THAT(ledger_->Orphans(kNoon + 1ms, 10).value(), SizeIs(1));
  EXPECT_THAT(ledger_->Orphans(kNoon, 10).value(), IsEmpty());  // received at noon

  EXPECT_THAT(Must(Link("l-1", "a", false)).new_jobs, IsEmpty());  // it does not bind
  const UnitResult linked = Must(Link("l-1", "a"));
  ASSERT_THAT(linked.new_jobs, SizeIs(1));
  EXPECT_EQ(linked.new_jobs[0].due, kNoon);
  const std::vector<JobId> ids = {linked.new_jobs[0].id};
  EXPECT_EQ(ledger_->LoadWork(ids).value()[0].event->id, EventId("eb/1"));
  EXPECT_THAT(Must(Link("agmt-1", "a")).new_jobs, IsEmpty());  // it waits no longer
  EXPECT_THAT(ledger_->Orphans(kNoon + 1ms, 10).value(), IsEmpty());
}

TEST_P(LedgerContract, AnEventDoesNotWaitForAnIdThatIsLinkedByNow) {
  Must(Accept(OfAws("eb/1")));
  Must(Link("p/1", "a", false));
  Unit waits;
  waits.orphans = {{1, {"l-1", "p/1"}}};
  Must(std::move(waits));
  Must(Link("agmt-1", "a"));
  Unit late;
  late.orphans = {{1, {"agmt-1"}}};
  EXPECT_EQ(Refused(std::move(late)), Errc::kConflict);
}

// A subscription with everything that follows its id.
Unit Furnished(const char* id) {
  Unit unit = Save(Marketed(id));
  unit.accept = {OfAws(std::string("sns-") + id)};
  unit.accept[0].subscription = id;
  TimelineRow row;
  row.subscription = SubscriptionId(id);
  row.at = kNoon;
  row.kind = "note";
  unit.timeline = {row};
  unit.jobs = {MakeJob(JobKind::kEntitlements, kNoon + 1h, std::string("entitlements/") + id)};
  unit.jobs[0].subject = id;
  unit.alerts = {{.key = std::string("unknown_plan/") + id, .kind = "unknown_plan", .subject = id, .raised_at = kNoon}};
  unit.market_links = {{id, SubscriptionId(id), true, kNoon}};
  return unit;
}

TEST_P(LedgerContract, EverythingFollowsASubscriptionThatGoesByAnotherId) {
  Must(Furnished("l-1"));
  Unit unit = Save(Marketed("agmt-1", 1));
  unit.moves = {{.from = SubscriptionId("l-1"), .version = 1, .to = SubscriptionId("agmt-1")}};
  Must(std::move(unit));
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("l-1")).value());
  EXPECT_EQ(Stored("agmt-1").version, 2);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("agmt-1")).value(), SizeIs(1));
  EXPECT_THAT(ledger_->Events({.subscription = "agmt-1"}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Jobs({.subject = "agmt-1"}, {}).value().items, SizeIs(2));  // with that of the event
  const Job question = ledger_->Jobs({.kind = JobKind::kEntitlements}, {}).value().items[0];
  EXPECT_EQ(question.key, "entitlements/agmt-1");
  const Alert alert = ledger_->Alerts({}).value().items[0];
  EXPECT_EQ(alert.subject, "agmt-1");
  EXPECT_EQ(alert.key, "unknown_plan/agmt-1");
  const std::vector<std::string> keys = {"l-1"};
  EXPECT_EQ(ledger_->FindMarketLinks(keys).value()[0].subscription, SubscriptionId("agmt-1"));
}

TEST_P(LedgerContract, AStaleOrOccupiedMoveChangesNothing) {
  Must(Furnished("l-1"));
  Must(Furnished("l-2"));
  const auto move = [](std::int64_t version, const char* to, bool joins) {
    Unit unit;
    unit.moves = {{.from = SubscriptionId("l-1"), .version = version, .to = SubscriptionId(to), .joins = joins}};
    return unit;
  };
  EXPECT_EQ(Refused(move(2, "agmt-1", false)), Errc::kConflict);
  EXPECT_EQ(Refused(move(1, "l-2", false)), Errc::kConflict);
  EXPECT_EQ(Refused(move(2, "l-2", true)), Errc::kConflict);
  EXPECT_EQ(Stored("l-1").version, 1);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("l-1")).value(), SizeIs(1));
}

TEST_P(LedgerContract, TwoSubscriptionsThatAreOneShareWhatTheyHad) {
  Must(Furnished("l-1"));
  Must(Furnished("l-2"));
  Must(Link("p/1", "l-1", false));
  Must(Link("p/1", "l-2", false));
  Unit unit = Save(Marketed("l-1", 1));
  unit.moves = {{.from = SubscriptionId("l-2"), .version = 1, .to = SubscriptionId("l-1"), .joins = true}};
  Must(std::move(unit));
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("l-2")).value());
  EXPECT_EQ(Stored("l-1").version, 2);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("l-1")).value(), SizeIs(2));
  EXPECT_THAT(ledger_->Jobs({.kind = JobKind::kEntitlements}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Alerts({}).value().items, SizeIs(1));
  const std::vector<std::string> keys = {"l-1", "l-2", "p/1"};
  const std::vector<MarketLink> links = ledger_->FindMarketLinks(keys).value();
  ASSERT_THAT(links, SizeIs(3));
  for (const MarketLink& link : links) EXPECT_EQ(link.subscription, SubscriptionId("l-1"));
}

TEST_P(LedgerContract, ARegistrationsCodeIsClaimedByOneAccount) {
  Unit unit;
  unit.registrations = {{.code_hash = "abc",
                         .event = EventId("registration/1"),
                         .account = AccountId("111122223333"),
                         .created_at = kNoon,
                         .claimed_by = "",
                         .claimed_at = std::nullopt}};
  Must(unit);
  EXPECT_EQ(Refused(std::move(unit)), Errc::kConflict);
  const auto claim = [](const char* code, const char* account, Timestamp at) {
    Unit claims;
    claims.claims = {{code, account, at}};
    return claims;
  };
  EXPECT_EQ(Refused(claim("xyz", "acct_1", kNoon)), Errc::kConflict);
  EXPECT_EQ(ledger_->FindRegistration("abc").value()->claimed_by, "");
  Must(claim("abc", "acct_1", kNoon + 1h));
  Must(claim("abc", "acct_1", kNoon + 2h));  // again: nothing changes
  EXPECT_EQ(Refused(claim("abc", "acct_2", kNoon + 2h)), Errc::kConflict);
  const RegistrationCode code = ledger_->FindRegistration("abc").value().value();
  EXPECT_EQ(code.event, EventId("registration/1"));
  EXPECT_EQ(code.account, AccountId("111122223333"));
  EXPECT_EQ(code.claimed_by, "acct_1");
  EXPECT_EQ(code.claimed_at, kNoon + 1h);
  EXPECT_FALSE(ledger_->FindRegistration("xyz").value());
}

TEST_P(LedgerContract, ARegistrationWhoseCodeIsTakenFailsAloneAndTakesItsEventBack) {
  const auto registration = [](const char* event) {
    Unit unit = Accept(MakeEvent(event));
    unit.registrations = {{.code_hash = "abc",
                           .event = EventId(event),
                           .account = AccountId("111122223333"),
                           .created_at = kNoon,
                           .claimed_by = "",
                           .claimed_at = std::nullopt}};
    return unit;
  };
  Must(registration("registration/1"));
  std::vector<Unit> units;
  units.push_back(Accept(MakeEvent("evt_1")));
  units.push_back(registration("registration/2"));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kConflict);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("registration/2")).value());
}

TEST_P(LedgerContract, SubscriptionsAreListedByTheirProvider) {
  Must(Save(MakeSubscription("sub_1")));
  Must(Save(Marketed("l-1")));
  const auto listed = ledger_->Subscriptions({.provider = Provider::kAwsMarketplace}, {}).value().items;
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].id, SubscriptionId("l-1"));
}

}  // namespace
}  // namespace dunlin::testing
