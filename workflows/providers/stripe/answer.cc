#include "workflows/providers/stripe/answer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "workflows/providers/hide_words.h"
#include "workflows/providers/stripe/json.h"
#include "workflows/providers/stripe/read_object.h"

namespace dunlin::stripe {
namespace {

constexpr std::size_t kRequestIdBytesMax = 64;
constexpr std::string_view kAuthenticationRequired = "authentication_required";
// Stripe sheds load with "do not retry": give it more than the usual moment.
constexpr Millis kShedLoadPause{60s};

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Stripe-Should-Retry, which wins over the status. nullopt: not told.
std::optional<bool> ShouldRetry(const HttpAnswer& http) {
  const std::string_view told = http.Header("stripe-should-retry");
  if (told != "true" && told != "false") return std::nullopt;
  return told == "true";
}

// An answer that is no success, taken apart.
struct Refusal {
  bool from_stripe = false;  // it has Stripe's error object
  Json error = Json::object();
  std::string type, code;
  std::string detail;
};

std::string DetailOf(const HttpAnswer& http, const Refusal& refusal) {
  std::string detail = std::to_string(http.status);
  for (const std::string& part : {refusal.type, refusal.code, Text(refusal.error, "decline_code")}) {
    if (!part.empty()) detail += " " + Scrub(part);
  }
  if (const std::string message = Text(refusal.error, "message"); !message.empty()) detail += ": " + Scrub(message);
  if (!refusal.from_stripe) detail += " without an error object of the provider's";
  const std::string_view request = http.Header("request-id").substr(0, kRequestIdBytesMax);
  if (!request.empty()) detail += " (request " + Scrub(request) + ")";
  return detail;
}

Refusal TakeApart(const HttpAnswer& http) {
  Refusal refusal;
  if (Result<Json> body = ParseObject(http.body)) {
    if (const Json* error = Find(*body, "error"); error != nullptr && error->is_object()) {
      refusal.from_stripe = true;
      refusal.error = *error;
    }
  }
  refusal.type = Text(refusal.error, "type");
  refusal.code = Text(refusal.error, "code");
  refusal.detail = DetailOf(http, refusal);
  return refusal;
}

bool IsBusy(const HttpAnswer& http, const Refusal& refusal) {
  return http.status == 429 || IsOneOf(refusal.code, {"rate_limit", "lock_timeout"});
}

bool WaitsForCustomer(const Refusal& refusal) {
  return IsOneOf(refusal.code, {"invoice_payment_intent_requires_action", "payment_intent_action_required",
                                "subscription_payment_intent_requires_action", kAuthenticationRequired});
}

// The error of a card, completed by what its payment intent says of it.
Decline DeclineOf(const Refusal& refusal) {
  Decline decline = ReadDecline(refusal.error);
  if (WaitsForCustomer(refusal)) decline.code = kAuthenticationRequired;
  const Json* last = Find(refusal.error, {"payment_intent", "last_payment_error"});
  if (last == nullptr) return decline;
  const Decline told = ReadDecline(*last);
  const bool bare = Text(refusal.error, "decline_code").empty() && !WaitsForCustomer(refusal);
  if (bare && !told.code.empty()) decline.code = told.code;
  if (decline.advice_code.empty()) decline.advice_code = told.advice_code;
  if (decline.network_advice_code.empty()) decline.network_advice_code = told.network_advice_code;
  if (decline.payment_method.empty()) decline.payment_method = told.payment_method;
  return decline;
}

PayAnswer ReadConflict(const HttpAnswer& http, const Refusal& refusal, PayAnswer answer) {
  if (refusal.code == "idempotency_key_in_use" || refusal.type == "idempotency_error") {
    answer.outcome = PayOutcome::kUnknown;  // the first of the two is on its way
  } else {
    answer.outcome = ShouldRetry(http) == false ? PayOutcome::kRefused : PayOutcome::kNotExecuted;
  }
  return answer;
}

PayAnswer ReadRefusal(const HttpAnswer& http) {
  const Refusal refusal = TakeApart(http);
  PayAnswer answer;
  answer.detail = refusal.detail;
  answer.retry_after = http.retry_after;
  if (http.status == 401 || http.status == 403) {
    answer.outcome = PayOutcome::kNotExecuted;
    answer.detail = "the API key was not accepted: " + refusal.detail;
  } else if (IsBusy(http, refusal)) {
    answer.outcome = PayOutcome::kNotExecuted;
    if (ShouldRetry(http) == false && !answer.retry_after) answer.retry_after = kShedLoadPause;
  } else if (http.status == 409) {
    return ReadConflict(http, refusal, std::move(answer));
  } else if (refusal.type == "idempotency_error") {
    answer.outcome = PayOutcome::kRefused;
    answer.detail = "BUG: this idempotency key was used before with other parameters: " + refusal.detail;
  } else if (refusal.from_stripe && (http.status == 402 || refusal.type == "card_error" || WaitsForCustomer(refusal))) {
    answer.outcome = PayOutcome::kDeclined;
    answer.decline = DeclineOf(refusal);
  } else if (!refusal.from_stripe) {
    answer.outcome = PayOutcome::kUnknown;
  } else {
    answer.outcome = ShouldRetry(http) == true ? PayOutcome::kNotExecuted : PayOutcome::kRefused;
  }
  return answer;
}

PayAnswer ReadServerError(const HttpAnswer& http) {
  const Refusal refusal = TakeApart(http);
  PayAnswer answer;
  answer.detail = refusal.detail;
  answer.retry_after = http.retry_after;
  const bool from_the_way = !refusal.from_stripe && http.status != 500;
  const bool again = ShouldRetry(http) == true || (from_the_way && ShouldRetry(http) != false);
  answer.outcome = again ? PayOutcome::kUnknown : PayOutcome::kStoredError;
  return answer;
}

PayAnswer ReadPaidInvoice(const HttpAnswer& http) {
  PayAnswer answer;
  answer.outcome = PayOutcome::kStoredError;
  const Result<Json> body = ParseObject(http.body);
  if (!body) {  // torn on the way, or not Stripe's at all
    answer.outcome = PayOutcome::kUnknown;
    answer.detail = "the answer could not be read: " + body.error().detail;
    return answer;
  }
  Result<InvoiceAnswer> read = ReadInvoice(*body);
  if (!read) {
    answer.detail = "the answer could not be read: " + read.error().detail;
    return answer;
  }
  if (read->invoice.status == InvoiceStatus::kPaid) {
    answer.outcome = PayOutcome::kPaid;
    answer.detail = "paid";
  } else if (read->processing) {
    answer.outcome = PayOutcome::kProcessing;
    answer.detail = "the payment is under way";
  } else if (NewestPaymentStatus(*body) == "requires_action") {
    answer.outcome = PayOutcome::kDeclined;
    answer.decline.code = kAuthenticationRequired;
    answer.detail = "the payment waits for the customer";
  } else if (read->invoice.decline) {
    answer.outcome = PayOutcome::kDeclined;
    answer.decline = *read->invoice.decline;
    answer.detail = "declined: " + Scrub(answer.decline.code);
  } else {
    answer.detail = "answered, but the invoice is " + std::string(InvoiceStatusName(read->invoice.status)) +
                    " and no payment is under way";
  }
  answer.invoice = std::move(read->invoice);
  return answer;
}

bool LooksSecret(std::string_view word) {
  constexpr auto kMarks = std::to_array<std::string_view>({"sk_", "rk_", "whsec_", "_secret_", "@"});
  if (std::any_of(kMarks.begin(), kMarks.end(),
                  [&](std::string_view mark) { return word.find(mark) != std::string_view::npos; })) {
    return true;
  }
  constexpr std::ptrdiff_t kCardDigitsMin = 12;
  const bool is_id = word.find('_') != std::string_view::npos;
  return !is_id &&
         std::count_if(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; }) >= kCardDigitsMin;
}

}  // namespace

