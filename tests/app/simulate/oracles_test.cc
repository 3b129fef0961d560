// The oracles can fail: each mistake that is put between the service and its ledger is found, by its name.
#include <gtest/gtest.h>

#include "app/simulate/simulation.h"
#include "workflows/simulate/forwarding_ledger.h"

namespace dunlin::simulate {
namespace {

using Spoil = void (*)(Unit&);

// Changes units on their way, but claims for each event that it was stored.
class SpoilingLedger final : public ForwardingLedger {
 public:
  SpoilingLedger(Ledger& base, Spoil spoil) : ForwardingLedger(base), spoil_(spoil) {}

  Result<UnitResult> Commit(Unit unit) override {
    const std::size_t accepted = unit.accept.size();
    spoil_(unit);
    Result<UnitResult> result = base().Commit(std::move(unit));
    if (result) result->stored.resize(accepted, true);
    return result;
  }

 private:
  const Spoil spoil_;
};

struct Mistake {
  const char* name;
  Spoil spoil;
  const char* found_as;
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

bool IsJob(const NewJob& job, JobKind kind) { return job.kind == kind; }

const Mistake kMistakes[] = {
    {"LosesAcceptedEvents",
     [](Unit& unit) { std::erase_if(unit.accept, [](const NewEvent& e) { return e.id.str().back() % 4 == 0; }); },
     "(I1)"},
    {"LosesTheTimeline",
     [](Unit& unit) { std::erase_if(unit.timeline, [](const TimelineRow& row) { return row.kind == "change"; }); },
     "(I9)"},
    {"MixesUpTheKeyOfACharge",
     [](Unit& unit) {
       for (Attempt& attempt : unit.open_attempts) attempt.key = AttemptKey{attempt.key.str() + "x"};
     },
     "(I4)"},
    {"PlansNoEndOfAccess",
     [](Unit& unit) { std::erase_if(unit.jobs, [](const NewJob& job) { return IsJob(job, JobKind::kAccessCheck); }); },
     "(I5)"},
    {"NeverClosesAnAttempt", [](Unit& unit) { unit.close_attempts.clear(); }, "(I8)"},
    {"SaysAnEventWasAppliedThatWasNot", [](Unit& unit) { unit.save.clear(); }, "is not in the ledger"},
    {"TellsEverybodyTwice",
     [](Unit& unit) {
       std::vector<NewJob> again;
       for (const NewJob& job : unit.jobs) {
         if (!IsJob(job, JobKind::kMail)) continue;
         again.push_back(job);
         again.back().key += "/again";
       }
       unit.jobs.insert(unit.jobs.end(), again.begin(), again.end());
     },
     "(I2)"},
};

class OraclesTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(OraclesTest, FindTheMistake) {
  constexpr std::uint64_t kSeedsMax = 60;
  for (std::uint64_t seed = 1; seed <= kSeedsMax; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.between = [](Ledger& base) { return std::make_unique<SpoilingLedger>(base, GetParam().spoil); };
    for (const std::string& broken : Simulate(options).broken) {
      if (broken.find(GetParam().found_as) != std::string::npos) return;
    }
  }
  FAIL() << "no seed showed it as " << GetParam().found_as;
}

INSTANTIATE_TEST_SUITE_P(EachMistake, OraclesTest, ::testing::ValuesIn(kMistakes),
                         [](const auto& mistake) { return std::string(mistake.param.name); });

}  // namespace
}  // namespace dunlin::simulate
