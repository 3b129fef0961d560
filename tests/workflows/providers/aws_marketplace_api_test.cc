#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/workflows/providers/scripted_http.h"
#include "workflows/providers/aws_marketplace/api.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedHttp;
using Json = nlohmann::json;
using Code = MarketplaceErrc;

constexpr std::string_view kToken = "tOkEn+with/slash=";
constexpr std::string_view kLicence =
    "arn:aws:license-manager::294406891311:license:l-4b1d6e0f9a2c4837b5d1e6f70a8c9b2d";
const ProductCode kProduct{"7fj2ql8dunlinseats04kx9pw"};
const EntitlementQuery kQuery{kProduct, LicenceArn{std::string(kLicence)}};

std::unique_ptr<AwsMarketplaceApi> Client(const std::string& url, AwsMarketplaceOptions options = {}) {
  options.base_url = url;
  options.credentials = {"AKIAFICTIONAL", "fictional-secret-key", "fictional-session-token"};
  Result<std::unique_ptr<AwsMarketplaceApi>> api = AwsMarketplaceApi::Open(options);
  EXPECT_TRUE(api) << api.error().detail;
  return std::move(*api);
}

MarketplaceResult<ResolvedCustomer> ResolveWith(const Reply& reply) {
  ScriptedHttp server({reply});
  return Client(server.url())->ResolveCustomer(kToken);
}
MarketplaceResult<std::vector<Entitlement>> EntitlementsWith(std::deque<Reply> pages) {
  ScriptedHttp server(std::move(pages));
  return Client(server.url())->GetEntitlements(kQuery);
}

// ---- ResolveCustomer ---------------------------------------------------------------------------------------------

