// The processes of the service: when they start, die, start again, are replaced, and whose clock is wrong.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "workflows/simulate/agenda.h"
#include "workflows/simulate/node.h"

namespace dunlin::simulate {

class Machines {
 public:
  // `make`: a process with the policy of that version, down.
  Machines(World& world, Agenda& agenda, std::function<std::unique_ptr<Node>(int version)> make)
      : world_(world), agenda_(agenda), make_(std::move(make)) {}

  void Plan(Timestamp begin, Millis length);
  // From now on clocks are right and processes that are down start. Those that run go on as they are, and only ask once
  // more for what was never delivered.
  void EndFaults();
  Node* AnyUp();  // nullptr: none

  std::optional<Timestamp> NextWake();
  void StepNext();   // the one that wakes first
  void BringBack();  // plans new starts for those that died

 private:
  void Start(std::size_t which);
  void Retire(std::size_t which);
  void JumpClock();
  std::optional<std::pair<Timestamp, std::size_t>> First();

  World& world_;
  Agenda& agenda_;
  const std::function<std::unique_ptr<Node>(int version)> make_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<bool> retired_;
};

}  // namespace dunlin::simulate
