// The provider of a simulation, which is its own truth, and the wire between it and the service.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/provider_sim/keyed_call.h"
#include "workflows/providers/http_call.h"
#include "workflows/simulate/world.h"

namespace dunlin::simulate {

inline constexpr const char* kStripeKey = "sk_test_simulated0key";
inline constexpr const char* kStripeUrl = "http://stripe.simulated";

class SimulatedStripe final : public sim::Deliveries {
 public:
  // `tell`: each event the moment it is made.
  SimulatedStripe(World& world, std::uint64_t seed, std::function<void(const sim::Event&, bool thin)> tell);

  // A call of the service's, through the idempotency keys. `stored_500`: carried out, and a 500 is what is kept.
  sim::ApiAnswer Serve(const sim::ApiCall& call, bool stored_500);
  // What somebody else does at the provider. Returns the answer's id; empty: it was refused.
  using Form = std::vector<std::pair<std::string, std::string>>;
  std::string Do(const std::string& method, const std::string& path, const Form& form);

  std::optional<Timestamp> NextTimer() const;
  void RunTimer();

  sim::World& model() { return model_; }
  // From now on only some types of events are delivered and listed, which is quicker.
  void TellLess() { less_ = true; }
  sim::Delivery StateOf(const std::string&) const override { return sim::Delivery::kDelivered; }

 private:
  void SetNow();
  sim::ApiAnswer List(const sim::ApiCall& call);

  World& world_;
  bool less_ = false;
  sim::World model_;
  sim::IdempotencyKeys keys_;
  std::uint64_t requests_ = 0;
  // The newest page of events: the same question is asked again and again in quiet times.
  std::string listed_query_, listed_;
  std::size_t listed_events_ = 0;
};

// Carries the service's calls to the provider, slowly and unreliably.
class UnreliableWire final : public HttpTransport {
 public:
  UnreliableWire(World& world, SimulatedStripe& stripe) : world_(world), stripe_(stripe) {}
  HttpAnswer Send(const HttpCall& call, Millis timeout) override;

 private:
  std::optional<HttpAnswer> Refused();

  World& world_;
  SimulatedStripe& stripe_;
};

}  // namespace dunlin::simulate
