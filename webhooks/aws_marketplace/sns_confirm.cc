#include "webhooks/aws_marketplace/sns_confirm.h"

#include <algorithm>

#include "webhooks/aws_marketplace/sns_url.h"

namespace dunlin {
namespace {

// SNS answers with one small, flat XML document; an ARN holds nothing that XML would escape.
Result<std::string> ReadSubscriptionArn(std::string_view xml, const std::string& topic_arn) {
  constexpr std::string_view kOpen = "<SubscriptionArn>";
  constexpr std::string_view kClose = "</SubscriptionArn>";
  const auto no_arn = [] { return Fail(Errc::kUnavailable, "SNS answered without the ARN of the subscription"); };
  const std::size_t open = xml.find(kOpen);
  if (open == std::string_view::npos) return no_arn();
  xml.remove_prefix(open + kOpen.size());
  const std::size_t close = xml.find(kClose);
  if (close == std::string_view::npos) return no_arn();
  const std::string_view arn = xml.substr(0, close);
  constexpr std::size_t kIdMax = 64;
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  };
  if (!arn.starts_with(topic_arn + ":")) return no_arn();
  const std::string_view id = arn.substr(topic_arn.size() + 1);
  if (id.empty() || id.size() > kIdMax || !std::ranges::all_of(id, fits)) return no_arn();
  return std::string(arn);
}

}  // namespace

Result<std::string> ConfirmSubscription(const SnsMessage& verified, const SnsConfirmOptions& options) {
  if (verified.type != SnsType::kSubscriptionConfirmation) {
    return Fail(Errc::kInvalidArgument, "only a SubscriptionConfirmation is confirmed");
  }
  if (const Status url = CheckSubscribeUrl(verified, options.more_hosts); !url) return tl::unexpected(url.error());
  std::string url = verified.subscribe_url;
  if (!options.endpoint.empty()) url = options.endpoint + url.substr(url.find("/?"));
  HttpGetOptions get;
  get.ca_file = options.ca_file;
  get.connect_to = options.connect_to;
  get.plain_http = options.endpoint.starts_with("http://");
  get.timeout = options.timeout;
  get.bytes_max = std::size_t{64} * 1024;
  const Result<std::string> answer = HttpGet(url, get);
  if (!answer) return Fail(answer.error().code, "confirming the subscription: " + answer.error().detail);
  return ReadSubscriptionArn(*answer, verified.topic_arn);
}

}  // namespace dunlin
