#include "app/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "tests/app/program.h"
#include "tests/support/scratch.h"

namespace dunlin {
namespace {

// No variable of ours is set but those that a test sets.
class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (char** v = environ; *v != nullptr;) {
      const std::string variable = *v;
      if (variable.rfind("DUNLIN_", 0) != 0) {
        ++v;
        continue;
      }
      unsetenv(variable.substr(0, variable.find('=')).c_str());
      v = environ;
    }
  }

  std::string File(const std::string& text) {
    testing::WriteFile(path_, text);
    return path_;
  }
  Config Load(const std::string& text) {
    const Result<Config> config = LoadConfig(text.empty() ? "" : File(text));
    EXPECT_TRUE(config) << config.error().detail;
    return config.value_or(Config{});
  }
  // Without the folder in front of the file's name.
  std::string Mistakes(const std::string& text) {
    const Result<Config> config = LoadConfig(text.empty() ? "" : File(text));
    EXPECT_FALSE(config);
    if (config) return "";
    EXPECT_EQ(config.error().code, Errc::kInvalidArgument);
    std::string detail = config.error().detail;
    const std::string folder = path_.substr(0, path_.rfind('/') + 1);
    for (std::size_t at; (at = detail.find(folder)) != std::string::npos;) detail.erase(at, folder.size());
    return detail;
  }

  const testing::ScratchDir scratch_;
  const std::string path_ = scratch_.File("d.toml");
};

TEST_F(ConfigTest, WithoutAFileAndVariablesThereAreTheDefaults) {
  const Config config = Load("");
  EXPECT_EQ(config.listen, "127.0.0.1:8080");
  EXPECT_EQ(config.ledger, "sqlite:dunlin.db");
  EXPECT_EQ(config.stripe_tolerance, Seconds{300});
  EXPECT_TRUE(config.stripe_webhook_secrets.empty());
}

TEST_F(ConfigTest, RetainIsALengthOfTimeOfAtLeast35Days) {
  EXPECT_EQ(Load("").retain, std::chrono::hours{24 * 40});
  EXPECT_EQ(Load("retain = \"35d\"\n").retain, std::chrono::hours{24 * 35});
  EXPECT_EQ(Mistakes("retain = \"34d\"\n"),
            "d.toml:1: retain: must be at least 35d: the provider may send an event again for that long");
  setenv("DUNLIN_RETAIN", "90d", 1);
  EXPECT_EQ(Load("").retain, std::chrono::hours{24 * 90});
}

