#include "webhooks/receipt.h"

#include <string>

#include "webhooks/http/problem.h"

namespace dunlin {
namespace {

// A provider sends again by itself; this only spares what is in trouble.
constexpr const char* kRetryAfterSeconds = "5";

}  // namespace

HttpResponse Received(std::string_view verdict) {
  HttpResponse response;
  response.body = R"({"received":true,"verdict":")" + std::string(verdict) + "\"}";
  return response;
}

HttpResponse NotNow(std::string_view detail) {
  HttpResponse response = Problem(503, detail);
  response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

HttpResponse NotStored() { return NotNow("The event could not be stored, so it is not accepted; send it again."); }

}  // namespace dunlin
