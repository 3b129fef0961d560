#include "workflows/providers/aws_marketplace/stored_event.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "workflows/providers/aws_marketplace/news.h"
#include "workflows/providers/aws_marketplace/read_event.h"
#include "workflows/providers/json.h"

namespace dunlin {
namespace {

using json::Json;

constexpr std::string_view kRegistered = "registration.resolved";

Result<MarketRegistration> ReadRegistration(const Json& body) {
  MarketRegistration r;
  Result<std::string> id = json::NeedText(body, "id", "registration");
  if (!id) return tl::unexpected(std::move(id.error()));
  Result<std::string> product = json::NeedText(body, "product_code", "registration");
  if (!product) return tl::unexpected(std::move(product.error()));
  const Result<Timestamp> at = ParseRfc3339(json::Text(body, "at"));
  if (!at) return Fail(Errc::kInvalidArgument, "registration: `at`: " + at.error().detail);
  r.source = EventId{std::move(*id)};
  r.product = ProductCode{std::move(*product)};
  r.customer = CustomerIdentifier{json::Text(body, "customer_identifier")};
  r.account = AwsAccountId{json::Text(body, "aws_account_id")};
  r.licence = LicenceArn{json::Text(body, "licence_arn")};
  r.at = *at;
  if (r.customer.empty() && r.account.empty())
    return Fail(Errc::kInvalidArgument, "registration: neither `aws_account_id` nor `customer_identifier` is there");
  return r;
}

Result<MarketplaceEvent> ReadNotification(const Json& body) {
  Result<std::string> id = json::NeedText(body, "MessageId", "notification");
  if (!id) return tl::unexpected(std::move(id.error()));
  const Result<Timestamp> at = ParseRfc3339(json::Text(body, "Timestamp"));
  if (!at) return Fail(Errc::kInvalidArgument, "notification: `Timestamp`: " + at.error().detail);
  return ReadMarketplaceMessage(json::Text(body, "Message"), EventId{std::move(*id)}, *at);
}

Digest DigestOf(MarketplaceEvent event) {
  Digest digest;
  const bool action = event.family == MarketplaceFamily::kAction;
  event.id = EventId{(action ? "" : "eb/") + event.id.str()};
  digest.event = event.id;
  digest.type = (action ? "sns." : "") + event.type;
  digest.created = event.time;
  digest.market = NewsOf(event);
  digest.acted_on = digest.market.has_value();
  return digest;
}

Digest DigestOf(MarketRegistration registration) {
  Digest digest;
  digest.event = registration.source;
  digest.type = kRegistered;
  digest.created = registration.at;
  digest.acted_on = true;
  digest.market.emplace();
  digest.market->ask_entitlements = true;
  digest.market->facts.registrations.push_back(std::move(registration));
  return digest;
}

}  // namespace

Result<NewEvent> MarketplaceEventOf(std::string body, Timestamp received_at) {
  Result<Digest> digest = ReadMarketplaceEvent(body);
  if (!digest) return tl::unexpected(std::move(digest.error()));
  NewEvent event;
  event.provider = Provider::kAwsMarketplace;
  event.id = std::move(digest->event);
  event.type = std::move(digest->type);
  event.created = digest->created;
  event.received_at = received_at;
  event.livemode = true;
  event.body = std::move(body);
  return event;
}

Result<Digest> ReadMarketplaceEvent(std::string_view text) {
  const Result<Json> body = json::ParseObject(text);
  if (!body) return Fail(Errc::kInvalidArgument, "the event is " + body.error().detail);
  if (json::Text(*body, "type") == kRegistered) {
    Result<MarketRegistration> registration = ReadRegistration(*body);
    if (!registration) return tl::unexpected(std::move(registration.error()));
    return DigestOf(std::move(*registration));
  }
  Result<MarketplaceEvent> event = json::Has(*body, "MessageId") ? ReadNotification(*body) : ReadEventBridgeEvent(text);
  if (!event) return tl::unexpected(std::move(event.error()));
  return DigestOf(std::move(*event));
}

std::string RegistrationBody(const ResolvedCustomer& buyer, std::string_view token_hash, Timestamp at) {
  Json body = {{"type", kRegistered},
               {"id", "registration/" + std::string(token_hash)},
               {"product_code", buyer.product.str()},
               {"at", FormatRfc3339(at)}};
  if (!buyer.customer.empty()) body["customer_identifier"] = buyer.customer.str();
  if (!buyer.account.empty()) body["aws_account_id"] = buyer.account.str();
  if (!buyer.licence.empty()) body["licence_arn"] = buyer.licence.str();
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace dunlin
