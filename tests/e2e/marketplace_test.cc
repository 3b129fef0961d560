// A buyer of AWS Marketplace from the first notification to the last, with the real processes: the service, and a
// simulator that signs, confirms, answers and takes its time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "fixtures/player/http.h"
#include "tests/support/http_client.h"
#include "tests/support/world.h"

namespace dunlin::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Json = nlohmann::json;

struct Market {
  explicit Market(int seed) : world({.seed = seed, .aws = true}) {}

  Json Aws(const std::string& call, const Json& body) { return world.Sim("/_sim/aws/" + call, body); }

  // A contract has seats, besides what is metered.
  void MakeProduct(const std::string& code, bool contract) {
    Json dimensions = {{"requests", "metered"}};
    if (contract) dimensions["seats"] = "entitled";
    Aws("products", {{"code", code}, {"dimensions", dimensions}});
    ASSERT_TRUE(Settle());
  }
  // Accepted, and what AWS provides is there.
  Json Subscribe(const std::string& product, const std::string& integration, const Json& more = Json::object()) {
    Json body = {{"product", product}, {"integration", integration}};
    body.update(more);
    Json agreement = Aws("subscribe", body);
    Advance("2m");
    return agreement;
  }

  // All is delivered, and nothing is left to do now.
  bool Settle() {
    for (int i = 0; i < 20; ++i) {
      if (world.Sim("/_sim/quiesce", Json::object()).at("quiet") == true && world.Settle(10)) return true;
    }
    return false;
  }
  // The second leap is for what is asked again a moment later.
  void Advance(const std::string& by) {
    for (const std::string& leap : {by, std::string("5s")}) {
      world.Sim("/_sim/clock", {{"advance", leap}});
      ASSERT_TRUE(Settle());
    }
  }

  // As the buyer's browser does. Returns the code at the landing page.
  std::string Register(const Json& agreement) {
    const std::string token = Aws("registration-token", {{"agreement", agreement.at("agreement")}}).at("token");
    const auto answer = Post("x-amzn-marketplace-token=" + Encoded(token));
    EXPECT_EQ(answer.status, 303) << answer.body;
    const std::string location = answer.Header("Location"), before = std::string(World::kLandingPage) + "?code=";
    EXPECT_THAT(location, ::testing::StartsWith(before));
    EXPECT_TRUE(Settle());
    return location.size() > before.size() ? location.substr(before.size()) : "";
  }
  testing_support::HttpAnswer Post(const std::string& form) {
    return testing_support::HttpSend(world.port(), "POST", "/aws-marketplace/register",
                                     {{"Content-Type", "application/x-www-form-urlencoded"}}, form);
  }
  static std::string Encoded(const std::string& token) {
    std::string out;
    for (const char c : token) {
      char text[4];
      std::snprintf(text, sizeof text, "%%%02X", static_cast<unsigned char>(c));
      out += text;
    }
    return out;
  }
  int Claim(const std::string& code, const std::string& account) {
    const auto answer = play::PostJson(world.url() + "/v1/registrations/" + code + "/claim", world.token(),
                                       Json{{"account", account}}.dump());
    return answer ? answer->status : 0;
  }

  Json Access(const std::string& account) { return world.Api("/v1/access/" + account).second; }
  std::string AccessOf(const std::string& account) { return Access(account).value("access", "unknown"); }
  Json Subscription(const std::string& any_id) { return world.Api("/v1/subscriptions/" + Encoded(any_id)).second; }

  std::vector<StoredEvent> Events(EventOutcome outcome) {
    auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
    auto events = (*ledger)->Events({.outcome = outcome}, {.limit = 1000});
    return events->items;
  }
  std::vector<std::string> Alerts() {
    std::vector<std::string> kinds;
    const Json alerts = world.Api("/v1/alerts").second;
    for (const Json& alert : alerts.at("items")) kinds.push_back(alert.at("kind"));
    return kinds;
  }

  World world;
};

TEST(MarketplaceTest, ABuyerOfTheOldKindSubscribesRegistersUsesAndLeaves) {
  Market market(81);
  market.MakeProduct("prod-old", false);
  const Json topics = market.world.SimGet("/_sim/aws/topics");
  for (const Json& topic : topics.at("topics")) {
    EXPECT_EQ(topic.at("confirmed"), true) << topic;
  }

  const Json agreement = market.Subscribe("prod-old", "legacy");
  const std::string customer = agreement.at("customer_identifier");
  ASSERT_EQ(market.Events(EventOutcome::kWaiting).size(), 1U);
  EXPECT_EQ(market.Events(EventOutcome::kWaiting)[0].type, "sns.subscribe-success");
  EXPECT_EQ(market.AccessOf(customer), "unknown");

  const std::string code = market.Register(agreement);
  EXPECT_THAT(market.Events(EventOutcome::kWaiting), IsEmpty());
  EXPECT_EQ(market.Claim(code, "user-42"), 200);
  EXPECT_EQ(market.Claim(code, "user-43"), 409);
  EXPECT_EQ(market.AccessOf("user-42"), "granted");
  EXPECT_EQ(market.Access("user-42").at("plan"), "team");
  EXPECT_EQ(market.AccessOf(customer), "granted");
  const Json subscription = market.Subscription("prod-old/" + customer);
  EXPECT_EQ(subscription.at("status"), "active");
  EXPECT_EQ(subscription.at("collection").at("owner"), "marketplace");
  EXPECT_THAT(subscription.at("marketplace").at("products"), Contains("prod-old"));

  market.Aws("end", {{"agreement", agreement.at("agreement")}});
  market.Advance("30m");
  EXPECT_EQ(market.AccessOf("user-42"), "granted") << "until AWS confirms the end";
  EXPECT_FALSE(market.Subscription("prod-old/" + customer).at("cancel_at").is_null());
  market.Advance("31m");
  EXPECT_EQ(market.AccessOf("user-42"), "revoked");
  EXPECT_EQ(market.Subscription("prod-old/" + customer).at("status"), "canceled");
  EXPECT_THAT(market.Alerts(), IsEmpty());
}

