#include "workflows/worker.h"

#include <sys/resource.h>

#include <condition_variable>
#include <iterator>
#include <mutex>
#include <thread>
#include <vector>

#include "workflows/apply.h"
#include "workflows/effects/effects.h"

namespace dunlin {
namespace {

constexpr std::size_t kHintsMax = 200'000;  // beyond this the scan finds them
constexpr Millis kPollEvery{10};            // the clock may leap, so no sleep is longer
constexpr int kNiceness = 10;

}  // namespace

class Workers::Impl {
 public:
  Impl(Engine& engine, const LaneQueues& queues, const Options& options)
      : engine_(engine), options_(options), feeder_(engine, queues, [this](Lane lane) { Wake(lane); }) {}

  void Start() {
    engine_.ledger.OnNewJobs([this](const std::vector<JobRef>& jobs) { Hint(jobs); });
    threads_.emplace_back([this] { Feed(); });
    for (int i = 0; i < options_.apply_threads; ++i) threads_.emplace_back([this] { Serve(Lane::kApply); });
    for (int i = 0; i < options_.outside_threads; ++i) threads_.emplace_back([this] { Serve(Lane::kOutside); });
    for (int i = 0; i < options_.message_threads; ++i) threads_.emplace_back([this] { Serve(Lane::kMessages); });
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
    feeder_.Scan();
    auto next_scan = std::chrono::steady_clock::now() + kFeedEvery;
    for (;;) {
      std::vector<JobRef> hints;
      {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, next_scan, [&] { return stopping_ || !hints_.empty(); });
        if (stopping_) return;
        hints.swap(hints_);
      }
      feeder_.Offer(hints);
      if (std::chrono::steady_clock::now() >= next_scan) {
        feeder_.Scan();
        next_scan = std::chrono::steady_clock::now() + kFeedEvery;
      }
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
      const std::vector<JobId> ids = feeder_.Claim(lane);
      if (ids.empty()) {
        Rest(lane, seen);
        continue;
      }
      if (lane == Lane::kApply) {
        applier.Run(ids);
        Hint(feeder_.End(ids));
      } else {
        RunEach(effects, ids);
      }
    }
  }

  // One job at a time; what was claimed and not begun when stopping is offered again at the next start.
  void RunEach(Effects& effects, const std::vector<JobId>& ids) {
    for (const JobId id : ids) {
      if (!Stopping()) effects.Run(id);
      Hint(feeder_.End(std::span(&id, 1)));
    }
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
  const Options options_;
  Feeder feeder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable ended_;
  bool stopping_ = false;
  int running_ = 0;
  std::uint64_t offered_[std::size(kLanes)] = {};
  std::vector<JobRef> hints_;
  std::vector<std::thread> threads_;
};

Workers::Workers(Engine& engine, const LaneQueues& queues, const Options& options)
    : impl_(std::make_unique<Impl>(engine, queues, options)) {}

Workers::~Workers() { Stop(Millis{24h}); }

void Workers::Start() { impl_->Start(); }

void Workers::BeginStop() { impl_->BeginStop(); }

bool Workers::Stop(Millis patience) { return impl_->Stop(patience); }

}  // namespace dunlin
