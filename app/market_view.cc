#include "app/market_view.h"

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "state/derive_market.h"
#include "state/licence.h"

namespace dunlin {
namespace {

using nlohmann::json;

// The ids that a subscription is known by, each once.
struct Ids {
  std::set<std::string> products, customers, accounts, licences, agreements;

  template <class Fact>
  void Add(const Fact& fact) {
    AddTo(products, fact.product.str());
    AddTo(customers, fact.customer.str());
    AddTo(accounts, fact.account.str());
    if (const std::optional<LicenceId> licence = LicenceIdOf(fact.licence)) licences.insert(licence->str());
  }
  static void AddTo(std::set<std::string>& ids, const std::string& id) {
    if (!id.empty()) ids.insert(id);
  }
};

json EntitlementView(const MarketEntitlement& e) {
  return {{"product", e.product.str()},
          {"dimension", e.dimension},
          {"value", e.value},
          {"expires_at", e.expires_at ? json(FormatRfc3339(*e.expires_at)) : json(nullptr)}};
}

}  // namespace

json MarketView(const MarketFacts& facts) {
  Ids ids;
  json registered_at = nullptr;
  std::optional<Timestamp> first;
  for (const MarketRegistration& r : facts.registrations) {
    ids.Add(r);
    if (!first || r.at < *first) first = r.at;
  }
  if (first) registered_at = FormatRfc3339(*first);
  for (const MarketNotice& n : facts.notices) {
    ids.Add(n);
    Ids::AddTo(ids.agreements, n.agreement.str());
    Ids::AddTo(ids.agreements, n.previous_agreement.str());
  }
  json entitlements = json::array();
  const EntitlementAnswer& answer = CountingAnswer(facts);
  for (const MarketEntitlement& e : answer.entitlements) entitlements.push_back(EntitlementView(e));
  return {{"products", ids.products},
          {"customers", ids.customers},
          {"aws_accounts", ids.accounts},
          {"licences", ids.licences},
          {"agreements", ids.agreements},
          {"registered_at", std::move(registered_at)},
          {"entitlements", std::move(entitlements)},
          {"entitlements_asked_at", answer.number == 0 ? json(nullptr) : json(FormatRfc3339(answer.asked_at))}};
}

}  // namespace dunlin
