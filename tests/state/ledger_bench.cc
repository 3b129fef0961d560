// How fast the ledger is. ledger_bench DIR [SECONDS] prints one JSON object.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "state/codec.h"
#include "state/ledger.h"
#include "tests/support/facts_values.h"
#include "tests/support/ledger_values.h"

namespace dunlin::testing {
namespace {

using SteadyClock = std::chrono::steady_clock;

double Since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// `threads` threads call `step` until the time is up; steps a second.
template <class F>
double Rate(int threads, double seconds, F step) {
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> steps{0};
  std::vector<std::thread> all;
  const auto start = SteadyClock::now();
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) steps += step(t, i);
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : all) thread.join();
  return static_cast<double>(steps) / Since(start);
}

double AcceptRate(Ledger& ledger, int threads, double seconds) {
  const std::string body(2048, 'x');
  return Rate(threads, seconds, [&](int t, int i) {
    const std::string id = std::to_string(i * 7919 % 1000003) + "_" + std::to_string(t) + "_" + std::to_string(i);
    return ledger.Commit(Accept(MakeEvent("evt_" + id, body))) ? 1 : 0;
  });
}

// What applying an event costs the ledger: load the work and the subscription, then save, file, done and a timeline
// row, in batches of 32.
double ApplyRate(Ledger& ledger, double seconds) {
  constexpr std::size_t kBatch = 32;
  for (int i = 0; i < 2000; ++i) {
    Subscription s = MakeSubscription("sub_" + std::to_string(i));
    s.facts = MakeFacts(5, 3);
    (void)ledger.Commit(Save(s));
  }
  std::vector<JobRef> due = ledger.DueJobs(kNoon + 1h, 1'000'000).value();
  std::atomic<std::size_t> next{0};
  return Rate(2, seconds, [&](int t, int i) {
    const std::size_t from = next.fetch_add(kBatch);
    if (from + kBatch > due.size()) return 0;
    std::vector<JobId> ids;
    for (std::size_t j = from; j < from + kBatch; ++j) ids.push_back(due[j].id);
    const std::vector<Work> work = ledger.LoadWork(ids).value();
    std::vector<Unit> units;
    for (std::size_t j = 0; j < work.size(); ++j) {
      const std::size_t n = (static_cast<std::size_t>(i) * kBatch + j) % 1000 * 2 + static_cast<std::size_t>(t);
      Subscription s = ledger.LoadSubscription(SubscriptionId("sub_" + std::to_string(n))).value()->subscription;
      Unit unit;
      unit.done = {work[j].job.id};
      unit.events = {{.seq = work[j].event->seq, .subscription = s.id.str(), .at = kNoon}};
      unit.timeline = {{.subscription = s.id, .at = kNoon, .kind = "change", .reason = std::string(80, 'r')}};
      unit.save.push_back(std::move(s));
      units.push_back(std::move(unit));
    }
    int applied = 0;
    for (const auto& result : ledger.CommitAll(std::move(units))) applied += result ? 1 : 0;
    return applied;
  });
}

void MeasureMillion(Ledger& ledger) {
  const auto start = SteadyClock::now();
  for (int i = 0; i < 1000; ++i) {
    Unit unit;
    for (int j = 0; j < 1000; ++j) {
      const std::string n = std::to_string(i * 1000 + j);
      unit.jobs.push_back(
          MakeJob(JobKind::kCharge, kNoon + 24h + Millis{(i * 7919 + j * 104729) % 86'400'000}, "charge/sub_" + n));
      unit.jobs.back().subject = "sub_" + n;
    }
    (void)ledger.Commit(std::move(unit));
  }
  const double insert = Since(start);
  const auto due = SteadyClock::now();
  const std::size_t found = ledger.DueJobs(kNoon + 24h + 1min, 1000).value().size();
  const double due_ms = Since(due) * 1e3;
  const auto count = SteadyClock::now();
  const Backlog backlog = ledger.CountBacklog(kNoon).value();
  std::printf("\"million_jobs_s\":%.1f,\"due_jobs\":%zu,\"due_jobs_ms\":%.2f,\"backlog\":%lld,\"backlog_ms\":%.1f,",
              insert, found, due_ms, static_cast<long long>(backlog.scheduled), Since(count) * 1e3);
}

void MeasureCodec() {
  const Facts facts = MakeFacts(5, 3);
  const std::string text = EncodeFacts(facts);
  constexpr int kRounds = 20'000;
  std::size_t bytes = 0;
  auto start = SteadyClock::now();
  for (int i = 0; i < kRounds; ++i) bytes += EncodeFacts(facts).size();
  const double encode = Since(start) / kRounds * 1e6;
  start = SteadyClock::now();
  for (int i = 0; i < kRounds; ++i) bytes += DecodeFacts(text)->snapshots.size();
  std::printf("\"facts_bytes\":%zu,\"encode_us\":%.2f,\"decode_us\":%.2f,\"check\":%zu", text.size(), encode,
              Since(start) / kRounds * 1e6, bytes);
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: ledger_bench DIR [SECONDS]\n");
    return 2;
  }
  const std::string path = std::string(argv[1]) + "/ledger_bench.db";
  const double seconds = argc > 2 ? std::stod(argv[2]) : 5;
  auto opened = OpenLedger("sqlite:" + path);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
    return 1;
  }
  std::printf("{");
  for (const int threads : {1, 8, 64}) {
    std::printf("\"accepted_%d_threads\":%.0f,", threads, AcceptRate(**opened, threads, seconds));
  }
  std::error_code none;
  std::printf("\"wal_mib\":%.1f,", static_cast<double>(std::filesystem::file_size(path + "-wal", none)) / 1048576.0);
  std::printf("\"applied\":%.0f,", ApplyRate(**opened, seconds));
  std::printf("\"wal_mib_after\":%.1f,",
              static_cast<double>(std::filesystem::file_size(path + "-wal", none)) / 1048576.0);
  MeasureMillion(**opened);
  MeasureCodec();
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace dunlin::testing

int main(int argc, char** argv) { return dunlin::testing::Main(argc, argv); }
