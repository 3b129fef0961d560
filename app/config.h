// The configuration: one TOML file, every key also an environment variable DUNLIN_…, and `serve`'s flags over both.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "state/time.h"
#include "webhooks/http/address.h"

namespace dunlin {

struct Config {
  std::string listen = "127.0.0.1:8080";        // listen            DUNLIN_LISTEN
  std::string ledger = "sqlite:dunlin.db";      // ledger          DUNLIN_LEDGER
  std::string queue = "memory";                 // queue           DUNLIN_QUEUE
  std::string policy;                           // policy          DUNLIN_POLICY; empty: the built-in defaults
  std::string clock;                            // clock           DUNLIN_CLOCK; empty: the machine's
  std::string outbox_file;                      // outbox_file     DUNLIN_OUTBOX_FILE; empty: <ledger file>.outbox.jsonl
  std::string log_level = "info";               // log_level       DUNLIN_LOG_LEVEL: debug, info, warn, error
  std::size_t body_bytes_max = 1024 * 1024;     // body_bytes_max DUNLIN_BODY_BYTES_MAX
  Seconds retain{std::chrono::hours{24 * 40}};  // retain    DUNLIN_RETAIN: of raw bodies and settled alerts
  int http_threads = 8;                         // http_threads    DUNLIN_HTTP_THREADS
  // trusted_proxies DUNLIN_TRUSTED_PROXIES: addresses and ranges whose X-Forwarded-For is believed
  std::vector<IpRange> trusted_proxies;
  int apply_threads = 2;         // apply_threads   DUNLIN_APPLY_THREADS
  int outside_threads = 8;       // outside_threads DUNLIN_OUTSIDE_THREADS
  bool benchmark_route = false;  // benchmark_route DUNLIN_BENCHMARK_ROUTE: POST /benchmark/verify, never in production

  // [stripe]
  std::vector<std::string>
      stripe_webhook_secrets;               // stripe.webhook_secrets  DUNLIN_STRIPE_WEBHOOK_SECRETS, comma-separated
  std::string stripe_webhook_secrets_file;  // …_FILE: one a line
  std::string stripe_api_key;               // stripe.api_key          DUNLIN_STRIPE_API_KEY
  std::string stripe_api_key_file;
  std::string stripe_api_base = "https://api.stripe.com";  // stripe.api_base  DUNLIN_STRIPE_API_BASE
  std::string stripe_api_version = "2026-10-28.endive";    // stripe.api_version DUNLIN_STRIPE_API_VERSION
  Seconds stripe_tolerance{300};                           // stripe.tolerance DUNLIN_STRIPE_TOLERANCE

  // [aws]: how AWS is called. aws.access_key_id DUNLIN_AWS_ACCESS_KEY_ID, and so on
  std::string aws_access_key_id;
  std::string aws_secret_access_key;  // or aws.secret_access_key_file
  std::string aws_secret_access_key_file;
  std::string aws_session_token;  // or aws.session_token_file; only with temporary credentials
  std::string aws_session_token_file;
  std::string aws_api_base;  // instead of AWS's services and SNS, for a simulator; empty: AWS

  // [aws_marketplace]: what comes from AWS. aws_marketplace.topics DUNLIN_AWS_MARKETPLACE_TOPICS, and so on
  std::vector<std::string> aws_marketplace_topics;     // the ARNs of SNS topics whose messages are taken
  std::vector<std::string> aws_marketplace_sns_hosts;  // hosts of SNS besides AWS's usual ones, whole
  std::string aws_marketplace_certificates;  // a folder of SNS's certificates; empty: they are fetched from SNS
  std::vector<std::string> aws_marketplace_eventbridge_secrets;  // or aws_marketplace.eventbridge_secrets_file
  std::string aws_marketplace_eventbridge_secrets_file;
  std::string aws_marketplace_eventbridge_header = "x-api-key";
  std::string aws_marketplace_landing_page;  // where buyers are sent to, with ?code=…

  std::vector<std::string> unknown_variables;  // DUNLIN_… of the environment that no key has; perhaps misspelt
};

// The live mode that an API key belongs to: sk_live_… and rk_live_… true, sk_test_… and rk_test_… false; nullopt when
// the key does not say.
std::optional<bool> LivemodeOf(std::string_view api_key);

// Reads the file (may be empty: none), then the environment over it. Errors: kInvalidArgument, every mistake at once,
// each with file and line or the variable's name and what to do; kNotFound for a file that is not there.
Result<Config> LoadConfig(const std::string& file);

// What must hold together before serving: secrets present and not blank (one with spaces around it is named as such), a
// key, a clock only without a live key, no webhook secret given as an API key; of AWS Marketplace everything or
// nothing. One line for each mistake; never a secret.
Status CheckForServing(const Config& config);

}  // namespace dunlin
