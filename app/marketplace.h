// AWS Marketplace, wired together from the configuration: how it is called, and the routes where it and its buyers
// arrive.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "app/api/auth_limit.h"
#include "app/api/registration.h"
#include "app/config.h"
#include "app/followed_clock.h"
#include "app/metrics.h"
#include "webhooks/aws_marketplace/cached_certificates.h"
#include "webhooks/aws_marketplace/ingest.h"
#include "webhooks/http/server.h"
#include "workflows/marketplace_api.h"

namespace dunlin {

class Marketplace {
 public:
  // All must outlive it; `followed` is the clock, when it follows another, else nullptr. Errors: kInvalidArgument.
  static Result<std::unique_ptr<Marketplace>> Open(const Config& config, Ledger& ledger, const Clock& clock,
                                                   FollowedClock* followed, Metrics& metrics);

  MarketplaceApi& api() { return *api_; }
  Result<std::string> ConfirmTopic(std::string_view body) { return ingest_->ConfirmTopic(body); }

  // Before the server starts; this must outlive it. Without a landing page buyers cannot register.
  void AddRoutes(HttpServer& server);

 private:
  Marketplace() = default;

  api::AuthLimit limit_;  // of requests without EventBridge's secret
  std::unique_ptr<MarketplaceApi> api_;
  std::unique_ptr<CertificateSource> source_;
  std::unique_ptr<CachedCertificates> certificates_;
  std::unique_ptr<MarketplaceIngest> ingest_;
  std::unique_ptr<BuyerRegistration> registration_;
};

}  // namespace dunlin
