#include "state/market_licences.h"

#include <algorithm>

#include "state/licence.h"

namespace dunlin {
namespace {

template <class Fact>
SeenLicence* See(std::map<LicenceId, SeenLicence>& seen, const Fact& fact) {
  const std::optional<LicenceId> id = LicenceIdOf(fact.licence);
  if (!id) return nullptr;
  SeenLicence& licence = seen[*id];
  if (!fact.product.empty()) licence.product = fact.product;
  if (!fact.account.empty()) licence.account = fact.account;
  if (fact.licence.str().starts_with("arn:")) licence.arn = fact.licence;
  licence.seen_at = std::max(licence.seen_at, fact.at);
  return &licence;
}

}  // namespace

std::map<LicenceId, SeenLicence> LicencesOf(const MarketFacts& facts) {
  std::map<LicenceId, SeenLicence> seen;
  for (const MarketRegistration& r : facts.registrations) See(seen, r);
  for (const MarketNotice& n : facts.notices) {
    SeenLicence* licence = See(seen, n);
    if (licence != nullptr && (licence->newest == nullptr || licence->newest->at <= n.at)) licence->newest = &n;
  }
  return seen;
}

}  // namespace dunlin
