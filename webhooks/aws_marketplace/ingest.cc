#include "webhooks/aws_marketplace/ingest.h"

#include <algorithm>
#include <utility>

#include "webhooks/http/problem.h"
#include "webhooks/receipt.h"
#include "workflows/providers/aws_marketplace/stored_event.h"

namespace dunlin {
namespace {

constexpr std::string_view kNotJson = "not_json";
constexpr std::string_view kNotEvent = "not_event";
constexpr std::string_view kTooMany = "too_many";

HttpResponse Refused(const SnsRefusal& refusal) {
  if (IsTemporary(refusal.reason)) return NotNow("The message cannot be verified now: " + refusal.detail + ".");
  return Problem(400, "Message refused", refusal.detail, ReasonName(refusal.reason));
}

HttpResponse TooManyFailures(std::chrono::seconds wait) {
  HttpResponse response =
      Problem(429, "Too many requests", "Too many requests without our secret came from this address.", kTooMany);
  response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
  return response;
}

HttpResponse Unreadable(const Error& error) { return Problem(400, "Not an event", error.detail); }

bool IsRaw(const HttpRequest& request) {
  const std::string* raw = request.Header("x-amz-sns-rawdelivery");
  return raw != nullptr && EqualIgnoringCase(*raw, "true");
}

std::string_view WordFor(const Error& error) {
  return error.detail.find("not JSON") != std::string::npos ? kNotJson : kNotEvent;
}

}  // namespace

MarketplaceIngest::Answer MarketplaceIngest::AnswerTo(std::string_view door, const HttpResponder& responder) const {
  const auto begin = std::chrono::steady_clock::now();
  return [this, door, begin, responder](std::string_view verdict, HttpResponse response) {
    if (options_.on_verdict) options_.on_verdict(door, verdict, std::chrono::steady_clock::now() - begin);
    responder.Send(std::move(response));
  };
}

SnsResult<SnsMessage> MarketplaceIngest::Verify(std::string_view body) {
  SnsResult<SnsMessage> message = VerifySnsMessage(body, clock_.Now(), options_.sns, certificates_);
  if (!message && message.error().reason == SnsReason::kConfirmationTooOld && options_.ask_time) {
    return VerifySnsMessage(body, options_.ask_time(), options_.sns, certificates_);
  }
  return message;
}

void MarketplaceIngest::HandleSns(const HttpRequest& request, const HttpResponder& responder) {
  const Answer answer = AnswerTo("aws-marketplace", responder);
  if (IsRaw(request)) {
    return answer("raw_delivery", Problem(400, "Message refused",
                                          "A message of raw delivery carries no signature; switch raw message delivery "
                                          "of the subscription off.",
                                          "raw_delivery"));
  }
  const SnsResult<SnsMessage> message = Verify(request.body);
  if (!message) return answer(ReasonName(message.error().reason), Refused(message.error()));
  Result<NewEvent> event = MarketplaceEventOf(request.body, clock_.Now());
  if (!event) return answer(kNotEvent, Unreadable(event.error()));
  Store(std::move(*event), answer);
}

void MarketplaceIngest::HandleEventBridge(const HttpRequest& request, const HttpResponder& responder) {
  const Answer answer = AnswerTo("aws-eventbridge", responder);
  const SecretVerdict verdict =
      CheckEventBridgeSecret(request.headers, options_.eventbridge_header, options_.eventbridge_secrets);
  if (verdict != SecretVerdict::kValid) {
    const std::string_view reason = ReasonName(verdict);
    const auto wait = options_.too_many ? options_.too_many(request.peer) : std::nullopt;
    if (wait) return answer(kTooMany, TooManyFailures(*wait));
    return answer(reason, Problem(401, "Secret refused",
                                  "The header " + options_.eventbridge_header + " does not hold our secret: " +
                                      std::string(reason) + ". Check the connection of the API destination.",
                                  reason));
  }
  Result<NewEvent> event = EventBridgeEventOf(request.body, clock_.Now());
  if (!event) return answer(WordFor(event.error()), Unreadable(event.error()));
  Store(std::move(*event), answer);
}

void MarketplaceIngest::Store(NewEvent event, const Answer& answer) {
  Unit unit;
  unit.accept.push_back(std::move(event));
  ledger_.CommitThen(std::move(unit), [answer](const Result<UnitResult>& done) {
    if (!done) return answer("unavailable", NotStored());
    const std::string_view word = done->stored.front() ? "stored" : "duplicate";
    answer(word, Received(word));
  });
}

Result<std::string> MarketplaceIngest::ConfirmTopic(std::string_view stored_body) {
  const SnsResult<SnsMessage> message = ReadSnsMessage(stored_body);
  if (!message) return Fail(Errc::kInvalidArgument, message.error().detail);
  const auto& topics = options_.sns.topics;
  if (topics && std::ranges::find(*topics, message->topic_arn) == topics->end()) {
    return Fail(Errc::kInvalidArgument, "the topic is not on the list any more");
  }
  return ConfirmSubscription(*message, options_.confirm);
}

}  // namespace dunlin
