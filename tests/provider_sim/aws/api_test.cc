// The operations: who may call, ResolveCustomer, GetEntitlements, and what goes wrong on AWS's side.
#include <httplib.h>

#include "tests/provider_sim/aws/aws_fixture.h"

namespace dunlin::sim {
namespace {

class AwsApiTest : public AwsFixture {
 protected:
  std::string ErrorOf(const Reply& reply) {
    const std::string type = reply.body.value("__type", "");
    return type.substr(type.find('#') + 1);
  }
  std::string TokenFor(const Json& agreement) {
    return Aws("registration-token", {{"agreement", agreement["agreement"]}})["token"];
  }
  Reply Resolve(const std::string& token) { return Call("ResolveCustomer", {{"RegistrationToken", token}}); }
  // All pages of at most `most` entries each; counts the pages.
  std::vector<Json> Entitlements(Json request, int most, int& pages) {
    std::vector<Json> all;
    request["ProductCode"] = kProduct;
    request["MaxResults"] = most;
    for (pages = 1; pages < 50; ++pages) {
      const Reply reply = Call("GetEntitlements", request);
      EXPECT_EQ(reply.status, 200) << reply.body.dump();
      for (const Json& row : reply.body["Entitlements"]) all.push_back(row);
      if (!reply.body.contains("NextToken")) return all;
      request["NextToken"] = reply.body["NextToken"];
    }
    return all;
  }
};

TEST_F(AwsApiTest, AWrongSignatureIsRefused) {
  EXPECT_EQ(ErrorOf(Call("ResolveCustomer", {{"RegistrationToken", "x"}}, "another secret")),
            "InvalidSignatureException");
  httplib::Client client("127.0.0.1", sim_->port());
  const auto unsigned_call =
      client.Post("/", {{"X-Amz-Target", "AWSMPMeteringService.ResolveCustomer"}}, "{}", "application/x-amz-json-1.1");
  ASSERT_TRUE(unsigned_call);
  EXPECT_EQ(unsigned_call->status, 400);
  EXPECT_NE(unsigned_call->body.find("MissingAuthenticationTokenException"), std::string::npos);
  EXPECT_FALSE(unsigned_call->get_header_value("x-amzn-RequestId").empty());
}

TEST_F(AwsApiTest, WhatIsNoRequestIsRefused) {
  EXPECT_EQ(ErrorOf(Call("Nothing", Json::object())), "UnknownOperationException");
  EXPECT_EQ(ErrorOf(Call("ResolveCustomer", "[]")), "SerializationException");
  EXPECT_EQ(ErrorOf(Call("ResolveCustomer", "{")), "SerializationException");
  EXPECT_EQ(ErrorOf(Call("BatchMeterUsage", std::string(1024 * 1024, ' '))), "ValidationException");
  Aws("settings", {{"disabled", {"ResolveCustomer"}}});
  EXPECT_EQ(ErrorOf(Resolve("x")), "DisabledApiException");
}

TEST_F(AwsApiTest, ATokenNamesTheBuyerInTheWayOfTheIntegration) {
  MakeProduct();
  const Json legacy = Subscribed("legacy");
  EXPECT_EQ(Resolve(TokenFor(legacy)).body, (Json{{"CustomerIdentifier", legacy["customer_identifier"]},
                                                  {"CustomerAWSAccountId", legacy["buyer"]},
                                                  {"ProductCode", kProduct}}));
  const Json current = Subscribed("current");
  EXPECT_EQ(Resolve(TokenFor(current)).body, (Json{{"CustomerAWSAccountId", current["buyer"]},
                                                   {"LicenseArn", current["license_arn"]},
                                                   {"ProductCode", kProduct}}));
}

TEST_F(AwsApiTest, ATokenLivesFourHoursAndAnswersTheSameUntilThen) {
  MakeProduct();
  const std::string token = TokenFor(Subscribed("current"));
  EXPECT_TRUE(token.ends_with("+/="));  // it has to survive a form
  const Json answer = Resolve(token).body;
  Advance("239m");
  EXPECT_EQ(Resolve(token).body, answer);
  Advance("2m");
  EXPECT_EQ(ErrorOf(Resolve(token)), "ExpiredTokenException");
  EXPECT_EQ(ErrorOf(Resolve(token + "x")), "InvalidTokenException");
  EXPECT_EQ(ErrorOf(Call("ResolveCustomer", Json::object())), "InvalidTokenException");
}

TEST_F(AwsApiTest, ABuyersTokenIsForTheNewestAgreement) {
  MakeProduct();
  const Json first = Subscribed("current");
  const Json second = Subscribed("current", {{"buyer", first["buyer"]}});
  EXPECT_EQ(Aws("registration-token", {{"buyer", first["buyer"]}})["agreement"], second["agreement"]);
  EXPECT_EQ(Control("/_sim/aws/registration-token", {{"buyer", "none"}}).status, 404);
  EXPECT_EQ(Control("/_sim/aws/registration-token", Json::object()).status, 400);
}

TEST_F(AwsApiTest, EntitlementsHaveOneTypedValueEach) {
  MakeProduct(true, {{"dimensions", {{"a", "entitled"}, {"b", "entitled"}, {"c", "entitled"}, {"d", "entitled"}}}});
  const Json agreement = Subscribed(
      "current",
      {{"ends", "2027-01-01T00:00:00Z"},
       {"entitlements",
        {{"a", 5}, {"b", 2.5}, {"c", true}, {"d", {{"value", "gold"}, {"expires", "2026-06-01T00:00:00Z"}}}}}});
  int pages = 0;
  const auto rows = Entitlements({{"Filter", {{"LICENSE_ARN", {agreement["license_arn"]}}}}}, 25, pages);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0]["Value"], (Json{{"IntegerValue", 5}}));
  EXPECT_EQ(rows[1]["Value"], (Json{{"DoubleValue", 2.5}}));
  EXPECT_EQ(rows[2]["Value"], (Json{{"BooleanValue", true}}));
  EXPECT_EQ(rows[3]["Value"], (Json{{"StringValue", "gold"}}));
  EXPECT_EQ(rows[0]["ExpirationDate"], ToUnixSeconds(*ParseRfc3339("2027-01-01T00:00:00Z")));
  EXPECT_EQ(rows[3]["ExpirationDate"], ToUnixSeconds(*ParseRfc3339("2026-06-01T00:00:00Z")));
  EXPECT_EQ(rows[0]["CustomerAWSAccountId"], agreement["buyer"]);
  EXPECT_FALSE(rows[0].contains("CustomerIdentifier"));
}

