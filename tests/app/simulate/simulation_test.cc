#include "app/simulate/simulation.h"

#include <gtest/gtest.h>

#include "tests/support/instrumented.h"

namespace dunlin::simulate {
namespace {

SimulationResult Play(std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.keep_trace = true;
  return Simulate(options);
}

TEST(SimulationTest, TheSameSeedDoesTheSame) {
  const SimulationResult once = Play(5);
  const SimulationResult again = Play(5);
  EXPECT_EQ(once.fingerprint, again.fingerprint);
  EXPECT_EQ(once.trace, again.trace);
  EXPECT_EQ(once.steps, again.steps);
}

TEST(SimulationTest, AnotherSeedDoesSomethingElse) { EXPECT_NE(Play(5).fingerprint, Play(6).fingerprint); }

TEST(SimulationTest, EveryKindOfFaultStrikesInSomeSeed) {
  if (testing::kInstrumented) GTEST_SKIP() << "its many seeds are for the suite without sanitizers";
  constexpr std::uint64_t kSeedsMax = 200;
  FaultSet struck;
  for (std::uint64_t seed = 1; !struck.all() && seed <= kSeedsMax; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    struck |= Simulate(options).struck;
  }
  for (std::size_t i = 0; i < kFaultCount; ++i) EXPECT_TRUE(struck[i]) << FaultName(static_cast<Fault>(i));
}

TEST(SimulationTest, WhatIsLeftOutDoesNotHappen) {
  SimulationOptions options;
  options.seed = 5;
  options.off.set();
  options.keep_trace = true;
  const SimulationResult result = Simulate(options);
  EXPECT_TRUE(result.faults.none());
  EXPECT_TRUE(result.struck.none()) << result.struck;
  for (const std::string& line : result.trace) EXPECT_EQ(line.find("the process dies"), std::string::npos) << line;
}

// Seeds that showed a mistake once, or a corner that is rarely reached; one line each.
struct Regression {
  std::uint64_t seed;
  const char* what;
};
const Regression kRegressions[] = {
    {1255, "two processes made two attempts of one request by staff: the second began when its job had ended"},
    {1785, "the same, of a scheduled attempt"},
    {1322, "a customer who left while owing, and stayed after all"},
    {1761, "an old invoice's payment that fails after a newer invoice was paid"},
    {17, "a payment that settles late, on a subscription that owes an earlier invoice"},
    {59, "the next invoice's failure was told to nobody, as both were known by their count alone"},
    {243, "a failure that was learnt after its recovery had begun was told twice"},
    {575, "a late event seemed to take the invoice back, and another card was asked for twice"},
    {595, "the same, in a second that held a change of plan and its failure"},
    {30, "failures of earlier invoices did not count toward the card's limit"},
    {1793, "a newer invoice was paid before an older one"},
    {469, "an attempt that the provider only counted"},
    {1795288084112,
     "a failure whose mail was taken back within its two seconds was told to nobody when it was owed again"},
    {107, "a bank that wants the cardholder's confirmation for each attempt, for days"},
};

class RegressionTest : public ::testing::TestWithParam<Regression> {};
TEST_P(RegressionTest, Holds) {
  SimulationOptions options;
  options.seed = GetParam().seed;
  for (const std::string& broken : Simulate(options).broken) ADD_FAILURE() << GetParam().what << ": " << broken;
}
INSTANTIATE_TEST_SUITE_P(Seeds, RegressionTest, ::testing::ValuesIn(kRegressions),
                         [](const auto& regression) { return "Seed" + std::to_string(regression.param.seed); });

}  // namespace
}  // namespace dunlin::simulate
