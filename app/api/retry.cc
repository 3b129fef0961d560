#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/api/answer.h"
#include "app/sha256.h"
#include "app/views.h"
#include "webhooks/http/problem.h"
#include "workflows/decide.h"
#include "workflows/retry_request.h"

namespace dunlin::api {
namespace {

using nlohmann::json;

constexpr std::ptrdiff_t kReasonMax = 500;  // characters
constexpr std::size_t kKeyMax = 255;        // bytes

std::ptrdiff_t CharactersIn(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

Result<std::string> ReasonIn(const std::string& body) {
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("reason") || !parsed["reason"].is_string()) {
    return Fail(Errc::kInvalidArgument, R"(send {"reason": "…"}: why this customer is charged now)");
  }
  const std::string reason = parsed["reason"];
  if (reason.find_first_not_of(" \t\r\n\v\f") == std::string::npos) {
    return Fail(Errc::kInvalidArgument, "reason: it must not be blank");
  }
  if (CharactersIn(reason) > kReasonMax) {
    return Fail(Errc::kInvalidArgument, "reason: at most " + std::to_string(kReasonMax) + " characters");
  }
  return reason;
}

// The header, or "" when there is none.
Result<std::string> KeyOf(const HttpRequest& request) {
  const std::string* key = request.Header("Idempotency-Key");
  if (key == nullptr) return "";
  if (request.HeaderCount("Idempotency-Key") > 1) return Fail(Errc::kInvalidArgument, "Idempotency-Key: send it once");
  if (key->empty() || key->size() > kKeyMax) {
    return Fail(Errc::kInvalidArgument, "Idempotency-Key: 1 to " + std::to_string(kKeyMax) + " bytes");
  }
  return *key;
}

// The answer that was given to this key, if it was used.
Result<std::optional<HttpResponse>> Known(Ledger& ledger, const ApiReply& wanted) {
  const Result<std::optional<ApiReply>> known = ledger.FindReply(wanted.key);
  if (!known) return tl::unexpected(known.error());
  if (!*known) return std::nullopt;
  if ((*known)->request_hash != wanted.request_hash) {
    return Problem(422, "Idempotency-Key: it was used for another request");
  }
  return HttpResponse{.status = (*known)->status, .body = (*known)->body};
}

// The reason in a word too, for programs; judged anew, so it is left out when the world has moved on meanwhile.
Result<HttpResponse> Refused(const ApiContext& c, const SubscriptionId& id, const Error& error) {
  const Result<std::optional<SubscriptionRecord>> record = c.ledger.LoadSubscription(id);
  if (!record || !*record) return tl::unexpected(error);
  const std::optional<RetryRefusal> refusal = RefuseRetry(**record, c.policies, c.clock.Now());
  if (!refusal) return tl::unexpected(error);
  return Problem(409, "Conflict", refusal->why, refusal->code);
}

}  // namespace

Result<HttpResponse> Retry(const ApiContext& c, const HttpRequest& request, const Token& token) {
  const Result<std::string> reason = ReasonIn(request.body);
  if (!reason) return tl::unexpected(reason.error());
  const Result<std::string> key = KeyOf(request);
  if (!key) return tl::unexpected(key.error());
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  const SubscriptionId& id = record->subscription.id;
  const Timestamp now = c.clock.Now();
  std::optional<ApiReply> reply;
  if (!key->empty()) {
    reply = ApiReply{.key = "retry/" + token.id + "/" + *key,
                     .request_hash = Sha256Hex(id.str() + "\n" + request.body),
                     .status = 202,
                     .body = R"({"job":"job_)" + std::string(kJobInReply) + R"("})",
                     .at = now};
    Result<std::optional<HttpResponse>> known = Known(c.ledger, *reply);
    if (!known) return tl::unexpected(known.error());
    if (*known) return std::move(**known);
  }
  const Result<RetryAsked> asked = AskForRetry(c.ledger, c.policies, id, token.name, *reason, now, reply);
  if (asked) return Json({{"job", JobName(asked->job)}}, 202);
  if (reply) {  // the same request at the same moment may have been answered meanwhile
    Result<std::optional<HttpResponse>> known = Known(c.ledger, *reply);
    if (known && *known) return std::move(**known);
  }
  if (asked.error().code == Errc::kConflict) return Refused(c, id, asked.error());
  return tl::unexpected(asked.error());
}

}  // namespace dunlin::api