TEST_F(AwsApiTest, APageMayBeEmptyAndNotTheLast) {
  MakeProduct(true);
  Json last;
  for (int i = 0; i < 5; ++i) last = Subscribed("both", {{"entitlements", {{"seats", i}}}});
  int pages = 0;
  const auto rows = Entitlements({{"Filter", {{"CUSTOMER_AWS_ACCOUNT_ID", {last["buyer"]}}}}}, 2, pages);
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0]["Value"]["IntegerValue"], 4);
  EXPECT_EQ(Entitlements(Json::object(), 25, pages).size(), 5U);
  EXPECT_EQ(pages, 1);
}

TEST_F(AwsApiTest, FiltersAreUnionsOfValuesAndIntersectionsOfKeys) {
  MakeProduct(true, {{"dimensions", {{"a", "entitled"}, {"b", "entitled"}}}});
  const Json entitlements = {{"entitlements", {{"a", 1}, {"b", 2}}}};
  const Json one = Subscribed("both", entitlements);
  const Json two = Subscribed("both", entitlements);
  int pages = 0;
  const Json both = {one["customer_identifier"], two["customer_identifier"]};
  EXPECT_EQ(Entitlements({{"Filter", {{"CUSTOMER_IDENTIFIER", both}}}}, 25, pages).size(), 4U);
  EXPECT_EQ(Entitlements({{"Filter", {{"CUSTOMER_IDENTIFIER", both}, {"DIMENSION", {"b"}}}}}, 25, pages).size(), 2U);
  EXPECT_TRUE(Entitlements({{"Filter", {{"LICENSE_ARN", {"arn:none"}}}}}, 25, pages).empty());
}

