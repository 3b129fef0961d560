// One process of the service, without threads: its clock, its way to the ledger, its queues, its workers one step at a
// time. It can die at any commit and start again with nothing but the ledger.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "workflows/effects/effects.h"
#include "workflows/feeder.h"
#include "workflows/simulate/unreliable_ledger.h"
#include "workflows/simulate/unreliable_queue.h"

namespace dunlin::simulate {

// Where events come in.
class Door {
 public:
  virtual ~Door() = default;
  // A webhook; returns the HTTP status.
  virtual int Deliver(const std::string& signature, const std::string& body) = 0;
  // An event that was listed by the provider.
  virtual Status Take(std::string_view body) = 0;
};

struct NodeParts {
  World& world;
  Ledger& ledger;
  std::string name;
  std::string policy;  // the text of the policy that this process has
  std::uint64_t seed = 0;
  Millis catch_up_every{};
  EventReader read;
  std::function<std::unique_ptr<Door>(Ledger&, const Clock&)> open_door;
  std::function<std::unique_ptr<ProviderApi>()> open_provider;
  MarketplaceApi& marketplace;
  Outbox& outbox;
  Observer& observer;
  UnreliableLedger::Told told;
};

class Node {
 public:
  explicit Node(NodeParts parts);
  ~Node();

  // As a process does: opens everything anew and asks for a catch-up. False: it could not, and is down.
  bool Start();
  void Stop();  // gracefully; not while it is busy
  bool up() const { return process_ != nullptr && !dead_; }
  bool busy() const { return depth_ > 0; }

  // When there is something to do, in the world's time.
  std::optional<Timestamp> NextWake();
  void Step();  // what is due now, one batch
  // 0: it died and gave no answer.
  int Deliver(const std::string& signature, const std::string& body);
  // Anything else that this process does on its ledger: staff.
  void Do(const std::function<void(Ledger&, const PolicyBook&, Timestamp now)>& act);

  const std::string& name() const { return parts_.name; }
  MachineClock& clock() { return clock_; }
  // It died since this was asked last.
  bool TakeDeath() { return std::exchange(died_, false); }

 private:
  struct Process;
  void Guard(const std::function<void()>& act);
  bool Open();
  Timestamp WorldTime(Timestamp of_machine) const { return of_machine - clock_.error; }
  bool RunLane(Lane lane);

  NodeParts parts_;
  MachineClock clock_;
  std::unique_ptr<Process> process_;
  int depth_ = 0;      // of its own doings on the stack
  bool dead_ = false;  // what is left of it is being unwound
  bool died_ = false;
  std::uint64_t starts_ = 0;
};

}  // namespace dunlin::simulate
