// `dunlin replay`, both ways.
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "state/clock.h"
#include "tests/app/program.h"
#include "tests/support/scratch.h"
#include "webhooks/http/server.h"
#include "webhooks/stripe/ingest.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;
using testing::Ran;
using testing::RunDunlin;

constexpr const char* kSecret = "whsec_replay";

std::string Scenario(const std::string& name) { return testing::FixturePath("scenarios/" + name + ".json"); }

// A webhook that keeps what it takes, and the bytes it was sent.
class ReplayToTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Ledger>> ledger = OpenLedger("sqlite::memory:");
    ASSERT_TRUE(ledger);
    ledger_ = std::move(*ledger);
    ingest_.emplace(*ledger_, clock_, StripeIngest::Options{.secrets = {kSecret}});
    server_.emplace(HttpServer::Options{.threads = 4});
    server_->RouteLater("POST", "/webhooks/stripe", [this](const HttpRequest& request, const HttpResponder& responder) {
      {
        const std::lock_guard lock(mutex_);
        bodies_.push_back(request.body);
      }
      ingest_->Handle(request, responder);
    });
    const Result<int> port = server_->Listen();
    ASSERT_TRUE(port);
    url_ = "http://127.0.0.1:" + std::to_string(*port) + "/webhooks/stripe";
    server_->Start();
  }

  Ran Replay(std::vector<std::string> arguments, const std::vector<std::string>& variables = {}) {
    arguments.insert(arguments.begin(), {"replay", "--to", url_});
    return RunDunlin(arguments, "", variables);
  }
  std::vector<std::string> TakeBodies() {
    const std::lock_guard lock(mutex_);
    return std::exchange(bodies_, {});
  }

  SystemClock clock_;
  std::unique_ptr<Ledger> ledger_;
  std::optional<StripeIngest> ingest_;
  std::mutex mutex_;
  std::vector<std::string> bodies_;
  std::optional<HttpServer> server_;
  std::string url_;
};

TEST_F(ReplayToTest, TheSecretNeedNotStandInTheListOfProcesses) {
  const std::string variable = "DUNLIN_STRIPE_WEBHOOK_SECRETS=";
  EXPECT_EQ(Replay({Scenario("paid-by-hand")}, {variable + kSecret}).exit_code, 0);
  EXPECT_FALSE(TakeBodies().empty());
  EXPECT_EQ(Replay({Scenario("paid-by-hand")}).exit_code, 2);
}

TEST_F(ReplayToTest, EveryEventArrivesAsItStandsInTheFile) {
  const testing::ScratchDir scratch;
  const std::string one =
      "{ \"id\":\"evt_1\", \"object\":\"event\",\n "
      "\"type\":\"a.b\",\"created\":1795262400,\"livemode\":false,\"data\":{\"object\":{}} }";
  const std::string two =
      "{\"id\":\"evt_2\",\"object\":\"event\",\"type\":\"a.b\",\"created\":1795262401,\"livemode\":false,\"data\":{"
      "\"object\":{\"x\":\"\\u00e9\"}}}";
  testing::WriteFile(scratch.File("array.json"), "[" + one + ",\n" + two + "]\n");
  testing::WriteFile(scratch.File("lines.jsonl"), two + "\n" + two + "\n");
  const Ran ran = Replay({scratch.File("array.json"), scratch.File("lines.jsonl"), "--secret", kSecret});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "RESULT                 EVENTS\n"
            "sent                   4\n"
            "200                    4\n"
            "  of which duplicates  2\n");
  EXPECT_EQ(TakeBodies(), (std::vector<std::string>{one, two, two, two}));
}

