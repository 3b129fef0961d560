#include "app/simulate/minimise.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace dunlin::simulate {
namespace {

// What broke, without whom it happened to: the words that are no ids, times or amounts.
std::string KindOf(const std::string& broken) {
  std::string kind;
  std::istringstream words(broken);
  for (std::string word; words >> word;) {
    const bool plain = word.find_first_of("_0123456789") == std::string::npos;
    if (plain || word.starts_with("(I") || word.starts_with("(R")) kind += word + " ";
  }
  return kind;
}

std::set<std::string> KindsOf(const std::vector<std::string>& broken) {
  std::set<std::string> kinds;
  for (const std::string& line : broken) kinds.insert(KindOf(line));
  return kinds;
}

}  // namespace

SimulationOptions Minimise(SimulationOptions options, const SimulationResult& failed) {
  const std::set<std::string> kinds = KindsOf(failed.broken);
  const auto still_fails = [&](const SimulationOptions& fewer) {
    const SimulationResult result = Simulate(fewer);
    return std::any_of(result.broken.begin(), result.broken.end(),
                       [&](const std::string& line) { return kinds.contains(KindOf(line)); });
  };
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    if (!failed.faults[i]) continue;
    SimulationOptions fewer = options;
    fewer.off[i] = true;
    if (still_fails(fewer)) options = std::move(fewer);
  }
  for (std::size_t i = 0; i < failed.actions; ++i) {
    if (options.left_out.contains(i)) continue;
    SimulationOptions fewer = options;
    fewer.left_out.insert(i);
    if (still_fails(fewer)) options = std::move(fewer);
  }
  options.keep_trace = true;
  return options;
}

std::string CommandOf(const SimulationOptions& options) {
  std::string command = "dunlin simulate --seed " + std::to_string(options.seed);
  std::string off, left_out;
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    if (options.off[i]) off += (off.empty() ? "" : ",") + std::string(FaultName(static_cast<Fault>(i)));
  }
  for (const std::size_t n : options.left_out) left_out += (left_out.empty() ? "" : ",") + std::to_string(n);
  if (!off.empty()) command += " --without " + off;
  if (!left_out.empty()) command += " --leave-out " + left_out;
  return command;
}

}  // namespace dunlin::simulate
