// The judges of simulations and of crash tests see what they are there to see.
#include "workflows/simulate/truth.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/support/ledger_values.h"
#include "workflows/simulate/forwarding_ledger.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;
using Lines = std::vector<std::string>;

class BrokenChargesTest : public ::testing::Test {
 protected:
  // An attempt of the ledger, closed.
  void Attempted(const std::string& key, Timestamp at) {
    Attempt attempt;
    attempt.key = AttemptKey{key};
    attempt.job = JobId{1};
    attempt.subscription = SubscriptionId{"sub_1"};
    attempt.invoice = InvoiceId{"in_1"};
    attempt.state = AttemptState::kDeclined;
    attempt.first_sent_at = at;
    attempt.finished_at = at;
    Unit unit;
    unit.open_attempts.push_back(attempt);
    ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  }
  static Json Charge(const std::string& key, Timestamp at) {
    return {{"id", "ch_" + key},        {"invoice", "in_1"},      {"subscription", "sub_1"},      {"customer", "cus_1"},
            {"payment_method", "pm_1"}, {"idempotency_key", key}, {"created", ToUnixSeconds(at)}, {"status", "failed"}};
  }
  std::size_t Broken(const Json& charges) {
    return simulate::BrokenCharges(*ledger_, {{"charges", charges}}, rules_).size();
  }

  std::unique_ptr<Ledger> ledger_ = std::move(*OpenLedger("sqlite::memory:"));
  simulate::ChargeRules rules_{.min_gap = Millis{1h}, .card_limit = 3, .card_window = Millis{24h}, .cancelled = {}};
};

TEST_F(BrokenChargesTest, EachKindIsSeen) {
  Attempted("dunlin-1", kNoon);
  Attempted("dunlin-2", kNoon + 1h);
  const Json one = Charge("dunlin-1", kNoon);
  const Json two = Charge("dunlin-2", kNoon + 1h);
  EXPECT_EQ(Broken(Json::array({one, two})), 0U);
  EXPECT_EQ(Broken(Json::array({one, one, two})), 2U) << "a key twice, and so too soon";
  EXPECT_EQ(Broken(Json::array({Charge("dunlin-3", kNoon)})), 1U) << "no such attempt";
  EXPECT_EQ(Broken(Json::array({one, Charge("dunlin-2", kNoon + 59min)})), 1U) << "too soon";
  EXPECT_EQ(Broken(Json::array({one, two, Charge("somebody's", kNoon), Charge("else's", kNoon)})), 1U)
      << "the card's limit";
  rules_.heard_within = 1h;
  EXPECT_EQ(Broken(Json::array({one, two, Charge("somebody's", kNoon), Charge("else's", kNoon + 1min)})), 0U)
      << "one of them may not have been heard of";
  rules_.cancelled = {{"sub_1", kNoon + 30min}};
  EXPECT_EQ(Broken(Json::array({one, two})), 1U) << "after the cancellation";
}

TEST_F(BrokenChargesTest, WhatIsNotUnderAKeyOfOursIsNotOurs) {
  Json of_no_key = Charge("", kNoon);
  of_no_key["idempotency_key"] = nullptr;
  EXPECT_EQ(Broken(Json::array({of_no_key, of_no_key, Charge("somebody's", kNoon), Charge("somebody's", kNoon)})), 0U);
}

// The provider forgets a key after a day; a call that was made just before can arrive just after.
TEST_F(BrokenChargesTest, AKeyMayBeChargedAgainOnlyWhereTheClockLeaptPastTheProvidersDay) {
  Attempted("dunlin-1", kNoon);
  rules_.min_gap = Millis{0};
  const auto again = [&](Millis after) {
    return Broken(Json::array({Charge("dunlin-1", kNoon), Charge("dunlin-1", kNoon + after)}));
  };
  EXPECT_EQ(again(24h + 30min), 1U) << "no clock leaps";
  rules_.leap = 2h;
  EXPECT_EQ(again(24h + 30min), 0U);
  EXPECT_EQ(again(23h + 30min), 1U) << "the provider knew the key still";
  EXPECT_EQ(again(25h + 1min), 1U) << "no leap is that long";
}

