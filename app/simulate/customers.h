// What customers, their banks and support do in a simulation: a list made from the seed before it begins.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/simulate/stripe.h"

namespace dunlin::simulate {

enum class ActionKind : std::uint8_t {
  kSubscribe,
  kCardDeclines,
  kCardWorks,
  kCardProcesses,    // a payment takes a day to settle
  kCardNeedsAction,  // 3-D Secure
  kNewCard,
  kPay,  // the open invoice, by hand
  kCancelNow,
  kCancelAtEnd,
  kStay,
  kChangePlan,
  kVoidInvoice,
  kStaffRetry,
  kCount
};
std::string_view ActionName(ActionKind kind);

struct Action {
  Timestamp at{};
  std::size_t customer = 0;
  ActionKind kind = ActionKind::kSubscribe;
  std::uint64_t choice = 0;  // which card, which plan …
};

struct Catalog {
  std::vector<std::string> prices;  // of the plans "basic", "pro", "max"
};
inline constexpr std::string_view kPlans[] = {"basic", "pro", "max"};
// Makes products and prices, billed each `interval` ("day", "week", "month").
Catalog MakeCatalog(SimulatedStripe& stripe, const std::string& interval);

// Sorted by time. With Fault::kSameSecond some share their second.
std::vector<Action> PlanActions(std::uint64_t seed, Faults& faults, Timestamp begin, Timestamp end, Millis period);

class Customers {
 public:
  Customers(World& world, SimulatedStripe& stripe, Catalog catalog)
      : world_(world), stripe_(stripe), catalog_(std::move(catalog)) {}

  // All kinds but kStaffRetry, which is not done at the provider.
  void Act(const Action& action);
  std::string SubscriptionOf(std::size_t customer) const;
  // When each subscription was cancelled by its customer, at once or for its period's end.
  const std::map<std::string, Timestamp>& cancelled() const { return cancelled_; }
  // How often each stayed after all.
  const std::map<std::string, int>& stayed() const { return stayed_; }

 private:
  struct Customer {
    std::string id, subscription, card;
  };
  void Subscribe(Customer& customer, const Action& action);
  void ChangeCard(Customer& customer, const Action& action);
  void ChangeSubscription(Customer& customer, const Action& action);
  void Invoice(Customer& customer, const std::string& what);

  World& world_;
  SimulatedStripe& stripe_;
  const Catalog catalog_;
  std::map<std::size_t, Customer> customers_;
  std::map<std::string, Timestamp> cancelled_;
  std::map<std::string, int> stayed_;
};

}  // namespace dunlin::simulate
