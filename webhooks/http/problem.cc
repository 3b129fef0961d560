#include "webhooks/http/problem.h"

#include <nlohmann/json.hpp>

namespace dunlin {
namespace {

std::string_view UsualTitle(int status) {
  switch (status) {
    case 400: return "Bad request";
    case 401: return "Not authenticated";
    case 403: return "Not allowed";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 408: return "Request took too long";
    case 409: return "Conflict";
    case 411: return "Length required";
    case 413: return "Body too large";
    case 414: return "Address too long";
    case 415: return "Content not supported";
    case 417: return "Expectation failed";
    case 422: return "Not acceptable as it is";
    case 429: return "Too many requests";
    case 431: return "Headers too large";
    case 500: return "Internal error";
    case 501: return "Not implemented";
    case 503: return "Unavailable";
    case 505: return "HTTP version not supported";
    default: return "Error";
  }
}

}  // namespace

HttpResponse Problem(int status, std::string_view title, std::string_view detail, std::string_view code) {
  nlohmann::ordered_json body = {{"type", "about:blank"}, {"title", title}, {"status", status}};
  if (!detail.empty()) body["detail"] = detail;
  if (!code.empty()) body["code"] = code;
  // What is not UTF-8 is replaced rather than refused: an error about an error helps nobody.
  return {.status = status,
          .body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
          .content_type = "application/problem+json"};
}

HttpResponse Problem(int status, std::string_view detail) { return Problem(status, UsualTitle(status), detail); }

}  // namespace dunlin
