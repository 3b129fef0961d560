#include "app/simulate/stripe.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "fixtures/provider_sim/billing.h"

namespace dunlin::simulate {
namespace {

constexpr Millis kWay{80};  // of a request, and of its answer
constexpr Millis kSlowAtMost{30'000};

// What a merchant would choose to hear of.
constexpr auto kTold = std::to_array<std::string_view>(
    {"customer.subscription.created", "customer.subscription.deleted", "customer.subscription.updated",
     "customer.updated", "invoice.paid", "invoice.payment_failed", "invoice.payment_action_required", "invoice.voided",
     "invoice.marked_uncollectible"});

bool IsTold(std::string_view type) { return std::find(kTold.begin(), kTold.end(), type) != kTold.end(); }

HttpAnswer Answer(int status, std::string body) {
  HttpAnswer answer;
  answer.end = HttpAnswer::End::kAnswered;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

HttpAnswer NoAnswer(HttpAnswer::End end, const char* trouble) {
  HttpAnswer answer;
  answer.end = end;
  answer.trouble = trouble;
  return answer;
}

sim::ApiCall CallOf(const HttpCall& http) {
  std::string_view target = http.url;
  target.remove_prefix(std::string_view(kStripeUrl).size());
  const std::size_t question = target.find('?');
  sim::ApiCall call{.method = std::string(http.method), .path = std::string(target.substr(0, question))};
  if (question != std::string_view::npos) call.query = target.substr(question + 1);
  call.body = http.body;
  for (const HttpHeader& header : http.headers) {
    std::string name = header.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    call.headers.emplace(std::move(name), header.value);
  }
  return call;
}

}  // namespace

SimulatedStripe::SimulatedStripe(World& world, std::uint64_t seed,
                                 std::function<void(const sim::Event&, bool thin)> tell)
    : world_(world), model_(seed, world.now, [this, tell = std::move(tell)](const sim::Event& event, bool thin) {
        if (!less_ || IsTold(event.type)) tell(event, thin);
        return true;
      }) {}

void SimulatedStripe::SetNow() { model_.now = std::max(model_.now, world_.now); }

sim::ApiAnswer SimulatedStripe::List(const sim::ApiCall& call) {
  const std::size_t events = model_.events.rows().size();
  if (listed_query_ != call.query || listed_events_ != events) {
    bool executed = false;
    sim::ApiCall narrowed = call;
    for (const std::string_view type : kTold) {
      if (less_) narrowed.query += "&types%5B%5D=" + std::string(type);
    }
    sim::ApiAnswer answer = sim::Execute(model_, *this, narrowed, "", executed);
    if (answer.status != 200) return answer;
    listed_query_ = call.query;
    listed_events_ = events;
    listed_ = std::move(answer.body);
  }
  return {.status = 200, .body = listed_};
}

sim::ApiAnswer SimulatedStripe::Serve(const sim::ApiCall& call, bool stored_500) {
  const std::string request = "req_" + std::to_string(++requests_);
  SetNow();
  if (call.path == "/v1/events" && !stored_500) return List(call);
  const sim::ApiFate fate{.status_500 = stored_500};
  return sim::ServeOnce(keys_, call, fate, request, world_.now,
                        [&](bool& executed) { return sim::Execute(model_, *this, call, request, executed); });
}

std::string SimulatedStripe::Do(const std::string& method, const std::string& path, const Form& form) {
  sim::ApiCall call{.method = method, .path = path};
  for (const auto& [name, value] : form) {
    call.body += (call.body.empty() ? "" : "&") + UrlEncode(name) + "=" + UrlEncode(value);
  }
  SetNow();
  bool executed = false;
  const sim::ApiAnswer answer = sim::Execute(model_, *this, call, "req_" + std::to_string(++requests_), executed);
  if (answer.status != 200) return "";
  return nlohmann::json::parse(answer.body).value("id", "");
}

std::optional<Timestamp> SimulatedStripe::NextTimer() const {
  if (model_.timers.empty()) return std::nullopt;
  return model_.timers.begin()->first;
}

void SimulatedStripe::RunTimer() {
  const auto [due, timer] = *model_.timers.begin();
  model_.timers.erase(model_.timers.begin());
  SetNow();
  model_.cause = {};
  sim::RunTimer(model_, due, timer);
}

std::optional<HttpAnswer> UnreliableWire::Refused() {
  Faults& faults = world_.faults;
  if (faults.Roll(Fault::kRequestLost)) {
    const bool sent = faults.Of(Fault::kRequestLost).Roll(0.5);
    if (sent) return NoAnswer(HttpAnswer::End::kNoAnswer, "the connection was lost");
    return NoAnswer(HttpAnswer::End::kNotSent, "no connection");
  }
  if (faults.Roll(Fault::kBusy409))
    return Answer(409, sim::ErrorAnswer(409, "invalid_request_error", "lock_timeout", "It is locked.").body);
  if (faults.Roll(Fault::kBusy429))
    return Answer(429, sim::ErrorAnswer(429, "invalid_request_error", "rate_limit", "Too many requests.").body);
  if (faults.Roll(Fault::kError5xx)) return Answer(faults.Of(Fault::kError5xx).Roll(0.5) ? 502 : 503, "no server");
  return std::nullopt;
}

HttpAnswer UnreliableWire::Send(const HttpCall& http, Millis timeout) {
  Faults& faults = world_.faults;
  const bool slow = faults.Roll(Fault::kSlow);
  const Timestamp begin = world_.now;
  world_.pass(slow ? faults.Of(Fault::kSlow).UpTo(kSlowAtMost) : kWay);
  if (std::optional<HttpAnswer> refused = Refused()) return std::move(*refused);
  const sim::ApiCall call = CallOf(http);
  const sim::ApiAnswer answer = stripe_.Serve(call, faults.Roll(Fault::kStored5xx));
  if (call.method != "GET") {
    world_.Note(call.method + " " + call.path + " " + call.Header("idempotency-key") + " -> " +
                std::to_string(answer.status));
  }
  world_.pass(slow ? faults.Of(Fault::kSlow).UpTo(kSlowAtMost) : kWay);
  if (world_.now - begin > std::min(timeout, Millis{20'000}) || faults.Roll(Fault::kResponseLost))
    return NoAnswer(HttpAnswer::End::kNoAnswer, "no answer came");
  return Answer(answer.status, answer.body);
}

}  // namespace dunlin::simulate
