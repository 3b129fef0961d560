#include "app/config.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "app/config_source.h"
#include "state/facts.h"

namespace dunlin {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v'; }
bool IsBlank(std::string_view text) { return std::all_of(text.begin(), text.end(), IsSpace); }
bool HasSpaceAround(std::string_view text) { return !text.empty() && (IsSpace(text.front()) || IsSpace(text.back())); }

std::string LineAt(const std::string& text, std::size_t line) {
  std::istringstream in(text);
  std::string found;
  for (std::size_t i = 0; i < line && std::getline(in, found); ++i) continue;
  return found;
}

// What is wrong with the TOML itself. The parser quotes what it stumbled over, which may be a secret without quotes.
std::string DescribeParseError(const toml::parse_error& error, const std::string& text) {
  const std::string line = LineAt(text, error.source().begin.line);
  const bool near_secret = line.find("secret") != std::string::npos || line.find("key") != std::string::npos;
  const std::string description(error.description());
  const bool quotes_input = description.find("saw") != std::string::npos;
  return near_secret || quotes_input ? "not valid TOML here; texts stand in double quotes" : description;
}

Result<std::string> ReadWhole(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string content;
  char block[4096];
  while (in.read(block, sizeof block) || in.gcount() > 0) content.append(block, static_cast<std::size_t>(in.gcount()));
  if (in.eof() && !in.bad()) return content;
  const std::string why = errno != 0 ? std::generic_category().message(errno) : "it cannot be read";
  return Fail(Errc::kNotFound, "configuration " + path + ": " + why);
}

void CheckListen(ConfigSource& source, const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  const std::string port = colon == std::string::npos ? "" : listen.substr(colon + 1);
  const bool digits = !port.empty() && port.size() <= 5 &&
                      std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (colon == 0 || !digits || std::stoi(port) > 65535) {
    source.Refuse("listen", "must be ADDRESS:PORT, such as 127.0.0.1:8080");
  }
}

void ReadProxies(ConfigSource& source, std::vector<IpRange>& to) {
  std::vector<std::string> texts;
  source.List("trusted_proxies", texts);
  for (const std::string& text : texts) {
    const Result<IpRange> range = IpRange::Parse(text);
    if (range) {
      to.push_back(*range);
    } else {
      source.Refuse("trusted_proxies", range.error().detail);
    }
  }
}

// One secret, not several.
void ReadSecret(ConfigSource& source, std::string_view key, std::string& to, std::string& to_file) {
  std::vector<std::string> secrets;
  source.Secrets(key, secrets, to_file);
  if (secrets.size() > 1) source.Refuse(key, "must be one, not several");
  if (secrets.size() == 1) to = secrets.front();
}

void ReadAws(ConfigSource& source, Config& config) {
  source.Text("aws.access_key_id", config.aws_access_key_id);
  ReadSecret(source, "aws.secret_access_key", config.aws_secret_access_key, config.aws_secret_access_key_file);
  ReadSecret(source, "aws.session_token", config.aws_session_token, config.aws_session_token_file);
  source.Url("aws.api_base", {"http://", "https://"}, config.aws_api_base);
  source.List("aws_marketplace.topics", config.aws_marketplace_topics);
  for (const std::string& topic : config.aws_marketplace_topics) {
    if (topic.starts_with("arn:aws")) continue;
    source.Refuse("aws_marketplace.topics", "must be ARNs of SNS topics, as arn:aws:sns:us-east-1:…");
  }
  source.List("aws_marketplace.sns_hosts", config.aws_marketplace_sns_hosts);
  for (const std::string& host : config.aws_marketplace_sns_hosts) {
    const auto plain = [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '.' || c == '-'; };
    if (host.starts_with("sns.") && std::ranges::all_of(host, plain)) continue;
    source.Refuse("aws_marketplace.sns_hosts", "must be names of hosts, as sns.eusc-de-east-1.amazonaws.eu");
  }
  source.Text("aws_marketplace.certificates", config.aws_marketplace_certificates);
  source.Secrets("aws_marketplace.eventbridge_secrets", config.aws_marketplace_eventbridge_secrets,
                 config.aws_marketplace_eventbridge_secrets_file);
  source.Text("aws_marketplace.eventbridge_header", config.aws_marketplace_eventbridge_header);
  source.Url("aws_marketplace.landing_page", {"http://", "https://"}, config.aws_marketplace_landing_page);
  const bool plain =
      std::ranges::all_of(config.aws_marketplace_landing_page, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain || config.aws_marketplace_landing_page.find('#') != std::string::npos)
    source.Refuse("aws_marketplace.landing_page", "must be a URL without blanks and without a part after #");
}

void ReadAll(ConfigSource& source, Config& config) {
  source.Text("listen", config.listen);
  CheckListen(source, config.listen);
  source.Text("ledger", config.ledger);  // opening it says what is wrong with it
  if (config.ledger.find(':') == std::string::npos) source.Refuse("ledger", "must name its kind: sqlite:FILE");
  source.Text("queue", config.queue);
  if (config.queue != "memory" && !config.queue.starts_with("redis://") && !config.queue.starts_with("redis+unix://")) {
    source.Refuse("queue", "must be memory, redis://HOST:PORT or redis+unix://PATH");
  }
  source.Text("policy", config.policy);
  source.Url("clock", {"http://", "https://"}, config.clock);
  source.Text("outbox_file", config.outbox_file);
  source.Word("log_level", {"debug", "info", "warn", "error"}, config.log_level);
  source.Number("body_bytes_max", 1024, std::int64_t{64} << 20, config.body_bytes_max);
  source.Length("retain", config.retain);
  if (config.retain < kFactsKept) {
    source.Refuse("retain", "must be at least 35d: the provider may send an event again for that long");
  }
  source.Number("http_threads", 1, 1024, config.http_threads);
  ReadProxies(source, config.trusted_proxies);
  source.Number("apply_threads", 1, 64, config.apply_threads);
  source.Number("outside_threads", 1, 256, config.outside_threads);
  source.Flag("benchmark_route", config.benchmark_route);
  source.Secrets("stripe.webhook_secrets", config.stripe_webhook_secrets, config.stripe_webhook_secrets_file);
  ReadSecret(source, "stripe.api_key", config.stripe_api_key, config.stripe_api_key_file);
  source.Url("stripe.api_base", {"http://", "https://"}, config.stripe_api_base);
  source.Text("stripe.api_version", config.stripe_api_version);
  source.Length("stripe.tolerance", config.stripe_tolerance);
  if (config.stripe_tolerance <= Seconds{0}) source.Refuse("stripe.tolerance", "must be longer than nothing");
  ReadAws(source, config);
}

constexpr std::string_view kSecretsName = "stripe.webhook_secrets (DUNLIN_STRIPE_WEBHOOK_SECRETS)";
constexpr std::string_view kKeyName = "stripe.api_key (DUNLIN_STRIPE_API_KEY)";

bool IsApiKey(std::string_view text) {
  return text.starts_with("sk_") || text.starts_with("rk_") || text.starts_with("pk_");
}

void CheckSecrets(const Config& config, std::vector<std::string>& mistakes) {
  const std::string name(kSecretsName);
  if (config.stripe_webhook_secrets.empty()) {
    mistakes.push_back(name + ": missing; the provider shows it beside the webhook endpoint (whsec_…)");
  }
  for (std::size_t i = 0; i < config.stripe_webhook_secrets.size(); ++i) {
    const std::string& secret = config.stripe_webhook_secrets[i];
    const std::string which = name + ": number " + std::to_string(i + 1);
    if (IsBlank(secret)) {
      mistakes.push_back(which + " is blank");
    } else if (HasSpaceAround(secret)) {
      mistakes.push_back(which + " has spaces around it; every byte counts, so remove them");
    } else if (IsApiKey(secret)) {
      mistakes.push_back(which + " is an API key; the webhook's signing secret (whsec_…) is wanted");
    }
  }
}

void CheckKey(const Config& config, std::vector<std::string>& mistakes) {
  const std::string name(kKeyName);
  const std::string& key = config.stripe_api_key;
  if (IsBlank(key)) {
    mistakes.push_back(name + ": missing; without it nothing can be fetched, charged or cancelled (sk_… or rk_…)");
  } else if (HasSpaceAround(key)) {
    mistakes.push_back(name + " has spaces around it; remove them");
  } else if (key.starts_with("whsec_")) {
    mistakes.push_back(name + " is a webhook signing secret; an API key (sk_… or rk_…) is wanted");
  } else if (key.starts_with("pk_")) {
    mistakes.push_back(name + " is a publishable key, which may not charge; sk_… or rk_… is wanted");
  } else if (!LivemodeOf(key)) {
    mistakes.push_back(name + " does not say its mode: sk_test_…, sk_live_…, rk_test_… or rk_live_… is wanted");
  }
  if (!config.clock.empty() && LivemodeOf(key) == true) {
    mistakes.push_back("clock (DUNLIN_CLOCK): refused with a live API key; real money keeps the machine's time");
  }
}

void CheckEventBridge(const Config& config, std::vector<std::string>& mistakes) {
  const auto& secrets = config.aws_marketplace_eventbridge_secrets;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    if (!IsBlank(secrets[i]) && !HasSpaceAround(secrets[i])) continue;
    mistakes.push_back("aws_marketplace.eventbridge_secrets (DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS): number " +
                       std::to_string(i + 1) + " is blank or has spaces around it; remove them");
  }
  if (IsBlank(config.aws_marketplace_eventbridge_header))
    mistakes.push_back(
        "aws_marketplace.eventbridge_header (DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_HEADER): must not be blank");
}