TEST_F(ConfigTest, EveryKeyOfTheFileIsRead) {
  const Config config = Load(R"(
listen = "0.0.0.0:80"
ledger = "sqlite:/var/lib/d.db"
queue = "redis+unix:///run/redis.sock"
policy = "p.toml"
clock = "http://127.0.0.1:1/clock"
outbox_file = "o.jsonl"
log_level = "debug"
body_bytes_max = 2048
http_threads = 9
trusted_proxies = ["10.0.0.0/8", "::1"]
apply_threads = 3
outside_threads = 4
benchmark_route = true
[stripe]
webhook_secrets = ["whsec_a", "whsec_b"]
api_key = "sk_test_1"
api_base = "http://127.0.0.1:2"
api_version = "2020-08-27"
tolerance = "10m"
[aws]
access_key_id = "AKID"
secret_access_key = "aws-secret"
session_token = "session"
api_base = "http://127.0.0.1:3"
[aws_marketplace]
topics = ["arn:aws:sns:us-east-1:1:a", "arn:aws:sns:us-east-1:1:b"]
sns_hosts = ["sns.eusc-de-east-1.amazonaws.eu"]
certificates = "/etc/certs"
eventbridge_secrets = ["eb-secret"]
eventbridge_header = "x-secret"
landing_page = "https://product.example/welcome"
)");
  EXPECT_EQ(config.listen, "0.0.0.0:80");
  EXPECT_EQ(config.ledger, "sqlite:/var/lib/d.db");
  EXPECT_EQ(config.queue, "redis+unix:///run/redis.sock");
  EXPECT_EQ(config.policy, "p.toml");
  EXPECT_EQ(config.clock, "http://127.0.0.1:1/clock");
  EXPECT_EQ(config.outbox_file, "o.jsonl");
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.body_bytes_max, 2048U);
  EXPECT_EQ(config.http_threads, 9);
  ASSERT_EQ(config.trusted_proxies.size(), 2U);
  EXPECT_TRUE(config.trusted_proxies[0].Contains(*IpAddress::Parse("10.9.9.9")));
  EXPECT_TRUE(config.trusted_proxies[1].Contains(*IpAddress::Parse("::1")));
  EXPECT_EQ(config.apply_threads, 3);
  EXPECT_EQ(config.outside_threads, 4);
  EXPECT_TRUE(config.benchmark_route);
  EXPECT_EQ(config.stripe_webhook_secrets, (std::vector<std::string>{"whsec_a", "whsec_b"}));
  EXPECT_EQ(config.stripe_api_key, "sk_test_1");
  EXPECT_EQ(config.stripe_api_base, "http://127.0.0.1:2");
  EXPECT_EQ(config.stripe_api_version, "2020-08-27");
  EXPECT_EQ(config.stripe_tolerance, Seconds{600});
  EXPECT_EQ(config.aws_access_key_id, "AKID");
  EXPECT_EQ(config.aws_secret_access_key, "aws-secret");
  EXPECT_EQ(config.aws_session_token, "session");
  EXPECT_EQ(config.aws_api_base, "http://127.0.0.1:3");
  EXPECT_EQ(config.aws_marketplace_topics,
            (std::vector<std::string>{"arn:aws:sns:us-east-1:1:a", "arn:aws:sns:us-east-1:1:b"}));
  EXPECT_EQ(config.aws_marketplace_sns_hosts, (std::vector<std::string>{"sns.eusc-de-east-1.amazonaws.eu"}));
  EXPECT_EQ(config.aws_marketplace_certificates, "/etc/certs");
  EXPECT_EQ(config.aws_marketplace_eventbridge_secrets, (std::vector<std::string>{"eb-secret"}));
  EXPECT_EQ(config.aws_marketplace_eventbridge_header, "x-secret");
  EXPECT_EQ(config.aws_marketplace_landing_page, "https://product.example/welcome");
}

TEST_F(ConfigTest, AVariableThatMeansNothingIsNamed) {
  setenv("DUNLIN_LISSTEN", "127.0.0.1:1", 1);
  setenv("DUNLIN_LISTEN", "127.0.0.1:2", 1);
  EXPECT_EQ(Load("").unknown_variables, std::vector<std::string>{"DUNLIN_LISSTEN"});
}

