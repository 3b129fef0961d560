#include "app/simulate/minimise.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace dunlin::simulate {
namespace {

constexpr std::size_t kTraceLines = 200;  // the last ones of a failure

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

nlohmann::json ExplainLeast(const SimulationOptions& options, const SimulationResult& failed) {
  const SimulationOptions least = Minimise(options, failed);
  const SimulationResult small = Simulate(least);
  std::vector<std::string> trace = small.trace;
  if (trace.size() > kTraceLines) trace.erase(trace.begin(), trace.end() - kTraceLines);
  return {{"repeat", CommandOf(least)}, {"broken", small.broken}, {"trace", trace}};
}

std::string Lines(const nlohmann::json& lines, const std::string& indent) {
  std::string text;
  for (const nlohmann::json& line : lines) text += indent + line.get<std::string>() + "\n";
  return text;
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

nlohmann::json Explain(const SimulationOptions& options, const SimulationResult& failed, bool least) {
  nlohmann::json explanation = {{"seed", options.seed}, {"broken", failed.broken}, {"repeat", CommandOf(options)}};
  if (least) explanation["least"] = ExplainLeast(options, failed);
  return explanation;
}

std::string TextOf(const nlohmann::json& explanation) {
  std::string text = "seed " + explanation.at("seed").dump() + " failed:\n" + Lines(explanation.at("broken"), "  ") +
                     "  repeat it:    " + explanation.at("repeat").get<std::string>() + "\n";
  if (!explanation.contains("least")) return text;
  const nlohmann::json& least = explanation.at("least");
  return text + "  least of it:  " + least.at("repeat").get<std::string>() + " --trace\n" +
         Lines(least.at("broken"), "    ") + Lines(least.at("trace"), "    ");
}

}  // namespace dunlin::simulate
