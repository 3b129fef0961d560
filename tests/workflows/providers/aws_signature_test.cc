#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/workflows/providers/scripted_http.h"
#include "tests/workflows/providers/sigv4.h"
#include "workflows/providers/aws_marketplace/api.h"
#include "workflows/providers/aws_marketplace/request.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedHttp;
using testing::SeenRequest;
using testing::SignedRequest;
using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kOfficial = fs::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures/aws-sigv4";
constexpr std::string_view kAccessKey = "AKIAFICTIONALDUNLIN7";
constexpr std::string_view kSecretKey = "fictional/secret+key42AbCdEfGhIjKlMnOpQrSt";

Json LoadJson(const fs::path& file) {
  std::ifstream in(file);
  return Json::parse(in);
}

SignedRequest Parsed(const SeenRequest& seen) {
  return testing::ParseRequest(seen.line + seen.head + "\r\n" + seen.body);
}

UsageRecord Usage() {
  UsageRecord record;
  record.product = ProductCode{"7fj2ql8dunlinseats04kx9pw"};
  record.licence = LicenceArn{"arn:aws:license-manager::294406891311:license:l-0123456789abcdef0123456789abcdef"};
  record.account = AwsAccountId{"111122223333"};
  record.dimension = "users";
  record.at = FromUnixSeconds(1'788'264'000);
  record.quantity = 5;
  return record;
}

// ---- The checker itself ------------------------------------------------------------------------------------------

TEST(AwsSignatureTest, TheCheckerAgreesWithTheOfficialCases) {
  const fs::path file = kOfficial / "aws4_testsuite.json";
  if (!fs::exists(file)) GTEST_SKIP() << "no official cases at " << file;
  const Json suite = LoadJson(file);
  const std::string secret = suite.at("credentials").at("secret_key");
  EXPECT_EQ(suite.at("cases").size(), 34U);
  for (const auto& [name, expected] : suite.at("cases").items()) {
    SCOPED_TRACE(name);
    const SignedRequest request = testing::ParseRequest(expected.at("sreq").get<std::string>());
    const std::string canonical = expected.at("creq");
    const std::size_t last = canonical.rfind('\n');
    const std::size_t before = canonical.rfind('\n', last - 1);
    EXPECT_EQ(testing::CanonicalRequest(request, canonical.substr(before + 1, last - before - 1)), canonical);
    EXPECT_EQ(testing::RightAuthorization(request, secret), expected.at("authz"));
  }
}

TEST(AwsSignatureTest, TheCheckerSeesAnyChange) {
  const SignedRequest right = testing::ParseRequest(
      "POST / HTTP/1.1\nHost:example.com\nX-Amz-Date:20260901T120000Z\nAuthorization: AWS4-HMAC-SHA256 "
      "Credential=AKID/20260901/us-east-1/aws-marketplace/aws4_request, SignedHeaders=host;x-amz-date, "
      "Signature=00\n\n{}");
  SignedRequest other_body = right;
  other_body.body = "{ }";
  SignedRequest other_host = right;
  other_host.headers.at(0).second = "example.com:80";
  const std::string authorization = testing::RightAuthorization(right, "secret");
  EXPECT_NE(testing::RightAuthorization(other_body, "secret"), authorization);
  EXPECT_NE(testing::RightAuthorization(other_host, "secret"), authorization);
  EXPECT_NE(testing::RightAuthorization(right, "secreT"), authorization);
}

// ---- What curl signs for us --------------------------------------------------------------------------------------

// Requests of the client as they arrive, each with a session token or without.
std::vector<SeenRequest> RequestsOfTheClient(const std::string& session_token) {
  ScriptedHttp server({testing::Answer(500, "{}"), testing::Answer(500, "{}"), testing::Answer(500, "{}")});
  AwsMarketplaceOptions options;
  options.base_url = server.url();
  options.credentials = {std::string(kAccessKey), std::string(kSecretKey), session_token};
  Result<std::unique_ptr<AwsMarketplaceApi>> api = AwsMarketplaceApi::Open(options);
  EXPECT_TRUE(api) << api.error().detail;
  const std::vector<UsageRecord> records(25, Usage());
  EXPECT_FALSE((*api)->ResolveCustomer("token+with/slash=\"\\"));
  EXPECT_FALSE((*api)->GetEntitlements({Usage().product, Usage().account}));
  EXPECT_FALSE((*api)->BatchMeterUsage(records));
  return server.requests();
}

TEST(AwsSignatureTest, EveryRequestIsSignedAsItIsSent) {
  for (const std::string token : {"", "IQoJb3JpZ2luX2VjEFictional//session+token=="}) {
    const std::vector<SeenRequest> seen = RequestsOfTheClient(token);
    ASSERT_EQ(seen.size(), 3U);
    for (const SeenRequest& request : seen) {
      const SignedRequest sent = Parsed(request);
      SCOPED_TRACE(request.head);
      EXPECT_EQ(sent.Header("authorization"), testing::RightAuthorization(sent, kSecretKey));
      EXPECT_THAT(sent.Header("authorization"), HasSubstr("Credential=" + std::string(kAccessKey) + "/"));
      EXPECT_THAT(sent.Header("authorization"), HasSubstr("/us-east-1/aws-marketplace/aws4_request, "));
      EXPECT_THAT(sent.Header("authorization"),
                  HasSubstr(token.empty() ? "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"
                                          : "content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"));
      EXPECT_EQ(sent.Header("x-amz-security-token"), token);
      EXPECT_EQ(sent.Header("x-amz-date").size(), std::string_view("20260901T120000Z").size()) << "sent once";
      EXPECT_EQ(sent.Header("expect"), "");
      EXPECT_THAT(request.head + request.body, Not(HasSubstr(std::string(kSecretKey))));
    }
  }
}

// The three requests of the official vectors, with our bodies, signed by curl. Their host and date are given to it as
// headers, which it then signs: the client leaves both to curl.
TEST(AwsSignatureTest, TheMarketplaceVectorsHold) {
  const fs::path file = kOfficial / "marketplace_vectors.json";
  if (!fs::exists(file)) GTEST_SKIP() << "no official vectors at " << file;
  const Json vectors = LoadJson(file);
  const AwsSigning signing{std::string(aws_marketplace::kSigningScope), vectors.at("access_key"),
                           vectors.at("secret_key")};
  const std::vector<UsageRecord> records = {Usage()};
  const std::vector<std::pair<std::string_view, MarketplaceResult<std::string>>> ours = {
      {aws_marketplace::kResolveCustomer, aws_marketplace::ResolveCustomerBody("token+with/slash=")},
      {aws_marketplace::kBatchMeterUsage, aws_marketplace::BatchMeterUsageBody(records)},
      {aws_marketplace::kGetEntitlements,
       aws_marketplace::GetEntitlementsBody({ProductCode{"prodcode0123456789abcdef"}, Usage().licence}, "")}};
  ASSERT_EQ(vectors.at("vectors").size(), ours.size());
  HttpCaller caller({.answer_bytes_max = 1000});
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Json& vector = vectors.at("vectors").at(i);
    const Json& headers = vector.at("headers");
    SCOPED_TRACE(vector.at("operation"));
    ScriptedHttp server({testing::Answer(200, "{}")});
    ASSERT_TRUE(ours[i].second) << ours[i].second.error().detail;
    EXPECT_EQ(*ours[i].second, vector.at("body"));
    HttpCall call = aws_marketplace::CallFor(ours[i].first, "", "", *ours[i].second, signing);
    EXPECT_EQ(call.url, vector.at("url"));
    call.url = server.url() + "/";
    call.headers.push_back({"Host", headers.at("Host")});
    call.headers.push_back({"X-Amz-Date", headers.at("X-Amz-Date")});
    EXPECT_TRUE(caller.Send(call, 2s).success());
    const SeenRequest seen = server.requests().at(0);
    for (const std::string name : {"Authorization", "Content-Type", "Host", "X-Amz-Date", "X-Amz-Target"})
      EXPECT_EQ(seen.Header(name), headers.at(name)) << name;
    EXPECT_EQ(seen.body, vector.at("body"));
    EXPECT_EQ(seen.line, "POST / HTTP/1.1");
  }
}

}  // namespace
}  // namespace dunlin
