// A simulator on a free port, and the few calls that most of its tests begin with.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fixtures/provider_sim/server.h"

namespace dunlin::sim {

using Json = nlohmann::json;

struct Reply {
  int status = 0;  // 0: the connection ended without an answer
  Json body;
  std::map<std::string, std::string> headers;
};

class SimFixture : public ::testing::Test {
 protected:
  void SetUp() override { Restart({}); }
  void Restart(const std::string& webhook);  // a fresh simulator, from 2026-01-01T00:00:00Z

  // `form` is sent as it is: "customer=cus_1&items[0][price]=price_1".
  Reply Post(const std::string& path, const std::string& form = "", const std::string& key = "");
  Reply Get(const std::string& path);
  Reply Delete(const std::string& path);
  Reply Control(const std::string& path, const Json& body);
  Json Read(const std::string& path);  // GET, which has to be answered 200

  void Advance(const std::string& duration);
  std::string MakePrice(int cents = 2000, const std::string& interval = "month");
  std::string MakeCustomer(const std::string& card = "pm_card_visa");
  Json Subscribe(const std::string& customer, const std::string& price, const std::string& more = "");
  std::string AttachDefault(const std::string& customer, const std::string& card);  // -> pm_…
  void CardsOf(const std::string& customer, const Json& behavior);

  Json Subscription(const std::string& id) { return Read("/v1/subscriptions/" + id); }
  Json LatestInvoice(const std::string& subscription);
  std::vector<Json> ChargesOf(const std::string& invoice);
  std::vector<Json> Events(const std::string& query = "limit=100");  // oldest first
  std::vector<std::string> TypesOfEvents(const std::string& query = "limit=100");

  std::unique_ptr<SimServer> sim_;
};

}  // namespace dunlin::sim
