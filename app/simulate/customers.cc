#include "app/simulate/customers.h"

#include <algorithm>
#include <array>

#include "state/check.h"

namespace dunlin::simulate {
namespace {

constexpr auto kNames = std::to_array<std::string_view>(
    {"subscribe", "card-declines", "card-works", "card-processes", "card-needs-action", "new-card", "pay", "cancel-now",
     "cancel-at-end", "stay", "change-plan", "void-invoice", "staff-retry"});
static_assert(kNames.size() == static_cast<std::size_t>(ActionKind::kCount));

// How often each is drawn.
constexpr auto kDrawn =
    std::to_array<ActionKind>({ActionKind::kCardDeclines, ActionKind::kCardDeclines,  ActionKind::kCardDeclines,
                               ActionKind::kCardWorks,    ActionKind::kCardWorks,     ActionKind::kNewCard,
                               ActionKind::kNewCard,      ActionKind::kPay,           ActionKind::kPay,
                               ActionKind::kCancelNow,    ActionKind::kCancelAtEnd,   ActionKind::kCancelAtEnd,
                               ActionKind::kStay,         ActionKind::kStay,          ActionKind::kChangePlan,
                               ActionKind::kChangePlan,   ActionKind::kCardProcesses, ActionKind::kStaffRetry,
                               ActionKind::kStaffRetry,   ActionKind::kVoidInvoice,   ActionKind::kCardNeedsAction,
                               ActionKind::kCardDeclines});

constexpr auto kDeclines = std::to_array<std::string_view>(
    {"insufficient_funds", "insufficient_funds", "generic_decline", "expired_card", "lost_card", "do_not_honor"});

}  // namespace

std::string_view ActionName(ActionKind kind) { return kNames[static_cast<std::size_t>(kind)]; }

Catalog MakeCatalog(SimulatedStripe& stripe, const std::string& interval) {
  Catalog catalog;
  int amount = 1000;
  for (const std::string_view plan : kPlans) {
    const std::string product = stripe.Do("POST", "/v1/products", {{"name", std::string(plan)}});
    catalog.prices.push_back(stripe.Do("POST", "/v1/prices",
                                       {{"product", product},
                                        {"currency", "usd"},
                                        {"unit_amount", std::to_string(amount)},
                                        {"recurring[interval]", interval},
                                        {"nickname", std::string(plan)}}));
    amount *= 3;
  }
  return catalog;
}

std::vector<Action> PlanActions(std::uint64_t seed, Faults& faults, Timestamp begin, Timestamp end, Millis period) {
  Chance chance(seed, "customers");
  std::vector<Action> actions;
  const std::size_t customers = 1 + chance.Below(3);
  for (std::size_t i = 0; i < customers; ++i) {
    const Timestamp first = begin + chance.UpTo(period / 2);
    actions.push_back({first, i, ActionKind::kSubscribe, chance.Next()});
    const std::uint64_t more = chance.Below(9);
    for (std::uint64_t n = 0; n < more; ++n) {
      const ActionKind kind = kDrawn[chance.Below(kDrawn.size())];
      actions.push_back({first + chance.UpTo(end - first), i, kind, chance.Next()});
    }
  }
  std::sort(actions.begin(), actions.end(), [](const Action& a, const Action& b) { return a.at < b.at; });
  for (std::size_t i = 1; i < actions.size(); ++i) {
    if (faults.Roll(Fault::kSameSecond)) actions[i].at = actions[i - 1].at;
  }
  return actions;
}

std::string Customers::SubscriptionOf(std::size_t customer) const {
  const auto found = customers_.find(customer);
  return found == customers_.end() ? "" : found->second.subscription;
}

void Customers::Act(const Action& action) {
  Customer& customer = customers_[action.customer];
  if (action.kind == ActionKind::kSubscribe) return Subscribe(customer, action);
  if (customer.subscription.empty()) return;
  switch (action.kind) {
    case ActionKind::kCardDeclines:
    case ActionKind::kCardWorks:
    case ActionKind::kCardProcesses:
    case ActionKind::kCardNeedsAction:
    case ActionKind::kNewCard: return ChangeCard(customer, action);
    case ActionKind::kPay: return Invoice(customer, "pay");
    case ActionKind::kVoidInvoice: return Invoice(customer, "void");
    case ActionKind::kCancelNow:
    case ActionKind::kCancelAtEnd:
    case ActionKind::kStay:
    case ActionKind::kChangePlan: return ChangeSubscription(customer, action);
    case ActionKind::kSubscribe:
    case ActionKind::kStaffRetry:
    case ActionKind::kCount: return;
  }
}

void Customers::Subscribe(Customer& customer, const Action& action) {
  customer.id = stripe_.Do("POST", "/v1/customers",
                           {{"email", "someone" + std::to_string(action.customer) + "@customers.simulated"},
                            {"payment_method", "pm_card_visa"}});
  ChangeCard(customer, {action.at, action.customer, ActionKind::kNewCard, action.choice});
  SimulatedStripe::Form form = {{"customer", customer.id},
                                {"items[0][price]", catalog_.prices[action.choice % catalog_.prices.size()]}};
  if (action.choice % 7 == 0) form.emplace_back("trial_period_days", "1");
  if (action.choice % 11 == 0) form.emplace_back("payment_behavior", "default_incomplete");
  customer.subscription = stripe_.Do("POST", "/v1/subscriptions", form);
  DUNLIN_CHECK(!customer.subscription.empty());
}

void Customers::ChangeCard(Customer& customer, const Action& action) {
  if (action.kind == ActionKind::kNewCard) {
    customer.card = stripe_.Do("POST", "/v1/payment_methods/pm_card_visa/attach", {{"customer", customer.id}});
    stripe_.Do("POST", "/v1/customers/" + customer.id, {{"invoice_settings[default_payment_method]", customer.card}});
    return;
  }
  sim::CardBehavior behavior;
  if (action.kind == ActionKind::kCardDeclines) {
    behavior.answer = sim::CardAnswer::kDecline;
    behavior.decline_code = kDeclines[action.choice % kDeclines.size()];
  } else if (action.kind == ActionKind::kCardProcesses) {
    behavior.answer = sim::CardAnswer::kProcess;
    behavior.settles_as_paid = action.choice % 2 == 0;
    behavior.decline_code = behavior.settles_as_paid ? "" : "insufficient_funds";
  } else if (action.kind == ActionKind::kCardNeedsAction) {
    behavior.answer = sim::CardAnswer::kRequireAction;
  }
  stripe_.model().methods.Find(customer.card)->behavior = behavior;
}

void Customers::ChangeSubscription(Customer& customer, const Action& action) {
  const std::string path = "/v1/subscriptions/" + customer.subscription;
  if (action.kind == ActionKind::kCancelNow) {
    if (!stripe_.Do("DELETE", path, {}).empty()) cancelled_[customer.subscription] = world_.now;
  } else if (action.kind == ActionKind::kChangePlan) {
    stripe_.Do("POST", path,
               {{"items[0][price]", catalog_.prices[action.choice % catalog_.prices.size()]},
                {"proration_behavior", action.choice % 2 == 0 ? "always_invoice" : "create_prorations"}});
  } else {
    const bool leaves = action.kind == ActionKind::kCancelAtEnd;
    if (stripe_.Do("POST", path, {{"cancel_at_period_end", leaves ? "true" : "false"}}).empty()) return;
    if (leaves)
      cancelled_.emplace(customer.subscription, world_.now);
    else if (cancelled_.erase(customer.subscription) > 0)
      ++stayed_[customer.subscription];
  }
}

void Customers::Invoice(Customer& customer, const std::string& what) {
  for (const sim::Invoice& invoice : stripe_.model().invoices.rows()) {
    if (invoice.subscription != customer.subscription || invoice.status != sim::InvoiceStatus::kOpen) continue;
    const std::string id = invoice.id;
    stripe_.Do("POST", "/v1/invoices/" + id + "/" + what, {});
    return;
  }
}

}  // namespace dunlin::simulate
