// Counters and histograms in the Prometheus text format. Thread-safe; the hot path takes one short lock.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/observer.h"

namespace dunlin {

class Metrics final : public Observer {
 public:
  // Counters whose labels are known begin at 0, so that the first of its kind is a rise.
  Metrics();

  // `door`: the end of the webhook's route.
  void OnWebhook(std::string_view door, std::string_view verdict, std::chrono::nanoseconds took);
  void OnRegistration(std::string_view outcome);
  void OnHttp(std::string_view route, int status);
  // A request that came to no handler. If it was for a webhook's route, it is a webhook with this verdict.
  void OnRefused(std::string_view route, std::string_view why);

  void OnEvent(EventOutcome outcome) override;
  void OnAttempt(AttemptKind kind, AttemptState state) override;
  void OnAccessChange(Access access, std::optional<Millis> since_received) override;
  void OnUsage(UsageState state) override;
  void OnJobFailed(const Job& job, const Error& error, bool dead) override;
  void OnProblem(std::string_view where, const Error& error) override;

  // What the ledger and the queue say at the moment of the scrape.
  struct Gauges {
    std::optional<Backlog> backlog;  // nullopt: the ledger does not answer; the counters are needed most then
    std::optional<UsageBacklog> usage;
    Timestamp now{};
    bool queue_degraded = false;
  };
  std::string Render(const Gauges& gauges) const;

 private:
  struct Family {
    std::string_view help;
    std::map<std::string, std::uint64_t, std::less<>> by_labels;
  };
  struct Histogram {
    std::string_view help;
    std::vector<double> bounds;  // seconds, ascending; +Inf is implied
    std::vector<std::uint64_t> counts;
    double sum = 0;
    std::uint64_t total = 0;
  };
  void Count(std::string_view family, std::string labels);
  static void Observe(Histogram& histogram, double seconds);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> counters_ = {
      {"dunlin_attempts_total", {"Charge attempts that ended", {}}},
      {"dunlin_events_total", {"Events by what became of them", {}}},
      {"dunlin_http_requests_total", {"HTTP requests answered", {}}},
      {"dunlin_jobs_failed_total", {"Jobs that failed and are tried again, or died", {}}},
      {"dunlin_access_changes_total", {"Changes of access that were committed", {}}},
      {"dunlin_problems_total", {"Trouble that is tried again by itself", {}}},
      {"dunlin_registrations_total", {"Buyers of AWS Marketplace who came to register", {}}},
      {"dunlin_usage_records_total", {"Usage records by what AWS Marketplace did with them", {}}},
      {"dunlin_webhooks_total", {"Webhooks by verdict", {}}},
  };
  Histogram ack_{"From the request in hand to its answer",
                 {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5},
                 std::vector<std::uint64_t>(12),
                 0,
                 0};
  Histogram access_{"From an event's arrival to the committed change of access",
                    {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60},
                    std::vector<std::uint64_t>(13),
                    0,
                    0};
};

}  // namespace dunlin