TEST_F(ConfigTest, EveryVariableGoesOverTheFile) {
  const std::pair<const char*, const char*> variables[] = {{"LISTEN", "[::1]:9"},
                                                           {"LEDGER", "sqlite:e.db"},
                                                           {"QUEUE", "redis://h:1"},
                                                           {"POLICY", "e.toml"},
                                                           {"CLOCK", "https://c"},
                                                           {"OUTBOX_FILE", "e.jsonl"},
                                                           {"LOG_LEVEL", "error"},
                                                           {"BODY_BYTES_MAX", "4096"},
                                                           {"HTTP_THREADS", "5"},
                                                           {"TRUSTED_PROXIES", "127.0.0.1, 192.0.2.0/24"},
                                                           {"APPLY_THREADS", "6"},
                                                           {"OUTSIDE_THREADS", "7"},
                                                           {"BENCHMARK_ROUTE", "false"},
                                                           {"STRIPE_WEBHOOK_SECRETS", "whsec_x,whsec_y"},
                                                           {"STRIPE_API_KEY", "rk_test_2"},
                                                           {"STRIPE_API_BASE", "https://e"},
                                                           {"STRIPE_API_VERSION", "v"},
                                                           {"STRIPE_TOLERANCE", "20"},
                                                           {"AWS_ACCESS_KEY_ID", "AKID2"},
                                                           {"AWS_SECRET_ACCESS_KEY", "secret2"},
                                                           {"AWS_API_BASE", "https://aws"},
                                                           {"AWS_MARKETPLACE_TOPICS", "arn:aws:sns:x,arn:aws:sns:y"},
                                                           {"AWS_MARKETPLACE_SNS_HOSTS", "sns.a.eu,sns.b.eu"},
                                                           {"AWS_MARKETPLACE_CERTIFICATES", "certs"},
                                                           {"AWS_MARKETPLACE_EVENTBRIDGE_SECRETS", "eb1,eb2"},
                                                           {"AWS_MARKETPLACE_LANDING_PAGE", "https://land"}};
  for (const auto& [name, value] : variables) setenv(("DUNLIN_" + std::string(name)).c_str(), value, 1);
  const Config config = Load(R"(
listen = "1.1.1.1:1"
log_level = "info"
benchmark_route = true
[stripe]
webhook_secrets = "whsec_a"
api_key = "sk_test_1"
)");
  EXPECT_EQ(config.listen, "[::1]:9");
  EXPECT_EQ(config.ledger, "sqlite:e.db");
  EXPECT_EQ(config.queue, "redis://h:1");
  EXPECT_EQ(config.policy, "e.toml");
  EXPECT_EQ(config.clock, "https://c");
  EXPECT_EQ(config.outbox_file, "e.jsonl");
  EXPECT_EQ(config.log_level, "error");
  EXPECT_EQ(config.body_bytes_max, 4096U);
  EXPECT_EQ(config.http_threads, 5);
  ASSERT_EQ(config.trusted_proxies.size(), 2U);
  EXPECT_TRUE(config.trusted_proxies[1].Contains(*IpAddress::Parse("192.0.2.200")));
  EXPECT_EQ(config.apply_threads, 6);
  EXPECT_EQ(config.outside_threads, 7);
  EXPECT_FALSE(config.benchmark_route);
  EXPECT_EQ(config.stripe_webhook_secrets, (std::vector<std::string>{"whsec_x", "whsec_y"}));
  EXPECT_EQ(config.stripe_api_key, "rk_test_2");
  EXPECT_EQ(config.stripe_api_base, "https://e");
  EXPECT_EQ(config.stripe_api_version, "v");
  EXPECT_EQ(config.stripe_tolerance, Seconds{20});
  EXPECT_EQ(config.aws_access_key_id, "AKID2");
  EXPECT_EQ(config.aws_secret_access_key, "secret2");
  EXPECT_EQ(config.aws_api_base, "https://aws");
  EXPECT_EQ(config.aws_marketplace_topics, (std::vector<std::string>{"arn:aws:sns:x", "arn:aws:sns:y"}));
  EXPECT_EQ(config.aws_marketplace_sns_hosts, (std::vector<std::string>{"sns.a.eu", "sns.b.eu"}));
  EXPECT_EQ(config.aws_marketplace_certificates, "certs");
  EXPECT_EQ(config.aws_marketplace_eventbridge_secrets, (std::vector<std::string>{"eb1", "eb2"}));
  EXPECT_EQ(config.aws_marketplace_landing_page, "https://land");
}

TEST_F(ConfigTest, SecretsComeFromFilesToo) {
  testing::WriteFile(scratch_.File("s"), "whsec_1\r\n\nwhsec_2\n");
  testing::WriteFile(scratch_.File("k"), "sk_test_9\n");
  setenv("DUNLIN_STRIPE_API_KEY_FILE", scratch_.File("k").c_str(), 1);
  const Config config = Load("[stripe]\nwebhook_secrets_file = \"" + scratch_.File("s") + "\"\n");
  EXPECT_EQ(config.stripe_webhook_secrets, (std::vector<std::string>{"whsec_1", "whsec_2"}));
  EXPECT_EQ(config.stripe_api_key, "sk_test_9");
}

