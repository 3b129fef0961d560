#include "tests/app/api/api_fixture.h"
#include "tests/app/api/exposition.h"

namespace dunlin {
namespace {

// A ledger whose disk is gone: nothing can be committed, and nothing counted.
class BrokenLedger final : public testing::FaultyLedger {
 public:
  using FaultyLedger::FaultyLedger;
  Status CheckWritable() override { return Fail(Errc::kUnavailable, "the disk is full: /var/lib/secret"); }
  Result<Backlog> CountBacklog(Timestamp) override { return Fail(Errc::kUnavailable, "the disk is full"); }
};

class OperationTest : public ApiTest {
 protected:
  HttpAnswer Ask(const std::string& path) { return Send("GET", path, {}); }
};

TEST_F(OperationTest, ItIsHealthyWithoutAToken) {
  const HttpAnswer answer = Ask("/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json::parse(R"({"status":"ok"})"));
}

TEST_F(OperationTest, ItIsReadyAlsoWhenOnlyTheQueueIsAway) {
  HttpAnswer answer = Ask("/readyz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body), json::parse(R"({"status":"ready","ledger":"ok","queue":"ok"})"));
  degraded_ = true;
  answer = Ask("/readyz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(json::parse(answer.body)["queue"], "degraded");
}

TEST_F(OperationTest, MetricsComeWithTheLedgersFigures) {
  Unit unit;
  unit.jobs.push_back({.kind = JobKind::kMail, .due = Day(0) - 7s, .payload = "{}"});
  unit.jobs.push_back({.kind = JobKind::kMail, .due = Day(1), .payload = "{}"});
  CommitUnit(std::move(unit));
  metrics_.OnWebhook("stripe", "stored", 1ms);
  const HttpAnswer answer = Ask("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.Header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  const Exposition text(answer.body);
  EXPECT_EQ(text.wrong, "");
  EXPECT_EQ(text.at("dunlin_jobs_waiting"), 1);
  EXPECT_EQ(text.at("dunlin_jobs_scheduled"), 1);
  EXPECT_EQ(text.at("dunlin_oldest_job_age_seconds"), 7);
  EXPECT_EQ(text.at(R"(dunlin_webhooks_total{provider="stripe",verdict="stored"})"), 1);
}

TEST_F(OperationTest, ALedgerThatCannotCommitIsNotReadyAndTheCountersStay) {
  BrokenLedger broken(*base_);
  HttpServer server({});
  AddOperationRoutes(server, broken, clock_, metrics_, [] { return false; });
  const Result<int> port = server.Listen();
  ASSERT_TRUE(port);
  server.Start();
  const HttpAnswer ready = testing_support::HttpSend(*port, "GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(json::parse(ready.body)["ledger"], "cannot commit");
  EXPECT_EQ(ready.body.find("/var/lib"), std::string::npos);
  EXPECT_EQ(testing_support::HttpSend(*port, "GET", "/healthz").status, 200) << "it lives";
  metrics_.OnWebhook("stripe", "unavailable", 1ms);
  const HttpAnswer metrics = testing_support::HttpSend(*port, "GET", "/metrics");
  EXPECT_EQ(metrics.status, 200);
  const Exposition text(metrics.body);
  EXPECT_EQ(text.wrong, "");
  EXPECT_EQ(text.at("dunlin_ledger_up"), 0);
  EXPECT_EQ(text.samples.count("dunlin_jobs_waiting"), 0u) << "what is not known is not said";
  EXPECT_EQ(text.at(R"(dunlin_webhooks_total{provider="stripe",verdict="unavailable"})"), 1);
  server.Stop(Millis{1000});
}

}  // namespace
}  // namespace dunlin