// Notices without registrations would wait for ever, and neither leads anywhere without asking AWS.
void CheckMarketplace(const Config& config, std::vector<std::string>& mistakes) {
  CheckEventBridge(config, mistakes);
  const bool hears = !config.aws_marketplace_topics.empty() || !config.aws_marketplace_eventbridge_secrets.empty();
  const bool registers = !config.aws_marketplace_landing_page.empty();
  if (!hears && !registers) return;
  if (!registers)
    mistakes.push_back(
        "aws_marketplace.landing_page (DUNLIN_AWS_MARKETPLACE_LANDING_PAGE): missing; buyers are sent "
        "there once they have registered");
  if (!hears)
    mistakes.push_back(
        "aws_marketplace.topics (DUNLIN_AWS_MARKETPLACE_TOPICS) and aws_marketplace.eventbridge_secrets "
        "(DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS): both missing; nothing of AWS would be heard");
  if (config.aws_access_key_id.empty() || config.aws_secret_access_key.empty())
    mistakes.push_back(
        "aws.access_key_id (DUNLIN_AWS_ACCESS_KEY_ID) and aws.secret_access_key "
        "(DUNLIN_AWS_SECRET_ACCESS_KEY): missing; without them no buyer can register");
}

}  // namespace

std::optional<bool> LivemodeOf(std::string_view api_key) {
  for (const std::string_view start : {"sk_", "rk_"}) {
    if (!api_key.starts_with(start)) continue;
    const std::string_view rest = api_key.substr(start.size());
    if (rest.starts_with("live_")) return true;
    if (rest.starts_with("test_")) return false;
  }
  return std::nullopt;
}

