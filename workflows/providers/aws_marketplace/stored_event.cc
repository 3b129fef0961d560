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
constexpr std::string_view kRegistrationId = "registration/";
constexpr std::string_view kUnreadable = "sns.unreadable";

Result<MarketRegistration> ReadRegistration(const Json& body) {
  MarketRegistration r;
  Result<std::string> id = json::NeedText(body, "id", "registration");
  if (!id) return tl::unexpected(std::move(id.error()));
  Result<std::string> product = json::NeedText(body, "product_code", "registration");
  if (!product) return tl::unexpected(std::move(product.error()));
  if (!id->starts_with(kRegistrationId)) return Fail(Errc::kInvalidArgument, "registration: `id` is not one of ours");
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

// The envelope of what SNS posted; the type is SNS's own.
Result<Digest> ReadSnsEnvelope(const Json& body) {
  Result<std::string> id = json::NeedText(body, "MessageId", "notification");
  if (!id) return tl::unexpected(std::move(id.error()));
  const Result<Timestamp> at = ParseRfc3339(json::Text(body, "Timestamp"));
  if (!at) return Fail(Errc::kInvalidArgument, "notification: `Timestamp`: " + at.error().detail);
  Digest digest;
  digest.event = EventId{std::move(*id)};
  digest.type = "sns." + json::Text(body, "Type");
  digest.created = *at;
  return digest;
}

Result<Digest> ReadEventBridgeEnvelope(const Json& body) {
  Result<std::string> id = json::NeedText(body, "id", "event");
  if (!id) return tl::unexpected(std::move(id.error()));
  Result<std::string> type = json::NeedText(body, "detail-type", "event");
  if (!type) return tl::unexpected(std::move(type.error()));
  const Result<Timestamp> time = ParseRfc3339(json::Text(body, "time"));
  if (!time) return Fail(Errc::kInvalidArgument, "event: `time`: " + time.error().detail);
  Digest digest;
  digest.event = EventId{"eb/" + *id};
  digest.type = std::move(*type);
  digest.created = *time;
  return digest;
}

// Of an event whose contents cannot be read.
Result<Digest> ReadEnvelope(const Json& body) {
  if (!json::Has(body, "MessageId")) return ReadEventBridgeEnvelope(body);
  if (const Result<Json> message = json::ParseObject(json::Text(body, "Message"))) {
    Result<Digest> bridged = ReadEventBridgeEnvelope(*message);
    if (bridged) return bridged;
  }
  Result<Digest> digest = ReadSnsEnvelope(body);
  if (digest) digest->type = kUnreadable;
  return digest;
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

Result<Digest> ReadSns(const Json& body) {
  Result<Digest> digest = ReadSnsEnvelope(body);
  if (!digest) return digest;
  const std::string type = json::Text(body, "Type");
  const bool asks = type == "SubscriptionConfirmation";
  if (asks || type == "UnsubscribeConfirmation") {
    Result<std::string> topic = json::NeedText(body, "TopicArn", "confirmation");
    if (!topic) return tl::unexpected(std::move(topic.error()));
    digest->topic = TopicNews{asks, std::move(*topic)};
    digest->acted_on = true;
    return digest;
  }
  Result<MarketplaceEvent> event = ReadMarketplaceMessage(json::Text(body, "Message"), digest->event, digest->created);
  if (!event) return tl::unexpected(std::move(event.error()));
  return DigestOf(std::move(*event));
}

}  // namespace

Result<NewEvent> EventBridgeEventOf(std::string body, Timestamp received_at) {
  if (const Result<Json> event = json::ParseObject(body)) {
    const bool sns = json::Has(*event, "MessageId") || json::Has(*event, "TopicArn") || json::Has(*event, "Type");
    if (sns || json::Text(*event, "type") == kRegistered)
      return Fail(Errc::kInvalidArgument, "not an event of EventBridge: it has the shape of another message");
  }
  return MarketplaceEventOf(std::move(body), received_at);
}

Result<NewEvent> MarketplaceEventOf(std::string body, Timestamp received_at) {
  Result<Digest> digest = ReadMarketplaceEvent(body);
  if (!digest) {
    const Result<Json> parsed = json::ParseObject(body);
    Result<Digest> envelope = parsed ? ReadEnvelope(*parsed) : tl::unexpected(digest.error());
    if (!envelope) return tl::unexpected(std::move(digest.error()));
    digest = std::move(envelope);
  }
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

// Whatever else a body of SNS holds is not signed: its MessageId comes before anything that could be added.
Result<Digest> ReadMarketplaceEvent(std::string_view text) {
  const Result<Json> body = json::ParseObject(text);
  if (!body) return Fail(Errc::kInvalidArgument, "the event is " + body.error().detail);
  if (json::Has(*body, "MessageId")) return ReadSns(*body);
  if (json::Text(*body, "type") == kRegistered) {
    Result<MarketRegistration> registration = ReadRegistration(*body);
    if (!registration) return tl::unexpected(std::move(registration.error()));
    return DigestOf(std::move(*registration));
  }
  Result<MarketplaceEvent> event = ReadEventBridgeEvent(text);
  if (!event) return tl::unexpected(std::move(event.error()));
  return DigestOf(std::move(*event));
}

std::string RegistrationBody(const ResolvedCustomer& buyer, std::string_view token_hash, Timestamp at) {
  Json body = {{"type", kRegistered},
               {"id", std::string(kRegistrationId) + std::string(token_hash)},
               {"product_code", buyer.product.str()},
               {"at", FormatRfc3339(at)}};
  if (!buyer.customer.empty()) body["customer_identifier"] = buyer.customer.str();
  if (!buyer.account.empty()) body["aws_account_id"] = buyer.account.str();
  if (!buyer.licence.empty()) body["licence_arn"] = buyer.licence.str();
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace dunlin
