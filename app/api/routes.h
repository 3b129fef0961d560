// The HTTP API for staff and the product, and the routes for operation (docs/api.md).
#pragma once

#include <functional>
#include <memory>

#include "app/api/auth_limit.h"
#include "app/metrics.h"
#include "state/clock.h"
#include "state/ledger.h"
#include "webhooks/http/server.h"
#include "workflows/policy_book.h"

namespace dunlin {

struct ApiContext {
  Ledger& ledger;
  const PolicyBook& policies;
  const Clock& clock;
  std::shared_ptr<api::AuthLimit> auth_limit = std::make_shared<api::AuthLimit>();  // one for all routes
};

// /v1/…, each behind a bearer token with the role it needs. All arguments must outlive the server.
void AddApiRoutes(HttpServer& server, const ApiContext& context);

// /healthz, /readyz and /metrics, without a token.
void AddOperationRoutes(HttpServer& server, Ledger& ledger, const Clock& clock, const Metrics& metrics,
                        std::function<bool()> queue_degraded);

}  // namespace dunlin
