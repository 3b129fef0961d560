#include "workflows/providers/aws_marketplace/api.h"

#include <algorithm>
#include <set>

#include "workflows/providers/aws_marketplace/answer.h"
#include "workflows/providers/aws_marketplace/error.h"
#include "workflows/providers/aws_marketplace/request.h"

namespace dunlin {
namespace {

constexpr std::size_t kPagesMax = 200;

Status CheckBase(std::string_view url) {
  constexpr std::string_view kSchemeEnd = "://";
  if (url.empty()) return {};
  const std::string_view host = url.substr(std::min(url.find(kSchemeEnd) + kSchemeEnd.size(), url.size()));
  if (!IsBaseUrl(url) || host.find('/') != std::string_view::npos) {
    return Fail(Errc::kInvalidArgument,
                "the AWS API base must be http:// or https:// with a host and a port only; leave it empty for AWS");
  }
  const auto names = [&](std::string_view name) {
    return host.starts_with(name) && (host.size() == name.size() || host[name.size()] == ':');
  };
  const bool here = names("127.0.0.1") || names("localhost") || names("[::1]");
  if (!url.starts_with("https:") && !here) {
    return Fail(Errc::kInvalidArgument, "the AWS API base must be https:// unless it is this machine");
  }
  return {};
}

Status CheckCredentials(const AwsCredentials& credentials) {
  if (credentials.access_key.empty() != credentials.secret_key.empty()) {
    return Fail(Errc::kInvalidArgument, "AWS credentials need an access key and a secret key; one of them is missing");
  }
  const auto printable = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  };
  if (!printable(credentials.access_key) || !printable(credentials.secret_key) ||
      !printable(credentials.session_token)) {
    return Fail(Errc::kInvalidArgument, "the AWS credentials have characters that none have");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<AwsMarketplaceApi>> AwsMarketplaceApi::Open(AwsMarketplaceOptions options) {
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  if (const Status base = CheckBase(options.base_url); !base) return tl::unexpected(base.error());
  if (const Status keys = CheckCredentials(options.credentials); !keys) return tl::unexpected(keys.error());
  if (options.timeout <= Millis{0} || options.connect_timeout <= Millis{0}) {
    return Fail(Errc::kInvalidArgument, "the API timeouts must be positive");
  }
  return std::unique_ptr<AwsMarketplaceApi>(new AwsMarketplaceApi(std::move(options)));
}

AwsMarketplaceApi::AwsMarketplaceApi(AwsMarketplaceOptions options)
    : options_(std::move(options)),
      signing_{std::string(aws_marketplace::kSigningScope), options_.credentials.access_key,
               options_.credentials.secret_key},
      caller_(HttpCallerOptions{options_.connect_timeout, options_.answer_bytes_max}) {}

MarketplaceResult<HttpAnswer> AwsMarketplaceApi::Ask(std::string_view operation, std::string_view body,
                                                     Deadline deadline) {
  if (options_.credentials.access_key.empty())
    return Fail(MarketplaceErrc::kCredentials, "there are no AWS credentials");
  const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  HttpAnswer http = caller_.Send(
      aws_marketplace::CallFor(operation, options_.base_url, options_.credentials.session_token, body, signing_), left);
  if (!http.success()) return tl::unexpected(aws_marketplace::ReadError(operation, http));
  return http;
}

MarketplaceResult<ResolvedCustomer> AwsMarketplaceApi::ResolveCustomer(std::string_view registration_token) {
  const MarketplaceResult<std::string> body = aws_marketplace::ResolveCustomerBody(registration_token);
  if (!body) return tl::unexpected(body.error());
  const MarketplaceResult<HttpAnswer> answer = Ask(aws_marketplace::kResolveCustomer, *body, Start());
  if (!answer) return tl::unexpected(answer.error());
  return aws_marketplace::ReadResolvedCustomer(answer->body);
}

MarketplaceResult<std::vector<Entitlement>> AwsMarketplaceApi::GetEntitlements(const EntitlementQuery& query) {
  const Deadline deadline = Start();
  std::vector<Entitlement> all;
  std::set<std::string> tokens;
  std::string next;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    const MarketplaceResult<std::string> body = aws_marketplace::GetEntitlementsBody(query, next);
    if (!body) return tl::unexpected(body.error());
    const MarketplaceResult<HttpAnswer> answer = Ask(aws_marketplace::kGetEntitlements, *body, deadline);
    if (!answer) return tl::unexpected(answer.error());
    auto read = aws_marketplace::ReadEntitlements(answer->body);
    if (!read) return tl::unexpected(std::move(read.error()));
    std::move(read->entitlements.begin(), read->entitlements.end(), std::back_inserter(all));
    next = std::move(read->next_token);
    if (next.empty()) return all;
    if (!tokens.insert(next).second)
      return Fail(MarketplaceErrc::kUnreadable, "a token for the next page of entitlements came twice");
  }
  return Fail(MarketplaceErrc::kUnreadable, "the entitlements have more than 200 pages");
}

MarketplaceResult<std::vector<UsageOutcome>> AwsMarketplaceApi::BatchMeterUsage(std::span<const UsageRecord> records) {
  const MarketplaceResult<std::string> body = aws_marketplace::BatchMeterUsageBody(records);
  if (!body) return tl::unexpected(body.error());
  const MarketplaceResult<HttpAnswer> answer = Ask(aws_marketplace::kBatchMeterUsage, *body, Start());
  if (!answer) return tl::unexpected(answer.error());
  return aws_marketplace::ReadUsage(answer->body, records);
}

}  // namespace dunlin