TEST_F(AwsApiTest, WrongParametersOfGetEntitlementsAreRefused) {
  MakeProduct(true);
  const std::vector<Json> wrong = {
      {{"ProductCode", "none"}},
      {{"ProductCode", kProduct}, {"MaxResults", 26}},
      {{"ProductCode", kProduct}, {"MaxResults", 0}},
      {{"ProductCode", kProduct}, {"NextToken", "x"}},
      {{"ProductCode", kProduct}, {"Filter", {{"COLOUR", {"x"}}}}},
      {{"ProductCode", kProduct}, {"Filter", {{"DIMENSION", "seats"}}}},
      {{"ProductCode", kProduct}, {"Filter", {{"CUSTOMER_IDENTIFIER", {"x"}}, {"CUSTOMER_AWS_ACCOUNT_ID", {"1"}}}}},
  };
  for (const Json& request : wrong) {
    EXPECT_EQ(ErrorOf(Call("GetEntitlements", request)), "InvalidParameterException") << request.dump();
  }
}

TEST_F(AwsApiTest, EntitlementsGoWhenTheLicenceIsTakenBack) {
  MakeProduct(true);
  const Json agreement = Subscribed("current", {{"entitlements", {{"seats", 5}}}});
  int pages = 0;
  Aws("end", {{"agreement", agreement["agreement"]}});
  EXPECT_EQ(Entitlements(Json::object(), 25, pages).size(), 1U);
  Advance("61m");
  EXPECT_TRUE(Entitlements(Json::object(), 25, pages).empty());
}

TEST_F(AwsApiTest, FaultsStrikeTheOperationsTheyAreMeantFor) {
  MakeProduct(true);
  Control("/_sim/faults", {{"aws_api",
                            {{"status_429_next", 1},
                             {"status_500_next", 1},
                             {"drop_request_next", 1},
                             {"drop_answer_next", 1},
                             {"operations", "GetEntitlements"}}}});
  EXPECT_EQ(ErrorOf(Resolve("x")), "InvalidTokenException");
  const Json request = {{"ProductCode", kProduct}};
  EXPECT_EQ(Call("GetEntitlements", request).status, 0);
  EXPECT_EQ(ErrorOf(Call("GetEntitlements", request)), "ThrottlingException");
  const Reply internal = Call("GetEntitlements", request);
  EXPECT_EQ(internal.status, 500);
  EXPECT_EQ(ErrorOf(internal), "InternalServiceErrorException");
  EXPECT_EQ(Call("GetEntitlements", request).status, 0);
  EXPECT_EQ(Call("GetEntitlements", request).status, 200);
  EXPECT_EQ(Control("/_sim/faults", {{"aws_api", {{"status_409", 1}}}}).status, 400);
  EXPECT_EQ(Control("/_sim/faults", {{"api", {{"unprocessed", 1}}}}).status, 400);
}

TEST_F(AwsApiTest, ASlowAnswerHoldsNobodyElseUp) {
  MakeProduct(true);
  Control("/_sim/faults", {{"aws_api", {{"delay_ms", 300}}}});
  const auto began = std::chrono::steady_clock::now();
  std::thread slow([this] { EXPECT_EQ(Call("GetEntitlements", {{"ProductCode", kProduct}}).status, 200); });
  Truth();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 250ms);
  slow.join();
  EXPECT_GE(std::chrono::steady_clock::now() - began, 300ms);
}

}  // namespace
}  // namespace dunlin::sim
