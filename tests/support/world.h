// A provider simulator and a service beside it, as real processes on free ports, in a folder of their own.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/player/player.h"
#include "state/ledger.h"
#include "tests/support/process.h"

namespace dunlin::testing {

class World {
 public:
  using Json = nlohmann::json;
  using Form = std::vector<std::pair<std::string, std::string>>;
  struct Options {
    std::string queue = "memory";
    int seed = 1;
    std::map<std::string, std::string> env;  // for the service, over what the world sets
    // AWS Marketplace too: products prod-old and prod-new buy plan "team", their dimension "seats" plan "business",
    // and "requests" are metered. The products themselves are not made yet; the topics of both are ours.
    bool aws = false;
    std::string ledger_folder;  // where the ledger is; in the world's folder when empty
  };
  // Starts the simulator, makes the catalogue, starts the service and points the webhooks at it.
  explicit World(Options options);
  ~World();

  static constexpr const char* kSecret = "whsec_world_0123456789";
  static constexpr const char* kApiKey = "sk_test_world_key";
  static constexpr const char* kBridgeSecret = "bridge-world-0123456789";
  static constexpr const char* kLandingPage = "http://127.0.0.1:9/welcome";

  void StartService();  // the same ledger, and the port it had before
  Process& service() { return *service_; }

  Timestamp Now();                                           // the simulated moment
  int port() const;                                          // of the service
  Json Sim(const std::string& path, const Json& body);       // POST to the control API
  Json SimGet(const std::string& path);                      // GET from the control API
  Json Provider(const std::string& path, const Form& form);  // POST to the provider's API; throws on an error
  Json DeleteAtProvider(const std::string& path);            // likewise
  std::pair<int, Json> Api(const std::string& path);         // GET from the service, with a support token
  // Posts an event as the provider would, signed at the simulated moment. Returns the status, 0 without an answer.
  int Post(const std::string& body, const std::string& secret = kSecret);

  // Until no webhook is pending and no job is due, at most `seconds`. Returns whether it came true.
  bool Settle(int seconds);

  play::Targets targets() const;
  std::map<std::string, std::string> prices() const { return prices_; }
  std::string folder() const { return folder_; }
  std::string ledger() const { return "sqlite:" + ledger_file_; }
  std::string outbox() const { return folder_ + "/outbox.jsonl"; }  // where the service's messages go
  std::string url() const { return service_url_; }
  std::string token() const { return token_; }

 private:
  void MakeCatalog();
  std::map<std::string, std::string> AwsEnvironment() const;

  const Options options_;
  std::string folder_;
  std::string ledger_file_;
  std::string provider_url_, service_url_;
  std::string listen_ = "127.0.0.1:0";
  std::string token_;
  std::map<std::string, std::string> prices_;
  std::unique_ptr<Process> provider_;
  std::unique_ptr<Process> service_;
};

}  // namespace dunlin::testing
