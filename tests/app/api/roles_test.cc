#include "app/tokens.h"
#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

using RolesTest = ApiTest;

constexpr const char* kAsk = R"({"reason":"the customer called"})";

// Which status each role gets, for every route.
TEST_F(RolesTest, EachRoleMayDoWhatTheTableSays) {
  struct Row {
    std::string method, path;
    int product, viewer, support, admin;
  };
  const std::vector<Row> rows = {
      {"GET", "/v1/access/cus_1", 200, 200, 200, 200},
      {"GET", "/v1/subscriptions", 403, 200, 200, 200},
      {"GET", "/v1/subscriptions/sub_1", 403, 200, 200, 200},
      {"GET", "/v1/subscriptions/sub_1/timeline", 403, 200, 200, 200},
      {"GET", "/v1/jobs/job_1", 403, 200, 200, 200},
      {"GET", "/v1/alerts", 403, 200, 200, 200},
      {"GET", "/v1/usage/cus_1", 403, 404, 404, 404},  // it has bought nothing through the marketplace
      {"POST", "/v1/usage", 400, 403, 400, 400},       // that body says nothing of usage
      {"POST", "/v1/subscriptions/sub_1/retry", 403, 403, 202, 202},
  };
  PastDue();
  for (const Row& row : rows) {
    for (const auto& [role, status] : {std::pair(Role::kProduct, row.product), std::pair(Role::kViewer, row.viewer),
                                       std::pair(Role::kSupport, row.support), std::pair(Role::kAdmin, row.admin)}) {
      const std::string what = row.method + " " + row.path + " as " + std::string(RoleName(role));
      const HttpAnswer answer =
          Send(row.method, row.path, {{"Authorization", "Bearer " + TokenOf(role)}}, row.method == "POST" ? kAsk : "");
      EXPECT_EQ(answer.status, status) << what << "\n" << answer.body;
      if (status == 403) {
        EXPECT_NE(Detail(answer, 403).find(RoleName(role)), std::string::npos) << what;
      }
    }
    const HttpAnswer nobody = Send(row.method, row.path, {}, row.method == "POST" ? kAsk : "");
    Detail(nobody, 401);
    EXPECT_EQ(nobody.Header("WWW-Authenticate"), "Bearer") << row.path;
  }
}

TEST_F(RolesTest, WhatIsNoTokenIsSaidAndNeverRepeated) {
  const std::string secret = TokenOf(Role::kAdmin);
  for (const std::string& header : {std::string("Bearer dnl_0000"), "Basic " + secret, secret, std::string("Bearer"),
                                    std::string("Bearer "), "Bearer " + secret + "0", "Bearer " + secret.substr(1)}) {
    const HttpAnswer answer = Send("GET", "/v1/alerts", {{"Authorization", header}});
    EXPECT_NE(Detail(answer, 401), "") << header;
    EXPECT_EQ(answer.Header("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(answer.body.find("dnl_"), std::string::npos) << answer.body;
  }
  const testing_support::Headers twice = {{"Authorization", "Bearer " + secret}, {"Authorization", "Bearer " + secret}};
  Detail(Send("GET", "/v1/alerts", twice), 401);
}

TEST_F(RolesTest, TheSchemeMayBeWrittenInAnyCase) {
  EXPECT_EQ(Send("GET", "/v1/alerts", {{"Authorization", "bearer " + TokenOf(Role::kViewer)}}).status, 200);
  EXPECT_EQ(Send("GET", "/v1/alerts", {{"Authorization", "BEARER   " + TokenOf(Role::kViewer)}}).status, 200);
}

TEST_F(RolesTest, ARevokedTokenStopsAtOnceAndAnExpiredOneOnTime) {
  EXPECT_EQ(Get("/v1/alerts").status, 200);
  const std::vector<Token> tokens = *base_->Tokens();
  ASSERT_EQ(tokens.size(), 1u);
  ASSERT_TRUE(RevokeToken(*base_, tokens.front().id, clock_.Now()));
  EXPECT_EQ(Detail(Get("/v1/alerts"), 401), "the token was revoked");

  const Result<std::string> brief = CreateToken(*base_, Role::kViewer, "brief", clock_.Now() + 1h, clock_.Now());
  const testing_support::Headers headers = {{"Authorization", "Bearer " + *brief}};
  EXPECT_EQ(Send("GET", "/v1/alerts", headers).status, 200);
  clock_.Set(clock_.Now() + 1h);
  EXPECT_EQ(Detail(Send("GET", "/v1/alerts", headers), 401), "the token has expired");
}

TEST_F(RolesTest, WhatIsNotThereIsNotFoundAndAnotherMethodNotAllowed) {
  Detail(Get("/v1/nothing"), 404);
  const HttpAnswer answer = Send("DELETE", "/v1/subscriptions/sub_1", {});
  Detail(answer, 405);
  EXPECT_EQ(answer.Header("Allow"), "GET");
}

}  // namespace
}  // namespace dunlin
