#include "workflows/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <thread>

#include "tests/support/instrumented.h"
#include "tests/support/redis_server.h"
#include "tests/workflows/effects_world.h"
#include "workflows/queue/memory_queue.h"
#include "workflows/queue/queue_url.h"
#include "workflows/queue/redis_queue.h"

namespace dunlin {
namespace {

using testing::World;
using SteadyClock = std::chrono::steady_clock;

constexpr int kSlower = testing::kInstrumented ? 10 : 1;

// The real time, moved by what a test adds.
class LeapingClock final : public Clock {
 public:
  Timestamp Now() const override { return system_.Now() + Millis{leap_ms_}; }
  void Leap(Millis by) { leap_ms_ += by.count(); }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> leap_ms_{0};
};

// Notes when each message left; can hold deliveries up.
class TimedOutbox final : public Outbox {
 public:
  explicit TimedOutbox(const Clock& clock) : clock_(clock) {}
  Status Deliver(JobId id, std::string_view) override {
    std::unique_lock lock(mutex_);
    began_.emplace_back(id, clock_.Now());
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    return {};
  }
  void Hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  bool WaitFor(std::size_t deliveries, Millis patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return began_.size() >= deliveries; });
  }
  std::vector<std::pair<JobId, Timestamp>> began() {
    const std::lock_guard lock(mutex_);
    return began_;
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<JobId, Timestamp>> began_;
  bool held_ = false;
};

// Loses everything it has been given, whenever it is told to, and everything it is offered while it is away.
class ForgetfulQueue final : public Queue {
 public:
  Status Offer(std::span<const QueueItem> items) override {
    if (!away) return queue_.Offer(items);
    ++lost;
    return {};
  }
  Result<std::vector<JobId>> Claim(Timestamp now, std::size_t max) override { return queue_.Claim(now, max); }
  Result<std::optional<Timestamp>> NextDue() override { return queue_.NextDue(); }
  Result<std::size_t> Size() override { return queue_.Size(); }
  void Forget() { (void)queue_.Claim(Timestamp::max(), 1'000'000); }
  std::atomic<bool> away{false};
  std::atomic<int> lost{0};