TEST(DoubleCapturesTest, AnInvoiceMayBeCapturedOnce) {
  const auto charge = [](const char* invoice, const char* status) {
    return Json{{"invoice", invoice}, {"status", status}};
  };
  const Json once = {{"charges", {charge("in_1", "failed"), charge("in_1", "succeeded"), charge("in_2", "succeeded")}}};
  EXPECT_THAT(simulate::DoubleCaptures(once), IsEmpty());
  const Json twice = {{"charges", {charge("in_1", "succeeded"), charge("in_1", "succeeded")}}};
  EXPECT_THAT(simulate::DoubleCaptures(twice), ElementsAre("in_1 was captured 2 times (I4)"));
}

// What the ledger has of sub_1 against what the provider says.
class DifferencesTest : public ::testing::Test {
 protected:
  Lines Differences(const Values& values, const Json& changes, const std::set<std::string>& in_grace = {}) {
    const std::unique_ptr<Ledger> ledger = std::move(*OpenLedger("sqlite::memory:"));
    Subscription s = MakeSubscription("sub_1");
    s.values = values;
    EXPECT_TRUE(ledger->Commit(Save(s)));
    Json truth = {{"id", "sub_1"},          {"status", "active"},
                  {"plan_nickname", "pro"}, {"cancel_at_period_end", false},
                  {"paid_until", nullptr},  {"current_period_end", ToUnixSeconds(kNoon + 24h)}};
    truth.update(changes);
    return simulate::DifferencesFromTruth(*ledger, {{"subscriptions", Json::array({truth})}}, kNoon, in_grace);
  }
  static Values Active() { return {SubscriptionStatus::kActive, Access::kGranted, "pro"}; }
};

TEST_F(DifferencesTest, ThereAreNoneWhereTheLedgerSaysWhatTheProviderSays) {
  EXPECT_THAT(Differences(Active(), Json::object()), IsEmpty());
  Values v = Active();
  v.status = SubscriptionStatus::kTrialing;
  EXPECT_THAT(Differences(v, {{"status", "trialing"}}), IsEmpty());
  v = Active();
  v.cancel_at = kNoon + 24h;
  EXPECT_THAT(Differences(v, {{"cancel_at_period_end", true}}), IsEmpty());
  v = {SubscriptionStatus::kCanceled, Access::kGranted, "pro"};
  v.paid_until = kNoon + 1h;
  v.access_until = kNoon + 1h;
  EXPECT_THAT(Differences(v, {{"status", "canceled"}, {"paid_until", ToUnixSeconds(kNoon + 1h)}}), IsEmpty())
      << "what is paid stays (R7)";
  v = {SubscriptionStatus::kPastDue, Access::kGranted, "pro"};
  v.access_until = kNoon + 1h;
  EXPECT_THAT(Differences(v, {{"status", "unpaid"}}, {"sub_1"}), IsEmpty()) << "whose access is not judged";
}

TEST_F(DifferencesTest, EachIsTold) {
  EXPECT_THAT(Differences(Active(), {{"id", "sub_2"}}), ElementsAre("sub_2: is not in the ledger"));
  EXPECT_THAT(
      Differences(Active(), {{"status", "unpaid"}}),
      ElementsAre("sub_1: status is active and should be past_due", "sub_1: access is granted and should be revoked"));
  EXPECT_THAT(Differences(Active(), {{"plan_nickname", "team"}}), ElementsAre("sub_1: plan is pro and should be team"));
  EXPECT_THAT(Differences(Active(), {{"cancel_at_period_end", true}}),
              ElementsAre("sub_1: cancel_at is never and should be 2026-11-22T12:00:00Z"));
  EXPECT_THAT(Differences(Active(), {{"paid_until", ToUnixSeconds(kNoon)}}),
              ElementsAre("sub_1: is paid until never and should be until 2026-11-21T12:00:00Z"));
  Values paid = Active();
  paid.paid_until = kNoon + 1h;
  EXPECT_THAT(Differences(paid, {{"paid_until", ToUnixSeconds(kNoon)}}),
              ElementsAre("sub_1: is paid until 2026-11-21T13:00:00Z and should be until 2026-11-21T12:00:00Z"));
}

