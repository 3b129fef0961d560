// docs/state-machine.md is generated from the table. DUNLIN_UPDATE_DOCS=1 writes it anew; otherwise it must be current.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "state/transitions.h"

namespace dunlin {
namespace {

std::string Text(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = c == '_' ? ' ' : c;
  return text;
}

std::string Drawing() {
  std::ostringstream out;
  out << "```mermaid\nstateDiagram-v2\n";
  std::map<std::pair<std::string, std::string>, std::string> edges;
  for (const Transition& t : kTransitions) {
    std::string& label = edges[{std::string(RecoveryStateName(t.from)), std::string(RecoveryStateName(t.to))}];
    label += (label.empty() ? "" : " ") + std::string(t.id);
  }
  for (const auto& [ends, label] : edges) {
    const auto end = [](const std::string& state) { return state == "none" ? std::string("[*]") : state; };
    out << "  " << end(ends.first) << " --> " << end(ends.second) << " : " << label << "\n";
  }
  out << "```\n";
  return out.str();
}

std::string Page() {
  std::ostringstream out;
  out << "# The recovery's state machine\n\n"
      << "Generated from `state/transitions.h`; `DUNLIN_UPDATE_DOCS=1 ./test StateMachinePage` writes it anew.\n\n"
      << "A row is taken when the recovery is in its state, its event is there and its guard holds. A pair of state "
         "and\n"
      << "event without a row changes nothing. Row ids stand in the timeline, the logs and the tests.\n\n"
      << Drawing() << "\n| row | from | event | guard | to | effect |\n|---|---|---|---|---|---|\n";
  for (const Transition& t : kTransitions) {
    out << "| " << t.id << " | " << Text(RecoveryStateName(t.from)) << " | " << Text(RecoveryEventName(t.on)) << " | "
        << Text(GuardName(t.guard)) << " | " << Text(RecoveryStateName(t.to)) << " | " << Text(EffectName(t.effect))
        << " |\n";
  }
  return out.str();
}

TEST(StateMachinePageTest, IsWhatTheTableSays) {
  const std::string path = std::string(DUNLIN_SOURCE_DIR) + "/docs/state-machine.md";
  if (std::getenv("DUNLIN_UPDATE_DOCS") != nullptr) std::ofstream(path, std::ios::binary) << Page();
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), Page()) << "run: DUNLIN_UPDATE_DOCS=1 ./test StateMachinePage";
}

}  // namespace
}  // namespace dunlin
