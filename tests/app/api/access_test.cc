#include "tests/app/api/api_fixture.h"

namespace dunlin {
namespace {

class AccessTest : public ApiTest {
 protected:
  json Access(const std::string& account) { return GetJson("/v1/access/" + account, Role::kProduct); }
};

TEST_F(AccessTest, AnActiveSubscriptionGrants) {
  Active();
  EXPECT_EQ(Access("cus_1"), json::parse(R"({"account":"cus_1","access":"granted","plan":"pro","until":null,
    "reason":"subscription sub_1 is active",
    "subscriptions":[{"id":"sub_1","status":"active","access":"granted","plan":"pro","until":null}]})"));
}

TEST_F(AccessTest, AFailedPaymentRevokesAndThePaymentRestores) {
  PastDue();
  json access = Access("cus_1");
  EXPECT_EQ(access["access"], "revoked");
  EXPECT_EQ(access["plan"], nullptr);
  EXPECT_EQ(access["reason"], "subscription sub_1 is past_due");
  clock_.Set(Day(0, 30));
  InvoiceFact paid = build::Invoice("evt_paid", Day(0, 25), InvoiceStatus::kPaid, "in_1_sub_1");
  SubscriptionSnapshot active = build::Snapshot("evt_s_active", Day(0, 26), ProviderStatus::kActive);
  Put({.facts = build::Together(paid, active), .event = "evt_paid"});
  access = Access("cus_1");
  EXPECT_EQ(access["access"], "granted");
  EXPECT_EQ(access["plan"], "pro");
}

TEST_F(AccessTest, OurOwnIdFindsTheSameAsTheProviders) {
  Active();
  Unit unit;
  unit.aliases = {{"user-42", AccountId{"cus_1"}}};
  CommitUnit(std::move(unit));
  json by_alias = Access("user-42");
  EXPECT_EQ(by_alias["account"], "user-42");
  by_alias["account"] = "cus_1";
  EXPECT_EQ(by_alias, Access("cus_1"));
}

TEST_F(AccessTest, AnUnknownAccountIsNotFound) {
  Active();
  EXPECT_EQ(Detail(Get("/v1/access/cus_9", Role::kProduct), 404), "no account has this id");
  EXPECT_EQ(Detail(Get("/v1/access/sub_1", Role::kProduct), 404), "no account has this id");
}

TEST_F(AccessTest, AKnownAccountWithoutASubscriptionIsRevoked) {
  Unit unit;
  unit.aliases = {{"user-42", AccountId{"cus_1"}}};
  CommitUnit(std::move(unit));
  EXPECT_EQ(Access("user-42"), json::parse(R"({"account":"user-42","access":"revoked","plan":null,"until":null,
    "reason":"the account has no subscription","subscriptions":[]})"));
}

TEST_F(AccessTest, AnyGrantedSubscriptionGrants) {
  Active("sub_1", "grace", "cus_1");
  PastDue("sub_2", "pro", "cus_1");
  const json access = Access("cus_1");
  EXPECT_EQ(access["access"], "granted");
  EXPECT_EQ(access["plan"], "grace") << "a higher plan that is not paid for does not count";
  EXPECT_EQ(access["subscriptions"].size(), 2u);
  EXPECT_EQ(access["subscriptions"][1]["access"], "revoked");
}

TEST_F(AccessTest, OfSeveralThatGrantTheHighestPlanCounts) {
  Active("sub_1", "pro", "cus_1");
  Active("sub_2", "plus", "cus_2");
  Active("sub_3", "grace", "cus_2");
  Unit unit;
  unit.aliases = {{"user-42", AccountId{"cus_1"}}, {"user-42", AccountId{"cus_2"}}};
  CommitUnit(std::move(unit));
  EXPECT_EQ(Access("user-42")["plan"], "plus");
  EXPECT_EQ(Access("cus_1")["plan"], "pro");
}

TEST_F(AccessTest, OfTwoOnOnePlanTheLongerOneCounts) {
  for (const auto& [id, ends] : {std::pair("sub_1", true), std::pair("sub_2", false)}) {
    SubscriptionSnapshot s = build::Snapshot("evt_" + std::string(id), Day(-1), ProviderStatus::kActive);
    s.cancel_at_period_end = ends;
    Put({.id = id, .facts = build::Together(s)});
  }
  const json access = Access("cus_1");
  EXPECT_EQ(access["until"], nullptr);
  EXPECT_EQ(access["reason"], "subscription sub_2 is active");
}

TEST_F(AccessTest, TheEndOfGraceIsSeenAtOnce) {
  PastDue("sub_1", "grace");
  json access = Access("cus_1");
  EXPECT_EQ(access["access"], "granted");
  EXPECT_EQ(access["until"], FormatRfc3339(Day(2, 1)));
  EXPECT_EQ(access["reason"], "subscription sub_1 is past_due, with access until " + FormatRfc3339(Day(2, 1)));
  clock_.Set(Day(2, 1));
  access = Access("cus_1");
  EXPECT_EQ(access["access"], "revoked");
  EXPECT_EQ(access["until"], nullptr);
}

TEST_F(AccessTest, WhoeverCancelledKeepsWhatIsPaid) {
  clock_.Set(Day(-5));
  Active();
  SubscriptionSnapshot ended = build::Snapshot("evt_deleted", Day(-6), ProviderStatus::kCanceled);
  ended.kind = SubscriptionSnapshot::Kind::kDeleted;
  Put({.facts = build::Together(ended), .event = "evt_deleted"});
  EXPECT_EQ(Access("cus_1")["access"], "granted");
  EXPECT_EQ(Access("cus_1")["until"], FormatRfc3339(Day(0)));
  clock_.Set(Day(0));
  EXPECT_EQ(Access("cus_1")["access"], "revoked");
}

}  // namespace
}  // namespace dunlin
