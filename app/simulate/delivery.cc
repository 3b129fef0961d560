#include "app/simulate/delivery.h"

#include <utility>

#include "fixtures/provider_sim/signature.h"
#include "fixtures/provider_sim/stripe_delivery.h"
#include "state/check.h"
#include "webhooks/stripe/ingest.h"

namespace dunlin::simulate {
namespace {

constexpr Millis kSoon{2000};
constexpr Millis kOvertakenBy{10min};
constexpr Millis kResendsFor = Millis{24h} * 3;
constexpr double kAllLost = 0.1;
constexpr Millis kAllLostAtMost = Millis{24h} * 4;
constexpr const char* kOldSecret = "whsec_another0secret";

class StripeDoor final : public Door {
 public:
  StripeDoor(Ledger& ledger, const Clock& clock) : ingest_(ledger, clock, Options()) {}

  int Deliver(const std::string& signature, const std::string& body) override {
    HttpRequest request;
    request.method = "POST";
    request.path = "/webhooks/stripe";
    request.headers.Add("Stripe-Signature", signature);
    request.body = body;
    int status = 0;
    ingest_.Handle(request, [&status](const HttpResponse& response) { status = response.status; });
    return status;
  }
  Status Take(std::string_view body) override { return ingest_.Take(body); }

 private:
  static StripeIngest::Options Options() {
    StripeIngest::Options options;
    options.secrets = {kWebhookSecret};
    options.livemode = false;
    return options;
  }
  StripeIngest ingest_;
};

}  // namespace

std::unique_ptr<Door> OpenStripeDoor(Ledger& ledger, const Clock& clock) {
  return std::make_unique<StripeDoor>(ledger, clock);
}

void Deliverer::Tell(const sim::Event& event, bool thin) {
  Faults& faults = world_.faults;
  world_.Note("event " + event.type + " " + event.object_id + " (" + event.id + ")");
  if (IsLost()) return world_.Note("event-lost: " + event.id);
  Parcel parcel{.id = event.id, .body = thin ? event.thin : event.snapshot, .first = world_.now};
  parcel.wrong_secret = faults.Roll(Fault::kWrongSecret);
  Timestamp at = world_.now + faults.Of(Fault::kEventReorder).UpTo(kSoon);
  if (faults.Roll(Fault::kEventReorder)) at += faults.Of(Fault::kEventReorder).UpTo(kOvertakenBy);
  if (faults.Roll(Fault::kEventLate)) at += faults.Of(Fault::kEventLate).UpTo(kResendsFor);
  if (faults.Roll(Fault::kEventDuplicate)) Plan(parcel, at + faults.Of(Fault::kEventDuplicate).UpTo(kOvertakenBy));
  Plan(std::move(parcel), at);
}

// One by one, and sometimes all for days: then the provider's list brings many at once.
bool Deliverer::IsLost() {
  Faults& faults = world_.faults;
  if (!faults.Works(Fault::kEventLost)) return false;
  if (world_.now < all_lost_until_) return true;
  if (!faults.Roll(Fault::kEventLost)) return false;
  Chance& chance = faults.Of(Fault::kEventLost);
  if (chance.Roll(kAllLost)) all_lost_until_ = world_.now + chance.UpTo(kAllLostAtMost);
  return true;
}

void Deliverer::Plan(Parcel parcel, Timestamp at) {
  ++pending_;
  agenda_.Add(at, [this, parcel = std::move(parcel)] {
    --pending_;
    Try(parcel);
  });
}

void Deliverer::Try(Parcel parcel) {
  ++parcel.tries;
  int status = 0;
  if (Node* node = any_node_(); node != nullptr) {
    const std::string secret = std::exchange(parcel.wrong_secret, false) ? kOldSecret : kWebhookSecret;
    const std::string signature = sim::SignatureHeader(std::span(&secret, 1), ToUnixSeconds(world_.now), parcel.body);
    status = node->Deliver(signature, parcel.body);
  }
  if (status == 200) return oracles_.OnAcknowledged(EventId{parcel.id});
  world_.Note("delivery of " + parcel.id + " refused: " + std::to_string(status));
  static const sim::DeliveryRules rules = sim::StripeDelivery({});
  const sim::FailedDelivery failed{.answer = {}, .attempts = parcel.tries, .since_first = world_.now - parcel.first};
  if (const std::optional<Millis> pause = rules.pause(failed)) Plan(std::move(parcel), world_.now + *pause);
}

}  // namespace dunlin::simulate
