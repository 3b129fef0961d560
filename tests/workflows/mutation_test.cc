// Mutation testing of the transition table: every row is removed and changed in every field, one change at a time, and
// something must notice: the proofs that the compiler makes of the table, or a script that takes the row.
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <iostream>
#include <map>
#include <set>

#include "tests/support/instrumented.h"
#include "tests/workflows/recovery_scripts.h"

namespace dunlin {
namespace {

using testing::Player;
using testing::Script;
using testing::Scripts;

constexpr std::size_t kGuards = static_cast<std::size_t>(Guard::kSpentStay) + 1;
constexpr std::size_t kEffects = static_cast<std::size_t>(Effect::kStop) + 1;

using Rows = std::vector<Transition>;

struct Mutant {
  std::string name;  // "D9 to=ending"
  std::string row;
  Rows rows;
};

// Mutants that mean the same as the table itself, and why.
const std::map<std::string, std::string>& Equivalent() {
  static const std::map<std::string, std::string> mutants = {
      {"D1 effect=stop", "nothing of a recovery is under way when one begins"},
      {"D14 effect=ask_for_method", "a card was asked for already, and the job is made for the same moment"},
      {"D27 effect=stop", "a followed recovery has nothing of its own to drop, and its mail is made anew"},
  };
  return mutants;
}

// D15 only completes the guards: while a method is awaited, being told so again is no event. So no script takes it, and
// whatever else it would do means the same; but it must not stand in the way of other rows.
constexpr std::string_view kNeverTaken = "D15";

bool MeansTheSame(const Mutant& mutant) { return mutant.row == kNeverTaken || Equivalent().contains(mutant.name); }

template <class Field>
void Vary(std::vector<Mutant>& mutants, std::size_t at, Field Transition::*field, std::size_t values, const char* name,
          const std::function<std::string_view(Field)>& word) {
  const Rows table(kTransitions.begin(), kTransitions.end());
  for (std::size_t value = 0; value < values; ++value) {
    const auto other = static_cast<Field>(value);
    if (table[at].*field == other) continue;
    Mutant mutant{std::string(table[at].id) + " " + name + "=" + std::string(word(other)), std::string(table[at].id),
                  table};
    mutant.rows[at].*field = other;
    mutants.push_back(std::move(mutant));
  }
}

std::vector<Mutant> AllMutants() {
  std::vector<Mutant> mutants;
  for (std::size_t at = 0; at < kTransitions.size(); ++at) {
    Mutant without{std::string(kTransitions[at].id) + " removed", std::string(kTransitions[at].id),
                   Rows(kTransitions.begin(), kTransitions.end())};
    without.rows.erase(without.rows.begin() + static_cast<std::ptrdiff_t>(at));
    mutants.push_back(std::move(without));
    Vary<RecoveryState>(mutants, at, &Transition::from, kRecoveryStates, "from", &RecoveryStateName);
    Vary<RecoveryEvent>(mutants, at, &Transition::on, kRecoveryEvents, "on", &RecoveryEventName);
    Vary<Guard>(mutants, at, &Transition::guard, kGuards, "guard", &GuardName);
    Vary<RecoveryState>(mutants, at, &Transition::to, kRecoveryStates, "to", &RecoveryStateName);
    Vary<Effect>(mutants, at, &Transition::effect, kEffects, "effect", &EffectName);
  }
  return mutants;
}

bool ProofsHold(const Rows& rows) {
  using namespace transition_proofs;
  return Deterministic(rows) && GuardsAreComplete(rows) && EveryStateIsReached(rows) && EveryRecoveryCanEnd(rows) &&
         EveryRetryHasAWayOut(rows) && FollowingNeverCharges(rows) && CancellingCanBeStopped(rows);
}

// The scripts that take the row, by its id, when the table is right: the others cannot notice that it is gone.
std::map<std::string, std::vector<const Script*>> ScriptsByRow() {
  std::map<std::string, std::vector<const Script*>> scripts;
  for (const Script& script : Scripts()) {
    Player player(script.policy);
    player.Play(script.words);
    for (const std::string& row : player.rows_taken()) scripts[row].push_back(&script);
    scripts[std::string(kNeverTaken)].push_back(&script);  // all of them
    EXPECT_FALSE(player.rows_taken().contains(std::string(kNeverTaken)));
  }
  return scripts;
}

bool IsNoticed(const Mutant& mutant, const std::vector<const Script*>& scripts) {
  ::testing::TestPartResultArray failures;
  ::testing::ScopedFakeTestPartResultReporter catcher(
      ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
  for (const Script* script : scripts) {
    Player player(script->policy, mutant.rows);
    if (player.Play(script->words) != script->rows || failures.size() > 0) return true;
  }
  return false;
}

// In processes of their own, so that one which brings the process down is noticed too.
std::set<std::string> Unnoticed(const std::vector<Mutant>& mutants) {
  const auto scripts = ScriptsByRow();
  std::set<std::string> unnoticed;
  for (const Mutant& mutant : mutants) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);
      ::_exit(IsNoticed(mutant, scripts.at(mutant.row)) ? 1 : 0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
      unnoticed.insert(mutant.name);
  }
  return unnoticed;
}

TEST(MutationTest, EveryWrongTableIsNoticed) {
  if (testing::kInstrumented) GTEST_SKIP() << "its thousands of processes are for the suite without sanitizers";
  std::vector<Mutant> mutants = AllMutants();
  const std::size_t all = mutants.size();
  std::erase_if(mutants, [](const Mutant& m) { return !ProofsHold(m.rows); });
  const std::set<std::string> unnoticed = Unnoticed(mutants);
  std::cout << all << " mutants: " << all - mutants.size() << " do not compile, " << mutants.size() - unnoticed.size()
            << " fail a script, " << unnoticed.size() << " mean the same\n";
  for (const Mutant& mutant : mutants) {
    EXPECT_EQ(unnoticed.contains(mutant.name), MeansTheSame(mutant)) << mutant.name;
  }
  for (const auto& [name, why] : Equivalent()) EXPECT_TRUE(unnoticed.contains(name)) << name << " is noticed; " << why;
}

}  // namespace
}  // namespace dunlin
