// The commands that work on a ledger.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "state/ledger.h"
#include "tests/app/program.h"
#include "tests/support/scratch.h"
#include "tests/support/usage_values.h"
#include "workflows/market_filing.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;
using testing::kNoon;
using testing::Ran;
using testing::RunDunlin;

class LedgerCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Ledger>> ledger = OpenLedger(location_);
    ASSERT_TRUE(ledger) << ledger.error().detail;
    ledger_ = std::move(*ledger);
    Unit unit;
    unit.save = {testing::MakeSubscription("sub_1", "cus_1"), testing::MakeSubscription("sub_2", "cus_2")};
    unit.save[1].values.status = SubscriptionStatus::kPastDue;
    unit.save[1].values.access = Access::kRevoked;
    unit.aliases = {{"acme", AccountId("cus_2")}};
    unit.links = {{.payment_intent = "", .invoice = InvoiceId("in_1"), .subscription = SubscriptionId("sub_1")}};
    TimelineRow row;
    row.subscription = SubscriptionId("sub_2");
    row.at = kNoon;
    row.kind = "change";
    row.status_from = SubscriptionStatus::kActive;
    row.status_to = SubscriptionStatus::kPastDue;
    row.rule = "R24d";
    row.event = "evt_1";
    row.by = "provider";
    row.reason = "A payment is overdue.";
    unit.timeline = {row};
    unit.alerts = {
        {.key = "two_owners/sub_2", .kind = "two_owners", .subject = "sub_2", .detail = "Look.", .raised_at = kNoon}};
    unit.accept = {testing::MakeEvent("evt_1", "{\"b\": 1}"), testing::MakeEvent("evt_live")};
    unit.accept[1].outcome = EventOutcome::kKept;
    unit.accept[1].detail = "a live event, and the API key is a test key";
    unit.jobs = {testing::MakeJob(JobKind::kMail, kNoon + 1h, "mail/1"),
                 testing::MakeJob(JobKind::kCharge, kNoon + 24h, "charge/sub_2")};
    const Result<UnitResult> done = ledger_->Commit(std::move(unit));
    ASSERT_TRUE(done) << done.error().detail;
    apply_ = done->new_jobs.at(0).id;
    mail_ = done->new_jobs.at(1).id;
    charge_ = done->new_jobs.at(2).id;
  }

  Ran Run(std::vector<std::string> words) {
    words.insert(words.end(), {"--ledger", location_});
    return RunDunlin(words);
  }
  Json RunJson(std::vector<std::string> words) {
    words.emplace_back("--json");
    const Ran ran = Run(words);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return Json::parse(ran.out, nullptr, false);
  }
  static std::string Name(JobId id) { return "job_" + std::to_string(ToInt(id)); }

  const testing::ScratchDir scratch_;
  const std::string location_ = "sqlite:" + scratch_.File("l.db");
  std::unique_ptr<Ledger> ledger_;  // open all the while, as a running service has it
  JobId apply_{}, mail_{}, charge_{};
};

TEST_F(LedgerCommandTest, ALedgerThatIsNotThereIsNotMade) {
  const Ran ran = RunDunlin({"subscriptions", "list", "--ledger", "sqlite:" + scratch_.File("none.db")});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err, "");
  EXPECT_FALSE(std::filesystem::exists(scratch_.File("none.db")));
}

TEST_F(LedgerCommandTest, TheLedgerMayComeFromTheConfiguration) {
  testing::WriteFile(scratch_.File("d.toml"), "ledger = \"" + location_ + "\"\n");
  EXPECT_EQ(RunDunlin({"subscriptions", "list", "--config", scratch_.File("d.toml")}).exit_code, 0);
}

TEST_F(LedgerCommandTest, SubscriptionsAreListedAndFiltered) {
  EXPECT_EQ(Run({"subscriptions", "list"}).out,
            "ID     ACCOUNT  PLAN  STATUS    ACCESS   PAID UNTIL  NEXT ATTEMPT\n"
            "sub_1  cus_1    -     active    granted  -           -\n"
            "sub_2  cus_2    -     past_due  revoked  -           -\n");
  EXPECT_EQ(RunJson({"subscriptions", "list", "--status", "past_due"}).at("subscriptions").size(), 1U);
  EXPECT_EQ(RunJson({"subscriptions", "list", "--account", "acme"}).at("subscriptions").at(0).at("id"), "sub_2");
  const Json first = RunJson({"subscriptions", "list", "--limit", "1"});
  EXPECT_EQ(first.at("subscriptions").size(), 1U);
  const Json second = RunJson({"subscriptions", "list", "--limit", "1", "--cursor", first.at("next")});
  EXPECT_EQ(second.at("subscriptions").at(0).at("id"), "sub_2");
  EXPECT_EQ(second.at("next"), nullptr);
  EXPECT_EQ(Run({"subscriptions", "list", "--status", "sad"}).exit_code, 2);
}