TEST_F(ConfigTest, ASecretOfTheEnvironmentGoesOverAFileOfSecrets) {
  setenv("DUNLIN_STRIPE_WEBHOOK_SECRETS", "whsec_env", 1);
  const Config config = Load("[stripe]\nwebhook_secrets_file = \"/nowhere\"\n");
  EXPECT_EQ(config.stripe_webhook_secrets, (std::vector<std::string>{"whsec_env"}));
}

TEST_F(ConfigTest, EveryMistakeIsNamedAtOnceWithItsPlace) {
  setenv("DUNLIN_HTTP_THREADS", "many", 1);
  EXPECT_EQ(Mistakes(R"(listen = "here"
queue = "rabbit"
colour = "red"
log_level = "loud"
apply_threads = 0
trusted_proxies = ["127.0.0.1", "proxy.internal"]
[stripe]
tolerance = "5 minutes"
api_kee = "sk_live_secret"
[aws]
x = 1
[aws_marketplace]
topics = ["prod1"]
sns_hosts = ["https://sns.x.amazonaws.eu/"]
landing_page = "https://product.example/#welcome"
)"),
            "d.toml:1: listen: must be ADDRESS:PORT, such as 127.0.0.1:8080\n"
            "d.toml:2: queue: must be memory, redis://HOST:PORT or redis+unix://PATH\n"
            "d.toml:3: colour: unknown key; docs/cli.md lists those there are\n"
            "d.toml:4: log_level: must be one of \"debug\", \"info\", \"warn\", \"error\"\n"
            "d.toml:5: apply_threads: must be a whole number from 1 to 64\n"
            "d.toml:6: trusted_proxies: 'proxy.internal' is not an address such as 10.0.0.1, nor a range such as "
            "10.0.0.0/8\n"
            "d.toml:8: stripe.tolerance: " +
                ParseDuration("5 minutes").error().detail +
                "\n"
                "d.toml:9: stripe.api_kee: unknown key; docs/cli.md lists those there are\n"
                "d.toml:11: aws.x: unknown key; docs/cli.md lists those there are\n"
                "d.toml:13: aws_marketplace.topics: must be ARNs of SNS topics, as arn:aws:sns:us-east-1:…\n"
                "d.toml:14: aws_marketplace.sns_hosts: must be names of hosts, as sns.eusc-de-east-1.amazonaws.eu\n"
                "d.toml:15: aws_marketplace.landing_page: must be a URL without blanks and without a part after #\n"
                "DUNLIN_HTTP_THREADS: must be a whole number from 1 to 1024");
}

TEST_F(ConfigTest, NoMistakeTellsASecret) {
  for (const char* text : {"[stripe]\napi_key = sk_live_secret\n", "[stripe]\nwebhook_secrets = [whsec_secret]\n",
                           "[stripe]\napi_key = \"sk_live_secret\n", "[stripe]\napi_key = 12secret\n",
                           "[stripe]\napi_key = [\"sk_live_secret\", 5]\n", "x = true_secret\n",
                           "[stripe]\napi_key = [\"sk_live_secret\", \"sk_live_secret\"]\n",
                           "[stripe]\napi_key = \"sk_live_secret\"\napi_key_file = \"f\"\n"}) {
    const std::string mistakes = Mistakes(text);
    EXPECT_FALSE(mistakes.empty()) << text;
    EXPECT_EQ(mistakes.find("secret\""), std::string::npos) << mistakes;
    EXPECT_EQ(mistakes.find("live_s"), std::string::npos) << mistakes;
    EXPECT_EQ(mistakes.find("_secret "), std::string::npos) << mistakes;
    EXPECT_EQ(mistakes.find("12s"), std::string::npos) << mistakes;
  }
}