TEST(AwsMarketplaceApiTest, ABuyerIsResolved) {
  ScriptedHttp server({Answer(
      200, Json{{"CustomerAWSAccountId", "210987654321"}, {"LicenseArn", kLicence}, {"ProductCode", kProduct.str()}}
               .dump())});
  const auto buyer = Client(server.url())->ResolveCustomer(kToken);
  ASSERT_TRUE(buyer) << buyer.error().detail;
  EXPECT_EQ(*buyer, (ResolvedCustomer{{}, kProduct, AwsAccountId{"210987654321"}, LicenceArn{std::string(kLicence)}}));
  const testing::SeenRequest sent = server.requests().at(0);
  EXPECT_EQ(sent.line, "POST / HTTP/1.1");
  EXPECT_EQ(sent.body, R"({"RegistrationToken":"tOkEn+with/slash="})");
  EXPECT_EQ(sent.Header("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(sent.Header("X-Amz-Target"), "AWSMPMeteringService.ResolveCustomer");
  EXPECT_EQ(sent.Header("X-Amz-Security-Token"), "fictional-session-token");
  EXPECT_EQ("http://" + sent.Header("Host"), server.url());
}

TEST(AwsMarketplaceApiTest, ABuyerOfAnOldIntegrationHasNoLicence) {
  const auto buyer = ResolveWith(Answer(200, Json{{"CustomerIdentifier", "kEsTrEl7LgX"},
                                                  {"CustomerAWSAccountId", "210987654321"},
                                                  {"ProductCode", kProduct.str()},
                                                  {"LicenseArn", nullptr}}
                                                 .dump()));
  ASSERT_TRUE(buyer) << buyer.error().detail;
  EXPECT_EQ(buyer->customer, CustomerIdentifier{"kEsTrEl7LgX"});
  EXPECT_TRUE(buyer->licence.empty());
}

TEST(AwsMarketplaceApiTest, ABuyerWithoutAProductOrANameIsNoAnswer) {
  for (const Json& body :
       {Json{{"CustomerAWSAccountId", "210987654321"}}, Json{{"ProductCode", "p"}}, Json::object()}) {
    const auto buyer = ResolveWith(Answer(200, body.dump()));
    ASSERT_FALSE(buyer) << body;
    EXPECT_EQ(buyer.error().code, Code::kUnreadable);
    EXPECT_THAT(buyer.error().detail, HasSubstr("`"));
  }
}

TEST(AwsMarketplaceApiTest, WhatCannotBeATokenIsNotSent) {
  ScriptedHttp server({});
  for (const std::string& token :
       {std::string(), std::string("a\nb"), std::string("\xff"), std::string("a\x7f"), std::string(20'000, 'x')}) {
    const auto buyer = Client(server.url())->ResolveCustomer(token);
    ASSERT_FALSE(buyer);
    EXPECT_EQ(buyer.error().code, Code::kInvalidToken);
  }
  EXPECT_EQ(server.connections(), 0);
}

// ---- GetEntitlements ---------------------------------------------------------------------------------------------

Json Entitled(std::string dimension, Json value) {
  return {{"ProductCode", kProduct.str()}, {"Dimension", std::move(dimension)}, {"Value", std::move(value)}};
}
Reply Page(Json entitlements, const std::string& next = "") {
  Json page = {{"Entitlements", std::move(entitlements)}};
  if (!next.empty()) page["NextToken"] = next;
  return Answer(200, page.dump());
}

TEST(AwsMarketplaceApiTest, EntitlementsOfEveryKindAreRead) {
  Json seats = Entitled("seats", {{"IntegerValue", 25}});
  seats.update({{"ExpirationDate", 1822382400.25},
                {"LicenseArn", kLicence},
                {"CustomerAWSAccountId", "210987654321"},
                {"CustomerIdentifier", "kEsTrEl7LgX"}});
  const auto read = EntitlementsWith(
      {Page({seats, Entitled("share", {{"DoubleValue", 0.5}, {"IntegerValue", nullptr}}),
             Entitled("sso", {{"BooleanValue", false}}), Entitled("tier", {{"StringValue", "gold"}})})});
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->size(), 4U);
  EXPECT_EQ(read->at(0), (Entitlement{"seats", std::int64_t{25}, FromUnixMillis(1'822'382'400'250),
                                      LicenceArn{std::string(kLicence)}, AwsAccountId{"210987654321"},
                                      CustomerIdentifier{"kEsTrEl7LgX"}, kProduct}));
  EXPECT_EQ(std::get<double>(read->at(1).value), 0.5);
  EXPECT_FALSE(std::get<bool>(read->at(2).value));
  EXPECT_EQ(std::get<std::string>(read->at(3).value), "gold");
  EXPECT_FALSE(read->at(3).expires_at);
}

TEST(AwsMarketplaceApiTest, PagesAreReadToTheLastEvenPastAnEmptyOne) {
  ScriptedHttp server({Page(Json::array({Entitled("a", {{"IntegerValue", 1}})}), "next-1"),
                       Page(Json::array(), "next-\"2\""), Page(Json::array({Entitled("b", {{"IntegerValue", 2}})}))});
  const auto read = Client(server.url())->GetEntitlements(kQuery);
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->at(1).dimension, "b");
  const auto sent = server.requests();
  ASSERT_EQ(sent.size(), 3U);
  Json asked = {{"ProductCode", kProduct.str()}, {"Filter", {{"LICENSE_ARN", {kLicence}}}}, {"MaxResults", 25}};
  EXPECT_EQ(Json::parse(sent[0].body), asked);
  asked["NextToken"] = "next-1";
  EXPECT_EQ(Json::parse(sent[1].body), asked);
  asked["NextToken"] = "next-\"2\"";
  EXPECT_EQ(Json::parse(sent[2].body), asked);
  EXPECT_EQ(sent[0].Header("X-Amz-Target"), "AWSMPEntitlementService.GetEntitlements");
}

TEST(AwsMarketplaceApiTest, BuyersAreAskedForByAnyOfTheirIds) {
  ScriptedHttp server({Answer(200, "{}"), Page(Json::array())});
  const auto api = Client(server.url());
  EXPECT_THAT(*api->GetEntitlements({kProduct, AwsAccountId{"210987654321"}}), IsEmpty());
  EXPECT_THAT(*api->GetEntitlements({kProduct, CustomerIdentifier{"kEsTrEl7LgX"}}), IsEmpty());
  EXPECT_EQ(Json::parse(server.requests().at(0).body).at("Filter"),
            (Json{{"CUSTOMER_AWS_ACCOUNT_ID", {"210987654321"}}}));
  EXPECT_EQ(Json::parse(server.requests().at(1).body).at("Filter"), (Json{{"CUSTOMER_IDENTIFIER", {"kEsTrEl7LgX"}}}));
}

TEST(AwsMarketplaceApiTest, ATokenThatComesTwiceEndsTheReading) {
  const auto read = EntitlementsWith({Page(Json::array(), "a"), Page(Json::array(), "b"), Page(Json::array(), "a")});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kUnreadable);
  EXPECT_THAT(read.error().detail, HasSubstr("twice"));
}

TEST(AwsMarketplaceApiTest, PagesWithoutAnEndAreNotReadForEver) {
  std::deque<Reply> pages;
  for (int i = 0; i < 300; ++i) pages.push_back(Page(Json::array(), "next-" + std::to_string(i)));
  ScriptedHttp server(std::move(pages));
  const auto read = Client(server.url())->GetEntitlements(kQuery);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kUnreadable);
  EXPECT_EQ(server.requests().size(), 200U);
}

