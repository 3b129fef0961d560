#include "workflows/providers/aws_marketplace/error.h"

#include <algorithm>
#include <array>
#include <functional>
#include <nlohmann/json.hpp>

#include "workflows/providers/aws_marketplace/request.h"
#include "workflows/providers/hide_words.h"
#include "workflows/providers/json.h"

namespace dunlin::aws_marketplace {
namespace {

using json::Json;
using json::Text;
using Errc = MarketplaceErrc;

struct NamedError {
  std::string_view name;
  Errc code;
};
// Those of the two services, and those that AWS's gate answers before a service is asked.
constexpr auto kNamedErrors = std::to_array<NamedError>({
    {"AccessDenied", Errc::kCredentials},
    {"AccessDeniedException", Errc::kCredentials},
    {"DisabledApiException", Errc::kDisabled},
    {"ExpiredToken", Errc::kCredentials},
    {"ExpiredTokenException", Errc::kExpiredToken},
    {"IncompleteSignature", Errc::kCredentials},
    {"IncompleteSignatureException", Errc::kCredentials},
    {"InternalFailure", Errc::kTemporary},
    {"InternalServiceErrorException", Errc::kTemporary},
    {"InvalidClientTokenId", Errc::kCredentials},
    {"InvalidCustomerIdentifierException", Errc::kInvalidCustomer},
    {"InvalidLicenseException", Errc::kInvalidLicence},
    {"InvalidParameterException", Errc::kInvalidParameter},
    {"InvalidProductCodeException", Errc::kInvalidProduct},
    {"InvalidSignatureException", Errc::kCredentials},
    {"InvalidTagException", Errc::kInvalidTag},
    {"InvalidTokenException", Errc::kInvalidToken},
    {"InvalidUsageAllocationsException", Errc::kInvalidAllocations},
    {"InvalidUsageDimensionException", Errc::kInvalidDimension},
    {"MissingAuthenticationToken", Errc::kCredentials},
    {"MissingAuthenticationTokenException", Errc::kCredentials},
    {"NotAuthorized", Errc::kCredentials},
    {"OptInRequired", Errc::kCredentials},
    {"RequestExpired", Errc::kCredentials},
    {"RequestLimitExceeded", Errc::kTemporary},
    {"RequestThrottled", Errc::kTemporary},
    {"RequestThrottledException", Errc::kTemporary},
    {"RequestTimeout", Errc::kTemporary},
    {"RequestTimeoutException", Errc::kTemporary},
    {"ServiceUnavailable", Errc::kTemporary},
    {"ServiceUnavailableException", Errc::kTemporary},
    {"SignatureDoesNotMatch", Errc::kCredentials},
    {"SlowDown", Errc::kTemporary},
    {"ThrottledException", Errc::kTemporary},
    {"Throttling", Errc::kTemporary},
    {"ThrottlingException", Errc::kTemporary},
    {"TimestampOutOfBoundsException", Errc::kTimestampOutOfBounds},
    {"TooManyRequestsException", Errc::kTemporary},
    {"UnrecognizedClientException", Errc::kCredentials},
});
static_assert(std::ranges::is_sorted(kNamedErrors, std::less{}, &NamedError::name), "keep sorted: found by search");

// "com.amazonaws.marketplace#ThrottlingException", or in a header "ThrottlingException:http://…".
std::string_view NameIn(std::string_view told) {
  told.remove_prefix(told.find('#') + 1);  // npos + 1 is 0
  return told.substr(0, told.find(':'));
}

Errc CodeOf(std::string_view operation, std::string_view told, int status) {
  if (status == 429 || status >= 500) return Errc::kTemporary;
  const std::string_view name = NameIn(told);
  if (name.empty()) return Errc::kTemporary;  // something stands between us and AWS
  const auto* error = std::ranges::lower_bound(kNamedErrors, name, std::less{}, &NamedError::name);
  const bool known = error != kNamedErrors.end() && error->name == name;
  if (!known) return status == 401 || status == 403 ? Errc::kCredentials : Errc::kRefused;
  constexpr std::string_view kGate = "com.amazon.coral.";
  const bool of_token = error->code == Errc::kExpiredToken || error->code == Errc::kInvalidToken;
  const bool of_session = operation != kResolveCustomer || told.starts_with(kGate);
  return of_token && of_session ? Errc::kCredentials : error->code;
}

// Tokens and signatures are long words; an ARN is the only long word that staff need.
bool LooksSecret(std::string_view word) {
  constexpr std::size_t kPlainBytesMax = 40;
  const bool arn = word.starts_with("arn:aws");
  return (word.size() > kPlainBytesMax && !arn) || word.find('@') != std::string_view::npos;
}

}  // namespace

MarketplaceError ReadError(std::string_view operation, const HttpAnswer& http) {
  if (http.end != HttpAnswer::End::kAnswered) return {Errc::kTemporary, "AWS did not answer: " + http.trouble};
  if (http.status < 400)
    return {Errc::kTemporary, "answered " + std::to_string(http.status) + ": redirects are not followed"};
  const Result<Json> parsed = json::ParseObject(http.body);
  const Json body = parsed ? *parsed : Json::object();
  std::string told = Text(body, "__type");
  if (told.empty()) told = http.Header("x-amzn-errortype");
  MarketplaceError error{CodeOf(operation, told, http.status), std::to_string(http.status)};
  const std::string_view name = NameIn(told);
  error.detail += name.empty() ? " without an error of AWS's" : " " + Scrub(name);
  const std::string message = Text(body, body.contains("message") ? "message" : "Message");
  // Of a registration token the name says it all, and the message might repeat the token.
  const bool of_token = error.code == Errc::kExpiredToken || error.code == Errc::kInvalidToken;
  if (!message.empty() && !of_token) error.detail += ": " + Scrub(message);
  const std::string_view request = http.Header("x-amzn-requestid");
  if (!request.empty()) error.detail += " (request " + Scrub(request) + ")";
  return error;
}

std::string Scrub(std::string_view text) { return HideWords(text, &LooksSecret); }

}  // namespace dunlin::aws_marketplace