TEST_F(ConfigTest, AFileThatIsNotThereIsNotFound) {
  const Result<Config> config = LoadConfig(scratch_.File("none.toml"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Errc::kNotFound);
}

Config Servable() {
  Config config;
  config.stripe_webhook_secrets = {"whsec_1"};
  config.stripe_api_key = "sk_test_1";
  return config;
}

std::string Refusal(const Config& config) {
  const Status status = CheckForServing(config);
  return status ? "" : status.error().detail;
}

TEST(CheckForServingTest, WhatBelongsTogetherServes) { EXPECT_EQ(Refusal(Servable()), ""); }

TEST(CheckForServingTest, EachMistakeHasALineAndNoneASecret) {
  Config config;
  config.stripe_webhook_secrets = {" ", "whsec_hidden ", "sk_live_hidden"};
  config.stripe_api_key = "whsec_hidden";
  const std::string text = Refusal(config);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_NE(text.find("number 1 is blank"), std::string::npos) << text;
  EXPECT_NE(text.find("number 2 has spaces around it"), std::string::npos) << text;
  EXPECT_NE(text.find("number 3 is an API key"), std::string::npos) << text;
  EXPECT_NE(text.find("stripe.api_key (DUNLIN_STRIPE_API_KEY) is a webhook signing secret"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
}

TEST(CheckForServingTest, NothingGivenIsMissing) {
  const std::string text = Refusal(Config{});
  EXPECT_NE(text.find("stripe.webhook_secrets (DUNLIN_STRIPE_WEBHOOK_SECRETS): missing"), std::string::npos) << text;
  EXPECT_NE(text.find("stripe.api_key (DUNLIN_STRIPE_API_KEY): missing"), std::string::npos) << text;
}

TEST(CheckForServingTest, ALiveKeyKeepsTheMachinesTime) {
  Config config = Servable();
  config.clock = "http://127.0.0.1:1";
  EXPECT_EQ(Refusal(config), "");
  for (const char* key : {"sk_live_1", "rk_live_1"}) {
    config.stripe_api_key = key;
    EXPECT_NE(Refusal(config).find("clock"), std::string::npos) << key;
  }
}

TEST(CheckForServingTest, OfTheMarketplaceEverythingOrNothing) {
  Config config = Servable();
  config.aws_marketplace_eventbridge_secrets = {" hidden"};
  std::string text = Refusal(config);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_NE(text.find("eventbridge_secrets (DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS): number 1"), std::string::npos);
  EXPECT_NE(text.find("aws_marketplace.landing_page"), std::string::npos) << text;
  EXPECT_NE(text.find("aws.access_key_id"), std::string::npos) << text;
  EXPECT_EQ(text.find("hidden"), std::string::npos) << text;
  config = Servable();
  config.aws_marketplace_landing_page = "https://product.example";
  config.aws_access_key_id = "AKID";
  config.aws_secret_access_key = "hidden";
  EXPECT_NE(Refusal(config).find("nothing of AWS would be heard"), std::string::npos);
  config.aws_marketplace_topics = {"arn:aws:sns:us-east-1:1:a"};
  EXPECT_EQ(Refusal(config), "");
}

TEST(LivemodeOfTest, TheKeySaysItsMode) {
  EXPECT_EQ(LivemodeOf("sk_live_x"), true);
  EXPECT_EQ(LivemodeOf("rk_live_x"), true);
  EXPECT_EQ(LivemodeOf("sk_test_x"), false);
  EXPECT_EQ(LivemodeOf("rk_test_x"), false);
  EXPECT_EQ(LivemodeOf("sk_other"), std::nullopt);
  EXPECT_EQ(LivemodeOf(""), std::nullopt);
}

}  // namespace
}  // namespace dunlin