TEST_F(LedgerCommandTest, AnyIdOfASubscriptionFindsIt) {
  EXPECT_EQ(RunJson({"subscriptions", "show", "in_1"}).at("id"), "sub_1");
  EXPECT_EQ(Run({"subscriptions", "show", "sub_9"}).exit_code, 1);
}

TEST_F(LedgerCommandTest, ASubscriptionOfAwsMarketplaceIsFoundByEachOfItsIds) {
  const PolicyBook policies(BuiltInPolicy());
  for (const MarketFacts& facts :
       {testing::Registered("c1", "l-01", "123"),
        testing::OfLicence(MarketNotice::Kind::kLicenceUpdated, kNoon, "l-01", "agmt-1", "123"),
        testing::Answer(kNoon, "seats", {}, {"l-01"})}) {
    MarketWords words;
    words.facts = facts;
    if (facts.answer.number != 0) words.about = SubscriptionId{"agmt-1"};
    Unit unit;
    const Result<MarketFiled> filed = FileMarket(*ledger_, policies, words, kNoon, unit);
    ASSERT_TRUE(filed) << filed.error().detail;
    ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  }
  UsageBooking booking = testing::MakeBooking("k1", kNoon, 7);
  booking.entry.subscription = SubscriptionId{"agmt-1"};
  booking.version = (*ledger_->LoadSubscription(SubscriptionId{"agmt-1"}))->subscription.version;
  Unit used;
  used.usage.push_back(std::move(booking));
  ASSERT_TRUE(ledger_->Commit(std::move(used)));
  NewEvent event = testing::MakeEvent("eb/1", "{}");
  event.provider = Provider::kAwsMarketplace;
  ASSERT_TRUE(ledger_->Commit(testing::Accept(event)));

  for (const char* id : {"agmt-1", "l-01", "prod1/c1", "prod1/123"}) {
    EXPECT_EQ(RunJson({"subscriptions", "show", id}).value("id", ""), "agmt-1") << id;
  }
  const Json shown = RunJson({"subscriptions", "show", "l-01"});
  EXPECT_EQ(shown.at("collection").at("owner"), "marketplace");
  EXPECT_EQ(shown.at("marketplace").at("licences"), Json::array({"l-01"}));
  EXPECT_EQ(shown.at("marketplace").at("agreements"), Json::array({"agmt-1"}));
  EXPECT_NE(Run({"subscriptions", "show", "l-01"}).out.find("marketplace.products"), std::string::npos);
  EXPECT_NE(Run({"subscriptions", "list", "--account", "123"}).out.find("agmt-1"), std::string::npos);
  EXPECT_NE(Run({"subscriptions", "timeline", "l-01"}).out.find("licence l-01"), std::string::npos);
  const std::string summary =
      "agmt-1 l-01, seats 5; 0 sent, 7 waiting, 0 refused, next deadline 2026-11-22 12:00:00Z\n";
  EXPECT_NE(Run({"subscriptions", "list"}).out.find("  " + summary), std::string::npos)
      << Run({"subscriptions", "list"}).out;
  const Json listed = RunJson({"subscriptions", "list", "--account", "123"}).at("subscriptions").at(0);
  EXPECT_EQ(listed.at("usage").at("waiting").at("quantity"), 7);
  EXPECT_EQ(RunJson({"subscriptions", "timeline", "l-01"}).at("usage"), listed.at("usage"));
  EXPECT_NE(Run({"subscriptions", "timeline", "l-01"}).out.find("\nUsage: 0 sent, 7 waiting"), std::string::npos);
  const Ran retry = Run({"subscriptions", "retry", "l-01", "--reason", "why not"});
  EXPECT_EQ(retry.exit_code, 1);
  EXPECT_NE(retry.err.find("AWS"), std::string::npos) << retry.err;
  EXPECT_EQ(RunJson({"events", "show", "eb/1"}).value("provider", ""), "aws_marketplace");
}

