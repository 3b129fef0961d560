#include <nlohmann/json.hpp>

#include "app/api/routes.h"

namespace dunlin {
namespace {

HttpResponse Ready(Ledger& ledger, bool degraded) {
  const Status writable = ledger.CheckWritable();
  HttpResponse response;
  response.status = writable ? 200 : 503;
  response.body = nlohmann::json{{"status", writable ? "ready" : "not ready"},
                                 {"ledger", writable ? "ok" : "cannot commit"},
                                 {"queue", degraded ? "degraded" : "ok"}}
                      .dump();
  return response;
}

HttpResponse Scrape(Ledger& ledger, const Clock& clock, const Metrics& metrics, bool degraded) {
  const Timestamp now = clock.Now();
  const Result<Backlog> backlog = ledger.CountBacklog(now);
  const Result<UsageBacklog> usage = ledger.CountUsageBacklog();
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics.Render({.backlog = backlog ? std::optional(*backlog) : std::nullopt,
                                  .usage = usage ? std::optional(*usage) : std::nullopt,
                                  .now = now,
                                  .queue_degraded = degraded});
  return response;
}

}  // namespace

void AddOperationRoutes(HttpServer& server, Ledger& ledger, const Clock& clock, const Metrics& metrics,
                        std::function<bool()> queue_degraded) {
  server.Route("GET", "/healthz", [](const HttpRequest&) { return HttpResponse{.body = R"({"status":"ok"})"}; });
  server.Route("GET", "/readyz",
               [&ledger, queue_degraded](const HttpRequest&) { return Ready(ledger, queue_degraded()); });
  server.Route("GET", "/metrics",
               [&, queue_degraded](const HttpRequest&) { return Scrape(ledger, clock, metrics, queue_degraded()); });
}

}  // namespace dunlin
