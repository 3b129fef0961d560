#include "workflows/providers/aws_marketplace/answer.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "state/licence.h"
#include "workflows/providers/aws_marketplace/error.h"
#include "workflows/providers/json.h"

namespace dunlin::aws_marketplace {
namespace {

using json::Find;
using json::Json;
using json::Text;
using Errc = MarketplaceErrc;

MarketplaceResult<Json> Parse(std::string_view body) {
  Result<Json> object = json::ParseObject(body);
  if (!object) return Fail(Errc::kTemporary, "the answer could not be read: " + object.error().detail);
  return std::move(*object);
}

// Seconds since 1970, which may have a fraction.
std::optional<Timestamp> TimeIn(const Json& object, std::string_view key) {
  constexpr double kEndOf9999 = 253402300799;
  const Json* value = Find(object, key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto seconds = value->get<double>();
  if (!(seconds >= 0 && seconds <= kEndOf9999)) return std::nullopt;
  return FromUnixMillis(std::llround(seconds * 1000));
}

// Exactly one of the four kinds, and of its type.
std::optional<decltype(Entitlement::value)> ValueOf(const Json& entitlement) {
  const Json* value = Find(entitlement, "Value");
  if (value == nullptr) return std::nullopt;
  std::optional<decltype(Entitlement::value)> read;
  int kinds = 0;
  if (Find(*value, "IntegerValue") != nullptr) {
    ++kinds;
    if (const auto number = json::Integer(*value, "IntegerValue")) read = *number;
  }
  if (const Json* real = Find(*value, "DoubleValue")) {
    ++kinds;
    if (real->is_number()) read = real->get<double>();
  }
  if (const Json* flag = Find(*value, "BooleanValue")) {
    ++kinds;
    if (flag->is_boolean()) read = flag->get<bool>();
  }
  if (const Json* text = Find(*value, "StringValue")) {
    ++kinds;
    if (text->is_string()) read = text->get<std::string>();
  }
  return kinds == 1 ? read : std::nullopt;
}

MarketplaceResult<Entitlement> ReadEntitlement(const Json& row) {
  Entitlement entitlement;
  entitlement.dimension = Text(row, "Dimension");
  if (entitlement.dimension.empty()) return Fail(Errc::kUnreadable, "an entitlement has no `Dimension`");
  const std::string named = "the entitlement to '" + Scrub(entitlement.dimension) + "'";
  auto value = ValueOf(row);
  if (!value) return Fail(Errc::kUnreadable, named + " has not exactly one kind of `Value`");
  entitlement.value = std::move(*value);
  entitlement.expires_at = TimeIn(row, "ExpirationDate");
  // Taken for absent, it would never expire.
  if (!entitlement.expires_at && Find(row, "ExpirationDate") != nullptr)
    return Fail(Errc::kUnreadable, named + " has an `ExpirationDate` that is no time in Unix seconds");
  entitlement.licence = LicenceArn{Text(row, "LicenseArn")};
  entitlement.account = AwsAccountId{Text(row, "CustomerAWSAccountId")};
  entitlement.customer = CustomerIdentifier{Text(row, "CustomerIdentifier")};
  entitlement.product = ProductCode{Text(row, "ProductCode")};
  return entitlement;
}

// An echo may leave a buyer's field out or add one.
bool SameIfTold(const std::string& ours, const std::string& told) {
  return ours.empty() || told.empty() || ours == told;
}

bool IsEchoOf(const Json& echo, const UsageRecord& record) {
  const std::string licence = Text(echo, "LicenseArn");
  const bool same_licence =
      SameIfTold(record.licence.str(), licence) ||
      (LicenceIdOf(record.licence) && LicenceIdOf(record.licence) == LicenceIdOf(LicenceArn{licence}));
  const std::optional<Timestamp> at = TimeIn(echo, "Timestamp");
  return at && ToUnixSeconds(*at) == ToUnixSeconds(record.at) && Text(echo, "Dimension") == record.dimension &&
         json::Integer(echo, "Quantity").value_or(0) == record.quantity && same_licence &&
         SameIfTold(record.account.str(), Text(echo, "CustomerAWSAccountId")) &&
         SameIfTold(record.customer.str(), Text(echo, "CustomerIdentifier"));
}

UsageOutcome OutcomeOf(const Json& result) {
  constexpr std::size_t kWordBytesMax = 64;
  UsageOutcome outcome;
  outcome.word = Text(result, "Status").substr(0, kWordBytesMax);
  outcome.metering_record_id = Text(result, "MeteringRecordId");
  outcome.status = UsageStatus::kOther;
  if (outcome.word == "Success") outcome.status = UsageStatus::kSuccess;
  if (outcome.word == "CustomerNotSubscribed") outcome.status = UsageStatus::kCustomerNotSubscribed;
  if (outcome.word == "DuplicateRecord") outcome.status = UsageStatus::kDuplicateRecord;
  return outcome;
}

// The list, an empty one where there is none. Errors: kUnreadable.
MarketplaceResult<Json> ListIn(const Json& object, std::string_view key) {
  const Json* list = Find(object, key);
  if (list == nullptr) return Json::array();
  if (!list->is_array()) return Fail(Errc::kUnreadable, "`" + std::string(key) + "` is no list");
  return *list;
}

}  // namespace

MarketplaceResult<ResolvedCustomer> ReadResolvedCustomer(std::string_view body) {
  const MarketplaceResult<Json> answer = Parse(body);
  if (!answer) return tl::unexpected(answer.error());
  ResolvedCustomer buyer{CustomerIdentifier{Text(*answer, "CustomerIdentifier")},
                         ProductCode{Text(*answer, "ProductCode")}, AwsAccountId{Text(*answer, "CustomerAWSAccountId")},
                         LicenceArn{Text(*answer, "LicenseArn")}};
  if (buyer.product.empty()) return Fail(Errc::kUnreadable, "the resolved customer has no `ProductCode`");
  if (buyer.account.empty() && buyer.customer.empty())
    return Fail(Errc::kUnreadable, "the resolved customer has no `CustomerAWSAccountId` and no `CustomerIdentifier`");
  return buyer;
}

MarketplaceResult<EntitlementsPage> ReadEntitlements(std::string_view body) {
  const MarketplaceResult<Json> answer = Parse(body);
  if (!answer) return tl::unexpected(answer.error());
  const MarketplaceResult<Json> rows = ListIn(*answer, "Entitlements");
  if (!rows) return tl::unexpected(rows.error());
  EntitlementsPage page;
  for (const Json& row : *rows) {
    MarketplaceResult<Entitlement> entitlement = ReadEntitlement(row);
    if (!entitlement) return tl::unexpected(std::move(entitlement.error()));
    page.entitlements.push_back(std::move(*entitlement));
  }
  page.next_token = Text(*answer, "NextToken");
  return page;
}

MarketplaceResult<std::vector<UsageOutcome>> ReadUsage(std::string_view body, std::span<const UsageRecord> sent) {
  const MarketplaceResult<Json> answer = Parse(body);
  if (!answer) return tl::unexpected(answer.error());
  const MarketplaceResult<Json> results = ListIn(*answer, "Results");
  if (!results) return tl::unexpected(results.error());
  std::vector<UsageOutcome> outcomes(sent.size());
  std::vector<bool> answered(sent.size());
  for (const Json& result : *results) {
    const Json* echo = Find(result, "UsageRecord");
    std::size_t i = 0;
    while (i < sent.size() && (echo == nullptr || answered[i] || !IsEchoOf(*echo, sent[i]))) ++i;
    if (i == sent.size()) return Fail(Errc::kUnreadable, "a result is of no record that was sent");
    answered[i] = true;
    outcomes[i] = OutcomeOf(result);
  }
  return outcomes;
}

}  // namespace dunlin::aws_marketplace
