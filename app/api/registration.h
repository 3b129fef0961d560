// How a buyer of AWS Marketplace arrives: AWS sends the browser with a token, and we send it on to the product with a
// code of our own.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "state/clock.h"
#include "state/ledger.h"
#include "webhooks/http/message.h"
#include "workflows/marketplace_api.h"

namespace dunlin {

// How long a code can be claimed.
inline constexpr Millis kClaimableFor = Millis{24h} * 7;

class BuyerRegistration {
 public:
  struct Options {
    std::string landing_page;  // the product's; gets `code` as a query parameter
    // So many buyers are asked about at once: AWS may be slow, and threads are few. The others are asked to come back.
    int questions_max = 2;
    // "registered", "repeated" (the token was seen before), "no_token", "expired_token", "invalid_token",
    // "unavailable".
    std::function<void(std::string_view outcome)> on_outcome;
  };
  // All must outlive this.
  BuyerRegistration(Ledger& ledger, MarketplaceApi& marketplace, const Clock& clock, Options options)
      : ledger_(ledger), marketplace_(marketplace), clock_(clock), options_(std::move(options)) {}

  // POST /aws-marketplace/register, the form of a browser. 303 to the landing page: who the buyer is, is durable. Else
  // a page for people: 400 for a token that is none or too old, 503 for what may work later. Asks AWS, so it may block
  // for as long as that takes. Thread-safe.
  HttpResponse Handle(const HttpRequest& request);

 private:
  HttpResponse Register(const std::string& token);
  HttpResponse Keep(const ResolvedCustomer& buyer, const std::string& token);
  HttpResponse Refuse(const MarketplaceError& error);
  HttpResponse NotNow(std::string_view outcome);
  void Tell(std::string_view outcome) const {
    if (options_.on_outcome) options_.on_outcome(outcome);
  }

  Ledger& ledger_;
  MarketplaceApi& marketplace_;
  const Clock& clock_;
  const Options options_;
  std::atomic<int> questions_{0};
};

}  // namespace dunlin
