#include "app/marketplace.h"

#include <algorithm>

#include "webhooks/aws_marketplace/fetched_certificates.h"
#include "workflows/providers/aws_marketplace/api.h"

namespace dunlin {
namespace {

std::unique_ptr<CertificateSource> SourceOf(const Config& config, const Clock& clock) {
  if (!config.aws_marketplace_certificates.empty())
    return std::make_unique<PinnedCertificates>(config.aws_marketplace_certificates);
  return std::make_unique<FetchedCertificates>(clock, FetchedCertificates::Options{});
}

MarketplaceIngest::Options IngestOptions(const Config& config, FollowedClock* followed, Metrics& metrics,
                                         api::AuthLimit& limit) {
  MarketplaceIngest::Options options;
  options.sns.topics = config.aws_marketplace_topics;
  options.sns.more_hosts = options.confirm.more_hosts = config.aws_marketplace_sns_hosts;
  options.confirm.endpoint = config.aws_api_base;
  options.eventbridge_header = config.aws_marketplace_eventbridge_header;
  options.eventbridge_secrets = config.aws_marketplace_eventbridge_secrets;
  // Not the service's clock: one that is followed may stand still.
  options.too_many = [&limit](std::string_view peer) { return limit.Failed(peer, std::chrono::steady_clock::now()); };
  if (followed != nullptr) options.ask_time = [followed] { return followed->AskNow(); };
  options.on_verdict = [&metrics](std::string_view door, std::string_view verdict, std::chrono::nanoseconds took) {
    metrics.OnWebhook(door, verdict, took);
  };
  return options;
}

}  // namespace

Result<std::unique_ptr<Marketplace>> Marketplace::Open(const Config& config, Ledger& ledger, const Clock& clock,
                                                       FollowedClock* followed, Metrics& metrics) {
  auto marketplace = std::unique_ptr<Marketplace>(new Marketplace);
  auto api = AwsMarketplaceApi::Open({.credentials = {.access_key = config.aws_access_key_id,
                                                      .secret_key = config.aws_secret_access_key,
                                                      .session_token = config.aws_session_token},
                                      .base_url = config.aws_api_base});
  if (!api) return tl::unexpected(api.error());
  marketplace->api_ = std::move(*api);
  marketplace->source_ = SourceOf(config, clock);
  marketplace->certificates_ =
      std::make_unique<CachedCertificates>(*marketplace->source_, clock, CachedCertificates::Options{});
  marketplace->ingest_ = std::make_unique<MarketplaceIngest>(
      ledger, clock, *marketplace->certificates_, IngestOptions(config, followed, metrics, marketplace->limit_));
  if (!config.aws_marketplace_landing_page.empty()) {
    BuyerRegistration::Options options;
    options.landing_page = config.aws_marketplace_landing_page;
    options.questions_max = std::max(1, config.http_threads / 4);
    options.on_outcome = [&metrics](std::string_view outcome) { metrics.OnRegistration(outcome); };
    marketplace->registration_ =
        std::make_unique<BuyerRegistration>(ledger, *marketplace->api_, clock, std::move(options));
  }
  return marketplace;
}

void Marketplace::AddRoutes(HttpServer& server) {
  server.RouteLater("POST", "/webhooks/aws-marketplace",
                    [this](const HttpRequest& request, const HttpResponder& to) { ingest_->HandleSns(request, to); });
  server.RouteLater("POST", "/webhooks/aws-eventbridge", [this](const HttpRequest& request, const HttpResponder& to) {
    ingest_->HandleEventBridge(request, to);
  });
  if (registration_ == nullptr) return;
  server.Route("POST", "/aws-marketplace/register",
               [this](const HttpRequest& request) { return registration_->Handle(request); });
}

}  // namespace dunlin
