#include "workflows/worker.h"

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "workflows/apply.h"
#include "workflows/effects/effects.h"

namespace dunlin {
namespace {

constexpr Millis kFeedEvery{1000};
constexpr Millis kFeedAhead{60'000};
constexpr std::size_t kFeedMax = 20'000;    // jobs a scan offers; the next scan goes on
constexpr std::size_t kHintsMax = 200'000;  // beyond this the scan finds them
constexpr Millis kPollEvery{10};            // the clock may leap, so no sleep is longer
constexpr std::size_t kApplyBatch = 64;
constexpr int kNiceness = 10;

// Ids that are being carried out, so that what the feeder offers again meanwhile is not begun twice.
class InFlight {
 public:
  // Keeps those that were not in flight, and marks them.
  void Begin(std::vector<JobId>& ids) {
    const std::lock_guard lock(mutex_);
    std::erase_if(ids, [&](JobId id) { return !ids_.insert(ToInt(id)).second; });
  }
  // Returns what Drop dropped of them: a job that puts itself off says so while it is still in flight.
  std::vector<JobRef> End(std::span<const JobId> ids) {
    std::vector<JobRef> dropped;
    const std::lock_guard lock(mutex_);
    for (const JobId id : ids) {
      ids_.erase(ToInt(id));
      if (auto node = dropped_.extract(ToInt(id))) dropped.push_back(node.mapped());
    }
    return dropped;
  }
  // Without those in flight.
  std::vector<JobRef> Drop(const std::vector<JobRef>& jobs) {
    std::vector<JobRef> rest;
    const std::lock_guard lock(mutex_);
    for (const JobRef& job : jobs) {
      if (ids_.contains(ToInt(job.id))) {
        dropped_.insert_or_assign(ToInt(job.id), job);
      } else {
        rest.push_back(job);
      }
    }
    return rest;
  }

 private:
  std::mutex mutex_;
  std::unordered_set<std::int64_t> ids_;
  std::unordered_map<std::int64_t, JobRef> dropped_;
};

}  // namespace

class Workers::Impl {
 public:
  Impl(Engine& engine, Queue& apply, Queue& outside, const Options& options)
      : engine_(engine), apply_(apply), outside_(outside), options_(options) {}

  void Start() {
    engine_.ledger.OnNewJobs([this](const std::vector<JobRef>& jobs) { Hint(jobs); });
    threads_.emplace_back([this] { Feed(); });
    for (int i = 0; i < options_.apply_threads; ++i) threads_.emplace_back([this] { Serve(Lane::kApply); });
    for (int i = 0; i < options_.outside_threads; ++i) threads_.emplace_back([this] { Serve(Lane::kOutside); });
  }

  void BeginStop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }

  bool Stop(Millis patience) {
    if (threads_.empty()) return true;
    engine_.ledger.OnNewJobs(nullptr);
    BeginStop();
    std::unique_lock lock(mutex_);
    if (!ended_.wait_for(lock, patience, [&] { return running_ == 0; })) return false;
    lock.unlock();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return true;
  }

 private:
  Queue& QueueOf(Lane lane) { return lane == Lane::kApply ? apply_ : outside_; }

  // Also on the committing thread: never blocks on anything slow.
  void Hint(const std::vector<JobRef>& jobs) {
    if (jobs.empty()) return;
    const Timestamp horizon = engine_.clock.Now() + kFeedAhead;
    const std::lock_guard lock(mutex_);
    for (const JobRef& job : jobs) {
      if (job.due <= horizon && hints_.size() < kHintsMax) hints_.push_back(job);
    }
    if (!hints_.empty()) changed_.notify_all();
  }

  void Feed() {
    const Running running(*this);
    Scan();
    auto next_scan = std::chrono::steady_clock::now() + kFeedEvery;
    for (;;) {
      std::vector<JobRef> hints;
      {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, next_scan, [&] { return stopping_ || !hints_.empty(); });
        if (stopping_) return;
        hints.swap(hints_);
      }
      Offer(hints);
      if (std::chrono::steady_clock::now() >= next_scan) {
        Scan();
        next_scan = std::chrono::steady_clock::now() + kFeedEvery;
      }
    }
  }