TEST(AwsMarketplaceApiTest, ALaterPageThatFailsFailsAll) {
  const auto read =
      EntitlementsWith({Page(Json::array({Entitled("a", {{"IntegerValue", 1}})}), "next"), Answer(500, "{}")});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kTemporary);
}

TEST(AwsMarketplaceApiTest, AnEntitlementHasExactlyOneValueOfItsKind) {
  for (const Json& value : {Json::object(), Json{{"IntegerValue", 1}, {"BooleanValue", true}},
                            Json{{"IntegerValue", "1"}}, Json{{"IntegerValue", 1.5}}, Json{{"BooleanValue", 1}},
                            Json{{"StringValue", 1}}, Json{{"DoubleValue", "x"}}, Json(7), Json{{"OtherValue", 1}}}) {
    const auto read = EntitlementsWith({Page(Json::array({Entitled("seats", value)}))});
    ASSERT_FALSE(read) << value;
    EXPECT_EQ(read.error().code, Code::kUnreadable);
    EXPECT_THAT(read.error().detail, HasSubstr("'seats'"));
  }
}

TEST(AwsMarketplaceApiTest, AnExpiryThatCannotBeReadIsNotTakenForNone) {
  for (const Json& date : {Json("2027-10-01T00:00:00Z"), Json(-1), Json(1e15), Json(true)}) {
    Json seats = Entitled("seats", {{"IntegerValue", 25}});
    seats["ExpirationDate"] = date;
    const auto read = EntitlementsWith({Page(Json::array({seats}))});
    ASSERT_FALSE(read) << date;
    EXPECT_THAT(read.error().detail, HasSubstr("ExpirationDate"));
  }
  EXPECT_FALSE(EntitlementsWith({Page(7)}));
  EXPECT_FALSE(EntitlementsWith({Page(Json::array({7}))}));
}

TEST(AwsMarketplaceApiTest, EntitlementsOfNobodyAreNotAskedFor) {
  ScriptedHttp server({});
  const auto api = Client(server.url());
  for (const EntitlementQuery& query :
       {EntitlementQuery{kProduct, LicenceArn{}}, EntitlementQuery{{}, AwsAccountId{"210987654321"}}}) {
    const auto read = api->GetEntitlements(query);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::kInvalidParameter);
  }
  EXPECT_EQ(server.connections(), 0);
}

// ---- BatchMeterUsage ---------------------------------------------------------------------------------------------