TEST_F(LedgerCommandTest, TheTimelineSaysWhy) {
  const std::string out = Run({"subscriptions", "timeline", "sub_2"}).out;
  EXPECT_NE(out.find("2026-11-21 12:00:00Z  status active -> past_due  R24d"), std::string::npos) << out;
  EXPECT_NE(out.find("A payment is overdue."), std::string::npos) << out;
  EXPECT_EQ(RunJson({"subscriptions", "timeline", "sub_2"}).at("timeline").size(), 1U);
}

TEST_F(LedgerCommandTest, ARetryThatIsRefusedSaysWhy) {
  const Ran ran = Run({"subscriptions", "retry", "sub_1", "--reason", "the customer called"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("nothing to collect"), std::string::npos) << ran.err;
  EXPECT_EQ(Run({"subscriptions", "retry", "sub_1", "--reason", " "}).exit_code, 2);
}

TEST_F(LedgerCommandTest, ARetryThatIsGrantedNamesItsJob) {
  Result<std::optional<SubscriptionRecord>> record = ledger_->LoadSubscription(SubscriptionId("sub_2"));
  ASSERT_TRUE(record && *record);
  Subscription s = (*record)->subscription;
  InvoiceFact invoice;
  invoice.id = InvoiceId("in_2");
  invoice.status = InvoiceStatus::kOpen;
  invoice.source = EventId("evt_0");
  invoice.amount_due = {4000, "usd"};
  invoice.amount_remaining = 4000;
  s.facts.invoices = {invoice};
  s.recovery.state = RecoveryState::kWaiting;
  s.recovery.invoice = invoice.id;
  s.recovery.policy = "default";
  s.recovery.opened_at = kNoon;
  s.recovery.next_attempt_at = kNoon + 24h;
  ASSERT_TRUE(ledger_->Commit(testing::Save(s)));
  const Ran ran = Run({"subscriptions", "retry", "sub_2", "--reason", "the customer called"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const Json job = RunJson({"jobs", "show", ran.out.substr(0, ran.out.size() - 1)});
  EXPECT_EQ(job.at("kind"), "charge");
  const auto rows = ledger_->Timeline(SubscriptionId("sub_2"));
  ASSERT_TRUE(rows);
  const auto asked =
      std::find_if(rows->begin(), rows->end(), [](const TimelineRow& row) { return row.kind == "staff"; });
  ASSERT_NE(asked, rows->end());
  EXPECT_EQ(asked->by.rfind("cli:", 0), 0U) << asked->by;
  EXPECT_NE(asked->reason.find("the customer called"), std::string::npos) << asked->reason;
}

TEST_F(LedgerCommandTest, EventsAreListedShownAndAppliedAgain) {
  EXPECT_EQ(RunJson({"events", "list"}).at("events").at(0).at("id"), "evt_live");
  EXPECT_EQ(RunJson({"events", "list", "--outcome", "waiting"}).at("events").size(), 1U);
  EXPECT_EQ(RunJson({"events", "show", "evt_1"}).at("body"), "{\"b\": 1}");
  const Json again = RunJson({"events", "replay", "evt_1"});
  EXPECT_EQ(RunJson({"events", "replay", "evt_1"}), again);  // asked for twice, it is one job
  const std::string name = again.at("job");
  const auto job = ledger_->FindJob(JobId{std::stoll(name.substr(4))});
  ASSERT_TRUE(job && *job);
  EXPECT_EQ((*job)->kind, JobKind::kApply);
  EXPECT_GT((*job)->event_seq, 0);
  EXPECT_EQ(Run({"events", "replay", "evt_live"}).exit_code, 1);
  EXPECT_EQ(Run({"events", "show", "evt_9"}).exit_code, 1);
}

TEST_F(LedgerCommandTest, WhatAnEventSaysCannotSteerTheTerminal) {
  NewEvent event = testing::MakeEvent("evt_esc");
  event.type = "red\x1b[31m\rover";
  ASSERT_TRUE(ledger_->Commit(testing::Accept(event)));
  const std::string out = Run({"events", "list"}).out + Run({"events", "show", "evt_esc"}).out;
  EXPECT_NE(out.find("red [31m over"), std::string::npos) << out;
  EXPECT_EQ(out.find_first_of("\x1b\r"), std::string::npos);
}

TEST_F(LedgerCommandTest, JobsAreListedByDueTime) {
  const Json jobs = RunJson({"jobs", "list"}).at("jobs");
  ASSERT_EQ(jobs.size(), 3U);
  EXPECT_EQ(jobs.at(0).at("id"), Name(apply_));
  EXPECT_EQ(RunJson({"jobs", "list", "--kind", "charge"}).at("jobs").size(), 1U);
  EXPECT_EQ(Run({"jobs", "list", "--kind", "dance"}).exit_code, 2);
  EXPECT_EQ(Run({"jobs", "show", "999"}).exit_code, 1);
}

TEST_F(LedgerCommandTest, ADeadJobLivesAgain) {
  Unit unit;
  unit.retries = {{.id = mail_, .due = kNoon, .state = JobState::kDead, .error = "no such host", .at = kNoon}};
  ASSERT_TRUE(ledger_->Commit(std::move(unit)));
  EXPECT_EQ(RunJson({"jobs", "list", "--state", "dead"}).at("jobs").at(0).at("last_error"), "no such host");
  EXPECT_EQ(Run({"jobs", "requeue", Name(mail_)}).out, Name(mail_) + "\n");
  const auto job = ledger_->FindJob(mail_);
  ASSERT_TRUE(job && *job);
  EXPECT_EQ((*job)->state, JobState::kReady);
  EXPECT_EQ((*job)->tries, 0);
}

TEST_F(LedgerCommandTest, AChargeKeepsItsDate) {
  const Ran ran = Run({"jobs", "requeue", Name(charge_)});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.err.find("subscriptions retry"), std::string::npos) << ran.err;
  EXPECT_EQ((*ledger_->FindJob(charge_))->due, kNoon + 24h);
}

TEST_F(LedgerCommandTest, AlertsAreListed) {
  EXPECT_EQ(Run({"alerts", "list"}).out,
            "RAISED                KIND        SUBJECT  WHAT\n"
            "2026-11-21 12:00:00Z  two_owners  sub_2    Look.\n");
  EXPECT_EQ(RunJson({"alerts", "list"}).at("alerts").size(), 1U);
}

TEST_F(LedgerCommandTest, ABackupIsTakenBesideARunningServiceAndRestored) {
  const std::string copy = scratch_.File("copy.db");
  const std::string back = "sqlite:" + scratch_.File("back.db");
  EXPECT_EQ(RunJson({"backup", copy}).at("file"), copy);
  EXPECT_EQ(Run({"backup", copy}).exit_code, 1) << "it is there already";
  const Ran restored = RunDunlin({"restore", copy, "--ledger", back});
  EXPECT_EQ(restored.exit_code, 0) << restored.err;
  EXPECT_NE(restored.out.find("back.db"), std::string::npos);
  EXPECT_EQ(RunDunlin({"subscriptions", "show", "sub_1", "--ledger", back}).exit_code, 0);
  EXPECT_EQ(RunDunlin({"restore", copy, "--ledger", back}).exit_code, 1) << "there is a ledger already";
}

TEST_F(LedgerCommandTest, ATokenIsPrintedOnceListedAndRevoked) {
  const Ran made = Run({"token", "create", "--role", "support", "--name", "Ann", "--expires", "90d"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(std::count(made.out.begin(), made.out.end(), '\n'), 1);
  const Json list = RunJson({"token", "list"}).at("tokens");
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list.at(0).at("role"), "support");
  EXPECT_NE(list.at(0).at("expires_at"), nullptr);
  EXPECT_EQ(list.dump().find(made.out.substr(0, made.out.size() - 1)), std::string::npos);
  EXPECT_EQ(Run({"token", "revoke", list.at(0).at("id")}).exit_code, 0);
  EXPECT_NE(RunJson({"token", "list"}).at("tokens").at(0).at("revoked_at"), nullptr);
  EXPECT_EQ(Run({"token", "revoke", "tok_none"}).exit_code, 1);
  EXPECT_EQ(Run({"token", "create", "--role", "viewer", "--name", "x", "--expires", "2020-01-01T00:00:00Z"}).exit_code,
            2);
}

}  // namespace
}  // namespace dunlin
