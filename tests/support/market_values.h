// Facts of AWS Marketplace to test with; a test names only what matters to it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "state/market_facts.h"
#include "tests/support/ledger_values.h"

namespace dunlin::testing {

inline const ProductCode kProduct{"prod1"};

inline LicenceArn MakeLicence(const std::string& id) {
  return LicenceArn{"arn:aws:license-manager::294406891311:license:" + id};
}

inline MarketFacts Of(MarketRegistration registration) {
  MarketFacts facts;
  facts.registrations.push_back(std::move(registration));
  return facts;
}
inline MarketFacts Of(MarketNotice notice) {
  MarketFacts facts;
  facts.notices.push_back(std::move(notice));
  return facts;
}

// With a licence, the new kind; with a customer, the old one.
inline MarketFacts Registered(const std::string& customer, const std::string& licence, const std::string& account = "1",
                              Timestamp at = kNoon) {
  MarketRegistration r;
  r.product = kProduct;
  r.customer = CustomerIdentifier{customer};
  r.account = AwsAccountId{account};
  if (!licence.empty()) r.licence = MakeLicence(licence);
  r.at = at;
  r.source = EventId{"registration/" + customer + licence + account};
  return Of(std::move(r));
}

// An SNS action about a customer.
inline MarketFacts Action(MarketNotice::Kind kind, Timestamp at, const std::string& customer = "c1") {
  MarketNotice n;
  n.kind = kind;
  n.at = at;
  n.source = EventId{"sns-" + std::to_string(static_cast<int>(kind)) + "-" + FormatRfc3339(at) + customer};
  n.product = kProduct;
  n.customer = CustomerIdentifier{customer};
  return Of(std::move(n));
}

inline MarketFacts OfLicence(MarketNotice::Kind kind, Timestamp at, const std::string& licence,
                             const std::string& agreement, const std::string& account = "1") {
  MarketNotice n;
  n.kind = kind;
  n.at = at;
  n.source = EventId{"eb/" + std::to_string(static_cast<int>(kind)) + "-" + FormatRfc3339(at) + licence};
  n.product = kProduct;
  n.account = AwsAccountId{account};
  n.licence = MakeLicence(licence);
  n.agreement = AgreementId{agreement};
  return Of(std::move(n));
}

inline MarketFacts OfAgreement(MarketNotice::Kind kind, Timestamp at, const std::string& agreement,
                               AgreementStatus status = AgreementStatus::kActive, const std::string& previous = "") {
  MarketNotice n;
  n.kind = kind;
  n.at = at;
  n.source = EventId{"eb/" + std::to_string(static_cast<int>(kind)) + "-" + FormatRfc3339(at) + agreement};
  n.account = AwsAccountId{"1"};
  n.agreement = AgreementId{agreement};
  n.previous_agreement = AgreementId{previous};
  n.agreement_status = status;
  return Of(std::move(n));
}

// An answer that holds one entitlement; with an empty dimension none. About these licences; none: about the buyer.
inline MarketFacts Answer(Timestamp asked, const std::string& dimension, std::optional<Timestamp> expires = {},
                          std::vector<std::string> licences = {}) {
  EntitlementAnswer answer;
  answer.number = ToUnixMillis(asked) * 1000;
  answer.asked_at = asked;
  for (std::string& licence : licences) answer.licences.emplace_back(std::move(licence));
  if (!dimension.empty()) answer.entitlements.push_back({kProduct, dimension, "5", expires});
  return FactsOf(std::move(answer));
}

inline MarketFacts All(std::initializer_list<MarketFacts> parts) {
  MarketFacts all;
  for (const MarketFacts& part : parts) Merge(all, part);
  return all;
}

}  // namespace dunlin::testing
