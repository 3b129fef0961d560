#include "app/api/answer.h"

#include <nlohmann/json.hpp>

#include "app/tokens.h"
#include "webhooks/http/problem.h"

namespace dunlin::api {
namespace {

int StatusFor(Errc code) {
  switch (code) {
    case Errc::kInvalidArgument: return 400;
    case Errc::kUnauthenticated: return 401;
    case Errc::kForbidden: return 403;
    case Errc::kNotFound: return 404;
    case Errc::kConflict: return 409;
    case Errc::kUnavailable: return 503;
    case Errc::kCorrupt: return 500;
  }
  return 500;
}

HttpResponse ProblemOf(const Error& error) {
  // What a damaged row holds is not the caller's to read.
  HttpResponse response = Problem(StatusFor(error.code), error.code == Errc::kCorrupt ? "" : error.detail);
  if (error.code == Errc::kUnauthenticated) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.code == Errc::kUnavailable) response.headers.emplace_back("Retry-After", "5");
  return response;
}

Result<Token> WhoAsks(const ApiContext& context, const HttpRequest& request) {
  if (request.HeaderCount("Authorization") > 1) {
    return Fail(Errc::kUnauthenticated, "send one Authorization header");
  }
  return Authenticate(context.ledger, request.Header("Authorization"), context.clock.Now());
}

HttpResponse Refused(const ApiContext& context, const HttpRequest& request, const Error& error) {
  if (error.code != Errc::kUnauthenticated) return ProblemOf(error);
  // Not context.clock: a clock that is followed may stand still.
  const auto wait = context.auth_limit->Failed(request.peer, std::chrono::steady_clock::now());
  if (!wait) return ProblemOf(error);
  HttpResponse response = Problem(429, "too many requests without a good token came from this address");
  response.headers.emplace_back("Retry-After", std::to_string(wait->count()));
  return response;
}

}  // namespace

bool May(Role role, Right right) {
  switch (right) {
    case Right::kReadAccess: return true;
    case Right::kServe: return role != Role::kViewer;
    case Right::kRead: return role != Role::kProduct;
    case Right::kAct: return role == Role::kSupport || role == Role::kAdmin;
  }
  return false;
}

HttpHandler Guarded(const ApiContext& context, Right right, Handler handler) {
  return [context, right, handler = std::move(handler)](const HttpRequest& request) {
    const Result<Token> token = WhoAsks(context, request);
    if (!token) return Refused(context, request, token.error());
    if (!May(token->role, right)) {
      return ProblemOf(
          {Errc::kForbidden, "a token of role " + std::string(RoleName(token->role)) + " may not do this"});
    }
    Result<HttpResponse> response = handler(request, *token);
    return response ? std::move(*response) : ProblemOf(response.error());
  };
}

HttpResponse Json(const nlohmann::json& body, int status) {
  HttpResponse response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return response;
}

}  // namespace dunlin::api