UsageRecord Usage(int hour, std::int64_t quantity = 5) {
  UsageRecord record;
  record.product = kProduct;
  record.licence = LicenceArn{std::string(kLicence)};
  record.account = AwsAccountId{"210987654321"};
  record.dimension = "overage_credits";
  record.at = FromUnixSeconds(1'795'000'000) + std::chrono::hours{hour};
  record.quantity = quantity;
  return record;
}

UsageRecord OldUsage() {
  UsageRecord record = Usage(0, 0);
  record.licence = {};
  record.account = {};
  record.customer = CustomerIdentifier{"kEsTrEl7LgX"};
  return record;
}

Json Echo(const UsageRecord& record) {
  Json echo = {{"Timestamp", ToUnixSeconds(record.at)}, {"Dimension", record.dimension}, {"Quantity", record.quantity}};
  if (!record.account.empty()) echo["CustomerAWSAccountId"] = record.account.str();
  if (!record.customer.empty()) echo["CustomerIdentifier"] = record.customer.str();
  if (!record.licence.empty()) echo["LicenseArn"] = record.licence.str();
  return echo;
}
Json Told(const UsageRecord& record, const std::string& status, const std::string& id = "") {
  Json result = {{"UsageRecord", Echo(record)}, {"Status", status}};
  if (!id.empty()) result["MeteringRecordId"] = id;
  return result;
}

MarketplaceResult<std::vector<UsageOutcome>> MeterWith(const std::vector<UsageRecord>& records, const Json& answer) {
  ScriptedHttp server({Answer(200, answer.dump())});
  return Client(server.url())->BatchMeterUsage(records);
}

TEST(AwsMarketplaceApiTest, OutcomesStandInTheOrderOfTheRecords) {
  const std::vector<UsageRecord> records = {Usage(0), Usage(1), Usage(2), Usage(3), Usage(4)};
  const auto outcomes = MeterWith(
      records,
      {{"Results", Json::array({Told(records[3], "Paused"), Told(records[2], "DuplicateRecord"),
                                Told(records[1], "CustomerNotSubscribed"), Told(records[0], "Success", "mr-1")})},
       {"UnprocessedRecords", Json::array({Echo(records[4])})}});
  ASSERT_TRUE(outcomes) << outcomes.error().detail;
  EXPECT_EQ(*outcomes, (std::vector<UsageOutcome>{{UsageStatus::kSuccess, "mr-1", "Success"},
                                                  {UsageStatus::kCustomerNotSubscribed, "", "CustomerNotSubscribed"},
                                                  {UsageStatus::kDuplicateRecord, "", "DuplicateRecord"},
                                                  {UsageStatus::kOther, "", "Paused"},
                                                  {UsageStatus::kUnprocessed, "", ""}}));
}

TEST(AwsMarketplaceApiTest, UsageGoesOutByLicenceOrByProduct) {
  ScriptedHttp server({Answer(200, "{}"), Answer(200, "{}")});
  const auto api = Client(server.url());
  const std::vector<UsageRecord> licensed = {Usage(0)};
  const std::vector<UsageRecord> old = {OldUsage()};
  ASSERT_TRUE(api->BatchMeterUsage(licensed));
  ASSERT_TRUE(api->BatchMeterUsage(old));
  EXPECT_EQ(Json::parse(server.requests().at(0).body), (Json{{"UsageRecords", {Echo(licensed[0])}}}));
  EXPECT_EQ(Json::parse(server.requests().at(1).body),
            (Json{{"UsageRecords", {Echo(old[0])}}, {"ProductCode", kProduct.str()}}));
  EXPECT_EQ(server.requests().at(1).Header("X-Amz-Target"), "AWSMPMeteringService.BatchMeterUsage");
}

TEST(AwsMarketplaceApiTest, WhatAnAnswerDoesNotNameIsUnprocessed) {
  const auto outcomes = MeterWith({Usage(0), Usage(1)}, {{"Results", {Told(Usage(1), "Success")}}});
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(outcomes->at(0).status, UsageStatus::kUnprocessed);
  EXPECT_EQ(outcomes->at(1).status, UsageStatus::kSuccess);
}

TEST(AwsMarketplaceApiTest, AnEchoMaySpellTheLicenceOtherwiseAndLeaveAZeroOut) {
  Json told = Told(Usage(0, 0), "Success");
  told["UsageRecord"].erase("Quantity");
  told["UsageRecord"].erase("CustomerAWSAccountId");
  told["UsageRecord"]["LicenseArn"] = "aws:license-manager:us-east-1:294406891311:l-4b1d6e0f9a2c4837b5d1e6f70a8c9b2d";
  const auto outcomes = MeterWith({Usage(0, 0)}, {{"Results", {told}}});
  ASSERT_TRUE(outcomes) << outcomes.error().detail;
  EXPECT_EQ(outcomes->at(0).status, UsageStatus::kSuccess);
}

TEST(AwsMarketplaceApiTest, AResultOfAnotherRecordIsNoAnswer) {
  UsageRecord other_dimension = Usage(0);
  other_dimension.dimension = "seats";
  UsageRecord other_account = Usage(0);
  other_account.account = AwsAccountId{"318820465177"};
  UsageRecord other_licence = Usage(0);
  other_licence.licence = LicenceArn{"arn:aws:license-manager::294406891311:license:l-00"};
  for (const UsageRecord& other : {Usage(1), Usage(0, 6), other_dimension, other_account, other_licence}) {
    const auto outcomes = MeterWith({Usage(0)}, {{"Results", {Told(other, "Success")}}});
    ASSERT_FALSE(outcomes) << Echo(other);
    EXPECT_EQ(outcomes.error().code, Code::kUnreadable);
  }
  EXPECT_FALSE(MeterWith({Usage(0)}, {{"Results", {Told(Usage(0), "Success"), Told(Usage(0), "Success")}}}));
  EXPECT_FALSE(MeterWith({Usage(0)}, {{"Results", {{{"Status", "Success"}}}}}));
  EXPECT_FALSE(MeterWith({Usage(0)}, {{"Results", 7}}));
}

TEST(AwsMarketplaceApiTest, RecordsThatAwsWouldRefuseAreNotSent) {
  const auto with = [](auto change) {
    UsageRecord record = Usage(0);
    change(record);
    return std::vector<UsageRecord>{record};
  };
  UsageRecord other_product = Usage(0);
  other_product.product = ProductCode{"other"};
  const std::vector<std::pair<std::vector<UsageRecord>, std::string>> cases = {
      {{}, "1 to 25"},
      {std::vector<UsageRecord>(26, Usage(0)), "1 to 25"},
      {{Usage(0), other_product}, "one product"},
      {{Usage(0), OldUsage()}, "a licence or none"},
      {with([](UsageRecord& r) { r.dimension = ""; }), "dimension"},
      {with([](UsageRecord& r) { r.dimension = std::string(256, 'x'); }), "dimension"},
      {with([](UsageRecord& r) { r.dimension = "\xff"; }), "dimension"},
      {with([](UsageRecord& r) { r.quantity = -1; }), "quantity"},
      {with([](UsageRecord& r) { r.quantity = 2'147'483'648; }), "quantity"},
      {with([](UsageRecord& r) { r.account = {}; }), "account id"},
      {with([](UsageRecord& r) { r.customer = CustomerIdentifier{"k"}; }), "either"},
      {with([](UsageRecord& r) { r.account = {}, r.customer = CustomerIdentifier{"k"}; }), "needs an AWS account"},
      {with([](UsageRecord& r) { r.licence = {}, r.product = {}; }), "product code or a licence"},
      {with([](UsageRecord& r) { r.account = AwsAccountId{"1\n2"}; }), "no id of AWS"},
  };
  ScriptedHttp server({});
  for (const auto& [records, named] : cases) {
    const auto outcomes = Client(server.url())->BatchMeterUsage(records);
    ASSERT_FALSE(outcomes) << named;
    EXPECT_EQ(outcomes.error().code, Code::kInvalidParameter);
    EXPECT_THAT(outcomes.error().detail, HasSubstr(named));
  }
  EXPECT_EQ(server.connections(), 0);
}

// ---- Errors ------------------------------------------------------------------------------------------------------

Reply Refusal(int status, const std::string& type, const std::string& message = "No.") {
  return Answer(status, Json{{"__type", type}, {"message", message}}.dump());
}

TEST(AwsMarketplaceApiTest, ErrorsAreToldByName) {
  const std::string service = "com.amazonaws.marketplace.metering#";
  const std::vector<std::pair<std::string, Code>> cases = {
      {service + "InternalServiceErrorException", Code::kTemporary},
      {service + "ThrottlingException", Code::kTemporary},
      {"Throttling", Code::kTemporary},
      {service + "ExpiredTokenException", Code::kExpiredToken},
      {"ExpiredTokenException", Code::kExpiredToken},
      {service + "InvalidTokenException", Code::kInvalidToken},
      {service + "TimestampOutOfBoundsException", Code::kTimestampOutOfBounds},
      {service + "InvalidUsageDimensionException", Code::kInvalidDimension},
      {service + "InvalidCustomerIdentifierException", Code::kInvalidCustomer},
      {service + "InvalidLicenseException", Code::kInvalidLicence},
      {service + "InvalidTagException", Code::kInvalidTag},
      {service + "InvalidUsageAllocationsException", Code::kInvalidAllocations},
      {service + "InvalidProductCodeException", Code::kInvalidProduct},
      {service + "InvalidParameterException", Code::kInvalidParameter},
      {service + "DisabledApiException", Code::kDisabled},
      {service + "BrandNewException", Code::kRefused},
      {"com.amazon.coral.service#AccessDeniedException", Code::kCredentials},
      {"com.amazon.coral.service#InvalidSignatureException", Code::kCredentials},
      {"com.amazon.coral.service#UnrecognizedClientException", Code::kCredentials},
      {"com.amazon.coral.service#ExpiredTokenException", Code::kCredentials},
  };
  for (const auto& [type, code] : cases) {
    const auto buyer = ResolveWith(Refusal(400, type));
    ASSERT_FALSE(buyer) << type;
    EXPECT_EQ(MarketplaceErrcName(buyer.error().code), MarketplaceErrcName(code)) << type;
    EXPECT_THAT(buyer.error().detail, HasSubstr(type.substr(type.find('#') + 1)));
  }
}

TEST(AwsMarketplaceApiTest, AnErrorMayBeNamedInAHeader) {
  const auto buyer = ResolveWith(Answer(
      400, "", "x-amzn-ErrorType: DisabledApiException:http://internal.example/\r\nx-amzn-RequestId: req-7\r\n"));
  ASSERT_FALSE(buyer);
  EXPECT_EQ(buyer.error().code, Code::kDisabled);
  EXPECT_THAT(buyer.error().detail, HasSubstr("req-7"));
}

TEST(AwsMarketplaceApiTest, AnExpiredTokenIsTheSessionsWhereNoOtherIsSent) {
  ScriptedHttp server({Refusal(400, "ExpiredTokenException"), Refusal(400, "InvalidTokenException")});
  const auto api = Client(server.url());
  EXPECT_EQ(api->GetEntitlements(kQuery).error().code, Code::kCredentials);
  EXPECT_EQ(api->GetEntitlements(kQuery).error().code, Code::kCredentials);
}

TEST(AwsMarketplaceApiTest, TroubleOnTheWayIsTemporary) {
  const std::vector<std::pair<std::string, Reply>> cases = {
      {"500", Answer(500, "")},
      {"503 with a name", Refusal(503, "InvalidTokenException")},
      {"429", Answer(429, "{}")},
      {"a proxy's 403", Answer(403, "<html>no</html>")},
      {"a redirect", Answer(307, "", "Location: http://127.0.0.1:1/\r\n")},
      {"torn JSON", Answer(200, R"({"ProductCode":"p)")},
      {"hung up", {Reply::Manner::kHangUpAfter, ""}},
      {"no answer", {Reply::Manner::kHangUpFirst, ""}},
  };
  for (const auto& [name, reply] : cases) {
    const auto buyer = ResolveWith(reply);
    ASSERT_FALSE(buyer) << name;
    EXPECT_EQ(MarketplaceErrcName(buyer.error().code), "temporary") << name << ": " << buyer.error().detail;
  }
  const auto refused = Client("http://127.0.0.1:" + std::to_string(testing::ClosedPort()))->ResolveCustomer(kToken);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTemporary);
}

TEST(AwsMarketplaceApiTest, A403WithAnUnknownNameIsAMatterOfRights) {
  EXPECT_EQ(ResolveWith(Refusal(403, "BrandNewException")).error().code, Code::kCredentials);
}

TEST(AwsMarketplaceApiTest, ACallEndsAtItsTimeoutAllPagesTogether) {
  std::deque<Reply> pages;
  pages.push_back(Page(Json::array(), "next"));
  pages.push_back({Reply::Manner::kSilence, ""});
  ScriptedHttp server(std::move(pages));
  AwsMarketplaceOptions options;
  options.timeout = 300ms;
  const auto begun = std::chrono::steady_clock::now();
  const auto read = Client(server.url(), options)->GetEntitlements(kQuery);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kTemporary);
}

TEST(AwsMarketplaceApiTest, TooLargeAnAnswerIsNotRead) {
  ScriptedHttp server({Answer(200, std::string(5000, ' '))});
  AwsMarketplaceOptions options;
  options.answer_bytes_max = 1000;
  const auto buyer = Client(server.url(), options)->ResolveCustomer(kToken);
  ASSERT_FALSE(buyer);
  EXPECT_THAT(buyer.error().detail, HasSubstr("too large"));
}

TEST(AwsMarketplaceApiTest, NoDetailHoldsASecret) {
  const auto token = ResolveWith(Refusal(400, "x#InvalidTokenException", "bad: " + std::string(kToken)));
  EXPECT_THAT(token.error().detail, Not(HasSubstr("slash")));
  const std::string canonical =
      "The signature does not match. The Canonical String should have been\n'POST\n/\n\nhost:example\n"
      "x-amz-security-token:IQoJb3JpZ2luX2VjEFictionalSessionToken0123456789\n' ada@example.com";
  const auto signature = ResolveWith(Refusal(403, "x#InvalidSignatureException", canonical));
  for (const std::string secret : {"IQoJ", "ada", "\n"}) {
    EXPECT_THAT(signature.error().detail, Not(HasSubstr(secret)));
  }
  EXPECT_THAT(signature.error().detail, HasSubstr("The signature does not match"));
  const auto rights = ResolveWith(Refusal(400, "x#AccessDeniedException",
                                          "User: arn:aws:iam::604213579086:user/dunlin is not authorized to perform: "
                                          "aws-marketplace:ResolveCustomer"));
  EXPECT_THAT(rights.error().detail, HasSubstr("user/dunlin is not authorized to perform: aws-marketplace:Resolve"));
}

// ---- Options -----------------------------------------------------------------------------------------------------

TEST(AwsMarketplaceApiTest, OptionsThatWouldLeakOrFailAreRefused) {
  const auto open = [](std::string url, AwsCredentials credentials = {"AKIA", "secret", ""}) {
    AwsMarketplaceOptions options;
    options.base_url = std::move(url);
    options.credentials = std::move(credentials);
    return AwsMarketplaceApi::Open(options).has_value();
  };
  for (const char* url : {"", "https://aws.example", "https://aws.example:8443/", "http://127.0.0.1:4566",
                          "http://localhost:4566", "http://[::1]:4566", "http://127.0.0.1"}) {
    EXPECT_TRUE(open(url)) << url;
  }
  for (const char* url : {"http://aws.example", "http://127.0.0.1.example", "http://localhost.example:80",
                          "https://aws.example/path", "https://user@aws.example", "https://aws.example?x=1", "https://",
                          "ftp://127.0.0.1", "127.0.0.1:4566", "https://aws.example\r\nHost: evil.example"}) {
    EXPECT_FALSE(open(url)) << url;
  }
  EXPECT_FALSE(open("", {"AKIA", "", ""}));
  EXPECT_FALSE(open("", {"", "secret", ""}));
  EXPECT_FALSE(open("", {"AKIA", "secret", "token\r\nHost: evil.example"}));
  EXPECT_FALSE(open("", {"AK IA", "secret", ""}));
  EXPECT_FALSE(open("", {"AKIA\x7f", "secret", ""}));
  EXPECT_FALSE(open("", {"AKIA", "sec ret", ""}));
  for (const auto& [timeout, connect_timeout] : {std::pair{0ms, 5000ms}, {5000ms, 0ms}, {-1ms, -1ms}}) {
    AwsMarketplaceOptions hasty;
    hasty.timeout = timeout;
    hasty.connect_timeout = connect_timeout;
    const auto opened = AwsMarketplaceApi::Open(hasty);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().detail, HasSubstr("timeouts must be positive"));
  }
}

TEST(AwsMarketplaceApiTest, WithoutCredentialsNothingIsSent) {
  ScriptedHttp server({});
  AwsMarketplaceOptions options;
  options.base_url = server.url();
  const Result<std::unique_ptr<AwsMarketplaceApi>> api = AwsMarketplaceApi::Open(options);
  ASSERT_TRUE(api);
  const auto buyer = (*api)->ResolveCustomer(kToken);
  ASSERT_FALSE(buyer);
  EXPECT_EQ(buyer.error().code, Code::kCredentials);
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace dunlin
