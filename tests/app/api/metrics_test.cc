#include "app/metrics.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "app/log.h"
#include "tests/app/api/exposition.h"
#include "tests/support/ledger_values.h"

namespace dunlin {
namespace {

using testing::kNoon;

class MetricsTest : public ::testing::Test {
 protected:
  Exposition Scrape(const Metrics::Gauges& gauges = {}) { return Exposition(metrics_.Render(gauges)); }
  Metrics metrics_;
};

TEST_F(MetricsTest, AreWellFormedBeforeAnythingHappened) {
  const Exposition text = Scrape({.backlog = Backlog{}, .now = kNoon});
  EXPECT_EQ(text.wrong, "");
  EXPECT_EQ(text.types.at("dunlin_webhooks_total"), "counter");
  EXPECT_EQ(text.types.at("dunlin_webhook_ack_seconds"), "histogram");
  EXPECT_EQ(text.types.at("dunlin_jobs_waiting"), "gauge");
}

TEST_F(MetricsTest, CountByWhatHappened) {
  metrics_.OnWebhook("stripe", "stored", 2ms);
  metrics_.OnWebhook("stripe", "stored", 2ms);
  metrics_.OnWebhook("stripe", "no_matching_signature", 1ms);
  metrics_.OnEvent(EventOutcome::kNoChange);
  metrics_.OnAttempt(AttemptKind::kStaff, AttemptState::kDeclined);
  metrics_.OnJobFailed({.kind = JobKind::kMail}, {Errc::kUnavailable, "away"}, true);
  metrics_.OnProblem("apply", {Errc::kUnavailable, "busy"});
  metrics_.OnAccessChange(Access::kRevoked, 30ms);
  metrics_.OnHttp("/v1/access/{account}", 200);
  metrics_.OnRefused("/webhooks/stripe", "body_too_large");
  metrics_.OnRefused("/v1/access/{account}", "body_too_large");
  const Exposition text = Scrape();
  EXPECT_EQ(text.wrong, "");
  EXPECT_EQ(text.at(R"(dunlin_webhooks_total{provider="stripe",verdict="stored"})"), 2);
  EXPECT_EQ(text.at(R"(dunlin_webhooks_total{provider="stripe",verdict="no_matching_signature"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_webhooks_total{provider="stripe",verdict="body_too_large"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_events_total{outcome="no_change"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_attempts_total{kind="staff",outcome="declined"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_jobs_failed_total{kind="mail",dead="true"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_problems_total{where="apply"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_access_changes_total{to="revoked"})"), 1);
  EXPECT_EQ(text.at(R"(dunlin_http_requests_total{route="/v1/access/{account}",status="200"})"), 1);
}

TEST_F(MetricsTest, HistogramsAddUp) {
  for (const auto took : {1ms, 3ms, 3ms, 40ms, 9000ms}) metrics_.OnWebhook("stripe", "stored", took);
  metrics_.OnAccessChange(Access::kGranted, Millis{-5});  // clocks step back
  metrics_.OnAccessChange(Access::kGranted, std::nullopt);
  const Exposition text = Scrape();
  EXPECT_EQ(text.wrong, "") << "buckets only grow, and the last is the count";
  EXPECT_EQ(text.at(R"(dunlin_webhook_ack_seconds_bucket{le="0.001"})"), 1) << "a bound belongs to its bucket";
  EXPECT_EQ(text.at(R"(dunlin_webhook_ack_seconds_bucket{le="0.005"})"), 3);
  EXPECT_EQ(text.at(R"(dunlin_webhook_ack_seconds_bucket{le="0.05"})"), 4);
  EXPECT_EQ(text.at(R"(dunlin_webhook_ack_seconds_bucket{le="+Inf"})"), 5);
  EXPECT_EQ(text.at("dunlin_webhook_ack_seconds_count"), 5);
  EXPECT_NEAR(text.at("dunlin_webhook_ack_seconds_sum"), 9.047, 1e-6);
  EXPECT_EQ(text.at("dunlin_event_to_access_seconds_sum"), 0);
  EXPECT_EQ(text.at("dunlin_event_to_access_seconds_count"), 1) << "of events alone";
}

TEST_F(MetricsTest, GaugesSayHowTheBacklogStands) {
  const Backlog backlog{.waiting = 3, .scheduled = 1'000'000, .dead = 2, .oldest_due = kNoon - 90s};
  const Exposition text = Scrape({.backlog = backlog, .now = kNoon, .queue_degraded = true});
  EXPECT_EQ(text.at("dunlin_jobs_waiting"), 3);
  EXPECT_EQ(text.at("dunlin_jobs_scheduled"), 1'000'000);
  EXPECT_EQ(text.at("dunlin_jobs_dead"), 2);
  EXPECT_EQ(text.at("dunlin_oldest_job_age_seconds"), 90);
  EXPECT_EQ(text.at("dunlin_clock_seconds"), static_cast<double>(ToUnixMillis(kNoon)) / 1000);
  EXPECT_EQ(text.at("dunlin_queue_degraded"), 1);
  EXPECT_EQ(text.at("dunlin_ledger_up"), 1);
}

TEST_F(MetricsTest, LabelsAreEscaped) {
  metrics_.OnProblem("a\"b\\c\nd", {Errc::kUnavailable, ""});
  const std::string text = metrics_.Render({});
  EXPECT_NE(text.find(R"(dunlin_problems_total{where="a\"b\\c\nd"} 1)"), std::string::npos) << text;
  EXPECT_EQ(Exposition(text).wrong, "");
}

TEST_F(MetricsTest, NothingIsLostBetweenThreads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) metrics_.OnWebhook("stripe", i % 2 == 0 ? "stored" : "duplicate", 1ms);
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Scrape().wrong, "");
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Scrape().at(R"(dunlin_webhooks_total{provider="stripe",verdict="stored"})"), 10'000);
  EXPECT_EQ(Scrape().at("dunlin_webhook_ack_seconds_count"), 20'000);
}

}  // namespace
}  // namespace dunlin
