#include "workflows/simulate/faults.h"

#include <string>

namespace dunlin::simulate {
namespace {

struct Kind {
  Fault fault;
  std::string_view name;
  double most;  // the highest chance that a seed gives it, each time that it could happen
};
constexpr auto kKinds = std::to_array<Kind>({
    {Fault::kLedgerBusy, "ledger-busy", 0.02},
    {Fault::kLedgerFull, "ledger-full", 0.001},
    {Fault::kCommitFails, "commit-fails", 0.02},
    {Fault::kAnswerLost, "answer-lost", 0.02},
    {Fault::kCrashBefore, "crash-before", 0.005},
    {Fault::kCrashAfter, "crash-after", 0.005},
    {Fault::kQueueDrop, "queue-drop", 0.3},
    {Fault::kQueueDuplicate, "queue-duplicate", 0.3},
    {Fault::kQueueReorder, "queue-reorder", 0.5},
    {Fault::kQueueDelay, "queue-delay", 0.2},
    {Fault::kQueueFlush, "queue-flush", 0.05},
    {Fault::kQueueFailover, "queue-failover", 0.05},
    {Fault::kQueueStall, "queue-stall", 0.01},
    {Fault::kEventDuplicate, "event-duplicate", 0.3},
    {Fault::kEventReorder, "event-reorder", 0.5},
    {Fault::kEventLate, "event-late", 0.2},
    {Fault::kEventLost, "event-lost", 0.3},
    {Fault::kWrongSecret, "wrong-secret", 0.2},
    {Fault::kSameSecond, "same-second", 0.5},
    {Fault::kRequestLost, "request-lost", 0.1},
    {Fault::kResponseLost, "response-lost", 0.2},
    {Fault::kBusy409, "409", 0.1},
    {Fault::kBusy429, "429", 0.1},
    {Fault::kError5xx, "5xx", 0.1},
    {Fault::kStored5xx, "stored-5xx", 0.1},
    {Fault::kSlow, "slow", 0.2},
    {Fault::kOutboxFails, "outbox-fails", 0.2},
    {Fault::kClockJump, "clock-jump", 0.02},
    {Fault::kOverlap, "overlap", 0.1},
    {Fault::kTwoVersions, "two-versions", 1.0},
});
static_assert(kKinds.size() == kFaultCount);

constexpr bool InOrder() {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (static_cast<std::size_t>(kKinds[i].fault) != i) return false;
  }
  return true;
}
static_assert(InOrder(), "the kinds stand in the order of the enumeration");

constexpr std::uint64_t Scramble(std::uint64_t x) {  // the finaliser of splitmix64
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9ULL;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::string_view FaultName(Fault fault) { return kKinds[static_cast<std::size_t>(fault)].name; }

Chance::Chance(std::uint64_t seed, std::string_view name) : state_(Scramble(seed + 0x9e3779b97f4a7c15ULL)) {
  for (const char c : name) state_ = Scramble(state_ ^ static_cast<unsigned char>(c));
}

std::uint64_t Chance::Next() {
  state_ += 0x9e3779b97f4a7c15ULL;
  return Scramble(state_);
}

bool Chance::Roll(double chance) {
  constexpr double kParts = 9007199254740992.0;  // 2^53
  return static_cast<double>(Next() >> 11) < chance * kParts;
}

Faults::Faults(std::uint64_t seed, FaultSet off) {
  Chance odds(seed, "odds");
  chances_.reserve(kFaultCount);
  for (const Kind& kind : kKinds) {
    const bool works = odds.Roll(0.5);
    const double strength = static_cast<double>(1 + odds.Below(10)) / 10;  // squared: mostly rare
    chances_.emplace_back(seed, kind.name);
    if (works && !off[Index(kind.fault)]) odds_[Index(kind.fault)] = kind.most * strength * strength;
  }
}

bool Faults::Roll(Fault fault) {
  const bool strikes = Works(fault) && Of(fault).Roll(odds_[Index(fault)]);
  if (strikes) Strike(fault);
  return strikes;
}

FaultSet Faults::AtWork() const {
  FaultSet set;
  for (std::size_t i = 0; i < kFaultCount; ++i) set[i] = odds_[i] > 0;
  return set;
}

}  // namespace dunlin::simulate