TEST(MarketplaceTest, ABuyerWhoComesBackWithinTheHourKeepsEverything) {
  Market market(82);
  market.MakeProduct("prod-old", false);
  const Json agreement = market.Subscribe("prod-old", "legacy");
  market.Register(agreement);
  const std::string customer = agreement.at("customer_identifier");
  market.Aws("end", {{"agreement", agreement.at("agreement")}});
  market.Advance("30m");
  market.Aws("subscribe", {{"product", "prod-old"}, {"buyer", agreement.at("buyer")}, {"integration", "legacy"}});
  market.Advance("5h");
  EXPECT_EQ(market.AccessOf(customer), "granted");
  EXPECT_TRUE(market.Subscription("prod-old/" + customer).at("cancel_at").is_null());
}

TEST(MarketplaceTest, AContractOfTheNewKindFollowsItsEntitlementsAndItsAgreements) {
  Market market(83);
  market.MakeProduct("prod-new", true);
  const Json agreement =
      market.Subscribe("prod-new", "current", {{"entitlements", {{"seats", 5}}}, {"ends", "2026-06-01T00:00:00Z"}});
  const std::string root = agreement.at("agreement"), licence = agreement.at("license");
  EXPECT_GE(market.Events(EventOutcome::kWaiting).size(), 2U);

  const std::string code = market.Register(agreement);
  EXPECT_EQ(market.Claim(code, "org-7"), 200);
  EXPECT_THAT(market.Events(EventOutcome::kWaiting), IsEmpty());
  Json subscription = market.Subscription(licence);
  EXPECT_EQ(subscription.at("id"), root);
  EXPECT_EQ(subscription.at("plan"), "business");
  EXPECT_EQ(subscription.at("paid_until"), "2026-06-01T00:00:00Z");
  EXPECT_EQ(subscription.at("marketplace").at("entitlements").at(0).at("value"), "5");

  const Json renewed = market.Aws("renew", {{"agreement", root}, {"ends", "2027-06-01T00:00:00Z"}});
  market.Advance("2h");
  subscription = market.Subscription(renewed.at("agreement"));
  EXPECT_EQ(subscription.at("id"), root);
  EXPECT_EQ(subscription.at("paid_until"), "2027-06-01T00:00:00Z");
  EXPECT_EQ(market.AccessOf("org-7"), "granted");

  market.Aws("end", {{"agreement", renewed.at("agreement")}, {"as", "CANCELLED"}});
  market.Advance("50m");
  EXPECT_EQ(market.AccessOf("org-7"), "granted");
  market.Advance("11m");
  EXPECT_EQ(market.AccessOf("org-7"), "revoked");
  EXPECT_EQ(market.Subscription(licence).at("status"), "canceled");
}

// Whatever comes first of the new licence, the end of the old agreement and that of its licence, and whatever AWS
// answers about the old licence meanwhile.
TEST(MarketplaceTest, ARenewalNeverTakesAccess) {
  Market market(88);
  market.MakeProduct("prod-new", true);
  market.world.Sim("/_sim/faults", {{"aws_webhooks", {{"duplicate", 0.3}, {"reorder", 0.9}}}});
  std::vector<Json> agreements;
  for (int i = 0; i < 5; ++i) {
    agreements.push_back(market.Aws("subscribe", {{"product", "prod-new"},
                                                  {"integration", "current"},
                                                  {"entitlements", {{"seats", 5}}},
                                                  {"ends", "2026-06-01T00:00:00Z"}}));
  }
  market.Advance("2m");
  for (const Json& agreement : agreements) market.Register(agreement);
  for (const Json& agreement : agreements) {
    market.Aws("renew", {{"agreement", agreement.at("agreement")}, {"ends", "2027-06-01T00:00:00Z"}});
  }
  ASSERT_TRUE(market.Settle());  // that it goes on is told at once; its licence comes a minute later
  for (const char* leap : {"10m", "2h"}) market.Advance(leap);
  for (const Json& agreement : agreements) {
    const std::string id = agreement.at("agreement");
    EXPECT_EQ(market.Subscription(id).at("paid_until"), "2027-06-01T00:00:00Z");
    const Json timeline = market.world.Api("/v1/subscriptions/" + id + "/timeline").second;
    for (const Json& row : timeline.at("items")) {
      EXPECT_NE(row.value("/access/to"_json_pointer, ""), "revoked") << timeline.dump(1);
    }
  }
}

