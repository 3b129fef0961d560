// How the simulated provider's webhooks reach the service: late, twice, out of order, wrongly signed, or not at all.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "fixtures/provider_sim/model.h"
#include "workflows/simulate/agenda.h"
#include "workflows/simulate/node.h"
#include "workflows/simulate/oracles.h"

namespace dunlin::simulate {

inline constexpr const char* kWebhookSecret = "whsec_simulated0secret";

// The real way in: signature, envelope, ledger.
std::unique_ptr<Door> OpenStripeDoor(Ledger& ledger, const Clock& clock);

class Deliverer {
 public:
  // `any_node`: one that is up; nullptr: none is. All must outlive this.
  Deliverer(World& world, Agenda& agenda, Oracles& oracles, std::function<Node*()> any_node)
      : world_(world), agenda_(agenda), oracles_(oracles), any_node_(std::move(any_node)) {}

  void Tell(const sim::Event& event, bool thin);
  int pending() const { return pending_; }  // deliveries that are still to be made

 private:
  struct Parcel {
    std::string id, body;
    Timestamp first;
    int tries = 0;
    bool wrong_secret = false;
  };
  bool IsLost();
  void Plan(Parcel parcel, Timestamp at);
  void Try(Parcel parcel);

  World& world_;
  Agenda& agenda_;
  Oracles& oracles_;
  const std::function<Node*()> any_node_;
  int pending_ = 0;
  Timestamp all_lost_until_{};
};

}  // namespace dunlin::simulate
