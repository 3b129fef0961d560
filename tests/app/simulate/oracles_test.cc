// The oracles can fail: each mistake that is put between the service and its ledger is found, by its name.
#include <gtest/gtest.h>

#include "app/simulate/simulation.h"
#include "workflows/simulate/forwarding_ledger.h"

namespace dunlin::simulate {
namespace {

using namespace std::chrono_literals;

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
  std::uint64_t from = 1;  // which seed to begin with: rarely shown ones cost a sanitizer minutes
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

bool IsJob(const NewJob& job, JobKind kind) { return job.kind == kind; }

void Replace(std::string& text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

// Adds each of these mails once more.
void Repeat(Unit& unit, const std::string& which) {
  std::vector<NewJob> again;
  for (const NewJob& job : unit.jobs) {
    if (!IsJob(job, JobKind::kMail) || job.payload.find(which) == std::string::npos) continue;
    again.push_back(job);
    again.back().key += "/again";
  }
  unit.jobs.insert(unit.jobs.end(), again.begin(), again.end());
}

void ChangeNews(Unit& unit, const std::string& from, const std::string& to) {
  for (NewJob& job : unit.jobs) {
    if (IsJob(job, JobKind::kNotify)) Replace(job.payload, from, to);
  }
}

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
    {"EndsAccessLate",
     [](Unit& unit) {
       for (NewJob& job : unit.jobs) {
         if (IsJob(job, JobKind::kAccessCheck)) job.due += Millis{1h};
       }
     },
     "in time (I5)"},
    {"DatesTheEndOfAccessWrongly",
     [](Unit& unit) {
       for (TimelineRow& row : unit.timeline) {
         if (row.by == "time") row.at += Millis{10min};
       }
     },
     "is not dated when it ended (I5)"},
    {"SavesNoFacts",
     [](Unit& unit) {
       for (Subscription& s : unit.save) s.facts = {};
     },
     "is not what its facts say (I3)"},
    {"NeverEndsAGrace",
     [](Unit& unit) {
       for (Subscription& s : unit.save) {
         if (s.values.status == SubscriptionStatus::kPastDue && s.values.access_until)
           *s.values.access_until += Millis{24h} * 30;
       }
     },
     "access is granted and should be revoked"},
    {"ChargesAtOnce",
     [](Unit& unit) {
       for (Subscription& s : unit.save) {
         if (s.recovery.state != RecoveryState::kWaiting) continue;
         s.recovery.next_attempt_at = s.updated_at;
         for (NewJob& job : unit.jobs) {
           if (IsJob(job, JobKind::kCharge)) job.due = s.updated_at;
         }
       }
     },
     "(R26)"},
    {"ForgetsWhenItCharged",
     [](Unit& unit) {
       for (Attempt& attempt : unit.open_attempts) attempt.first_sent_at -= Millis{24h} * 60;
     },
     "beyond the card's limit (I6)", 116},
    {"TellsOfFailuresTwice", [](Unit& unit) { Repeat(unit, "payment_failed"); }, "(I2)"},
    {"AsksForACardTwice", [](Unit& unit) { Repeat(unit, "method_needed"); }, "mails method_needed"},
    {"TellsOfPaymentsTwice", [](Unit& unit) { Repeat(unit, "payment_recovered"); }, "returns to active (R4)"},
    {"TellsOfEndsTwice", [](Unit& unit) { Repeat(unit, "subscription_ended"); }, "mails tell of its end"},
    {"TellsNobody",
     [](Unit& unit) {
       std::erase_if(unit.jobs,
                     [](const NewJob& job) { return IsJob(job, JobKind::kMail) || IsJob(job, JobKind::kNotify); });
     },
     "nobody was told"},
    {"TellsTheProductNothing",
     [](Unit& unit) { std::erase_if(unit.jobs, [](const NewJob& job) { return IsJob(job, JobKind::kNotify); }); },
     "the product was told of no change"},
    {"TellsTheProductTheContrary", [](Unit& unit) { ChangeNews(unit, "\"revoked\"", "\"granted\""); },
     "the last notification by version"},
    {"RepeatsAVersion",
     [](Unit& unit) {
       for (const Subscription& s : unit.save)
         ChangeNews(unit, "\"version\":" + std::to_string(s.version + 1), "\"version\":1");
     },
     "two notifications carry the version"},
    {"TellsBadNewsLast",
     [](Unit& unit) {
       for (NewJob& job : unit.jobs) {
         if (!IsJob(job, JobKind::kNotify) || job.payload.find("past_due") == std::string::npos) continue;
         job.subject.clear();
         job.due += Millis{24h} * 3;
       }
     },
     "the last notification by delivery"},
    {"GivesNoReason",
     [](Unit& unit) {
       for (TimelineRow& row : unit.timeline) row.reason.clear();
     },
     "has no reason (I9)"},
    {"NamesNoRule",
     [](Unit& unit) {
       for (TimelineRow& row : unit.timeline) row.rule.clear();
     },
     "names no rule (I9, R22)"},
};

class OraclesTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(OraclesTest, FindTheMistake) {
  constexpr std::uint64_t kSeedsMax = 300;
  for (std::uint64_t seed = GetParam().from; seed < GetParam().from + kSeedsMax; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.between = [](Ledger& base) { return std::make_unique<SpoilingLedger>(base, GetParam().spoil); };
    for (const std::string& broken : Simulate(options).broken) {
      if (broken.find(GetParam().found_as) == std::string::npos) continue;
      std::cout << "seed " << seed << ": " << broken << '\n';
      return;
    }
  }
  FAIL() << "no seed showed it as " << GetParam().found_as;
}

INSTANTIATE_TEST_SUITE_P(EachMistake, OraclesTest, ::testing::ValuesIn(kMistakes),
                         [](const auto& mistake) { return std::string(mistake.param.name); });

}  // namespace
}  // namespace dunlin::simulate
