// `dunlin serve` by itself, with a ledger of its own and no provider behind it: enough for what stands at the door.
#pragma once

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "state/clock.h"
#include "tests/support/http_client.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "webhooks/stripe/signature.h"

namespace dunlin::testing {

class Served {
 public:
  static constexpr const char* kSecret = "whsec_served_0123456789";

  // `descriptors`: as many as it may have; 0: the usual. `env` goes over what is set here.
  explicit Served(int descriptors = 0, std::map<std::string, std::string> env = {}) {
    env.try_emplace("DUNLIN_STRIPE_WEBHOOK_SECRETS", kSecret);
    env.try_emplace("DUNLIN_STRIPE_API_KEY", "sk_test_served_0123456789");
    env.try_emplace("DUNLIN_STRIPE_API_BASE", "http://127.0.0.1:9");
    env.try_emplace("DUNLIN_LOG_LEVEL", "error");
    const std::string limit = descriptors == 0 ? "" : "ulimit -n " + std::to_string(descriptors) + "; ";
    process_ = std::make_unique<Process>(
        std::vector<std::string>{"/bin/sh", "-c", limit + "exec \"$0\" \"$@\"",
                                 std::string(DUNLIN_BINARY_DIR) + "/app/dunlin", "serve", "--listen", "127.0.0.1:0",
                                 "--ledger", "sqlite:" + scratch_.File("ledger.db")},
        env, scratch_.File("service"));
    const std::string address = process_->WaitForAddress();
    const std::size_t colon = address.rfind(':');
    if (colon != std::string::npos) port_ = std::stoi(address.substr(colon + 1));
  }

  int port() const { return port_; }  // 0: it did not come up
  Process& process() { return *process_; }

  // The bytes of a webhook that is accepted, with an event of its own.
  std::string Webhook(const testing_support::Headers& more = {}) {
    const std::string body = R"({"id":"evt_served_)" + std::to_string(++events_) +
                             R"(","object":"event","type":"customer.created","created":1767225600,"livemode":false,)"
                             R"("data":{"object":{"id":"cus_1","object":"customer"}}})";
    testing_support::Headers headers = {{"Stripe-Signature", SignStripePayload(body, kSecret, SystemClock().Now())}};
    headers.insert(headers.end(), more.begin(), more.end());
    return testing_support::RequestBytes("POST", "/webhooks/stripe", headers, body);
  }

  // The most memory that it ever had resident, in MiB.
  double PeakMiB() const {
    std::ifstream status("/proc/" + std::to_string(process_->pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    }
    return -1;
  }

 private:
  ScratchDir scratch_;
  std::unique_ptr<Process> process_;
  int port_ = 0;
  int events_ = 0;
};

}  // namespace dunlin::testing