// sub_1 as its row says, active, and a timeline.
class InvariantsTest : public ::testing::Test {
 protected:
  static TimelineRow Change() {
    TimelineRow row;
    row.subscription = SubscriptionId{"sub_1"};
    row.kind = "change";
    row.rule = "R3";
    row.reason = "It was paid.";
    return row;
  }
  static TimelineRow Status(SubscriptionStatus from, SubscriptionStatus to) {
    TimelineRow row = Change();
    row.status_from = from;
    row.status_to = to;
    return row;
  }
  static TimelineRow AccessRow(Access from, Access to) {
    TimelineRow row = Change();
    row.access_from = from;
    row.access_to = to;
    return row;
  }
  Lines Broken(std::vector<TimelineRow> timeline, int steps = 2) {
    Unit unit;
    unit.save.push_back(MakeSubscription("sub_1"));
    unit.timeline = std::move(timeline);
    EXPECT_TRUE(ledger_->Commit(std::move(unit)));
    const Json truth = {{"subscriptions", {{{"id", "sub_1"}}, {{"id", "sub_of_nobody"}}}}};
    return simulate::BrokenInvariants(*ledger_, truth, steps);
  }
  const TimelineRow pays_ = Status(SubscriptionStatus::kPending, SubscriptionStatus::kActive);
  const TimelineRow gets_access_ = AccessRow(Access::kRevoked, Access::kGranted);
  std::unique_ptr<Ledger> ledger_ = std::move(*OpenLedger("sqlite::memory:"));
};

TEST_F(InvariantsTest, ATimelineThatChainsIsSound) { EXPECT_THAT(Broken({pays_, gets_access_}), IsEmpty()); }

TEST_F(InvariantsTest, AStatusRowFollowsTheOneBefore) {
  EXPECT_THAT(Broken({gets_access_, Status(SubscriptionStatus::kPastDue, SubscriptionStatus::kActive)}),
              ElementsAre("sub_1: a status row does not follow the one before (I9)"));
}

TEST_F(InvariantsTest, AnAccessRowFollowsTheOneBefore) {
  EXPECT_THAT(Broken({pays_, AccessRow(Access::kGranted, Access::kGranted)}),
              ElementsAre("sub_1: an access row does not follow the one before (I9)"));
}

TEST_F(InvariantsTest, TheRowIsWhereItsTimelineEnds) {
  EXPECT_THAT(Broken({pays_}), ElementsAre("sub_1: its row is not where its timeline ends (I9)")) << "no access";
}

TEST_F(InvariantsTest, AnInvoiceHasNoMoreAutomaticAttemptsThanTheSchedule) {
  Unit unit;
  for (const char* key : {"k1", "k2", "k3"}) {
    unit.open_attempts.push_back(MakeAttempt(key));
    unit.open_attempts.back().state = AttemptState::kDeclined;
    unit.open_attempts.back().finished_at = kNoon;
  }
  ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  EXPECT_THAT(Broken({pays_, gets_access_}, 3), IsEmpty());
  EXPECT_THAT(simulate::BrokenInvariants(*ledger_, {{"subscriptions", {{{"id", "sub_1"}}}}}, 2),
              ElementsAre("in_1: more automatic attempts than the schedule has (I6)"));
}

TEST_F(InvariantsTest, ATimelineThatCannotBeReadIsToldOf) {
  class Blind final : public ForwardingLedger {
   public:
    using ForwardingLedger::ForwardingLedger;
    Result<std::vector<TimelineRow>> Timeline(const SubscriptionId&) override {
      return Fail(Errc::kUnavailable, "the disk is gone");
    }
  } blind(*ledger_);
  EXPECT_THAT(simulate::BrokenSubscription(blind, {.subscription = MakeSubscription("sub_1")}, 2),
              ElementsAre(HasSubstr("the disk is gone")));
}

}  // namespace
}  // namespace dunlin::testing