PayAnswer ReadPayAnswer(const HttpAnswer& http) {
  PayAnswer answer;
  answer.detail = http.trouble;
  switch (http.end) {
    case HttpAnswer::End::kNotSent: answer.outcome = PayOutcome::kNotExecuted; return answer;
    case HttpAnswer::End::kNoAnswer: answer.outcome = PayOutcome::kUnknown; return answer;
    case HttpAnswer::End::kTooLarge: answer.outcome = PayOutcome::kStoredError; return answer;
    case HttpAnswer::End::kAnswered: break;
  }
  if (http.status >= 200 && http.status < 300) return ReadPaidInvoice(http);
  if (http.status >= 500) return ReadServerError(http);
  if (http.status >= 400) return ReadRefusal(http);
  answer.outcome = PayOutcome::kUnknown;
  answer.detail = "answered " + std::to_string(http.status) + ": redirects are not followed";
  return answer;
}

Error ReadFailure(const HttpAnswer& http) {
  if (http.end != HttpAnswer::End::kAnswered)
    return {Errc::kUnavailable, "the provider did not answer: " + http.trouble};
  if (http.status < 400) {
    return {Errc::kUnavailable, "answered " + std::to_string(http.status) + ": redirects are not followed"};
  }
  const Refusal refusal = TakeApart(http);
  if (http.status == 401 || http.status == 403) return {Errc::kUnauthenticated, refusal.detail};
  const bool later = http.status == 409 || http.status >= 500 || IsBusy(http, refusal) || ShouldRetry(http) == true;
  if (later || !refusal.from_stripe) return {Errc::kUnavailable, refusal.detail};
  return {http.status == 404 ? Errc::kNotFound : Errc::kInvalidArgument, refusal.detail};
}

std::string Scrub(std::string_view text) { return HideWords(text, &LooksSecret); }

}  // namespace dunlin::stripe
