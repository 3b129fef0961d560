#include "workflows/queue/memory_queue.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

TEST(MemoryQueueTest, JobsMovedEarlierAgainAndAgainComeOutOnceAtTheEarliestTime) {
  MemoryQueue queue;
  for (std::int64_t due = 50'000; due > 0; --due) {  // each move leaves a stale entry: compaction must keep the rest
    const QueueItem items[] = {{JobId{1}, FromUnixMillis(due)}, {JobId{2}, FromUnixMillis(due + 1'000'000)}};
    ASSERT_TRUE(queue.Offer(items));
  }
  EXPECT_EQ(queue.Size().value(), 2U);
  EXPECT_EQ(queue.NextDue().value(), FromUnixMillis(1));
  EXPECT_EQ(queue.Claim(FromUnixMillis(100'000), 10).value(), std::vector{JobId{1}});
  EXPECT_EQ(queue.NextDue().value(), FromUnixMillis(1'000'001));
  EXPECT_EQ(queue.Claim(FromUnixMillis(2'000'000), 10).value(), std::vector{JobId{2}});
  EXPECT_EQ(queue.Size().value(), 0U);
}

TEST(MemoryQueueTest, AStaleEntryOfAClaimedJobDoesNotBringItBack) {
  MemoryQueue queue;
  const QueueItem later[] = {{JobId{1}, FromUnixMillis(20)}, {JobId{2}, FromUnixMillis(90)}};
  const QueueItem earlier[] = {{JobId{1}, FromUnixMillis(10)}};
  ASSERT_TRUE(queue.Offer(later));
  ASSERT_TRUE(queue.Offer(earlier));
  EXPECT_EQ(queue.Claim(FromUnixMillis(10), 10).value(), std::vector{JobId{1}});
  EXPECT_EQ(queue.Claim(FromUnixMillis(50), 10).value(), std::vector<JobId>{});
  EXPECT_EQ(queue.NextDue().value(), FromUnixMillis(90));
}

}  // namespace
}  // namespace dunlin