TEST_F(ReplayToTest, ShufflesAndDuplicatesRepeatWithTheirSeed) {
  const std::vector<std::string> arguments = {
      Scenario("paid-by-hand"), "--secret", kSecret, "--shuffle", "--duplicate", "5"};
  const auto with_seed = [&](const char* seed) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--seed", seed});
    EXPECT_EQ(Replay(all).exit_code, 0);
    return TakeBodies();
  };
  const std::vector<std::string> first = with_seed("7");
  EXPECT_EQ(Replay({Scenario("paid-by-hand"), "--secret", kSecret}).exit_code, 0);
  const std::vector<std::string> plain = TakeBodies();
  EXPECT_EQ(first.size(), plain.size() + 5);
  EXPECT_EQ(with_seed("7"), first);
  EXPECT_NE(with_seed("8"), first);
}

TEST_F(ReplayToTest, RefusedEventsAreCountedByTheirReason) {
  const Ran ran = Replay({Scenario("renewal-webhook-late"), "--secret", "whsec_wrong", "--json"});
  EXPECT_EQ(ran.exit_code, 1);
  const Json json = Json::parse(ran.out);
  EXPECT_EQ(json.at("sent"), 2);
  EXPECT_EQ(json.at("accepted"), 0);
  EXPECT_EQ(json.at("refused"), Json::parse(R"([{"reason": "400 no_matching_signature", "count": 2}])"));
}

