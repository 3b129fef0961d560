// Breaks the seam: a ledger whose n-th call goes wrong, in the way that it is told.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "workflows/simulate/forwarding_ledger.h"

namespace dunlin::testing {

// Passes everything on to `base`, which must outlive it, but for the unit it is told to lose. Units are counted from
// 1 over Commit, CommitAll and CommitThen alike. Thread-safe.
class FaultyLedger : public ForwardingLedger {
 public:
  enum class Fault {
    kBeforeWrite,  // nothing was written
    kAfterWrite,   // written and durable, and the caller is told that it failed
  };
  explicit FaultyLedger(Ledger& base) : ForwardingLedger(base) {}

  // From now on the `nth` unit is lost, once. 0: none.
  void LoseCommit(int nth, Fault fault) {
    fault_ = fault;
    countdown_ = nth;
  }
  // From now on every unit that says what became of this event is refused. 0: none.
  void RefuseEvent(std::int64_t seq) { refused_event_ = seq; }
  // How many units have been asked for.
  int commits() const { return commits_; }

  // Happens before a call: an error is what the caller gets instead. It may use `base`.
  using Disturbance = std::function<Status()>;
  enum class At {
    kCall,      // questions and units alike
    kUnit,      // units alone
    kCondition  // units that can meet with kConflict
  };
  // From now on the `nth` of these calls is disturbed, and with `on` all that follow, until Calm. Not while other
  // threads use the ledger.
  void Disturb(At at, int nth, bool on, Disturbance what) {
    disturbance_ = std::move(what);
    at_ = at;
    on_ = on;
    until_disturbed_ = nth;
  }
  void Calm() { until_disturbed_ = 0; }
  bool disturbed() const { return disturbed_; }  // since it was made

  Result<UnitResult> Commit(Unit unit) override {
    std::vector<Unit> units;
    units.push_back(std::move(unit));
    return std::move(CommitAll(std::move(units)).front());
  }

  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) override {
    std::vector<Result<UnitResult>> results;
    std::vector<Unit> passed;
    std::vector<std::size_t> places;  // of each unit passed on
    std::vector<std::size_t> lost_after;
    for (std::size_t i = 0; i < units.size(); ++i) {
      ++commits_;
      const bool lose = --countdown_ == 0;
      if (Status may = Meet(IsConditional(units[i]) ? At::kCondition : At::kUnit); !may) {
        results.push_back(tl::unexpected(std::move(may.error())));
        continue;
      }
      if (IsRefused(units[i])) {
        results.push_back(Fail(Errc::kCorrupt, "this event is refused on purpose"));
        continue;
      }
      results.push_back(Lost());
      if (lose && fault_ == Fault::kBeforeWrite) continue;
      if (lose) lost_after.push_back(i);
      places.push_back(i);
      passed.push_back(std::move(units[i]));
    }
    std::vector<Result<UnitResult>> written = base().CommitAll(std::move(passed));
    for (std::size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(written[i]);
    for (const std::size_t i : lost_after) results[i] = Lost();
    return results;
  }

  void CommitThen(Unit unit, CommitDone done) override {
    ++commits_;
    if (--countdown_ != 0) return base().CommitThen(std::move(unit), std::move(done));
    if (fault_ == Fault::kBeforeWrite) return done(Lost());
    base().CommitThen(std::move(unit), [done = std::move(done)](const Result<UnitResult>&) { done(Lost()); });
  }

 protected:
  Status MayAsk() override { return Meet(At::kCall); }

 private:
  static bool IsConditional(const Unit& u) {
    return !u.done.empty() || !u.save.empty() || !u.retries.empty() || !u.moves.empty() || !u.replies.empty() ||
           !u.open_attempts.empty() || !u.close_attempts.empty() || !u.market_links.empty() || !u.usage.empty() ||
           !u.usage_shifts.empty() || !u.freeze.empty() || !u.usage_results.empty();
  }
  Status Meet(At call) {
    if (until_disturbed_ == 0 || call < at_) return {};
    if (--until_disturbed_ > 0) return {};
    disturbed_ = true;
    if (on_) until_disturbed_ = 1;
    return Disturbance(disturbance_)();  // a copy, and disarmed: it may be replaced meanwhile
  }
  bool IsRefused(const Unit& unit) const {
    return std::any_of(unit.events.begin(), unit.events.end(),
                       [&](const EventResult& e) { return e.seq == refused_event_; });
  }
  static tl::unexpected<Error> Lost() { return Fail(Errc::kUnavailable, "the commit was lost on purpose"); }

  Disturbance disturbance_;
  At at_ = At::kCall;
  bool on_ = false;
  bool disturbed_ = false;
  std::atomic<int> until_disturbed_{0};
  std::atomic<std::int64_t> refused_event_{0};
  std::atomic<Fault> fault_{Fault::kBeforeWrite};
  std::atomic<int> countdown_{0};
  std::atomic<int> commits_{0};
};

}  // namespace dunlin::testing
