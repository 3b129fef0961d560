// What is said of a seed that fails: the least of it still fails, in the same way, and the commands repeat it.
#include "app/simulate/minimise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/app/program.h"
#include "workflows/simulate/forwarding_ledger.h"

namespace dunlin::simulate {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Once another process starts, beside the first or after it, loses what is accepted and claims that it was stored.
class ForgetfulLedger final : public ForwardingLedger {
 public:
  using ForwardingLedger::ForwardingLedger;

  Status KeepPolicy(int version, std::string_view text) override {
    ++starts_;
    return base().KeepPolicy(version, text);
  }
  Result<UnitResult> Commit(Unit unit) override {
    const std::size_t accepted = unit.accept.size();
    if (starts_ > 1) unit.accept.clear();
    Result<UnitResult> result = base().Commit(std::move(unit));
    if (result) result->stored.resize(accepted, true);
    return result;
  }

 private:
  int starts_ = 0;
};

FaultSet Only(std::initializer_list<Fault> faults) {
  FaultSet set;
  for (const Fault fault : faults) set.set(static_cast<std::size_t>(fault));
  return set;
}

// A second version joins on the second day. No failure needs the other faults, nor most of what two customers do.
SimulationOptions OptionsThatFail() {
  SimulationOptions options;
  options.seed = 243;
  options.between = [](Ledger& base) { return std::make_unique<ForgetfulLedger>(base); };
  return options;
}

TEST(MinimiseTest, WhatIsLeftStillFailsInTheSameWayAndNothingOfItCanBeSpared) {
  const SimulationOptions options = OptionsThatFail();
  const SimulationResult failed = Simulate(options);
  ASSERT_THAT(failed.broken, Contains(HasSubstr("(I1)")));
  ASSERT_GT(failed.faults.count(), 1U);
  ASSERT_GT(failed.actions, 1U);
  const SimulationOptions least = Minimise(options, failed);
  const SimulationResult small = Simulate(least);
  EXPECT_THAT(small.broken, Contains(HasSubstr("(I1)")));
  EXPECT_FALSE(small.trace.empty());
  EXPECT_EQ(small.faults, Only({Fault::kTwoVersions})) << CommandOf(least);
  EXPECT_EQ(least.left_out.size(), failed.actions - 1) << "one who subscribes is enough: " << CommandOf(least);
}

TEST(ExplainTest, SaysWhatBrokeHowToRepeatItAndTheLeastOfIt) {
  SimulationOptions options = OptionsThatFail();
  options.off = ~Only({Fault::kSlow, Fault::kTwoVersions});
  const SimulationResult failed = Simulate(options);
  ASSERT_FALSE(failed.broken.empty());
  EXPECT_FALSE(Explain(options, failed, false).contains("least"));
  const nlohmann::json said = Explain(options, failed, true);
  EXPECT_EQ(said.at("seed"), 243);
  EXPECT_EQ(said.at("broken"), failed.broken);
  EXPECT_EQ(said.at("repeat"), CommandOf(options));

  const SimulationOptions least = Minimise(options, failed);
  const SimulationResult small = Simulate(least);
  EXPECT_EQ(said.at("least").at("repeat"), CommandOf(least));
  EXPECT_EQ(said.at("least").at("broken"), small.broken);
  ASSERT_FALSE(said.at("least").at("trace").empty());
  EXPECT_EQ(said.at("least").at("trace").back(), small.trace.back());

  const std::string text = TextOf(said);
  EXPECT_THAT(text, HasSubstr("seed 243 failed:\n  " + failed.broken.front() + "\n"));
  EXPECT_THAT(text, HasSubstr("repeat it:    " + CommandOf(options) + "\n"));
  EXPECT_THAT(text, HasSubstr("least of it:  " + CommandOf(least) + " --trace\n    " + small.broken.front() + "\n"));
  EXPECT_TRUE(text.ends_with("    " + small.trace.back() + "\n")) << text;
}

TEST(CommandTest, SaysWhatWasLeftOut) {
  SimulationOptions options;
  options.seed = 7;
  options.off = Only({Fault::kBusy409, Fault::kSlow});
  options.left_out = {2, 4};
  EXPECT_EQ(CommandOf(options), "dunlin simulate --seed 7 --without 409,slow --leave-out 2,4");
}

TEST(CommandTest, PlaysTheSame) {
  SimulationOptions options;
  options.seed = 243;
  const std::uint64_t whole = Simulate(options).fingerprint;
  options.off = Only({Fault::kBusy429, Fault::kSlow});
  options.left_out = {2, 4};
  const std::uint64_t played = Simulate(options).fingerprint;
  EXPECT_NE(played, whole);

  std::istringstream command(CommandOf(options));
  std::string word;
  command >> word;
  EXPECT_EQ(word, "dunlin");
  std::vector<std::string> words;
  while (command >> word) words.push_back(word);
  words.push_back("--json");
  const testing::Ran ran = testing::RunDunlin(words);
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(played));
  EXPECT_EQ(nlohmann::json::parse(ran.out).at("fingerprint"), hex);
}

}  // namespace
}  // namespace dunlin::simulate
