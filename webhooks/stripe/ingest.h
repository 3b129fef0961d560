// The door for Stripe's events: verify the raw bytes, read the envelope, commit, and only then say yes (I1, I2).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/clock.h"
#include "state/ledger.h"
#include "webhooks/http/message.h"
#include "webhooks/http/responder.h"

namespace dunlin {

class StripeIngest {
 public:
  struct Options {
    std::vector<std::string> secrets;
    Seconds tolerance{300};
    // The mode of our API key. An event of the other mode is kept and ignored; nullopt: every event is ours.
    std::optional<bool> livemode;
    // Only with a simulated clock: asks for the time anew, for a leap that was not noticed yet.
    std::function<Timestamp()> ask_time;
    // One word for each request: "stored", "duplicate", "ignored_mode", "unavailable", "not_json", "not_event", or the
    // signature's reason. `took` is from the handler's begin to its answer.
    std::function<void(std::string_view verdict, std::chrono::nanoseconds took)> on_verdict;
  };
  // Both must outlive this.
  StripeIngest(Ledger& ledger, const Clock& clock, Options options)
      : ledger_(ledger), clock_(clock), options_(std::move(options)) {}

  // POST /webhooks/stripe. 200: durable, or was already. 400: refused, nothing stored. 503: nothing was promised. Does
  // not wait for the commit: the thread that commits answers. This must outlive the answer.
  void Handle(const HttpRequest& request, const HttpResponder& responder);
  // The same with any taker of the answer, which is called once, by the thread that calls this or the one that commits.
  void Handle(const HttpRequest& request, std::function<void(HttpResponse)> send);

  // An event that was listed by the provider instead of delivered: no signature, the same way in. Durable on return.
  // Errors: kInvalidArgument (not an event), kUnavailable.
  Status Take(std::string_view body);

  // Only verifies: what a benchmark compares with.
  HttpResponse VerifyOnly(const HttpRequest& request);

 private:
  struct Verdict {
    std::string_view word;
    HttpResponse response;
  };
  struct Arrival {
    Unit unit;                 // that stores it
    std::string_view verdict;  // once it is stored
  };
  std::optional<Verdict> Refuse(const HttpRequest& request);
  Result<Arrival> Read(std::string_view body);

  Ledger& ledger_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace dunlin
