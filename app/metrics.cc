#include "app/metrics.h"

#include <algorithm>
#include <cstdio>

#include "app/log.h"

namespace dunlin {
namespace {

std::string Label(std::string_view name, std::string_view value) {
  std::string out(name);
  out += "=\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Number(double value) {
  char text[40];
  const int n = std::snprintf(text, sizeof text, "%.15g", value);
  return std::string(text, static_cast<std::size_t>(n));
}

void Gauge(std::string& out, const char* name, const char* help, double value) {
  out +=
      std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " gauge\n" + name + " " + Number(value) + "\n";
}

void AddBacklog(std::string& out, const Backlog& backlog, Timestamp now) {
  Gauge(out, "dunlin_jobs_waiting", "Jobs that are due", static_cast<double>(backlog.waiting));
  Gauge(out, "dunlin_jobs_scheduled", "Jobs that are not due yet", static_cast<double>(backlog.scheduled));
  Gauge(out, "dunlin_jobs_dead", "Jobs that are not tried any more", static_cast<double>(backlog.dead));
  const double age = backlog.oldest_due ? std::chrono::duration<double>(now - *backlog.oldest_due).count() : 0;
  Gauge(out, "dunlin_oldest_job_age_seconds", "How long the oldest due job has waited", std::max(0.0, age));
}

void AddUsage(std::string& out, const UsageBacklog& usage, Timestamp now) {
  Gauge(out, "dunlin_usage_unsent_records", "Usage records that are frozen and not sent yet",
        static_cast<double>(usage.frozen));
  const double age = usage.oldest_hour ? std::chrono::duration<double>(now - *usage.oldest_hour).count() : 0;
  Gauge(out, "dunlin_usage_oldest_unsent_seconds", "How long ago the oldest hour began that is not sent yet",
        std::max(0.0, age));
}

}  // namespace

Metrics::Metrics() {
  const auto begin = [this](std::string_view family, std::string labels) {
    counters_.find(family)->second.by_labels.emplace(std::move(labels), 0);
  };
  for (const EventOutcome outcome :
       {EventOutcome::kApplied, EventOutcome::kNoChange, EventOutcome::kKept, EventOutcome::kUnreadable})
    begin("dunlin_events_total", Label("outcome", EventOutcomeName(outcome)));
  for (const AttemptKind kind : {AttemptKind::kAutomatic, AttemptKind::kStaff, AttemptKind::kNewMethod}) {
    for (const AttemptState state :
         {AttemptState::kSucceeded, AttemptState::kDeclined, AttemptState::kRefused, AttemptState::kUnknown})
      begin("dunlin_attempts_total",
            Label("kind", AttemptKindName(kind)) + "," + Label("outcome", AttemptStateName(state)));
  }
  for (const UsageState state : {UsageState::kSent, UsageState::kDuplicate, UsageState::kNotSubscribed,
                                 UsageState::kRefused, UsageState::kExpired})
    begin("dunlin_usage_records_total", Label("outcome", UsageStateName(state)));
  for (const Access access : {Access::kGranted, Access::kRevoked})
    begin("dunlin_access_changes_total", Label("to", AccessName(access)));
}

void Metrics::Count(std::string_view family, std::string labels) {
  const std::lock_guard lock(mutex_);
  ++counters_.find(family)->second.by_labels[std::move(labels)];
}

void Metrics::Observe(Histogram& histogram, double seconds) {
  const auto bucket = std::lower_bound(histogram.bounds.begin(), histogram.bounds.end(), seconds);
  ++histogram.counts[static_cast<std::size_t>(bucket - histogram.bounds.begin())];
  histogram.sum += seconds;
  ++histogram.total;
}

void Metrics::OnWebhook(std::string_view door, std::string_view verdict, std::chrono::nanoseconds took) {
  std::string labels = Label("provider", door) + "," + Label("verdict", verdict);
  const std::lock_guard lock(mutex_);
  ++counters_.find("dunlin_webhooks_total")->second.by_labels[std::move(labels)];
  Observe(ack_, std::chrono::duration<double>(took).count());
}

void Metrics::OnRegistration(std::string_view outcome) {
  Count("dunlin_registrations_total", Label("outcome", outcome));
}

void Metrics::OnHttp(std::string_view route, int status) {
  Count("dunlin_http_requests_total", Label("route", route) + "," + Label("status", std::to_string(status)));
}

void Metrics::OnRefused(std::string_view route, std::string_view why) {
  constexpr std::string_view kWebhooks = "/webhooks/";
  if (!route.starts_with(kWebhooks)) return;
  const std::string_view rest = route.substr(kWebhooks.size());
  Count("dunlin_webhooks_total", Label("provider", rest.substr(0, rest.find('/'))) + "," + Label("verdict", why));
}

// Not by type: the provider decides how many there are.
void Metrics::OnEvent(EventOutcome outcome) {
  Count("dunlin_events_total", Label("outcome", EventOutcomeName(outcome)));
}

void Metrics::OnAttempt(AttemptKind kind, AttemptState state) {
  Count("dunlin_attempts_total",
        Label("kind", AttemptKindName(kind)) + "," + Label("outcome", AttemptStateName(state)));
  Log(LogLevel::kInfo, "an attempt ended",
      {{"kind", std::string(AttemptKindName(kind))}, {"outcome", std::string(AttemptStateName(state))}});
}

void Metrics::OnAccessChange(Access access, std::optional<Millis> since_received) {
  std::string labels = Label("to", AccessName(access));
  const std::lock_guard lock(mutex_);
  ++counters_.find("dunlin_access_changes_total")->second.by_labels[std::move(labels)];
  if (since_received) Observe(access_, std::max(0.0, std::chrono::duration<double>(*since_received).count()));
}

void Metrics::OnUsage(UsageState state) {
  Count("dunlin_usage_records_total", Label("outcome", UsageStateName(state)));
}

void Metrics::OnJobFailed(const Job& job, const Error& error, bool dead) {
  Count("dunlin_jobs_failed_total",
        Label("kind", JobKindName(job.kind)) + "," + Label("dead", dead ? "true" : "false"));
  Log(dead ? LogLevel::kError : LogLevel::kWarn, dead ? "a job is dead" : "a job failed and is tried again",
      {{"job", "job_" + std::to_string(ToInt(job.id))},
       {"kind", std::string(JobKindName(job.kind))},
       {"subject", job.subject},
       {"error", error.detail}});
}

void Metrics::OnProblem(std::string_view where, const Error& error) {
  Count("dunlin_problems_total", Label("where", where));
  Log(LogLevel::kWarn, "a problem that is tried again", {{"where", std::string(where)}, {"error", error.detail}});
}

std::string Metrics::Render(const Gauges& gauges) const {
  std::string out;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, family] : counters_) {
    out += "# HELP " + name + " " + std::string(family.help) + "\n# TYPE " + name + " counter\n";
    for (const auto& [labels, value] : family.by_labels)
      out += name + "{" + labels + "} " + std::to_string(value) + "\n";
  }
  for (const auto& [name, histogram] :
       {std::pair<std::string, const Histogram&>("dunlin_webhook_ack_seconds", ack_),
        std::pair<std::string, const Histogram&>("dunlin_event_to_access_seconds", access_)}) {
    out += "# HELP " + name + " " + std::string(histogram.help) + "\n# TYPE " + name + " histogram\n";
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      below += histogram.counts[i];
      const std::string bound = i < histogram.bounds.size() ? Number(histogram.bounds[i]) : "+Inf";
      out += name + "_bucket{le=\"" + bound + "\"} " + std::to_string(below) + "\n";
    }
    out += name + "_sum " + Number(histogram.sum) + "\n" + name + "_count " + std::to_string(histogram.total) + "\n";
  }
  Gauge(out, "dunlin_clock_seconds", "The time by the service's clock, in seconds since 1970",
        std::chrono::duration<double>(gauges.now.time_since_epoch()).count());
  Gauge(out, "dunlin_ledger_up", "1 while the ledger answers", gauges.backlog ? 1 : 0);
  Gauge(out, "dunlin_queue_degraded", "1 while Redis does not answer", gauges.queue_degraded ? 1 : 0);
  if (gauges.backlog) AddBacklog(out, *gauges.backlog, gauges.now);
  if (gauges.usage) AddUsage(out, *gauges.usage, gauges.now);
  return out;
}

}  // namespace dunlin