 private:
  MemoryQueue queue_;
};

struct WorkerTest : ::testing::Test {
  WorkerTest()
      : engine{.ledger = *world.base,
               .provider = world.provider,
               .marketplace = world.marketplace,
               .clock = clock,
               .random = world.random,
               .policies = world.policies,
               .outbox = outbox,
               .observer = world.observer,
               .read = world.engine.read,
               .ingest = world.engine.ingest} {}
  JobId Add(Timestamp due) {
    return world.base->Commit(testing::Add(testing::MakeJob(JobKind::kMail, due)))->new_jobs.front().id;
  }
  bool Drained(Millis patience) {
    for (const auto end = SteadyClock::now() + patience; SteadyClock::now() < end; std::this_thread::sleep_for(5ms)) {
      if (world.base->DueJobs(clock.Now() + 1h, 1)->empty()) return true;
    }
    return false;
  }
  LeapingClock clock;
  TimedOutbox outbox{clock};
  World world;
  Engine engine;
  ForgetfulQueue apply, outside, messages;
  Workers workers{engine, {apply, outside, messages}, {}};
};

// A hundred jobs that come due ten milliseconds apart start when they do.
void ExpectInTime(WorkerTest& test, Workers& workers) {
  workers.Start();
  std::map<JobId, Timestamp> due;
  const Timestamp start = test.clock.Now() + 100ms;
  for (int i = 0; i < 100; ++i) due[test.Add(start + Millis{i * 10})] = start + Millis{i * 10};
  ASSERT_TRUE(test.outbox.WaitFor(100, Millis{5s} * kSlower));
  std::vector<Millis> late;
  for (const auto& [id, at] : test.outbox.began()) late.push_back(at - due.at(id));
  std::sort(late.begin(), late.end());
  EXPECT_GE(late.front(), Millis{0});
  std::cout << "late by " << late[50].count() << " ms in the median, " << late[90].count() << " ms for nine in ten, "
            << late.back().count() << " ms at most\n";
  EXPECT_LE(late[90], Millis{50} * kSlower);
  EXPECT_LE(late.back(), Millis{500} * kSlower);  // the machine may be busy with something else
  EXPECT_TRUE(workers.Stop(5s));
}

TEST_F(WorkerTest, ADueJobStartsAtItsTime) { ExpectInTime(*this, workers); }

TEST_F(WorkerTest, ADueJobStartsAtItsTimeWithRedisToo) {
  testing::RedisServer server;
  const RedisTarget target = ParseQueueUrl(server.unix_url())->redis;
  RedisQueue apply_there(target, "apply"), outside_there(target, "outside"), messages_there(target, "messages");
  Workers with_redis{engine, {apply_there, outside_there, messages_there}, {}};
  ExpectInTime(*this, with_redis);
}

// The provider takes calls and answers none.
TEST_F(WorkerTest, AProviderThatHangsHoldsUpNoMessage) {
  std::promise<void> answers;
  const std::shared_future<void> answered = answers.get_future().share();
  std::atomic<int> calls{0};
  world.provider.during = [&](const testing::ScriptedProvider::Call&) {
    ++calls;
    answered.wait();
  };
  for (int i = 0; i < 40; ++i) {
    NewJob job = testing::MakeJob(JobKind::kRefetch, clock.Now() - 1h, "refetch/" + std::to_string(i));
    job.subject = "sub_" + std::to_string(i);
    ASSERT_TRUE(world.base->Commit(testing::Add(job)));
  }
  workers.Start();
  for (int i = 0; i < 500 && calls < Workers::Options{}.outside_threads; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(calls, Workers::Options{}.outside_threads);
  for (int i = 0; i < 10; ++i) Add(clock.Now());
  EXPECT_TRUE(outbox.WaitFor(10, Millis{1s} * kSlower));
  workers.BeginStop();
  answers.set_value();
  EXPECT_TRUE(workers.Stop(Millis{5s} * kSlower));
}

TEST_F(WorkerTest, AJobInFlightIsNotBegunTwiceThoughItIsOfferedAgain) {
  outbox.Hold(true);
  workers.Start();
  Add(clock.Now());
  ASSERT_TRUE(outbox.WaitFor(1, Millis{3s} * kSlower));
  const auto jobs = world.base->DueJobs(clock.Now(), 10);
  const std::vector<QueueItem> again = {{jobs->front().id, jobs->front().due}};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(messages.Offer(again));
    std::this_thread::sleep_for(50ms);
  }
  std::this_thread::sleep_for(1200ms);  // and the feeder looks again
  EXPECT_EQ(outbox.began().size(), 1U);
  outbox.Hold(false);
  EXPECT_TRUE(Drained(Millis{3s} * kSlower));
  EXPECT_TRUE(workers.Stop(5s));
  EXPECT_EQ(outbox.began().size(), 1U);
}

TEST_F(WorkerTest, StopWaitsForWhatIsUnderWayAndSaysWhenItGaveUp) {
  outbox.Hold(true);
  workers.Start();
  Add(clock.Now());
  ASSERT_TRUE(outbox.WaitFor(1, Millis{3s} * kSlower));
  const auto before = SteadyClock::now();
  EXPECT_FALSE(workers.Stop(100ms));
  EXPECT_GE(SteadyClock::now() - before, 100ms);
  EXPECT_FALSE(world.base->DueJobs(clock.Now(), 1)->empty());  // as it stood
  outbox.Hold(false);
  EXPECT_TRUE(workers.Stop(Millis{5s} * kSlower));
  EXPECT_TRUE(world.base->DueJobs(clock.Now(), 1)->empty());  // it was finished, not cut off
  EXPECT_TRUE(workers.Stop(0s));
}

TEST_F(WorkerTest, AQueueThatForgetsEverythingDelaysLittle) {  // I7
  messages.away = true;
  workers.Start();
  for (int i = 0; i < 20; ++i) Add(clock.Now());
  std::this_thread::sleep_for(100ms * kSlower);
  EXPECT_GT(messages.lost, 0);
  EXPECT_TRUE(outbox.began().empty());
  messages.away = false;
  EXPECT_TRUE(outbox.WaitFor(20, Millis{2s} * kSlower));
  const Timestamp soon = clock.Now() + 1500ms;
  for (int i = 0; i < 20; ++i) Add(soon);
  std::this_thread::sleep_for(50ms);
  messages.Forget();
  EXPECT_TRUE(outbox.WaitFor(40, Millis{4s} * kSlower));
  EXPECT_TRUE(workers.Stop(5s));
}

TEST_F(WorkerTest, ALeapOfTheClockMakesFutureJobsRunAtOnce) {
  workers.Start();
  Add(clock.Now() + 30s);            // in the queue already
  Add(clock.Now() + testing::kDay);  // too far ahead to be
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(outbox.began().empty());
  clock.Leap(2 * testing::kDay);
  EXPECT_TRUE(outbox.WaitFor(1, Millis{300} * kSlower));
  EXPECT_TRUE(outbox.WaitFor(2, Millis{2s} * kSlower));
  EXPECT_TRUE(workers.Stop(5s));
}

TEST_F(WorkerTest, WorkThatWaitedBeforeTheStartIsDone) {
  for (int i = 0; i < 50; ++i) Add(clock.Now() - 1h);
  workers.Start();
  EXPECT_TRUE(outbox.WaitFor(50, Millis{3s} * kSlower));
  EXPECT_TRUE(workers.Stop(5s));
}

TEST_F(WorkerTest, AThousandEventsDrain) {
  for (int i = 0; i < 1000; ++i) {
    Digest digest = testing::SnapshotDigest("evt_" + std::to_string(i), testing::kNoon - Seconds{1000 - i},
                                            i % 2 == 0 ? ProviderStatus::kActive : ProviderStatus::kPastDue);
    digest.subscription = SubscriptionId{"sub_" + std::to_string(i % 50)};
    world.digests.Add(digest);
  }
  workers.Start();
  std::vector<Unit> units;
  for (int i = 0; i < 1000; ++i)
    units.push_back(testing::Accept(testing::MakeEvent("evt_" + std::to_string(i), "evt_" + std::to_string(i))));
  const auto before = SteadyClock::now();
  for (const auto& result : world.base->CommitAll(std::move(units))) ASSERT_TRUE(result);
  clock.Leap(std::max(Millis{0}, testing::kNoon + 1s - clock.Now()));
  bool done = false;
  while (!done && SteadyClock::now() - before < Seconds{10} * kSlower) {
    std::this_thread::sleep_for(10ms);
    done = world.base->Events({.subscription = "", .type = "", .outcome = EventOutcome::kWaiting}, {.limit = 1})
               ->items.empty();
  }
  EXPECT_TRUE(done);
  std::cout << "drained in " << std::chrono::duration_cast<Millis>(SteadyClock::now() - before).count() << " ms\n";
  EXPECT_TRUE(workers.Stop(Millis{5s} * kSlower));
  std::size_t facts = 0;
  for (int i = 0; i < 50; ++i) facts += world.Record("sub_" + std::to_string(i)).subscription.facts.snapshots.size();
  EXPECT_EQ(facts, 1000U);
}

}  // namespace
}  // namespace dunlin
