#include "workflows/simulate/unreliable_ledger.h"

namespace dunlin::simulate {
namespace {

constexpr Millis kFullAtMost{2h};
constexpr Millis kOverlapAtMost{3000};

tl::unexpected<Error> Unavailable(const char* why) { return Fail(Errc::kUnavailable, why); }

}  // namespace

void UnreliableLedger::MayCrash(Fault fault) {
  if (!world_.faults.Roll(fault)) return;
  world_.Note(std::string(FaultName(fault)) + ": the process dies");
  throw Crash{&node_};
}

bool UnreliableLedger::RefusedBefore() {
  Faults& faults = world_.faults;
  if (faults.Roll(Fault::kLedgerFull)) {
    full_until_ = world_.now + faults.Of(Fault::kLedgerFull).UpTo(kFullAtMost);
    world_.Note("ledger-full until " + FormatRfc3339(full_until_));
  }
  if (faults.Works(Fault::kLedgerFull) && world_.now < full_until_) return true;
  return faults.Roll(Fault::kLedgerBusy);
}

Result<UnitResult> UnreliableLedger::Commit(Unit unit) {
  Faults& faults = world_.faults;
  if (RefusedBefore()) return Unavailable("the ledger is busy or full");
  if (faults.Roll(Fault::kOverlap)) world_.pass(faults.Of(Fault::kOverlap).UpTo(kOverlapAtMost));
  MayCrash(Fault::kCrashBefore);
  if (faults.Roll(Fault::kCommitFails)) {
    world_.Note("commit-fails");
    return Unavailable("the commit failed");
  }
  Committed about{.opened = unit.open_attempts, .closed = unit.close_attempts, .timeline = unit.timeline};
  for (const Subscription& s : unit.save) about.saved.push_back({s.id, s.values, s.recovery});
  Result<UnitResult> result = base().Commit(std::move(unit));
  if (result) told_(about);
  MayCrash(Fault::kCrashAfter);
  if (result && faults.Roll(Fault::kAnswerLost)) {
    world_.Note("answer-lost: a commit is durable and reported as failed");
    return Unavailable("the commit's answer was lost");
  }
  if (result && hint_ && !result->new_jobs.empty()) hint_(result->new_jobs);
  return result;
}

std::vector<Result<UnitResult>> UnreliableLedger::CommitAll(std::vector<Unit> units) {
  std::vector<Result<UnitResult>> results;
  results.reserve(units.size());
  for (Unit& unit : units) results.push_back(Commit(std::move(unit)));
  return results;
}

Status UnreliableLedger::MayAsk() {
  if (world_.faults.Roll(Fault::kLedgerBusy)) return Unavailable("the ledger is busy");
  return {};
}

}  // namespace dunlin::simulate
