// dunlin simulate: many histories, each from a seed, on all processors; one history is one thread.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "app/commands/commands.h"
#include "app/commands/output.h"
#include "app/simulate/minimise.h"
#include "app/simulate/simulation.h"
#include "state/clock.h"

namespace dunlin {
namespace {

using simulate::Fault;
using simulate::SimulationOptions;
using simulate::SimulationResult;

constexpr std::size_t kFailuresMax = 20;  // then it is better to look at one than to run on
constexpr double kYear = 365.25 * 24 * 3600 * 1000;
constexpr std::chrono::seconds kProgressEvery{5};

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

Result<simulate::FaultSet> ReadFaults(const std::string& text) {
  simulate::FaultSet set;
  for (const std::string& word : SplitAtCommas(text)) {
    std::string all;
    std::size_t i = 0;
    while (i < simulate::kFaultCount && FaultName(static_cast<Fault>(i)) != word) ++i;
    if (i < simulate::kFaultCount) {
      set[i] = true;
      continue;
    }
    for (std::size_t j = 0; j < simulate::kFaultCount; ++j) all += " " + std::string(FaultName(static_cast<Fault>(j)));
    return Fail(Errc::kInvalidArgument, "--without: '" + word + "' is no kind of fault; there are" + all);
  }
  return set;
}

Result<std::set<std::size_t>> ReadNumbers(const std::string& text) {
  std::set<std::size_t> numbers;
  for (const std::string& word : SplitAtCommas(text)) {
    if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos)
      return Fail(Errc::kInvalidArgument, "--leave-out: '" + word + "' is not the number of an action");
    numbers.insert(std::stoul(word));
  }
  return numbers;
}

// Seeds from the first on, until there are enough, the time is up, or enough have failed.
class Runs {
 public:
  // The first seed is that of the options.
  Runs(const SimulateArguments& arguments, SimulationOptions options, std::optional<Millis> duration)
      : arguments_(arguments), options_(std::move(options)), duration_(duration), next_(options_.seed) {}

  int Run() {
    const unsigned threads = std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::thread> pool;
    for (unsigned i = 0; i < threads; ++i) pool.emplace_back([this] { Work(); });
    for (std::thread& thread : pool) thread.join();
    Report();
    return failed_.empty() ? kExitOk : kExitNo;
  }

 private:
  using Steady = std::chrono::steady_clock;

  bool Take(std::uint64_t& seed) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t taken = next_ - options_.seed;
    const bool over = duration_ ? Steady::now() - began_ >= *duration_ && taken > 0 : taken >= arguments_.runs;
    if (over || failed_.size() >= kFailuresMax) return false;
    seed = next_++;
    return true;
  }

  void Work() {
    SimulationOptions options = options_;
    while (Take(options.seed)) {
      const SimulationResult result = simulate::Simulate(options);
      const std::lock_guard lock(mutex_);
      ++done_;
      simulated_ += result.simulated;
      steps_ += result.steps;
      fingerprint_ ^= result.fingerprint;  // of all, in whichever order they end
      if (!result.broken.empty()) failed_.emplace(options.seed, result);
      if (arguments_.trace) {
        for (const std::string& line : result.trace) Print(line + "\n");
      }
      ShowProgress();
    }
  }

  double Years() const { return static_cast<double>(simulated_.count()) / kYear; }
  double Seconds() const { return std::chrono::duration<double>(Steady::now() - began_).count(); }

  void ShowProgress() {
    if (Steady::now() - shown_ < kProgressEvery) return;
    shown_ = Steady::now();
    std::fprintf(stderr, "%llu seeds, %.1f simulated years, %.2f a second, %zu failed\n",
                 static_cast<unsigned long long>(done_), Years(), Years() / Seconds(), failed_.size());
  }

  void Report() {
    nlohmann::json failures = nlohmann::json::array();
    for (const auto& [seed, result] : failed_) {
      SimulationOptions options = options_;
      options.seed = seed;
      failures.push_back(simulate::Explain(options, result, failures.empty()));
      if (!arguments_.json) Print(simulate::TextOf(failures.back()));
    }
    char hex[17];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(fingerprint_));
    if (arguments_.json) {
      return PrintJson({{"seeds", done_},
                        {"first_seed", options_.seed},
                        {"simulated_years", Years()},
                        {"years_per_second", Years() / Seconds()},
                        {"steps", steps_},
                        {"fingerprint", hex},
                        {"failures", failures}});
    }
    char line[200];
    std::snprintf(line, sizeof line,
                  "%llu seeds from %llu on, %.1f simulated years, %.2f a second; %zu failed; fingerprint %s\n",
                  static_cast<unsigned long long>(done_), static_cast<unsigned long long>(options_.seed), Years(),
                  Years() / Seconds(), failed_.size(), hex);
    Print(line);
  }

  const SimulateArguments& arguments_;
  const SimulationOptions options_;
  const std::optional<Millis> duration_;
  const Steady::time_point began_ = Steady::now();
  std::mutex mutex_;
  std::uint64_t next_;
  std::uint64_t done_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t fingerprint_ = 0;
  Millis simulated_{0};
  std::map<std::uint64_t, SimulationResult> failed_;
  Steady::time_point shown_ = Steady::now();
};

}  // namespace

int RunSimulate(const SimulateArguments& arguments) {
  if (!arguments.seed && arguments.duration.empty())
    return Complain({Errc::kInvalidArgument, "give --seed N; only with --duration can it be left out"});
  SimulationOptions options;
  // Another one each time, so that what was played before is not played again.
  options.seed = arguments.seed ? *arguments.seed : static_cast<std::uint64_t>(ToUnixMillis(SystemClock().Now()));
  const Result<simulate::FaultSet> off = ReadFaults(arguments.without);
  if (!off) return Complain(off.error());
  const Result<std::set<std::size_t>> left_out = ReadNumbers(arguments.leave_out);
  if (!left_out) return Complain(left_out.error());
  std::optional<Millis> duration;
  if (!arguments.duration.empty()) {
    const Result<Millis> read = ParseDuration(arguments.duration);
    if (!read) return Complain(read.error());
    duration = *read;
  }
  options.off = *off;
  options.left_out = *left_out;
  options.keep_trace = arguments.trace;
  return Runs(arguments, std::move(options), duration).Run();
}

}  // namespace dunlin
