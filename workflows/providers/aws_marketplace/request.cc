#include "workflows/providers/aws_marketplace/request.h"

#include <algorithm>
#include <limits>

#include "state/json_text.h"

namespace dunlin::aws_marketplace {
namespace {

constexpr int kEntitlementsPerPage = 25;
constexpr std::size_t kTokenBytesMax = 16 * 1024;
constexpr std::size_t kTextBytesMax = 255;
// A record has five texts, each character of which may be escaped, and two numbers.
static_assert(kUsageRecordsMax * (5 * 2 * kTextBytesMax + 256) < kUsageRequestBytesMax, "25 records always fit");
constexpr std::string_view kMeteringHost = "https://metering.marketplace.us-east-1.amazonaws.com";
constexpr std::string_view kEntitlementHost = "https://entitlement.marketplace.us-east-1.amazonaws.com";

// What JSON can hold without a thought about encodings. AWS's ids, codes and tokens are nothing else.
bool IsPlain(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void AddText(JsonAppender& json, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  json.Key(key);
  json.Text(text);
}

struct Owner {
  std::string_view filter;
  std::string_view value;
};
Owner OwnerOf(const EntitlementQuery& query) {
  if (const auto* licence = std::get_if<LicenceArn>(&query.owner)) return {"LICENSE_ARN", licence->str()};
  if (const auto* account = std::get_if<AwsAccountId>(&query.owner)) return {"CUSTOMER_AWS_ACCOUNT_ID", account->str()};
  return {"CUSTOMER_IDENTIFIER", std::get<CustomerIdentifier>(query.owner).str()};
}

// Why AWS would refuse the record. Empty: it would not.
std::string_view Trouble(const UsageRecord& record) {
  if (!IsPlain(record.dimension, kTextBytesMax)) return "needs a dimension of 1 to 255 plain characters";
  if (record.quantity < 0 || record.quantity > std::numeric_limits<std::int32_t>::max())
    return "needs a quantity of 0 to 2147483647";
  if (record.account.empty() == record.customer.empty())
    return "needs either an AWS account id or a customer identifier";
  if (!record.licence.empty() && record.account.empty()) return "has a licence, so it needs an AWS account id";
  if (record.licence.empty() && record.product.empty()) return "needs a product code or a licence";
  for (const std::string& text :
       {record.product.str(), record.licence.str(), record.account.str(), record.customer.str()}) {
    if (!text.empty() && !IsPlain(text, kTextBytesMax)) return "has an id that no id of AWS looks like";
  }
  return {};
}

MarketplaceResult<void> CheckUsage(std::span<const UsageRecord> records) {
  if (records.empty() || records.size() > kUsageRecordsMax)
    return Fail(MarketplaceErrc::kInvalidParameter, "a usage request has 1 to 25 records");
  for (const UsageRecord& record : records) {
    const std::string_view trouble = Trouble(record);
    if (!trouble.empty()) return Fail(MarketplaceErrc::kInvalidParameter, "a usage record " + std::string(trouble));
    if (record.product != records.front().product || record.licence.empty() != records.front().licence.empty())
      return Fail(MarketplaceErrc::kInvalidParameter,
                  "the records of a usage request are of one product, and all with a licence or none");
  }
  return {};
}

void AddRecord(JsonAppender& json, const UsageRecord& record) {
  json.OpenObject();
  json.Key("Timestamp");
  json.Int(ToUnixSeconds(record.at));
  AddText(json, "CustomerAWSAccountId", record.account.str());
  AddText(json, "CustomerIdentifier", record.customer.str());
  AddText(json, "Dimension", record.dimension);
  json.Key("Quantity");
  json.Int(record.quantity);
  AddText(json, "LicenseArn", record.licence.str());
  json.CloseObject();
}

}  // namespace

MarketplaceResult<std::string> ResolveCustomerBody(std::string_view registration_token) {
  if (!IsPlain(registration_token, kTokenBytesMax))
    return Fail(MarketplaceErrc::kInvalidToken, "the registration token is empty or has characters that none has");
  std::string body;
  JsonAppender json(body);
  json.OpenObject();
  AddText(json, "RegistrationToken", registration_token);
  json.CloseObject();
  return body;
}

MarketplaceResult<std::string> GetEntitlementsBody(const EntitlementQuery& query, std::string_view next_token) {
  const Owner owner = OwnerOf(query);
  if (!IsPlain(query.product.str(), kTextBytesMax) || !IsPlain(owner.value, kTextBytesMax))
    return Fail(MarketplaceErrc::kInvalidParameter, "entitlements are asked for by a product code and a buyer");
  std::string body;
  JsonAppender json(body);
  json.OpenObject();
  AddText(json, "ProductCode", query.product.str());
  json.Key("Filter");
  json.OpenObject();
  json.Key(owner.filter);
  json.OpenArray();
  json.Text(owner.value);
  json.CloseArray();
  json.CloseObject();
  json.Key("MaxResults");
  json.Int(kEntitlementsPerPage);
  AddText(json, "NextToken", next_token);
  json.CloseObject();
  return body;
}

MarketplaceResult<std::string> BatchMeterUsageBody(std::span<const UsageRecord> records) {
  if (const MarketplaceResult<void> fit = CheckUsage(records); !fit) return tl::unexpected(fit.error());
  std::string body;
  JsonAppender json(body);
  json.OpenObject();
  json.Key("UsageRecords");
  json.OpenArray();
  for (const UsageRecord& record : records) AddRecord(json, record);
  json.CloseArray();
  // Each licence names its product.
  if (records.front().licence.empty()) AddText(json, "ProductCode", records.front().product.str());
  json.CloseObject();
  return body;
}

HttpCall CallFor(std::string_view operation, std::string_view base_url, std::string_view session_token,
                 std::string_view body, const AwsSigning& signing) {
  const std::string_view own_host = operation == kGetEntitlements ? kEntitlementHost : kMeteringHost;
  // Curl adds the host and the date. A date given to it would be sent twice (7.88), and AWS sees another request then.
  HttpCall call{.method = "POST",
                .url = std::string(base_url.empty() ? own_host : base_url) + "/",
                .headers = {{"Content-Type", "application/x-amz-json-1.1"}, {"X-Amz-Target", std::string(operation)}},
                .body = body,
                .signing = &signing};
  if (!session_token.empty()) call.headers.push_back({"X-Amz-Security-Token", std::string(session_token)});
  return call;
}

}  // namespace dunlin::aws_marketplace