Result<Config> LoadConfig(const std::string& file) {
  std::string text;
  if (!file.empty()) {
    Result<std::string> read = ReadWhole(file);
    if (!read) return tl::unexpected(std::move(read.error()));
    text = std::move(*read);
  }
  toml::table table;
  std::string broken;
  int broken_line = 0;
  try {
    table = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    broken = DescribeParseError(error, text);
    broken_line = static_cast<int>(error.source().begin.line);
  }
  ConfigSource source(table, file);
  if (!broken.empty()) source.RefuseAt(std::max(1, broken_line), broken);
  Config config;
  ReadAll(source, config);
  source.RefuseUnknownKeys();
  config.unknown_variables = source.UnknownVariables();
  if (std::string mistakes = source.Mistakes(); !mistakes.empty())
    return Fail(Errc::kInvalidArgument, std::move(mistakes));
  return config;
}

Status CheckForServing(const Config& config) {
  std::vector<std::string> mistakes;
  CheckSecrets(config, mistakes);
  CheckKey(config, mistakes);
  CheckMarketplace(config, mistakes);
  if (mistakes.empty()) return {};
  std::string text;
  for (const std::string& mistake : mistakes) text += (text.empty() ? "" : "\n") + mistake;
  return Fail(Errc::kInvalidArgument, std::move(text));
}

}  // namespace dunlin