TEST_F(ReplayToTest, WithNobodyThereTheRestIsNotSent) {
  server_->Stop(Millis{100});
  const Ran ran = Replay({Scenario("renewal-webhook-late"), "--secret", kSecret});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_NE(ran.out.find("refused: no answer: "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("not sent"), std::string::npos) << ran.out;
}

TEST(ReplayOfflineTest, TheTableIsForPeople) {
  const Ran ran = RunDunlin({"replay", "--offline", Scenario("provider-retries")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(
      ran.out,
      "At 2026-11-01 10:00:30Z:\n"
      "SUBSCRIPTION  STATUS    ACCESS   PLAN  PAID UNTIL            NEXT ATTEMPT          WHY\n"
      "sub_scn17     past_due  revoked  -     2026-11-01 09:00:00Z  2026-11-04 10:00:00Z  "
      "The payment for the current period failed. (R24c) The next attempt is planned for 2026-11-04T10:00:00Z.\n");
}

TEST(ReplayOfflineTest, TheFirstRetryIsADayAfterTheFailureAndATenthMoreAtMost) {
  const Json s = Json::parse(RunDunlin({"replay", "--offline", "--json", Scenario("renewal-fails")}).out)
                     .at("subscriptions")
                     .at(0);
  const Result<Timestamp> failed = ParseRfc3339("2026-11-01T10:00:30Z");
  const Result<Timestamp> next = ParseRfc3339(s.at("collection").at("next_attempt_at").get<std::string>());
  ASSERT_TRUE(next);
  EXPECT_GE(*next - *failed, 24h);
  EXPECT_LE(*next - *failed, 24h + 144min);
}

TEST(ReplayOfflineTest, FilesInAnyOrderWithDuplicatesPrintTheSameBytes) {
  const std::string policy = testing::FixturePath("policy.toml");
  const Ran once = RunDunlin(
      {"replay", "--offline", Scenario("grace-ends"), Scenario("paid-by-hand"), "--policy", policy, "--json"});
  const Ran again =
      RunDunlin({"replay", "--offline", "--json", Scenario("paid-by-hand"), Scenario("grace-ends"),
                 Scenario("paid-by-hand"), "--policy", policy, "--shuffle", "--duplicate", "9", "--seed", "3"});
  EXPECT_EQ(once.exit_code, 0) << once.err;
  EXPECT_EQ(once.out, again.out);
  const Json json = Json::parse(once.out);
  ASSERT_EQ(json.at("subscriptions").size(), 2U);
  EXPECT_EQ(json.at("subscriptions").at(0).at("id"), "sub_scn09");
  EXPECT_EQ(json.at("subscriptions").at(1).at("id"), "sub_scn14");
}

TEST(ReplayOfflineTest, TheOrderThatIsAskedForIsReallyTried) {
  // Two events under one id: whichever comes first counts, so this is a history whose order does matter.
  const testing::ScratchDir scratch;
  Json events = Json::parse(testing::ReadFile(Scenario("renewal-webhook-late"))).at("events");
  Json twin = events.at(0);
  twin["data"]["object"]["status"] = "canceled";
  testing::WriteFile(scratch.File("twins.json"), Json{events.at(0), twin}.dump());
  int same = 0;
  int differ = 0;
  for (int seed = 1; seed <= 10; ++seed) {
    const Ran ran = RunDunlin(
        {"replay", "--offline", "--json", scratch.File("twins.json"), "--shuffle", "--seed", std::to_string(seed)});
    (ran.exit_code == 0 ? same : differ) += 1;
    EXPECT_TRUE(ran.exit_code == 0 || ran.err.find("in another order status is") != std::string::npos) << ran.err;
  }
  EXPECT_GT(same, 0);
  EXPECT_GT(differ, 0);
  EXPECT_EQ(RunDunlin({"replay", "--offline", scratch.File("twins.json")}).exit_code, 0);
}

TEST(ReplayOfflineTest, UntilShowsAnEarlierAndALaterMoment) {
  const auto at = [](const char* until) {
    const Ran ran = RunDunlin({"replay", "--offline", Scenario("grace-runs"), "--json", "--until", until});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    const Json s = Json::parse(ran.out).at("subscriptions").at(0);
    return s.at("status").get<std::string>() + " " + s.at("access").get<std::string>();
  };
  EXPECT_EQ(at("2026-10-20T00:00:00Z"), "active granted");
  EXPECT_EQ(at("2026-11-04T10:00:29Z"), "past_due granted");
  EXPECT_EQ(at("2026-11-04T10:00:30Z"), "past_due revoked");
  EXPECT_EQ(RunDunlin({"replay", "--offline", Scenario("grace-runs"), "--until", "tomorrow"}).exit_code, 2);
}

TEST(ReplayOfflineTest, HistoriesOfYearsAreRight) {
  const testing::ScratchDir scratch;
  std::string lines;
  for (int n = 0; n < 3; ++n) {  // three customers, a year apart from each other
    Json e = Json::parse(testing::ReadFile(Scenario("renewal-webhook-late"))).at("events").at(0);
    e["id"] = "evt_" + std::to_string(n);
    e["created"] = e.at("created").get<std::int64_t>() + n * 31'536'000;
    e["data"]["object"]["id"] = "sub_" + std::to_string(n);
    lines += e.dump() + "\n";
  }
  testing::WriteFile(scratch.File("l"), lines);
  const Ran ran = RunDunlin({"replay", "--offline", "--json", scratch.File("l")});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(RunDunlin({"replay", "--offline", "--json", scratch.File("l"), "--shuffle"}).out, ran.out);
  const Json found = Json::parse(ran.out).at("subscriptions");
  EXPECT_EQ(found.size(), 3U);
  for (const Json& s : found) EXPECT_EQ(s.at("status"), "active") << s;
}

TEST(ReplayOfflineTest, WhatIsNoEventIsNamedByFileAndLine) {
  const testing::ScratchDir scratch;
  const std::string file = scratch.File("f.jsonl");
  testing::WriteFile(file, "{\"id\":\"evt_1\"}\n\n{\"id\":\n");
  const Ran ran = RunDunlin({"replay", "--offline", file});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find(file + ":1: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find(file + ":3: "), std::string::npos) << ran.err;
  testing::WriteFile(file, "\n");
  EXPECT_NE(RunDunlin({"replay", "--offline", file}).err.find("there is no event in it"), std::string::npos);
  EXPECT_EQ(RunDunlin({"replay", "--offline", scratch.File("none")}).exit_code, 1);
}

}  // namespace
}  // namespace dunlin
