// What AWS Marketplace's answers say, read from the answer alone: the rarer ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "workflows/providers/aws_marketplace/answer.h"
#include "workflows/providers/aws_marketplace/error.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;
using Code = MarketplaceErrc;

UsageRecord Usage() {
  UsageRecord record;
  record.product = ProductCode{"prod1"};
  record.customer = CustomerIdentifier{"kEsTrEl7LgX"};
  record.dimension = "overage_credits";
  record.at = FromUnixSeconds(1'795'000'000);
  record.quantity = 5;
  return record;
}
Json EchoOfUsage() {
  return {{"Timestamp", 1'795'000'000},
          {"Dimension", "overage_credits"},
          {"Quantity", 5},
          {"CustomerIdentifier", "kEsTrEl7LgX"}};
}
MarketplaceResult<std::vector<UsageOutcome>> ReadUsage(const Json& echo, const UsageRecord& sent) {
  const Json result = {{"UsageRecord", echo}, {"Status", "Success"}};
  const Json body = {{"Results", Json::array({result})}};
  return aws_marketplace::ReadUsage(body.dump(), {&sent, 1});
}

TEST(MarketplaceAnswerTest, AnAnswerTornOnTheWayIsTemporary) {
  const std::string torn = R"({"Results":[{"Status":"Succ)";
  const UsageRecord record = Usage();
  const auto expect_torn = [](const auto& read) {
    ASSERT_FALSE(read);
    EXPECT_EQ(MarketplaceErrcName(read.error().code), "temporary");
    EXPECT_EQ(read.error().detail, "the answer could not be read: not JSON");
  };
  expect_torn(aws_marketplace::ReadResolvedCustomer(torn));
  expect_torn(aws_marketplace::ReadEntitlements(torn));
  expect_torn(aws_marketplace::ReadUsage(torn, {&record, 1}));
}

TEST(MarketplaceAnswerTest, AnEntitlementWithoutAValueIsNamed) {
  const auto read = aws_marketplace::ReadEntitlements(R"({"Entitlements":[{"Dimension":"seats"}]})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kUnreadable);
  EXPECT_EQ(read.error().detail, "the entitlement to 'seats' has not exactly one kind of `Value`");
}

TEST(MarketplaceAnswerTest, ACustomerIdentifierAloneIsABuyer) {
  const auto buyer = aws_marketplace::ReadResolvedCustomer(R"({"ProductCode":"prod1","CustomerIdentifier":"k1"})");
  ASSERT_TRUE(buyer) << buyer.error().detail;
  EXPECT_EQ(*buyer, (ResolvedCustomer{CustomerIdentifier{"k1"}, ProductCode{"prod1"}, {}, {}}));
}

TEST(MarketplaceAnswerTest, AnEchoIsOfTheRecordOnlyIfItsTimeAndBuyerAre) {
  ASSERT_TRUE(ReadUsage(EchoOfUsage(), Usage()));
  const std::vector<std::pair<std::string, Json>> others = {
      {"Timestamp", nullptr},
      {"Timestamp", "2026-11-18T12:00:00Z"},
      {"Timestamp", -1},
      {"Timestamp", 1'795'000'001},
      {"CustomerIdentifier", "another"},
      {"Dimension", "seats"},
      {"Quantity", 6},
      {"Dimension", nullptr},
  };
  for (const auto& [field, value] : others) {
    Json echo = EchoOfUsage();
    echo[field] = value;
    const auto read = ReadUsage(echo, Usage());
    ASSERT_FALSE(read) << echo;
    EXPECT_EQ(read.error().detail, "a result is of no record that was sent") << echo;
  }
}

TEST(MarketplaceAnswerTest, LicencesWithoutAnIdAreTheSameOnlyToTheLetter) {
  UsageRecord record = Usage();
  record.licence = LicenceArn{"one"};
  Json echo = EchoOfUsage();
  echo["LicenseArn"] = "one";
  EXPECT_TRUE(ReadUsage(echo, record));
  echo["LicenseArn"] = "another";
  EXPECT_FALSE(ReadUsage(echo, record));
}

// ---- Refusals ----------------------------------------------------------------------------------------------------

MarketplaceError Refused(int status, const std::string& type, const std::string& message = "No.") {
  HttpAnswer http;
  http.end = HttpAnswer::End::kAnswered;
  http.status = status;
  http.body = Json{{"__type", type}, {"Message", message}}.dump();
  return aws_marketplace::ReadError("AWSMPMeteringService.ResolveCustomer", http);
}

TEST(MarketplaceAnswerTest, ANameWeDoNotKnowIsJudgedByItsStatus) {
  for (const std::string name : {"AardvarkException", "NewException", "ZebraException"}) {
    EXPECT_EQ(Refused(400, "x#" + name).code, Code::kRefused) << name;
    EXPECT_EQ(Refused(401, "x#" + name).code, Code::kCredentials) << name;
    EXPECT_EQ(Refused(403, "x#" + name).code, Code::kCredentials) << name;
    EXPECT_EQ(Refused(404, "x#" + name).code, Code::kRefused) << name;
    EXPECT_EQ(Refused(400, "x#" + name).detail, "400 " + name + ": No.");
  }
}

TEST(MarketplaceAnswerTest, OfLongWordsOnlyAnArnIsTold) {
  const std::string arn = "arn:aws:sts::604213579086:assumed-role/dunlin-metering/i-0123456789abcdef0";
  const std::string token = "IQoJb3JpZ2luX2VjEFictionalSessionToken0123456789";
  const std::string detail = Refused(400, "x#AccessDeniedException", arn + " with " + token + " may not").detail;
  EXPECT_THAT(detail, HasSubstr(arn + " with [hidden] may not"));
  EXPECT_THAT(detail, Not(HasSubstr("IQoJ")));
}

}  // namespace
}  // namespace dunlin
