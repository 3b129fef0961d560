// What every ledger does with jobs, and with commits from many threads at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "tests/contract/ledger_contract.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JobsContract : public LedgerContract {};
DUNLIN_FOR_EACH_LEDGER(JobsContract);

TEST_P(JobsContract, AJobWithTheSameKeyIsKeptOrReplaced) {
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
TEST_P(JobsContract, AMessageThatReplacesAnotherIsAJobOfItsOwn) {
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

TEST_P(JobsContract, JobsWithoutAKeyDoNotMeet) {
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  EXPECT_THAT(DueIds(kNoon), SizeIs(2));
}

TEST_P(JobsContract, AJobDroppedByKeyIsGoneAndAnAbsentOneIsNoError) {
  Must(Add(MakeJob(JobKind::kCharge, kNoon, "charge/sub_1")));
  Must(Add(MakeJob(JobKind::kMail, kNoon)));
  Unit drop;
  drop.drop_jobs = {"charge/sub_1", "not there", ""};
  Must(drop);
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
}

TEST_P(JobsContract, AFailedJobWaitsForItsNextTryAndRemembersItsFirstFailure) {
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

TEST_P(JobsContract, AJobThatIsMovedForgetsItsFailures) {
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

TEST_P(JobsContract, ADeadJobRestsUntilItsKeyIsAskedForAgain) {
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

TEST_P(JobsContract, DueJobsComeInTheOrderOfTheirTimes) {
  const std::int64_t late = ToInt(Must(Add(MakeJob(JobKind::kMail, kNoon + 2s))).new_jobs[0].id);
  const std::int64_t early = ToInt(Must(Add(MakeJob(JobKind::kAccessCheck, kNoon + 1s))).new_jobs[0].id);
  Must(Add(MakeJob(JobKind::kMail, kNoon + 3s)));
  EXPECT_THAT(DueIds(kNoon + 2s), ElementsAre(early, late));
  EXPECT_THAT(DueIds(kNoon + 2s, 1), ElementsAre(early, late));  // one of each lane
  EXPECT_EQ(ledger_->DueJobs(kNoon + 1s, 1).value()[0].lane, Lane::kApply);
}

TEST_P(JobsContract, NeitherLanesBacklogHidesTheOthersJobs) {
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

TEST_P(JobsContract, WorkComesInTheOrderAskedWithoutWhatIsGone) {
  const JobId a = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  const JobId b = Must(Add(MakeJob(JobKind::kNotify, kNoon))).new_jobs[0].id;
  const std::vector<JobId> ids = {b, JobId{999}, a};
  const std::vector<Work> work = ledger_->LoadWork(ids).value();
  ASSERT_THAT(work, SizeIs(2));
  EXPECT_EQ(work[0].job.id, b);
  EXPECT_EQ(work[1].job.id, a);
  EXPECT_FALSE(work[0].event);
}

TEST_P(JobsContract, NewJobsAreHintedAfterTheyCanBeRead) {
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
TEST_P(JobsContract, AHintThatIsTakenBackIsNotUnderWayAnyMore) {
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

TEST_P(JobsContract, ThreadsThatCommitAtOnceAllGetTheirOwnAnswer) {
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

TEST_P(JobsContract, ACommitThatNobodyWaitsForIsAnsweredOnceItCanBeRead) {
  std::promise<std::pair<std::vector<bool>, bool>> answered;
  ledger_->CommitThen(Accept(MakeEvent("evt_1")), [&](Result<UnitResult> result) {
    const bool there = ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().has_value();
    answered.set_value({result.value().stored, there});
  });
  const auto [stored, there] = answered.get_future().get();
  EXPECT_THAT(stored, ElementsAre(true));
  EXPECT_TRUE(there);
}

TEST_P(JobsContract, ACommitThatNobodyWaitsForTellsItsOwnFailure) {
  Unit failing = Accept(MakeEvent("evt_1"));
  failing.done = {JobId{999}};
  std::promise<Errc> refused;
  ledger_->CommitThen(std::move(failing), [&](Result<UnitResult> result) { refused.set_value(result.error().code); });
  EXPECT_EQ(refused.get_future().get(), Errc::kConflict);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value());
}

TEST_P(JobsContract, CommitsWithAndWithoutWaitingAllGetTheirOwnAnswer) {
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

TEST_P(JobsContract, ALedgerThatIsClosedAnswersWhatItOwes) {
  int answered = 0;
  for (int i = 0; i < 100; ++i) {
    ledger_->CommitThen(Accept(MakeEvent("evt_" + std::to_string(i))),
                        [&](const Result<UnitResult>& result) { answered += result ? 1 : 0; });
  }
  ledger_.reset();
  EXPECT_EQ(answered, 100);
}

TEST_P(JobsContract, OfManyThreadsThatSaveOneVersionOneWins) {
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

}  // namespace
}  // namespace dunlin::testing
