// How fast the queues are, and what a waiting item costs. Run by hand: build the target queue_bench.
#include <malloc.h>

#include <cstdio>
#include <string>

#include "state/check.h"
#include "tests/support/redis_server.h"
#include "workflows/queue/memory_queue.h"
#include "workflows/queue/redis_queue.h"

namespace dunlin {
namespace {

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

std::vector<QueueItem> Items(std::int64_t count) {
  std::vector<QueueItem> items;
  for (std::int64_t i = 0; i < count; ++i) {
    items.push_back({JobId{i + 1}, FromUnixMillis(1'800'000'000'000 + (i * 2'654'435'761) % count)});
  }
  return items;
}

void Measure(const std::string& name, Queue& queue, std::int64_t count) {
  const std::vector<QueueItem> items = Items(count);
  const auto offer_start = SteadyClock::now();
  const Status offered = queue.Offer(items);
  const double offer_s = SecondsSince(offer_start);
  DUNLIN_CHECK(offered.has_value());
  const auto claim_start = SteadyClock::now();
  std::int64_t claimed = 0;
  double slowest = 0;
  while (claimed < count) {
    const auto start = SteadyClock::now();
    const Result<std::vector<JobId>> batch = queue.Claim(FromUnixMillis(1'900'000'000'000), 100);
    slowest = std::max(slowest, SecondsSince(start));
    DUNLIN_CHECK(batch.has_value());
    DUNLIN_CHECK(!batch->empty());
    claimed += static_cast<std::int64_t>(batch->size());
  }
  const double claim_s = SecondsSince(claim_start);
  const auto n = static_cast<double>(count);
  std::printf(
      "{\"queue\":\"%s\",\"items\":%lld,\"offer_per_s\":%.0f,\"claim_by_100_per_s\":%.0f,\"slowest_claim_ms\":%.2f}\n",
      name.c_str(), static_cast<long long>(count), n / offer_s, n / claim_s, slowest * 1000);
}

void MeasureMemory() {
  constexpr std::int64_t kCount = 1'000'000;
  const std::vector<QueueItem> items = Items(kCount);
  const auto in_use = [] {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::size_t before = in_use();
  MemoryQueue queue;
  for (std::size_t from = 0; from < items.size(); from += 1000) {
    DUNLIN_CHECK(queue.Offer(std::span(items).subspan(from, 1000)).has_value());
  }
  std::printf("{\"queue\":\"memory\",\"items\":%lld,\"bytes_per_item\":%.1f}\n", static_cast<long long>(kCount),
              static_cast<double>(in_use() - before) / static_cast<double>(kCount));
}

}  // namespace
}  // namespace dunlin

int main() {
  using namespace dunlin;
  MeasureMemory();
  MemoryQueue memory;
  Measure("memory", memory, 100'000);
  Measure("memory", memory, 1'000'000);
  const testing::RedisServer server;
  for (const std::string& url : {server.unix_url(), server.tcp_url()}) {
    RedisQueue redis(ParseQueueUrl(url)->redis, "dunlin:bench");
    Measure(url == server.unix_url() ? "redis_unix" : "redis_tcp", redis, 100'000);
  }
  return 0;
}
