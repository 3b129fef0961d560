// BatchMeterUsage: which record is the same, which is refused, and what sinks a whole batch.
#include "tests/provider_sim/aws/aws_fixture.h"

namespace dunlin::sim {
namespace {

class MeteringTest : public AwsFixture {  // it is 2026-01-10T10:31 when the agreement is active
 protected:
  void SetUp() override {
    AwsFixture::SetUp();
    MakeProduct();
    agreement_ = Subscribed("current");
  }
  Json Record(int quantity, const std::string& at, const Json& more = Json::object()) {
    Json record = {{"Timestamp", ToUnixSeconds(*ParseRfc3339(at))},
                   {"CustomerAWSAccountId", agreement_["buyer"]},
                   {"LicenseArn", agreement_["license_arn"]},
                   {"Dimension", "requests"},
                   {"Quantity", quantity}};
    record.update(more);
    for (auto it = record.begin(); it != record.end();) it = it->is_null() ? record.erase(it) : std::next(it);
    return record;
  }
  Reply Batch(const std::vector<Json>& records) { return Call("BatchMeterUsage", {{"UsageRecords", records}}); }
  std::string StatusOf(const Json& record) {
    const Reply reply = Batch({record});
    if (reply.status != 200)
      return std::string(reply.body["__type"]).substr(reply.body["__type"].get<std::string>().find('#') + 1);
    return reply.body["Results"].empty() ? "Unprocessed" : reply.body["Results"][0]["Status"];
  }
  static constexpr char kNow[] = "2026-01-10T10:31:00Z";
  Json agreement_;
};

TEST_F(MeteringTest, ARecordIsTakenOnceHoweverOftenItIsSent) {
  const Json first = Batch({Record(5, kNow)}).body;
  EXPECT_EQ(first["Results"][0]["Status"], "Success");
  EXPECT_EQ(first["Results"][0]["UsageRecord"], Record(5, kNow));
  EXPECT_TRUE(first["UnprocessedRecords"].empty());
  EXPECT_EQ(Batch({Record(5, "2026-01-10T10:05:00Z")}).body["Results"][0]["MeteringRecordId"],
            first["Results"][0]["MeteringRecordId"]);
  EXPECT_EQ(StatusOf(Record(6, kNow)), "DuplicateRecord");
  const Json usage = Usage();
  ASSERT_EQ(usage["accepted"].size(), 1U);
  EXPECT_EQ(usage["accepted"][0]["quantity"], 5);
  EXPECT_EQ(usage["accepted"][0]["hour"], "2026-01-10T10:00:00Z");
  EXPECT_EQ(usage["accepted"][0]["times"], 2);
  EXPECT_EQ(usage["refused"][0]["reason"], "DuplicateRecord");
  EXPECT_EQ(usage["refused"][0]["record"]["Quantity"], 6);
}

TEST_F(MeteringTest, AnotherHourDimensionCustomerOrLicenceIsAnotherRecord) {
  const Json second = Subscribed("current", {{"buyer", agreement_["buyer"]}});
  const Json third = Subscribed("current");
  Advance("1h");
  EXPECT_EQ(Batch({Record(1, kNow), Record(2, "2026-01-10T11:00:00Z"),
                   Record(3, kNow, {{"LicenseArn", second["license_arn"]}}),
                   Record(4, kNow, {{"LicenseArn", third["license_arn"]}, {"CustomerAWSAccountId", third["buyer"]}})})
                .body["Results"]
                .size(),
            4U);
  EXPECT_EQ(Usage()["accepted"].size(), 4U);
}

TEST_F(MeteringTest, QuantityDefaultsToNothing) {
  EXPECT_EQ(StatusOf(Record(0, kNow, {{"Quantity", nullptr}})), "Success");
  EXPECT_EQ(Usage()["accepted"][0]["quantity"], 0);
  EXPECT_EQ(StatusOf(Record(0, kNow, {{"Quantity", -1}})), "ValidationException");
  EXPECT_EQ(StatusOf(Record(0, kNow, {{"Quantity", 2147483648}})), "ValidationException");
}

TEST_F(MeteringTest, OneTimestampOutOfBoundsSinksTheBatch) {
  Advance("30h");  // 2026-01-11T16:31
  for (const char* bad : {"2026-01-10T16:20:00Z", "2026-01-11T16:50:00Z", "2026-01-10T09:59:00Z"}) {
    const Reply reply = Batch({Record(1, "2026-01-11T16:00:00Z"), Record(1, bad)});
    EXPECT_EQ(reply.status, 400);
    EXPECT_EQ(reply.body["__type"], "com.amazonaws.marketplace#TimestampOutOfBoundsException") << bad;
  }
  EXPECT_TRUE(Usage()["accepted"].empty());
  EXPECT_EQ(Usage()["refused"].size(), 6U);
  EXPECT_EQ(StatusOf(Record(1, "2026-01-10T16:40:00Z")), "Success");  // less than 24 h
}

TEST_F(MeteringTest, TheHourInWhichTheSubscriptionBeganCounts) {
  EXPECT_EQ(StatusOf(Record(1, "2026-01-10T10:00:00Z")), "Success");
  EXPECT_EQ(StatusOf(Record(1, "2026-01-10T09:59:59Z")), "TimestampOutOfBoundsException");
}

TEST_F(MeteringTest, AMonthIsClosedSixHoursAfterItsEnd) {
  Control("/_sim/clock", {{"to", "2026-02-01T05:59:00Z"}});
  EXPECT_EQ(StatusOf(Record(1, "2026-01-31T23:00:00Z")), "Success");
  Control("/_sim/clock", {{"to", "2026-02-01T06:00:00Z"}});
  EXPECT_EQ(StatusOf(Record(1, "2026-01-31T22:00:00Z")), "TimestampOutOfBoundsException");
  EXPECT_EQ(StatusOf(Record(1, "2026-02-01T00:00:00Z")), "Success");
}

TEST_F(MeteringTest, TheOlderLimitOfSixHoursCanBeSet) {
  Aws("settings", {{"usage_age_limit", "6h"}});
  Advance("8h");
  EXPECT_EQ(StatusOf(Record(1, "2026-01-10T12:00:00Z")), "TimestampOutOfBoundsException");
  EXPECT_EQ(StatusOf(Record(1, "2026-01-10T13:00:00Z")), "Success");
}

TEST_F(MeteringTest, ABatchHasAtMost25Records) {
  EXPECT_EQ(Batch(std::vector<Json>(25, Record(1, kNow))).status, 200);
  EXPECT_EQ(Batch(std::vector<Json>(26, Record(1, kNow))).body["__type"],
            "com.amazonaws.marketplace#ValidationException");
  EXPECT_EQ(Usage()["accepted"][0]["times"], 25);
}

TEST_F(MeteringTest, WhoIsNotSubscribedIsSaidRecordByRecord) {
  const Json other = Subscribed("current");
  const Json pending = Aws("subscribe", {{"product", kProduct}});
  const Json results =
      Batch({Record(1, kNow), Record(1, kNow, {{"CustomerAWSAccountId", other["buyer"]}}),
             Record(1, kNow, {{"CustomerAWSAccountId", pending["buyer"]}, {"LicenseArn", pending["license_arn"]}})})
          .body["Results"];
  EXPECT_EQ(results[0]["Status"], "Success");
  EXPECT_EQ(results[1]["Status"], "CustomerNotSubscribed");
  EXPECT_EQ(results[2]["Status"], "CustomerNotSubscribed");
  Aws("suspend", {{"buyer", agreement_["buyer"]}});
  EXPECT_EQ(StatusOf(Record(1, kNow)), "CustomerNotSubscribed");
  Aws("suspend", {{"buyer", agreement_["buyer"]}, {"suspended", false}});
  EXPECT_EQ(StatusOf(Record(1, kNow)), "Success");
}

TEST_F(MeteringTest, TheLastHourCanBeMeteredUntilTheLicenceIsTakenBack) {
  Aws("end", {{"agreement", agreement_["agreement"]}});
  Advance("50m");
  EXPECT_EQ(StatusOf(Record(7, kNow)), "Success");
  Advance("20m");
  EXPECT_EQ(StatusOf(Record(7, kNow)), "CustomerNotSubscribed");
}

TEST_F(MeteringTest, ARenewalThatKeepsTheLicenceGoesOnWithItsHours) {
  Advance("3h");
  Aws("renew", {{"agreement", agreement_["agreement"]}, {"keeps_license", true}});
  Advance("5m");
  EXPECT_EQ(StatusOf(Record(7, kNow)), "Success");
  const Json next = Aws("renew", {{"agreement", Truth()["agreements"][1]["agreement"]}});
  Advance("5m");
  EXPECT_EQ(StatusOf(Record(7, kNow, {{"LicenseArn", next["license_arn"]}})), "TimestampOutOfBoundsException");
}

TEST_F(MeteringTest, LegacyRecordsGoByProductCode) {
  const Json legacy = Subscribed("legacy");
  const auto send = [&](const Json& who, const char* code = kProduct) {
    Json record = Record(3, kNow, {{"LicenseArn", nullptr}, {"CustomerAWSAccountId", nullptr}});
    record.update(who);
    return Call("BatchMeterUsage", {{"ProductCode", code}, {"UsageRecords", {record}}});
  };
  const Json by_identifier = {{"CustomerIdentifier", legacy["customer_identifier"]}};
  const Json by_account = {{"CustomerAWSAccountId", legacy["buyer"]}};
  const Json first = send(by_identifier).body;
  EXPECT_EQ(first["Results"][0]["Status"], "Success");
  EXPECT_EQ(send(by_account).body["Results"][0]["MeteringRecordId"], first["Results"][0]["MeteringRecordId"]);
  EXPECT_EQ(send({{"CustomerIdentifier", "Xnobody"}}).body["Results"][0]["Status"], "CustomerNotSubscribed");
  EXPECT_EQ(send({{"CustomerAWSAccountId", agreement_["buyer"]}}).body["Results"][0]["Status"],
            "CustomerNotSubscribed");
  EXPECT_EQ(send(by_account, "none").body["__type"], "com.amazonaws.marketplace#InvalidProductCodeException");
  Json both = by_account;
  both.update(by_identifier);
  EXPECT_EQ(send(both).body["__type"], "com.amazonaws.marketplace#InvalidCustomerIdentifierException");
}

TEST_F(MeteringTest, WhatIsWrongHasItsOwnException) {
  EXPECT_EQ(StatusOf(Record(1, kNow, {{"LicenseArn", "arn:none"}})), "InvalidLicenseException");
  EXPECT_EQ(StatusOf(Record(1, kNow, {{"LicenseArn", nullptr}})), "ValidationException");
  EXPECT_EQ(StatusOf(Record(1, kNow, {{"CustomerAWSAccountId", nullptr}})), "InvalidCustomerIdentifierException");
  EXPECT_EQ(StatusOf(Record(1, kNow, {{"Dimension", "seats"}})), "InvalidUsageDimensionException");
  EXPECT_EQ(StatusOf(Record(1, kNow, {{"Timestamp", kNow}})), "SerializationException");
  EXPECT_EQ(Call("BatchMeterUsage", {{"ProductCode", kProduct}, {"UsageRecords", {Record(1, kNow)}}}).body["__type"],
            "com.amazonaws.marketplace#ValidationException");
  EXPECT_EQ(Call("BatchMeterUsage", Json::object()).body["__type"], "com.amazonaws.marketplace#ValidationException");
  Aws("products", {{"code", "other"}, {"dimensions", {{"requests", "metered"}}}});
  const Json other = Subscribed("current", {{"product", "other"}});
  const Json record = Record(1, kNow, {{"LicenseArn", other["license_arn"]}, {"CustomerAWSAccountId", other["buyer"]}});
  EXPECT_EQ(Batch({Record(1, kNow), record}).body["__type"], "com.amazonaws.marketplace#ValidationException");
  EXPECT_TRUE(Usage()["accepted"].empty());
}

TEST_F(MeteringTest, AllocationsHaveToAddUp) {
  const auto allocated = [&](const Json& allocations) { return Record(5, kNow, {{"UsageAllocations", allocations}}); };
  const auto part = [](int quantity, const Json& tags) {
    return Json{{"AllocatedUsageQuantity", quantity}, {"Tags", tags}};
  };
  const Json tags = Json::array({{{"Key", "team"}, {"Value", "a"}}});
  EXPECT_EQ(StatusOf(allocated({part(2, tags), part(2, tags)})), "InvalidUsageAllocationsException");
  EXPECT_EQ(StatusOf(allocated(Json::array())), "InvalidUsageAllocationsException");
  EXPECT_EQ(StatusOf(allocated(Json::array({part(5, Json::array({tags[0], tags[0]}))}))), "InvalidTagException");
  EXPECT_EQ(StatusOf(allocated(Json::array({part(5, Json::array({{{"Key", "team"}}}))}))), "InvalidTagException");
  EXPECT_EQ(StatusOf(allocated(Json::array({part(5, Json(6, tags[0]))}))), "InvalidTagException");
  EXPECT_EQ(StatusOf(allocated({part(2, tags), part(3, Json::array())})), "Success");
}

TEST_F(MeteringTest, RecordsAreLeftUnprocessedOnCommand) {
  Control("/_sim/faults", {{"aws_api", {{"unprocessed_next", 1}}}});
  Advance("1h");
  const Json answer = Batch({Record(1, kNow), Record(2, "2026-01-10T11:00:00Z")}).body;
  EXPECT_EQ(answer["UnprocessedRecords"], Json::array({Record(1, kNow)}));
  EXPECT_EQ(answer["Results"].size(), 1U);
  EXPECT_EQ(StatusOf(Record(1, kNow)), "Success");
}

TEST_F(MeteringTest, ALostAnswerAndAnInternalErrorWereExecuted) {
  Control("/_sim/faults", {{"aws_api", {{"drop_answer_next", 1}}}});
  EXPECT_EQ(Batch({Record(1, kNow)}).status, 0);
  Control("/_sim/faults", {{"aws_api", {{"status_500_next", 1}}}});
  EXPECT_EQ(Batch({Record(1, kNow)}).status, 500);
  Control("/_sim/faults", {{"aws_api", {{"status_429_next", 1}}}});
  EXPECT_EQ(Batch({Record(1, kNow)}).status, 400);
  EXPECT_EQ(Usage()["accepted"][0]["times"], 2);
}

}  // namespace
}  // namespace dunlin::sim
