// What the routes under /v1 share: who may do what, and how answers and errors are written.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "app/api/routes.h"
#include "webhooks/http/router.h"

namespace dunlin::api {

// The product reads access and says what its users do; nobody below support changes anything else.
enum class Right { kReadAccess, kServe, kRead, kAct };
bool May(Role role, Right right);

using Handler = std::function<Result<HttpResponse>(const HttpRequest&, const Token&)>;

// Asks for a token with that right before `handler` runs; what the handler fails with becomes a problem.
HttpHandler Guarded(const ApiContext& context, Right right, Handler handler);

HttpResponse Json(const nlohmann::json& body, int status = 200);

// POST /v1/registrations/{code}/claim
Result<HttpResponse> Claim(const ApiContext& context, const HttpRequest& request);

// POST /v1/usage
Result<HttpResponse> ReportUsage(const ApiContext& context, const HttpRequest& request);
// GET /v1/usage/{account}
Result<HttpResponse> ListUsage(const ApiContext& context, const HttpRequest& request);

// POST /v1/subscriptions/{id}/retry
Result<HttpResponse> Retry(const ApiContext& context, const HttpRequest& request, const Token& token);

}  // namespace dunlin::api
