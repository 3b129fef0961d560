#include "state/market_facts.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "state/licence.h"

namespace dunlin {
namespace {

auto WhoOf(const MarketRegistration& r) { return std::tie(r.product, r.customer, r.account, r.licence); }

// Of the same content only the earliest stays.
bool MergeRegistration(std::vector<MarketRegistration>& all, const MarketRegistration& one) {
  const auto at =
      std::lower_bound(all.begin(), all.end(), one, [](const auto& a, const auto& b) { return WhoOf(a) < WhoOf(b); });
  if (at == all.end() || WhoOf(*at) != WhoOf(one)) {
    all.insert(at, one);
    return true;
  }
  if (*at <= one) return false;
  *at = one;
  return true;
}

// Two notices of one source are the same: events are stored once.
bool MergeNotice(std::vector<MarketNotice>& all, const MarketNotice& one) {
  const auto at =
      std::lower_bound(all.begin(), all.end(), one, [](const auto& a, const auto& b) { return a.source < b.source; });
  if (at != all.end() && at->source == one.source) return false;
  all.insert(at, one);
  return true;
}

bool MergeAnswer(EntitlementAnswer& newest, const EntitlementAnswer& one) {
  if (one.number <= newest.number) return false;
  newest = one;
  return true;
}

std::string Joined(const ProductCode& product, const std::string& buyer) {
  return product.empty() || buyer.empty() ? std::string() : product.str() + "/" + buyer;
}

// Gathers keys; one that binds anywhere binds.
class Keys {
 public:
  void Add(const std::string& id, bool binds = true) {
    if (id.empty()) return;
    bool& known = keys_[id];
    known = known || binds;
  }
  void AddLicence(const LicenceArn& arn) {
    if (const std::optional<LicenceId> licence = LicenceIdOf(arn)) Add(licence->str());
  }
  std::vector<MarketKey> Take() const {
    std::vector<MarketKey> keys;
    for (const auto& [id, binds] : keys_) keys.push_back({id, binds});
    return keys;
  }

 private:
  std::map<std::string, bool> keys_;
};

// The first agreement that no other is known to precede; where they run in a circle, the first of all.
std::string RootAgreement(const MarketFacts& facts) {
  std::set<std::string> all, continued;
  for (const MarketNotice& n : facts.notices) {
    if (!n.agreement.empty()) all.insert(n.agreement.str());
    if (n.agreement.empty() || n.previous_agreement.empty()) continue;
    all.insert(n.previous_agreement.str());
    continued.insert(n.agreement.str());
  }
  for (const std::string& id : all) {
    if (!continued.contains(id)) return id;
  }
  return all.empty() ? "" : *all.begin();
}

std::string FirstLicence(const MarketFacts& facts) {
  std::set<std::string> all;
  const auto add = [&](const LicenceArn& arn) {
    if (const std::optional<LicenceId> licence = LicenceIdOf(arn)) all.insert(licence->str());
  };
  for (const MarketRegistration& r : facts.registrations) add(r.licence);
  for (const MarketNotice& n : facts.notices) add(n.licence);
  return all.empty() ? "" : *all.begin();
}

// The first "product/buyer", the buyer being the member that is asked for.
template <class Member>
std::string FirstBuyer(const MarketFacts& facts, Member buyer) {
  std::set<std::string> all;
  for (const MarketRegistration& r : facts.registrations) all.insert(Joined(r.product, buyer(r)));
  for (const MarketNotice& n : facts.notices) all.insert(Joined(n.product, buyer(n)));
  all.erase("");
  return all.empty() ? "" : *all.begin();
}

}  // namespace

MarketFacts FactsOf(EntitlementAnswer answer) {
  MarketFacts facts;
  if (!answer.entitlements.empty()) facts.held = answer;
  facts.answer = std::move(answer);
  return facts;
}

bool Merge(MarketFacts& facts, const MarketFacts& more) {
  bool changed = false;
  for (const MarketRegistration& r : more.registrations) changed = MergeRegistration(facts.registrations, r) || changed;
  for (const MarketNotice& n : more.notices) changed = MergeNotice(facts.notices, n) || changed;
  changed = MergeAnswer(facts.answer, more.answer) || changed;
  return MergeAnswer(facts.held, more.held) || changed;
}

std::vector<MarketKey> KeysOf(const MarketFacts& facts) {
  Keys keys;
  for (const MarketRegistration& r : facts.registrations) {
    keys.AddLicence(r.licence);
    keys.Add(Joined(r.product, r.customer.str()));
    keys.Add(Joined(r.product, r.account.str()), !LicenceIdOf(r.licence));
  }
  for (const MarketNotice& n : facts.notices) {
    keys.Add(n.agreement.str());
    keys.Add(n.previous_agreement.str());
    keys.AddLicence(n.licence);
    keys.Add(Joined(n.product, n.customer.str()));
    keys.Add(Joined(n.product, n.account.str()), false);
  }
  return keys.Take();
}

SubscriptionId CanonicalId(const MarketFacts& facts) {
  std::string id = RootAgreement(facts);
  if (id.empty()) id = FirstLicence(facts);
  if (id.empty()) id = FirstBuyer(facts, [](const auto& fact) { return fact.customer.str(); });
  if (id.empty()) id = FirstBuyer(facts, [](const auto& fact) { return fact.account.str(); });
  return SubscriptionId{id};
}

AccountId AccountOf(const MarketFacts& facts) {
  const MarketRegistration* newest = nullptr;
  for (const MarketRegistration& r : facts.registrations) {
    const auto rank = [](const MarketRegistration& x) { return std::tuple(!x.account.empty(), x.at, x.source); };
    if (newest == nullptr || rank(*newest) < rank(r)) newest = &r;
  }
  if (newest == nullptr) return {};
  return AccountId{newest->account.empty() ? newest->customer.str() : newest->account.str()};
}

}  // namespace dunlin