TEST(MarketplaceTest, EventsComeThroughAnApiDestinationTooAndBothWaysAreOne) {
  Market market(84);
  market.MakeProduct("prod-new", false);
  market.Aws("webhook", {{"url", market.world.url() + "/webhooks/aws-marketplace"},
                         {"eventbridge_url", market.world.url() + "/webhooks/aws-eventbridge"}});
  market.Aws("settings", {{"events", "both"}});
  const Json agreement = market.Subscribe("prod-new", "current");
  market.Register(agreement);
  const std::string licence = agreement.at("license");
  EXPECT_EQ(market.Subscription(licence).at("status"), "active");
  const auto metrics = play::Get(market.world.url() + "/metrics", "");
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, HasSubstr(R"(route="/webhooks/aws-eventbridge",status="200"} 2)"));
  int duplicates = 0;
  for (const char* door : {"aws-marketplace", "aws-eventbridge"}) {
    const std::string line = "provider=\"" + std::string(door) + "\",verdict=\"duplicate\"} ";
    const std::size_t at = metrics->body.find(line);
    if (at != std::string::npos) duplicates += std::stoi(metrics->body.substr(at + line.size()));
  }
  EXPECT_EQ(duplicates, 2) << "Created and License Updated, each twice";
}

TEST(MarketplaceTest, WhatComesTwiceLateAndInAnyOrderEndsTheSame) {
  Market market(85);
  market.MakeProduct("prod-old", false);
  market.world.Sim("/_sim/faults", {{"aws_webhooks", {{"duplicate", 0.5}, {"reorder", 0.8}}}});
  std::vector<Json> agreements;
  for (int i = 0; i < 6; ++i) {
    agreements.push_back(market.Aws("subscribe", {{"product", "prod-old"}, {"integration", "both"}}));
  }
  market.Advance("2m");
  for (const Json& agreement : agreements) market.Register(agreement);
  for (int i = 0; i < 3; ++i)
    market.Aws("end", {{"agreement", agreements[static_cast<std::size_t>(i)].at("agreement")}});
  market.Advance("30m");
  market.Advance("45m");
  for (const Json& agreement : agreements) market.Aws("emit", {{"agreement", agreement.at("agreement")}});
  ASSERT_TRUE(market.Settle());
  const Json truth = market.world.SimGet("/_sim/aws/truth");
  for (const Json& agreement : truth.at("agreements")) {
    const Json subscription = market.Subscription(agreement.at("agreement"));
    EXPECT_EQ(subscription.value("access", "") == "granted", agreement.at("entitled").get<bool>()) << subscription;
    EXPECT_EQ(subscription.value("id", ""), agreement.at("root"));
  }
}

TEST(MarketplaceTest, ATokenThatIsTooOldWipesNothing) {
  Market market(86);
  market.MakeProduct("prod-old", false);
  const Json agreement = market.Subscribe("prod-old", "legacy");
  market.Register(agreement);
  const std::string late = market.Aws("registration-token", {{"agreement", agreement.at("agreement")}}).at("token");
  market.Advance("5h");
  for (const std::string& token : {late, std::string("made-up")}) {
    const auto answer = market.Post("x-amzn-marketplace-token=" + Market::Encoded(token));
    EXPECT_EQ(answer.status, 400);
    EXPECT_THAT(answer.body, HasSubstr("AWS Marketplace"));
  }
  EXPECT_EQ(market.Post("x-amzn-marketplace-token=" + std::string(12000, 'x')).status, 400)
      << "a long form is read too";
  EXPECT_EQ(market.AccessOf(agreement.at("customer_identifier")), "granted");
  market.Register(agreement);
  EXPECT_EQ(market.AccessOf(agreement.at("customer_identifier")), "granted");
}

TEST(MarketplaceTest, ATopicThatIsTakenAwayIsToldAndNotAskedForAgain) {
  Market market(87);
  market.MakeProduct("prod-old", false);
  const std::string topic = "arn:aws:sns:us-east-1:111111111111:aws-mp-subscription-notification-prod-old";
  market.Aws("topics", {{"topic", topic}, {"do", "unsubscribe"}});
  ASSERT_TRUE(market.Settle());
  EXPECT_THAT(market.Alerts(), Contains("topic_unsubscribed"));
  const auto confirmed = [&] {
    const Json topics = market.world.SimGet("/_sim/aws/topics").at("topics");
    const auto found = std::ranges::find_if(topics, [&](const Json& t) { return t.at("topic") == topic; });
    return found != topics.end() && found->at("confirmed") == true;
  };
  market.Advance("1h");
  EXPECT_FALSE(confirmed());
  market.Aws("topics", {{"topic", topic}, {"do", "subscribe"}});
  ASSERT_TRUE(market.Settle());
  EXPECT_TRUE(confirmed());
  EXPECT_THAT(market.Alerts(), Not(Contains("topic_unsubscribed")));
}

}  // namespace
}  // namespace dunlin::testing
