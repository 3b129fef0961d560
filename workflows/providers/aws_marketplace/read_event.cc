#include "workflows/providers/aws_marketplace/read_event.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "workflows/providers/json.h"

namespace dunlin {
namespace {

using json::Find;
using json::Json;
using Kind = MarketplaceKind;

constexpr std::size_t kWordBytesMax = 255;

template <class T>
struct Word {
  std::string_view text;
  T meaning;
};

template <class T, std::size_t N>
T MeaningOf(const std::array<Word<T>, N>& words, std::string_view text, T otherwise) {
  const auto* word = std::find_if(words.begin(), words.end(), [&](const Word<T>& w) { return w.text == text; });
  return word == words.end() ? otherwise : word->meaning;
}

// ---- Fields ------------------------------------------------------------------------------------------------------

// AWS's own examples have identifiers with a space before them.
std::string Trimmed(const Json& object, std::string_view key) {
  const std::string text = json::Text(object, key);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text.size() > kWordBytesMax) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// `object`.`part`.`key`
std::string In(const Json& object, std::string_view part, std::string_view key) {
  const Json* inner = Find(object, part);
  return inner == nullptr ? std::string() : Trimmed(*inner, key);
}

std::optional<Timestamp> TimeIn(const Json& object, std::string_view part, std::string_view key) {
  const Result<Timestamp> time = ParseRfc3339(In(object, part, key));
  return time ? std::optional(*time) : std::nullopt;
}

template <class IdType>
Status Need(const IdType& id, std::string_view what) {
  if (!id.empty()) return {};
  return Fail(Errc::kInvalidArgument, "`" + std::string(what) + "` is missing or not a text of 1 to 255 bytes");
}

// ---- Actions -----------------------------------------------------------------------------------------------------

constexpr auto kActions = std::to_array<Word<Kind>>({
    {"entitlement-updated", Kind::kEntitlementUpdated},
    {"subscribe-fail", Kind::kSubscribeFail},
    {"subscribe-success", Kind::kSubscribeSuccess},
    {"unsubscribe-pending", Kind::kUnsubscribePending},
    {"unsubscribe-success", Kind::kUnsubscribeSuccess},
});

// A comma before a closing bracket, as in AWS's example of an entitlement message.
std::string WithoutTrailingCommas(std::string_view text) {
  std::string out;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') in_string = !in_string;
    if (in_string && text[i] == '\\' && i + 1 < text.size()) out += text[i++];
    const std::size_t next = text[i] == ',' && !in_string ? text.find_first_not_of(" \t\r\n", i + 1) : text.npos;
    const bool trailing = next != text.npos && (text[next] == '}' || text[next] == ']');
    if (!trailing) out += text[i];
  }
  return out;
}

// A text in AWS's messages; a boolean would say the same.
std::optional<bool> FreeTrialIn(const Json& message) {
  const Json* value = Find(message, "isFreeTrialTermPresent");
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  const std::string word = Trimmed(message, "isFreeTrialTermPresent");
  if (word != "true" && word != "false") return std::nullopt;
  return word == "true";
}

Result<MarketplaceEvent> ReadAction(const Json& message, const EventId& message_id, Timestamp sent) {
  MarketplaceEvent event;
  event.type = Trimmed(message, "action");
  event.kind = MeaningOf(kActions, event.type, Kind::kUnknown);
  event.id = message_id;
  event.time = sent;
  event.product = ProductCode{Trimmed(message, "product-code")};
  event.customer = CustomerIdentifier{Trimmed(message, "customer-identifier")};
  event.offer = OfferId{Trimmed(message, "offer-identifier")};
  event.free_trial = FreeTrialIn(message);
  if (event.kind == Kind::kUnknown) return event;
  if (const Status product = Need(event.product, "product-code"); !product) return tl::unexpected(product.error());
  if (const Status buyer = Need(event.customer, "customer-identifier"); !buyer) return tl::unexpected(buyer.error());
  return event;
}

// ---- EventBridge -------------------------------------------------------------------------------------------------

// Without the role at the end.
constexpr auto kDetailTypes = std::to_array<Word<Kind>>({
    {"Agreement Cancellation Request Approved", Kind::kCancellationApproved},
    {"Agreement Cancellation Request Cancelled", Kind::kCancellationWithdrawn},
    {"Agreement Cancellation Request Pending Approval", Kind::kCancellationPending},
    {"Agreement Cancellation Request Rejected", Kind::kCancellationRejected},
    {"Agreement Cancellation Request Validation Failed", Kind::kCancellationInvalid},
    {"License Deprovisioned", Kind::kLicenceDeprovisioned},
    {"License Updated", Kind::kLicenceUpdated},
    {"Purchase Agreement Advisory Issued", Kind::kAdvisoryIssued},
    {"Purchase Agreement Advisory Resolved", Kind::kAdvisoryResolved},
    {"Purchase Agreement Amended", Kind::kAgreementAmended},
    {"Purchase Agreement Billing Adjustment Completed", Kind::kAdjustmentCompleted},
    {"Purchase Agreement Billing Adjustment Failed", Kind::kAdjustmentFailed},
    {"Purchase Agreement Created", Kind::kAgreementCreated},
    {"Purchase Agreement Ended", Kind::kAgreementEnded},
    {"Purchase Agreement Ending", Kind::kAgreementEnding},
    {"Purchase Agreement Renewal Terms Finalized", Kind::kRenewalTermsFinalized},
    {"Purchase Agreement Renewal Upcoming", Kind::kRenewalUpcoming},
});

// A third role, Acceptor, is the buyer's.
constexpr auto kRoles = std::to_array<Word<MarketplaceRole>>({
    {"Manufacturer", MarketplaceRole::kManufacturer},
    {"Proposer", MarketplaceRole::kProposer},
});

constexpr auto kIntents = std::to_array<Word<AgreementIntent>>({
    {"", AgreementIntent::kNone},
    {"AMEND", AgreementIntent::kAmend},
    {"NEW", AgreementIntent::kNew},
    {"RENEW", AgreementIntent::kRenew},
    {"REPLACE", AgreementIntent::kReplace},
});

constexpr auto kStatuses = std::to_array<Word<AgreementStatus>>({
    {"", AgreementStatus::kNone},
    {"ACTIVE", AgreementStatus::kActive},
    {"CANCELLED", AgreementStatus::kCancelled},
    {"EXPIRED", AgreementStatus::kExpired},
    {"RENEWED", AgreementStatus::kRenewed},
    {"REPLACED", AgreementStatus::kReplaced},
    {"TERMINATED", AgreementStatus::kTerminated},
});

void ReadType(std::string_view source, MarketplaceEvent& event) {
  constexpr std::string_view kSource = "aws.agreement-marketplace";
  constexpr std::string_view kBeforeRole = " - ";
  const std::string_view type = event.type;
  const std::size_t end = type.rfind(kBeforeRole);
  if (source != kSource || end == type.npos) return;
  event.role = MeaningOf(kRoles, type.substr(end + kBeforeRole.size()), MarketplaceRole::kNone);
  if (event.role != MarketplaceRole::kNone) event.kind = MeaningOf(kDetailTypes, type.substr(0, end), Kind::kUnknown);
}

void ReadAgreement(const Json& detail, MarketplaceEvent& event) {
  event.agreement = AgreementId{In(detail, "agreement", "id")};
  event.previous_agreement = AgreementId{In(detail, "agreement", "previousAgreementId")};
  event.intent = MeaningOf(kIntents, In(detail, "agreement", "intent"), AgreementIntent::kOther);
  event.agreement_status = MeaningOf(kStatuses, In(detail, "agreement", "status"), AgreementStatus::kOther);
  event.accepted_at = TimeIn(detail, "agreement", "acceptanceTime");
  event.starts_at = TimeIn(detail, "agreement", "startTime");
  event.ends_at = TimeIn(detail, "agreement", "endTime");
  if (const Json* agreement = Find(detail, "agreement"))
    event.days_before_end = json::Integer(*agreement, "daysBeforeEndTime");
}

// Requests to cancel name the buyer and the offer inside of the agreement.
void ReadParties(const Json& detail, MarketplaceEvent& event) {
  event.product = ProductCode{In(detail, "product", "code")};
  event.licence = LicenceArn{In(detail, "license", "arn")};
  event.account = AwsAccountId{In(detail, "acceptor", "accountId")};
  if (event.account.empty()) event.account = AwsAccountId{In(detail, "agreement", "acceptorId")};
  event.offer = OfferId{In(detail, "offer", "id")};
  if (event.offer.empty()) event.offer = OfferId{In(detail, "agreement", "offerId")};
}

Status ReadRequests(const Json& detail, MarketplaceEvent& event) {
  event.advisory_issued_at = TimeIn(detail, "advisory", "issuedAt");
  event.advisory_resolved_at = TimeIn(detail, "advisory", "resolvedAt");
  if (const Json* request = Find(detail, "agreementCancellationRequest"))
    event.cancellation = CancellationRequest{Trimmed(*request, "id"), Trimmed(*request, "statusCode")};
  const Json* request = Find(detail, "billingAdjustmentRequest");
  if (request == nullptr) return {};
  Result<Money> amount = ParseMoney(Trimmed(*request, "adjustmentAmount"), Trimmed(*request, "currencyCode"));
  if (!amount) return Fail(Errc::kInvalidArgument, "`billingAdjustmentRequest`: " + amount.error().detail);
  event.adjustment = BillingAdjustment{Trimmed(*request, "id"), std::move(*amount)};
  return {};
}

Status NeedWhatItsKindNeeds(const MarketplaceEvent& event) {
  if (event.kind == Kind::kUnknown) return {};
  if (const Status agreement = Need(event.agreement, "detail.agreement.id"); !agreement) return agreement;
  const bool licence = event.kind == Kind::kLicenceUpdated || event.kind == Kind::kLicenceDeprovisioned;
  if (licence) return Need(event.licence, "detail.license.arn");
  const bool adjustment = event.kind == Kind::kAdjustmentCompleted || event.kind == Kind::kAdjustmentFailed;
  if (adjustment && !event.adjustment)
    return Fail(Errc::kInvalidArgument, "`detail.billingAdjustmentRequest` is missing");
  return {};
}

Result<MarketplaceEvent> ReadEventBridge(const Json& body) {
  MarketplaceEvent event;
  event.family = MarketplaceFamily::kEventBridge;
  Result<std::string> id = json::NeedText(body, "id", "event");
  if (!id) return tl::unexpected(std::move(id.error()));
  Result<std::string> type = json::NeedText(body, "detail-type", "event");
  if (!type) return tl::unexpected(std::move(type.error()));
  const Result<Timestamp> time = ParseRfc3339(json::Text(body, "time"));
  if (!time) return Fail(Errc::kInvalidArgument, "event: `time`: " + time.error().detail);
  event.id = EventId{std::move(*id)};
  event.type = std::move(*type);
  event.time = *time;
  ReadType(json::Text(body, "source"), event);
  const Json* detail = Find(body, "detail");
  const Json nothing = Json::object();
  ReadAgreement(detail == nullptr ? nothing : *detail, event);
  ReadParties(detail == nullptr ? nothing : *detail, event);
  Status read = ReadRequests(detail == nullptr ? nothing : *detail, event);
  if (read) read = NeedWhatItsKindNeeds(event);
  if (!read && event.kind != Kind::kUnknown)
    return Fail(Errc::kInvalidArgument, event.type + ": " + read.error().detail);
  return event;
}

}  // namespace

Result<MarketplaceEvent> ReadMarketplaceMessage(std::string_view message, const EventId& message_id, Timestamp sent) {
  Result<Json> body = json::ParseObject(message);
  if (!body) body = json::ParseObject(WithoutTrailingCommas(message));
  if (!body) return Fail(Errc::kInvalidArgument, "the message is " + body.error().detail);
  if (json::Has(*body, "detail-type")) return ReadEventBridge(*body);
  Result<MarketplaceEvent> event = ReadAction(*body, message_id, sent);
  if (!event) return Fail(Errc::kInvalidArgument, json::Text(*body, "action") + ": " + event.error().detail);
  return event;
}

Result<MarketplaceEvent> ReadEventBridgeEvent(std::string_view body) {
  const Result<Json> event = json::ParseObject(body);
  if (!event) return Fail(Errc::kInvalidArgument, "the event is " + event.error().detail);
  return ReadEventBridge(*event);
}

}  // namespace dunlin
