#include "fixtures/provider_sim/faults.h"

#include <httplib.h>

#include "fixtures/provider_sim/ids.h"
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

using FaultsTest = SimFixture;

TEST_F(FaultsTest, ADroppedRequestIsNotExecuted) {
  const std::string customer = MakeCustomer();
  Control("/_sim/faults", {{"api", {{"drop_request_next", 1}, {"paths", "/v1/customers/"}}}});
  EXPECT_EQ(Post("/v1/customers/" + customer, "name=New").status, 0);
  EXPECT_EQ(Read("/v1/customers/" + customer)["name"], nullptr);
  EXPECT_EQ(Post("/v1/customers/" + customer, "name=New").status, 200);
}

TEST_F(FaultsTest, OnlyTheNextCallsOnThePathAndMethodAreHit) {
  const std::string customer = MakeCustomer();
  Control("/_sim/faults",
          {{"api", {{"status_429_next", 1}, {"status_409_next", 1}, {"paths", "/v1/customers"}, {"method", "POST"}}}});
  EXPECT_EQ(Get("/v1/customers/" + customer).status, 200);
  EXPECT_EQ(Get("/v1/prices").status, 200);
  EXPECT_EQ(Post("/v1/customers/" + customer, "name=A").status, 429);
  EXPECT_EQ(Post("/v1/customers/" + customer, "name=A").status, 409);
  EXPECT_EQ(Post("/v1/customers/" + customer, "name=A").status, 200);
}

TEST_F(FaultsTest, ChanceIsTheSameForTheSameSeed) {
  std::string rolls[2];
  for (std::string& text : rolls) {
    ApiFaultSource source(9);
    ApiFaults faults;
    faults.drop_answer.chance = 0.5;
    source.Set(faults);
    for (int i = 0; i < 64; ++i) text += source.For("POST", "/v1/x").drop_answer ? '1' : '0';
  }
  EXPECT_EQ(rolls[0], rolls[1]);
  EXPECT_NE(rolls[0].find('1'), std::string::npos);
  EXPECT_NE(rolls[0].find('0'), std::string::npos);
}

TEST_F(FaultsTest, IdsDependOnTheSeedAlone) {
  IdSource one(1), same(1), other(2);
  const std::string id = one.Next("sub_");
  EXPECT_EQ(id, same.Next("sub_"));
  EXPECT_NE(id, other.Next("sub_"));
  EXPECT_NE(id, one.Next("sub_"));
  EXPECT_TRUE(id.starts_with("sub_sim"));
}

TEST_F(FaultsTest, AnUnknownOrWrongFaultIsRefused) {
  EXPECT_EQ(Control("/_sim/faults", {{"api", {{"drop_anser", 1}}}}).status, 400);
  EXPECT_EQ(Control("/_sim/faults", {{"webhooks", {{"lose", 2}}}}).status, 400);
  EXPECT_EQ(Control("/_sim/faults", {{"mail", Json::object()}}).status, 400);
}

TEST_F(FaultsTest, AKeyIsRequiredAndBasicAuthenticationWorksToo) {
  httplib::Client client("127.0.0.1", sim_->port());
  const auto refused = client.Get("/v1/customers");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(Json::parse(refused->body)["error"]["type"], "invalid_request_error");
  client.set_basic_auth("sk_test_sim", "");
  EXPECT_EQ(client.Get("/v1/customers")->status, 200);
  client.set_basic_auth("sk_live_sim", "");
  EXPECT_EQ(client.Get("/v1/customers")->status, 401);
}

}  // namespace
}  // namespace dunlin::sim
