#include "webhooks/stripe/ingest.h"

#include <chrono>

#include "webhooks/http/problem.h"
#include "webhooks/receipt.h"
#include "webhooks/stripe/envelope.h"
#include "webhooks/stripe/signature.h"

namespace dunlin {
std::optional<StripeIngest::Verdict> StripeIngest::Refuse(const HttpRequest& request) {
  const std::string* header = request.Header("Stripe-Signature");
  SignatureVerdict verdict = SignatureVerdict::kHeaderMalformed;  // sent twice: which one would count?
  if (request.HeaderCount("Stripe-Signature") <= 1) {
    const auto value = header == nullptr ? std::nullopt : std::optional<std::string_view>(*header);
    verdict = VerifyStripeSignature(value, request.body, options_.secrets, clock_.Now(), options_.tolerance);
    if (verdict == SignatureVerdict::kTimestampOutsideTolerance && options_.ask_time) {
      verdict = VerifyStripeSignature(value, request.body, options_.secrets, options_.ask_time(), options_.tolerance);
    }
  }
  if (verdict == SignatureVerdict::kValid) return std::nullopt;
  const std::string_view reason = ReasonName(verdict);
  return Verdict{reason, Problem(400, "Signature refused",
                                 "The Stripe-Signature header does not verify: " + std::string(reason) +
                                     ". Check the endpoint's signing secret.",
                                 reason)};
}

Result<StripeIngest::Arrival> StripeIngest::Read(std::string_view body) {
  const Result<StripeEnvelope> envelope = ReadStripeEnvelope(body);
  if (!envelope) return tl::unexpected(envelope.error());
  NewEvent event;
  event.id = envelope->id;
  event.type = envelope->type;
  event.created = envelope->created;
  event.received_at = clock_.Now();
  event.livemode = envelope->livemode.value_or(false);
  event.object = envelope->thin ? envelope->related_object_id : envelope->object_id;
  event.subscription = envelope->subscription;
  event.body = body;
  Arrival arrival{.verdict = "stored"};
  if (options_.livemode && envelope->livemode && *options_.livemode != *envelope->livemode) {
    event.outcome = EventOutcome::kKept;
    event.detail = *envelope->livemode ? "a live event, and the API key is a test key"
                                       : "a test event, and the API key is a live key";
    arrival.verdict = "ignored_mode";
  }
  arrival.unit.accept.push_back(std::move(event));
  return arrival;
}

void StripeIngest::Handle(const HttpRequest& request, const HttpResponder& responder) {
  Handle(request, [responder](HttpResponse response) { responder.Send(std::move(response)); });
}

void StripeIngest::Handle(const HttpRequest& request, std::function<void(HttpResponse)> send) {
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = [this, begin, send = std::move(send)](Verdict verdict) {
    if (options_.on_verdict) options_.on_verdict(verdict.word, std::chrono::steady_clock::now() - begin);
    send(std::move(verdict.response));
  };
  if (std::optional<Verdict> refused = Refuse(request)) return answer(std::move(*refused));
  Result<Arrival> arrival = Read(request.body);
  if (!arrival) {
    const std::string_view word = arrival.error().detail.starts_with("not JSON") ? "not_json" : "not_event";
    return answer({word, Problem(400, "Not an event", arrival.error().detail, word)});
  }
  ledger_.CommitThen(std::move(arrival->unit), [answer, verdict = arrival->verdict](const Result<UnitResult>& done) {
    if (!done) return answer({"unavailable", NotStored()});
    const std::string_view word = done->stored.front() ? verdict : "duplicate";
    answer({word, Received(word)});
  });
}

Status StripeIngest::Take(std::string_view body) {
  Result<Arrival> arrival = Read(body);
  if (!arrival) return tl::unexpected(arrival.error());
  const Result<UnitResult> done = ledger_.Commit(std::move(arrival->unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

HttpResponse StripeIngest::VerifyOnly(const HttpRequest& request) {
  if (std::optional<Verdict> refused = Refuse(request)) return std::move(refused->response);
  return Received("verified");
}

}  // namespace dunlin
