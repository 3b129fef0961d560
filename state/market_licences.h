// The licences that the facts of one subscription name.
#pragma once

#include <map>

#include "state/market_facts.h"

namespace dunlin {

struct SeenLicence {
  ProductCode product;
  LicenceArn arn;        // empty: it was never spelt as an ARN, and AWS's own interface refuses other spellings
  AwsAccountId account;  // the buyer's
  Timestamp seen_at{};   // the newest fact that names it
  const MarketNotice* newest = nullptr;  // of its notices; lives as long as the facts

  bool IsWithdrawn() const { return newest != nullptr && newest->kind == MarketNotice::Kind::kLicenceDeprovisioned; }
};

std::map<LicenceId, SeenLicence> LicencesOf(const MarketFacts& facts);

}  // namespace dunlin
