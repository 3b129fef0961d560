#include <gmock/gmock.h>

#include "tests/app/api/api_fixture.h"
#include "tests/support/usage_values.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using testing::kNoon;

class UsageApiTest : public ApiTest {
 protected:
  UsageApiTest() {
    clock_.Set(kNoon + 5min);
    Policy policy = policies_->current();
    policy.metered = {{"prod1", {"tokens"}}};
    policies_.emplace(std::move(policy));
    Unit unit;
    unit.save.push_back(testing::Metered(testing::Registered("", "l-01", "1", kNoon - 48h)));
    unit.aliases.push_back({"acme", AccountId{"1"}});
    CommitUnit(std::move(unit));
  }

  static json Report() {
    return {{"account", "acme"}, {"dimension", "tokens"},        {"quantity", 7},
            {"key", "k1"},       {"at", "2026-11-21T12:04:00Z"}, {"user", "robin"}};
  }
  HttpAnswer Post(const std::string& body, Role role = Role::kProduct) {
    return Send("POST", "/v1/usage", {{"Authorization", "Bearer " + TokenOf(role)}}, body);
  }
  std::string Refused(const json& change, int status = 400) {
    json report = Report();
    report.merge_patch(change);
    return Detail(Post(report.dump()), status);
  }
};

TEST_F(UsageApiTest, AReportIsAnsweredWithItsHourAndWhenItIsSent) {
  const HttpAnswer answer = Post(Report().dump());
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(json::parse(answer.body), json::parse(R"({
    "account": "1", "subscription": "l-01", "user": "robin", "dimension": "tokens", "quantity": 7,
    "at": "2026-11-21T12:04:00Z", "key": "k1", "hour": "2026-11-21T12:00:00Z", "state": "open",
    "send_at": "2026-11-21T13:10:00Z"})"));
}

TEST_F(UsageApiTest, TheSameReportAgainIs200AndAnotherUnderItsKey409) {
  ASSERT_EQ(Post(Report().dump()).status, 201);
  const HttpAnswer again = Post(Report().dump());
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(json::parse(again.body).at("hour"), "2026-11-21T12:00:00Z");
  EXPECT_THAT(Refused({{"quantity", 8}}, 409), HasSubstr("another quantity"));
}

TEST_F(UsageApiTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Detail(Post("[]"), 400), HasSubstr("send {"));
  EXPECT_THAT(Detail(Post("nonsense"), 400), HasSubstr("send {"));
  EXPECT_THAT(Refused({{"account", nullptr}}), HasSubstr("account: missing"));
  EXPECT_THAT(Refused({{"account", "nobody"}}, 404), HasSubstr("account: no account"));
  EXPECT_THAT(Refused({{"dimension", "seats"}}), HasSubstr("dimension: not metered; what this account has bought is "
                                                           "metered by tokens"));
  EXPECT_THAT(Refused({{"dimension", 7}}), HasSubstr("dimension: text"));
  for (const json& quantity : {json(-1), json(1.5), json("7"), json(2147483648), json(nullptr), json(true)})
    EXPECT_THAT(Refused({{"quantity", quantity}}), HasSubstr("quantity: a whole number")) << quantity;
  EXPECT_THAT(Refused({{"at", "yesterday"}}), HasSubstr("at: "));
  EXPECT_THAT(Refused({{"at", 1795262400}}), HasSubstr("at: when it was used"));
  EXPECT_THAT(Refused({{"at", "2026-11-21T12:10:01Z"}}), HasSubstr("future"));
  EXPECT_THAT(Refused({{"key", ""}}), HasSubstr("key: text"));
  EXPECT_THAT(Refused({{"key", std::string(256, 'k')}}), HasSubstr("255"));
  EXPECT_THAT(Refused({{"user", "a\nb"}}), HasSubstr("user: text"));
  EXPECT_THAT(Refused({{"amount", 3}}), HasSubstr("unknown field"));
}

TEST_F(UsageApiTest, FiveMinutesAheadAreTaken) {
  json report = Report();
  report["at"] = "2026-11-21T12:10:00Z";
  EXPECT_EQ(Post(report.dump()).status, 201);
}

TEST_F(UsageApiTest, ALedgerThatDoesNotAnswerIs503) {
  ledger_->LoseCommit(1, testing::FaultyLedger::Fault::kAfterWrite);
  const HttpAnswer lost = Post(Report().dump());
  Detail(lost, 503);
  EXPECT_EQ(lost.Header("Retry-After"), "5");
  EXPECT_EQ(Post(Report().dump()).status, 200);  // it was written after all, and is booked once
}

TEST_F(UsageApiTest, StaffSeeHoursAndTotals) {
  Unit unit;
  for (int i = 1; i <= 3; ++i) unit.freeze.push_back(testing::MakeFrozen(testing::MakeHour(kNoon - i * 1h)));
  CommitUnit(std::move(unit));
  ASSERT_EQ(Post(Report().dump()).status, 201);
  json page = GetJson("/v1/usage/acme?limit=3");
  ASSERT_EQ(page.at("items").size(), 3U);
  EXPECT_EQ(page.at("items")[0].at("hour"), "2026-11-21T12:00:00Z");
  EXPECT_EQ(page.at("items")[0].at("state"), "open");
  EXPECT_EQ(page.at("items")[1].at("meter"), "l-01");
  EXPECT_EQ(page.at("items")[1].at("deadline"), "2026-11-22T11:00:00Z");
  page = GetJson("/v1/usage/acme?limit=3&cursor=" + page.at("next").get<std::string>());
  ASSERT_EQ(page.at("items").size(), 1U);
  EXPECT_TRUE(page.at("next").is_null());
  const json usage = GetJson("/v1/subscriptions/l-01").at("usage");
  EXPECT_EQ(usage.at("waiting"), (json{{"records", 1}, {"quantity", 7}}));
  EXPECT_EQ(usage.at("frozen").at("records"), 3);
  EXPECT_EQ(usage.at("next_deadline"), "2026-11-22T09:00:00Z");
  EXPECT_EQ(page.at("subscriptions")[0].at("usage"), usage);
  EXPECT_EQ(GetJson("/v1/subscriptions").at("items")[0].at("usage"), usage);
  EXPECT_EQ(GetJson("/v1/subscriptions/l-01/timeline").at("usage"), usage);
  Detail(Get("/v1/usage/nobody"), 404);
}

TEST_F(UsageApiTest, MetricsTellOfWhatWaits) {
  Unit unit;
  unit.freeze.push_back(testing::MakeFrozen(testing::MakeHour(kNoon - 2h)));
  CommitUnit(std::move(unit));
  metrics_.OnUsage(UsageState::kSent);
  const std::string text = Send("GET", "/metrics", {}).body;
  EXPECT_THAT(text, HasSubstr("dunlin_usage_unsent_records 1\n"));
  EXPECT_THAT(text, HasSubstr("dunlin_usage_oldest_unsent_seconds 7500\n"));
  EXPECT_THAT(text, HasSubstr("dunlin_usage_records_total{outcome=\"sent\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("dunlin_usage_records_total{outcome=\"refused\"} 0\n"));
}

}  // namespace
}  // namespace dunlin