  void Scan() {
    const Result<std::vector<JobRef>> due = engine_.ledger.DueJobs(engine_.clock.Now() + kFeedAhead, kFeedMax);
    if (!due) return engine_.observer.OnProblem("look for due jobs", due.error());
    Offer(*due);
  }

  void Offer(const std::vector<JobRef>& known) {
    const std::vector<JobRef> jobs = in_flight_.Drop(known);
    for (const Lane lane : {Lane::kApply, Lane::kOutside}) {
      std::vector<QueueItem> items;
      for (const JobRef& job : jobs) {
        if (job.lane == lane) items.push_back({job.id, job.due});
      }
      if (items.empty()) continue;
      if (const Status offered = QueueOf(lane).Offer(items); !offered)
        engine_.observer.OnProblem("offer jobs", offered.error());
      Wake(lane);
    }
  }

  void Wake(Lane lane) {
    const std::lock_guard lock(mutex_);
    ++offered_[static_cast<std::size_t>(lane)];
    changed_.notify_all();
  }

  void Serve(Lane lane) {
    const Running running(*this);
    // A sender waits for its answer; what was accepted can wait a moment. On Linux this is the calling thread's alone,
    // and where it is refused nothing is lost but the preference.
    static_cast<void>(::setpriority(PRIO_PROCESS, 0, kNiceness));
    Applier applier(engine_);
    Effects effects(engine_);
    std::uint64_t seen = 0;
    while (!Stopping()) {
      std::vector<JobId> ids = Claim(lane);
      if (ids.empty()) {
        Rest(lane, seen);
        continue;
      }
      if (lane == Lane::kApply) {
        applier.Run(ids);
        Hint(in_flight_.End(ids));
      } else {
        RunEach(effects, ids);
      }
    }
  }

  // One outside job at a time; what was claimed and not begun when stopping is offered again at the next start.
  void RunEach(Effects& effects, const std::vector<JobId>& ids) {
    for (const JobId id : ids) {
      if (!Stopping()) effects.Run(id);
      Hint(in_flight_.End(std::span(&id, 1)));
    }
  }

  std::vector<JobId> Claim(Lane lane) {
    const std::size_t most = lane == Lane::kApply ? kApplyBatch : 1;
    Result<std::vector<JobId>> claimed = QueueOf(lane).Claim(engine_.clock.Now(), most);
    if (!claimed) {
      engine_.observer.OnProblem("claim jobs", claimed.error());
      return {};
    }
    in_flight_.Begin(*claimed);
    return std::move(*claimed);
  }

  // Until something is offered in this lane, or it is time to look again.
  void Rest(Lane lane, std::uint64_t& seen) {
    std::unique_lock lock(mutex_);
    const std::uint64_t& offered = offered_[static_cast<std::size_t>(lane)];
    changed_.wait_for(lock, kPollEvery, [&] { return stopping_ || offered != seen; });
    seen = offered;
  }

  bool Stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  // Counts the threads that have not ended yet, so that Stop can wait for them with a limit.
  class Running {
   public:
    explicit Running(Impl& impl) : impl_(impl) {
      const std::lock_guard lock(impl_.mutex_);
      ++impl_.running_;
    }
    ~Running() {
      const std::lock_guard lock(impl_.mutex_);
      --impl_.running_;
      impl_.ended_.notify_all();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

   private:
    Impl& impl_;
  };

  Engine& engine_;
  Queue& apply_;
  Queue& outside_;
  const Options options_;
  InFlight in_flight_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  bool stopping_ = false;
  int running_ = 0;
  std::uint64_t offered_[2] = {0, 0};
  std::vector<JobRef> hints_;
  std::vector<std::thread> threads_;
};

Workers::Workers(Engine& engine, Queue& apply, Queue& outside, const Options& options)
    : impl_(std::make_unique<Impl>(engine, apply, outside, options)) {}

Workers::~Workers() { Stop(Millis{24h}); }

void Workers::Start() { impl_->Start(); }

void Workers::BeginStop() { impl_->BeginStop(); }

bool Workers::Stop(Millis patience) { return impl_->Stop(patience); }

}  // namespace dunlin
