#include "webhooks/aws_marketplace/sns_url.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace dunlin {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::string_view kService = "sns.";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

tl::unexpected<Error> Wrong(std::string_view key, std::string_view what) {
  return Fail(Errc::kInvalidArgument, std::string(key) + " " + std::string(what));
}

struct SplitUrl {
  std::string_view host;
  std::string_view rest;  // from the slash
};

// nullopt: not https. A user or a port stays in the host, which then is none of SNS.
std::optional<SplitUrl> Split(std::string_view url) {
  if (!url.starts_with(kScheme)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find('/'), url.size());
  return SplitUrl{url.substr(0, slash), url.substr(slash)};
}

bool IsRegion(std::string_view text) {
  constexpr std::size_t kMin = 3;
  constexpr std::size_t kMax = 63;  // a label of a host name
  const auto fits = [](char c) { return IsLetter(c) || IsDigit(c) || c == '-'; };
  return text.size() >= kMin && text.size() <= kMax && std::ranges::all_of(text, fits);
}

bool IsSnsHost(std::string_view host, std::span<const std::string> more_hosts) {
  if (std::ranges::find(more_hosts, host) != more_hosts.end()) return true;
  if (!host.starts_with(kService)) return false;
  host.remove_prefix(kService.size());
  const std::size_t dot = std::min(host.find('.'), host.size());
  const std::string_view domain = host.substr(dot);
  return IsRegion(host.substr(0, dot)) && (domain == ".amazonaws.com" || domain == ".amazonaws.com.cn");
}

std::optional<std::string> PercentDecode(std::string_view text) {
  const auto nibble = [](char c) { return static_cast<unsigned>(IsDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !IsHex(text[i + 1]) || !IsHex(text[i + 2])) return std::nullopt;
    out += static_cast<char>(nibble(text[i + 1]) << 4U | nibble(text[i + 2]));
    i += 2;
  }
  return out;
}

// The value of the one parameter of that name; nullopt if there is none, or more than one.
std::optional<std::string> TheOnly(std::string_view name, std::string_view query) {
  std::optional<std::string> found;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (PercentDecode(pair.substr(0, equals)) != name) continue;
    if (found) return std::nullopt;
    found = PercentDecode(pair.substr(std::min(equals + 1, pair.size())));
    if (!found) return std::nullopt;
  }
  return found;
}

}  // namespace

Status CheckSigningCertUrl(std::string_view url, std::span<const std::string> more_hosts) {
  constexpr std::string_view kKey = "SigningCertURL";
  constexpr std::string_view kName = "/SimpleNotificationService-";
  constexpr std::string_view kEnding = ".pem";
  constexpr std::size_t kHexMax = 128;
  const std::optional<SplitUrl> split = Split(url);
  if (!split) return Wrong(kKey, "does not begin with https://");
  if (!IsSnsHost(split->host, more_hosts)) return Wrong(kKey, "is not at a host of SNS");
  std::string_view path = split->rest;
  const bool named = path.starts_with(kName) && path.ends_with(kEnding) && path.size() > kName.size() + kEnding.size();
  if (!named) return Wrong(kKey, "is not /SimpleNotificationService-….pem there");
  path = path.substr(kName.size(), path.size() - kName.size() - kEnding.size());
  if (path.size() > kHexMax || !std::ranges::all_of(path, IsHex)) {
    return Wrong(kKey, "has other than hexadecimal digits in the certificate's name");
  }
  return {};
}

Status CheckSubscribeUrl(const SnsMessage& message, std::span<const std::string> more_hosts) {
  constexpr std::string_view kKey = "SubscribeURL";
  const std::optional<SplitUrl> split = Split(message.subscribe_url);
  if (!split) return Wrong(kKey, "does not begin with https://");
  if (!IsSnsHost(split->host, more_hosts)) return Wrong(kKey, "is not at a host of SNS");
  if (!split->rest.starts_with("/?") || split->rest.find('#') != std::string_view::npos) {
    return Wrong(kKey, "is not a query of the root");
  }
  const std::string_view query = split->rest.substr(2);
  if (TheOnly("Action", query) != "ConfirmSubscription") return Wrong(kKey, "does not confirm a subscription");
  if (TheOnly("TopicArn", query) != message.topic_arn) return Wrong(kKey, "is not about the message's TopicArn");
  if (TheOnly("Token", query) != message.token) return Wrong(kKey, "does not hold the message's Token");
  return {};
}

std::vector<std::string> SigningCertNames(std::string_view url) {
  const std::string host(Split(url).value_or(SplitUrl{}).host);
  const std::size_t region_at = std::min(host.find('.') + 1, host.size());
  const std::size_t domain_at = std::min(host.find('.', region_at), host.size());
  const std::string region = host.substr(region_at, domain_at - region_at);
  const std::string domain = host.substr(domain_at);
  std::vector<std::string> names = {"sns" + domain, "sns-" + region + domain, "sns-signing." + region + domain};
  if (region == "us-gov-east-1") names.push_back("sns-us-gov-west-1" + domain);
  return names;
}

}  // namespace dunlin
