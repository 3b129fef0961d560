// A process's way to the ledger, where everything can go wrong that can go wrong with one.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "workflows/simulate/forwarding_ledger.h"
#include "workflows/simulate/world.h"

namespace dunlin::simulate {

// What a commit was about, told after it is durable, to the oracles.
struct Committed {
  struct Saved {
    SubscriptionId id;
    Values values;
    Recovery recovery;
  };
  std::vector<Saved> saved;
  std::vector<Attempt> opened, closed;
  std::vector<TimelineRow> timeline;
};

// Not thread-safe: a simulation is one thread. What is committed is durable in `base`, whatever is said of it.
class UnreliableLedger final : public ForwardingLedger {
 public:
  using Told = std::function<void(const Committed&)>;
  // Everything must outlive this. `name`: stands for the ledger's random instance, so that runs repeat.
  UnreliableLedger(Ledger& base, World& world, const Node& node, std::string name, Told told)
      : ForwardingLedger(base), world_(world), node_(node), name_(std::move(name)), told_(std::move(told)) {}

  Result<UnitResult> Commit(Unit unit) override;
  std::vector<Result<UnitResult>> CommitAll(std::vector<Unit> units) override;
  void CommitThen(Unit unit, CommitDone done) override { done(Commit(std::move(unit))); }
  void OnNewJobs(JobHint hint) override { hint_ = std::move(hint); }
  const std::string& instance() const override { return name_; }

 protected:
  Status MayAsk() override;

 private:
  bool RefusedBefore();
  void MayCrash(Fault fault);

  World& world_;
  const Node& node_;
  const std::string name_;
  const Told told_;
  JobHint hint_;
  Timestamp full_until_{};
};

}  // namespace dunlin::simulate
