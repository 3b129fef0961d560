#include "tests/support/world.h"

#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "app/tokens.h"
#include "fixtures/player/http.h"
#include "fixtures/player/quiet.h"
#include "state/clock.h"
#include "webhooks/stripe/signature.h"

namespace dunlin::testing {
namespace {

const std::string kBuilt = DUNLIN_BINARY_DIR;

std::string NewFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "dunlin-world-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for a world");
  return name;
}

nlohmann::json Read(const Result<play::Answer>& answer, const std::string& what) {
  if (!answer) throw std::runtime_error(what + ": " + answer.error().detail);
  if (answer->status / 100 != 2)
    throw std::runtime_error(what + " answered " + std::to_string(answer->status) + ": " + answer->body);
  return nlohmann::json::parse(answer->body);
}

}  // namespace

World::World(Options options)
    : options_(std::move(options)),
      folder_(NewFolder()),
      ledger_file_((options_.ledger_folder.empty() ? folder_ : options_.ledger_folder) + "/ledger.db") {
  std::filesystem::create_directory(folder_ + "/certs");
  provider_ = std::make_unique<Process>(
      std::vector<std::string>{kBuilt + "/fixtures/provider_sim/dunlin-provider-sim", "--listen", "127.0.0.1:0",
                               "--secret", kSecret, "--seed", std::to_string(options_.seed), "--aws-certs",
                               folder_ + "/certs", "--aws-eventbridge-secret", kBridgeSecret},
      std::map<std::string, std::string>{}, folder_ + "/provider");
  provider_url_ = provider_->WaitForAddress();
  if (provider_url_.empty()) throw std::runtime_error("the simulator did not come up: " + provider_->Err());
  MakeCatalog();
  StartService();
  auto opened = OpenLedger(ledger(), {LedgerOptions::Mode::kOpenExisting});
  if (!opened) throw std::runtime_error(opened.error().detail);
  const Result<std::string> token = CreateToken(**opened, Role::kSupport, "tests", std::nullopt, Timestamp{});
  if (!token) throw std::runtime_error(token.error().detail);
  token_ = *token;
  Sim("/_sim/webhook", {{"url", service_url_ + "/webhooks/stripe"}});
  if (options_.aws) Sim("/_sim/aws/webhook", {{"url", service_url_ + "/webhooks/aws-marketplace"}});
}

World::~World() {
  service_.reset();
  provider_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(ledger_file_ + part, ignored);
}

void World::MakeCatalog() {
  const std::string policy = folder_ + "/policy.toml";
  Process play({kBuilt + "/fixtures/player/dunlin-play", "catalog", "--provider", provider_url_, "--policy",
                std::string(DUNLIN_SOURCE_DIR) + "/fixtures/policy.toml", "--out", policy},
               {}, folder_ + "/catalog");
  if (play.Wait() != 0) throw std::runtime_error("no catalogue: " + play.Err());
  std::ifstream file(policy);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::regex line(R"re(\[plan\.([a-z_]+)\]|"(price_[A-Za-z0-9_]+)")re");
  std::string plan;
  for (std::sregex_iterator at(all.begin(), all.end(), line), end; at != end; ++at) {
    if ((*at)[1].matched) plan = (*at)[1];
    if ((*at)[2].matched) prices_[plan] = (*at)[2];
  }
}

std::map<std::string, std::string> World::AwsEnvironment() const {
  const std::string topic = "arn:aws:sns:us-east-1:111111111111:aws-mp-";
  std::string topics = "arn:aws:sns:us-east-1:222222222222:marketplace-events";
  for (const char* product : {"prod-old", "prod-new"}) {
    topics +=
        "," + topic + "subscription-notification-" + product + "," + topic + "entitlement-notification-" + product;
  }
  return {{"DUNLIN_AWS_MARKETPLACE_TOPICS", topics},
          {"DUNLIN_AWS_MARKETPLACE_CERTIFICATES", folder_ + "/certs"},
          {"DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS", kBridgeSecret},
          {"DUNLIN_AWS_MARKETPLACE_LANDING_PAGE", kLandingPage},
          {"DUNLIN_AWS_API_BASE", provider_url_},
          {"DUNLIN_AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
          {"DUNLIN_AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}};
}

void World::StartService() {
  std::map<std::string, std::string> env = {{"DUNLIN_STRIPE_WEBHOOK_SECRETS", kSecret},
                                            {"DUNLIN_STRIPE_API_KEY", kApiKey},
                                            {"DUNLIN_STRIPE_API_BASE", provider_url_},
                                            {"DUNLIN_OUTBOX_FILE", outbox()}};
  if (options_.aws) env.merge(AwsEnvironment());
  for (const auto& [name, value] : options_.env) env[name] = value;
  // Should another program have the port for a moment, while the service was away: once more.
  std::string address;
  for (int attempt = 0; attempt < 5 && address.empty(); ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    service_ = std::make_unique<Process>(
        std::vector<std::string>{kBuilt + "/app/dunlin", "serve", "--listen", listen_, "--ledger", ledger(), "--queue",
                                 options_.queue, "--policy", folder_ + "/policy.toml", "--clock",
                                 provider_url_ + "/_sim/clock"},
        env, folder_ + "/service");
    address = service_->WaitForAddress();
    if (service_->Err().find("cannot listen on") == std::string::npos) break;
  }
  if (address.empty()) throw std::runtime_error("the service did not come up: " + service_->Err());
  if (!service_url_.empty()) return;  // the same again, and other threads may be reading it
  service_url_ = address;
  listen_ = service_url_.substr(std::string("http://").size());
}

Timestamp World::Now() { return FromUnixMillis(SimGet("/_sim/clock").at("now_ms")); }
int World::port() const { return std::stoi(service_url_.substr(service_url_.rfind(':') + 1)); }

World::Json World::Sim(const std::string& path, const Json& body) {
  return Read(play::PostJson(provider_url_ + path, "", body.dump()), path);
}
World::Json World::SimGet(const std::string& path) { return Read(play::Get(provider_url_ + path, ""), path); }
World::Json World::Provider(const std::string& path, const Form& form) {
  return Read(play::PostForm(provider_url_ + path, kApiKey, form), path);
}
World::Json World::DeleteAtProvider(const std::string& path) {
  return Read(play::Delete(provider_url_ + path, kApiKey), path);
}

std::pair<int, World::Json> World::Api(const std::string& path) {
  const Result<play::Answer> answer = play::Get(service_url_ + path, token_);
  if (!answer) return {0, nullptr};
  return {answer->status, Json::parse(answer->body, nullptr, false)};
}

int World::Post(const std::string& body, const std::string& secret) {
  const Result<play::Answer> answer = play::PostJson(service_url_ + "/webhooks/stripe", "", body,
                                                     {"Stripe-Signature: " + SignStripePayload(body, secret, Now())});
  return answer ? answer->status : 0;
}

bool World::Settle(int seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < until) {
    const bool quiet = SimGet("/_sim/truth").at("webhooks").at("pending") == 0;
    if (quiet && play::IsQuiet(service_url_, Now())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

play::Targets World::targets() const {
  return {.provider = provider_url_, .provider_key = kApiKey, .service = service_url_, .token = token_};
}

}  // namespace dunlin::testing
