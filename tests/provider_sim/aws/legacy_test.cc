// The legacy integration: the actions on the product's SNS topics.
#include "tests/provider_sim/aws/aws_fixture.h"

namespace dunlin::sim {
namespace {

using Words = std::vector<std::string>;

class LegacyTest : public AwsFixture {
 protected:
  Words Actions() {
    EXPECT_TRUE(Quiet());
    return Sent();
  }
};

TEST_F(LegacyTest, AMessageNamesTheBuyerTheProductAndTheOffer) {
  MakeProduct();
  const Json agreement = Subscribed("legacy", {{"free_trial", true}});
  sns_.WaitFor(1);
  const Json message = Inner().at(0);
  EXPECT_EQ(message, (Json{{"action", "subscribe-success"},
                           {"customer-identifier", agreement["customer_identifier"]},
                           {"product-code", kProduct},
                           {"offer-identifier", agreement["offer"]},
                           {"isFreeTrialTermPresent", "true"}}));
  EXPECT_EQ(agreement["license_arn"], nullptr);
}

TEST_F(LegacyTest, AccessBeginsWithSubscribeSuccessAndNotBefore) {
  MakeProduct();
  const std::string id = Aws("subscribe", {{"product", kProduct}, {"integration", "legacy"}})["agreement"];
  EXPECT_EQ(AgreementTruth(id)["entitled"], false);
  EXPECT_TRUE(Sent().empty());
  Advance("62s");
  EXPECT_EQ(AgreementTruth(id)["entitled"], true);
  EXPECT_EQ(Actions(), (Words{"subscribe-success"}));
}

TEST_F(LegacyTest, UnsubscribingTakesAnHour) {
  MakeProduct();
  const std::string id = Subscribed("legacy")["agreement"];
  Aws("end", {{"agreement", id}});
  Advance("59m");
  EXPECT_EQ(AgreementTruth(id)["entitled"], true);
  EXPECT_EQ(AgreementTruth(id)["status"], "ending");
  Advance("2m");
  EXPECT_EQ(AgreementTruth(id)["entitled"], false);
  EXPECT_EQ(Actions(), (Words{"subscribe-success", "unsubscribe-pending", "unsubscribe-success"}));
}

TEST_F(LegacyTest, SubscribingAgainWithinTheHourKeepsEverything) {
  MakeProduct();
  const Json first = Subscribed("legacy");
  Aws("end", {{"agreement", first["agreement"]}});
  Advance("30m");
  const Json again = Aws("subscribe", {{"product", kProduct}, {"buyer", first["buyer"]}, {"integration", "legacy"}});
  EXPECT_EQ(again["agreement"], first["agreement"]);
  EXPECT_NE(again["offer"], first["offer"]);
  Advance("2h");
  EXPECT_EQ(AgreementTruth(first["agreement"])["entitled"], true);
  EXPECT_EQ(Actions(), (Words{"subscribe-success", "unsubscribe-pending", "subscribe-success"}));
}

TEST_F(LegacyTest, AFailedSubscriptionGivesNothing) {
  MakeProduct();
  const std::string id =
      Aws("subscribe", {{"product", kProduct}, {"integration", "legacy"}, {"fails", true}})["agreement"];
  Advance("1h");
  EXPECT_EQ(AgreementTruth(id)["status"], "failed");
  EXPECT_EQ(AgreementTruth(id)["entitled"], false);
  EXPECT_EQ(Actions(), (Words{"subscribe-fail"}));
}

TEST_F(LegacyTest, ADatedSubscriptionBeginsOnItsDay) {
  MakeProduct();
  const std::string id = Subscribed("legacy", {{"starts", "2026-02-01T00:00:00Z"}})["agreement"];
  EXPECT_TRUE(Actions().empty());
  Control("/_sim/clock", {{"to", "2026-02-01T00:02:00Z"}});
  EXPECT_EQ(AgreementTruth(id)["since"], "2026-02-01T00:01:01Z");
  EXPECT_EQ(Actions(), (Words{"subscribe-success"}));
}

TEST_F(LegacyTest, EveryChangeOfAContractIsTheSameMessage) {
  MakeProduct(true);
  const std::string id =
      Subscribed("legacy", {{"ends", "2026-02-10T00:00:00Z"}, {"entitlements", {{"seats", 5}}}})["agreement"];
  Aws("entitlements", {{"agreement", id}, {"entitlements", {{"seats", 8}}}});
  EXPECT_EQ(AgreementTruth(id)["entitlements"]["seats"]["value"], 8);
  EXPECT_EQ(AgreementTruth(id)["until"], "2026-02-10T00:00:00Z");
  Advance("31d");
  EXPECT_EQ(AgreementTruth(id)["entitled"], false);
  const Words actions = Actions();
  EXPECT_EQ(std::count(actions.begin(), actions.end(), "entitlement-updated"), 4);  // begun, changed, expired, closed
  for (const Hook& hook : sns_.hooks()) {
    const bool entitlement = Json::parse(std::string(hook.json()["Message"]))["action"] == "entitlement-updated";
    EXPECT_EQ(hook.json()["TopicArn"], entitlement ? kEntitlementTopic : kSubscriptionTopic);
  }
}

TEST_F(LegacyTest, ARenewalIsNoEnd) {
  MakeProduct();
  const Json first = Subscribed("legacy");
  Aws("renew", {{"agreement", first["agreement"]}});
  Advance("5m");
  EXPECT_EQ(Actions(), (Words{"subscribe-success", "subscribe-success"}));
  EXPECT_EQ(Truth()["customers"][0]["entitled"], true);
}

TEST_F(LegacyTest, WithBothIntegrationsBothFamiliesCome) {
  MakeProduct();
  const Json agreement = Subscribed("both");
  EXPECT_NE(agreement["license_arn"], nullptr);
  EXPECT_NE(agreement["customer_identifier"], nullptr);
  EXPECT_EQ(Actions(),
            (Words{"Purchase Agreement Created - Proposer", "subscribe-success", "License Updated - Manufacturer"}));
}

TEST_F(LegacyTest, WrongOrdersAreRefusedAndChangeNothing) {
  MakeProduct(true);
  const std::string id = Subscribed("legacy")["agreement"];
  EXPECT_EQ(Control("/_sim/aws/products", {{"code", kProduct}, {"dimensions", Json::object()}}).status, 409);
  EXPECT_EQ(Control("/_sim/aws/products", {{"dimensions", {{"x", "sold"}}}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/subscribe", {{"product", "none"}}).status, 404);
  EXPECT_EQ(Control("/_sim/aws/subscribe", {{"product", kProduct}, {"buyer", "1"}}).status, 404);
  EXPECT_EQ(Control("/_sim/aws/subscribe", {{"product", kProduct}, {"integration", "other"}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/subscribe", {{"product", kProduct}, {"byer", "1"}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/subscribe", {{"product", kProduct}, {"entitlements", {{"requests", 1}}}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/end", {{"agreement", id}, {"as", "RENEWED"}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/end", {{"agreement", "agmt-none"}}).status, 404);
  EXPECT_EQ(Control("/_sim/aws/entitlements", {{"agreement", id}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/settings", {{"signature_version", "3"}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/settings", {{"disabled", "all"}}).status, 400);
  EXPECT_EQ(Control("/_sim/aws/nothing", Json::object()).status, 404);
  EXPECT_EQ(Truth()["agreements"].size(), 1U);
}

}  // namespace
}  // namespace dunlin::sim
