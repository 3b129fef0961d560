// What goes wrong in a simulation, how often, and all of its chance: functions of the seed.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string_view>
#include <vector>

#include "state/clock.h"
#include "state/time.h"

namespace dunlin::simulate {

enum class Fault : std::uint8_t {
  kLedgerBusy,      // a commit or a read is refused
  kLedgerFull,      // no commit for a while
  kCommitFails,     // a commit fails at its end: nothing is written
  kAnswerLost,      // a commit is durable and reported as failed
  kCrashBefore,     // the process dies before a commit
  kCrashAfter,      // … and after one
  kQueueDrop,       // an offered job is forgotten
  kQueueDuplicate,  // a claimed job is handed out once more
  kQueueReorder,    // jobs are handed out in another order
  kQueueDelay,      // a job is handed out late
  kQueueFlush,      // everything is forgotten
  kQueueFailover,   // an older state of the queue is back
  kQueueStall,      // no answers for a while
  kEventDuplicate,  // an event is delivered twice
  kEventReorder,    // an event is overtaken by later ones
  kEventLate,       // an event comes up to three days late
  kEventLost,       // an event is never delivered
  kWrongSecret,     // a delivery is signed with another secret, the next one rightly
  kSameSecond,      // several things happen in one second
  kRequestLost,     // a call to the provider never arrives
  kResponseLost,    // a call is carried out and its answer lost
  kBusy409,
  kBusy429,
  kError5xx,     // an error in between: nothing is carried out, nothing kept
  kStored5xx,    // carried out, and the provider keeps a 500 under the key
  kSlow,         // an answer takes up to half a minute; other things happen meanwhile
  kOutboxFails,  // a message is not taken
  kClockJump,    // a machine's clock is up to an hour wrong for a while
  kOverlap,      // other workers act between a read and its commit
  kTwoVersions,  // a second process with a newer policy runs beside the first, then replaces it
  kCount
};
inline constexpr std::size_t kFaultCount = static_cast<std::size_t>(Fault::kCount);
using FaultSet = std::bitset<kFaultCount>;
std::string_view FaultName(Fault fault);  // "answer-lost"

// A well-mixed stream of numbers for (seed, name). The same on every machine.
class Chance final : public Random {
 public:
  Chance(std::uint64_t seed, std::string_view name);
  std::uint64_t Next() override;
  std::uint64_t Below(std::uint64_t n) { return n == 0 ? 0 : Next() % n; }
  bool Roll(double chance);
  Millis UpTo(Millis most) {
    return Millis{static_cast<std::int64_t>(Below(static_cast<std::uint64_t>(most.count()) + 1))};
  }

 private:
  std::uint64_t state_;
};

// About half of the kinds are at work in a seed, each with a chance of its own. Each kind draws from a stream of its
// own, so that switching one off changes as little as possible of the others.
class Faults {
 public:
  Faults(std::uint64_t seed, FaultSet off);

  bool Roll(Fault fault);
  void Strike(Fault fault) { struck_.set(Index(fault)); }  // one that strikes without a roll
  Chance& Of(Fault fault) { return chances_[Index(fault)]; }
  bool Works(Fault fault) const { return !stopped_ && odds_[Index(fault)] > 0; }
  FaultSet AtWork() const;
  FaultSet struck() const { return struck_; }  // at least once so far
  void Stop() { stopped_ = true; }             // from now on nothing goes wrong

 private:
  static constexpr std::size_t Index(Fault fault) { return static_cast<std::size_t>(fault); }
  std::array<double, kFaultCount> odds_{};
  std::vector<Chance> chances_;
  FaultSet struck_;
  bool stopped_ = false;
};

}  // namespace dunlin::simulate
