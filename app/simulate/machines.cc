#include "app/simulate/machines.h"

#include <utility>

#include "state/check.h"
#include "workflows/effects/catch_up.h"

namespace dunlin::simulate {
namespace {

constexpr Millis kDownAtMost{10min};
constexpr Millis kTryAgain{5000};
constexpr Millis kJumpAtMost{1h};
constexpr Millis kJumpLasts{30min};

}  // namespace

void Machines::Plan(Timestamp begin, Millis length) {
  nodes_.push_back(make_(1));
  agenda_.Add(begin, [this] { Start(0); });
  Chance& chance = world_.faults.Of(Fault::kTwoVersions);
  if (world_.faults.Works(Fault::kTwoVersions)) {
    nodes_.push_back(make_(2));
    const Timestamp newer = begin + chance.UpTo(length * 3 / 4);
    agenda_.Add(newer, [this] {
      world_.faults.Strike(Fault::kTwoVersions);
      Start(1);
    });
    agenda_.Add(newer + chance.UpTo(length / 4), [this] { Retire(0); });
  }
  retired_.resize(nodes_.size());
  for (Timestamp at = begin; at < begin + length; at += Millis{1h}) {
    if (world_.faults.Roll(Fault::kClockJump)) agenda_.Add(at, [this] { JumpClock(); });
  }
}

void Machines::Start(std::size_t which) {
  Node& node = *nodes_[which];
  if (node.up() || retired_[which]) return;
  const bool started = !node.busy() && node.Start();
  if (!started) agenda_.Add(world_.now + kTryAgain, [this, which] { Start(which); });
  BringBack();
}

void Machines::Retire(std::size_t which) {
  Node& node = *nodes_[which];
  retired_[which] = true;
  if (!node.up()) return;
  if (!node.busy()) return node.Stop();
  agenda_.Add(world_.now + kTryAgain, [this, which] { Retire(which); });
}

void Machines::BringBack() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i]->TakeDeath()) continue;
    const Millis down = world_.faults.Of(Fault::kCrashBefore).UpTo(kDownAtMost);
    agenda_.Add(world_.now + down, [this, i] { Start(i); });
  }
}

void Machines::JumpClock() {
  Chance& chance = world_.faults.Of(Fault::kClockJump);
  Node& node = *nodes_[chance.Below(nodes_.size())];
  node.clock().error = chance.UpTo(2 * kJumpAtMost) - kJumpAtMost;
  world_.Note("clock-jump: " + node.name() + " is wrong by " + std::to_string(node.clock().error.count()) + " ms");
  agenda_.Add(world_.now + chance.UpTo(kJumpLasts), [&node] { node.clock().error = Millis{0}; });
}

void Machines::EndFaults() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i]->clock().error = Millis{0};
    // In days the next look at the provider's list would come by itself.
    nodes_[i]->Do([](Ledger& ledger, const PolicyBook&, Timestamp now) {
      DUNLIN_CHECK(RequestCatchUp(ledger, now).has_value());
    });
    Start(i);
  }
}

Node* Machines::AnyUp() {
  std::vector<Node*> up;
  for (const auto& node : nodes_) {
    if (node->up()) up.push_back(node.get());
  }
  return up.empty() ? nullptr : up[world_.faults.Of(Fault::kTwoVersions).Below(up.size())];
}

std::optional<std::pair<Timestamp, std::size_t>> Machines::First() {
  std::optional<std::pair<Timestamp, std::size_t>> first;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::optional<Timestamp> wake = nodes_[i]->NextWake();
    if (wake && (!first || *wake < first->first)) first.emplace(*wake, i);
  }
  return first;
}

std::optional<Timestamp> Machines::NextWake() {
  const auto first = First();
  return first ? std::optional(first->first) : std::nullopt;
}

void Machines::StepNext() {
  if (const auto first = First()) nodes_[first->second]->Step();
}

}  // namespace dunlin::simulate
