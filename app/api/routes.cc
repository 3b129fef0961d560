#include "app/api/routes.h"

#include <openssl/evp.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "app/tokens.h"
#include "app/views.h"
#include "webhooks/http/problem.h"
#include "workflows/retry_request.h"

namespace dunlin {
namespace {

using nlohmann::json;

constexpr std::size_t kReasonMax = 500;
constexpr std::size_t kKeyMax = 255;
constexpr std::size_t kEventsInTimeline = 1000;

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
  HttpResponse response = Problem(StatusFor(error.code), error.detail);
  if (error.code == Errc::kUnauthenticated) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (error.code == Errc::kUnavailable) response.headers.emplace_back("Retry-After", "5");
  return response;
}

HttpResponse Json(const json& body, int status = 200) {
  HttpResponse response;
  response.status = status;
  response.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  return response;
}

// Who may do what: the product reads access only, and nobody below support changes anything.
enum class Right { kReadAccess, kRead, kAct };

bool May(Role role, Right right) {
  switch (right) {
    case Right::kReadAccess: return true;
    case Right::kRead: return role != Role::kProduct;
    case Right::kAct: return role == Role::kSupport || role == Role::kAdmin;
  }
  return false;
}

using Handler = std::function<Result<HttpResponse>(const HttpRequest&, const Token&)>;

HttpHandler Guarded(const ApiContext& context, Right right, Handler handler) {
  return [context, right, handler = std::move(handler)](const HttpRequest& request) {
    if (request.HeaderCount("Authorization") > 1) return ProblemOf({Errc::kUnauthenticated, "send one Authorization header"});
    const Result<Token> token = Authenticate(context.ledger, request.Header("Authorization"), context.clock.Now());
    if (!token) return ProblemOf(token.error());
    if (!May(token->role, right)) return ProblemOf({Errc::kForbidden, "a token of role " + std::string(RoleName(token->role)) + " may not do this"});
    Result<HttpResponse> response = handler(request, *token);
    return response ? std::move(*response) : ProblemOf(response.error());
  };
}

Result<Page> PageOf(const HttpRequest& request) {
  Page page;
  if (const std::string* limit = request.Query("limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), page.limit);
    if (error != std::errc{} || end != limit->data() + limit->size() || page.limit < 1 || page.limit > 1000) {
      return Fail(Errc::kInvalidArgument, "limit: a number from 1 to 1000");
    }
  }
  if (const std::string* cursor = request.Query("cursor")) page.cursor = *cursor;
  return page;
}

template <class T, class View>
json ListOf(const Listing<T>& listing, View view) {
  json items = json::array();
  for (const T& item : listing.items) items.push_back(view(item));
  return {{"items", std::move(items)}, {"next", listing.next.empty() ? json(nullptr) : json(listing.next)}};
}

Result<HttpResponse> ListSubscriptions(const ApiContext& c, const HttpRequest& request) {
  SubscriptionFilter filter;
  if (const std::string* status = request.Query("status")) {
    filter.status = ParseStatus(*status);
    if (!filter.status) return Fail(Errc::kInvalidArgument, "status: one of pending, trialing, active, past_due, paused, canceled");
  }
  if (const std::string* account = request.Query("account")) {
    const Result<std::vector<AccountId>> accounts = c.ledger.ResolveAccount(*account);
    if (!accounts) return tl::unexpected(accounts.error());
    filter.account = accounts->size() == 1 ? accounts->front() : AccountId{*account};
  }
  const Result<Page> page = PageOf(request);
  if (!page) return tl::unexpected(page.error());
  const Result<Listing<Subscription>> found = c.ledger.Subscriptions(filter, *page);
  if (!found) return tl::unexpected(found.error());
  const Timestamp now = c.clock.Now();
  json items = json::array();
  for (const Subscription& s : found->items) {
    Result<std::optional<SubscriptionRecord>> record = c.ledger.LoadSubscription(s.id);
    if (!record) return tl::unexpected(record.error());
    if (*record) items.push_back(SubscriptionView(**record, c.policies, now));
  }
  return Json({{"items", std::move(items)}, {"next", found->next.empty() ? json(nullptr) : json(found->next)}});
}

Result<HttpResponse> ShowSubscription(const ApiContext& c, const HttpRequest& request) {
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  return Json(SubscriptionView(*record, c.policies, c.clock.Now()));
}

Result<HttpResponse> ShowTimeline(const ApiContext& c, const HttpRequest& request) {
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  const SubscriptionId& id = record->subscription.id;
  const Result<std::vector<TimelineRow>> rows = c.ledger.Timeline(id);
  if (!rows) return tl::unexpected(rows.error());
  const Result<Listing<StoredEvent>> events = c.ledger.Events({.subscription = id.str()}, {.limit = kEventsInTimeline});
  if (!events) return tl::unexpected(events.error());
  return Json({{"subscription", id.str()}, {"items", TimelineView(*rows, events->items)}});
}

std::string HashOf(std::string_view text) {
  unsigned char hash[32];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), hash, &size, EVP_sha256(), nullptr);
  return std::string(reinterpret_cast<const char*>(hash), size);
}

std::string HexOf(const std::string& bytes) {
  std::string hex;
  for (const char c : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned char>(c));
    hex += two;
  }
  return hex;
}

Result<std::string> ReasonIn(const std::string& body) {
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("reason") || !parsed["reason"].is_string()) {
    return Fail(Errc::kInvalidArgument, R"(send {"reason": "…"}: why this customer is charged now)");
  }
  const std::string reason = parsed["reason"];
  if (reason.find_first_not_of(" \t\r\n") == std::string::npos) return Fail(Errc::kInvalidArgument, "reason: it must not be blank");
  if (reason.size() > kReasonMax) return Fail(Errc::kInvalidArgument, "reason: at most " + std::to_string(kReasonMax) + " bytes");
  return reason;
}

Result<HttpResponse> Retry(const ApiContext& c, const HttpRequest& request, const Token& token) {
  const Result<std::string> reason = ReasonIn(request.body);
  if (!reason) return tl::unexpected(reason.error());
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  const std::string* key = request.Header("Idempotency-Key");
  if (key != nullptr && (key->empty() || key->size() > kKeyMax)) return Fail(Errc::kInvalidArgument, "Idempotency-Key: 1 to 255 bytes");
  const std::string hash = HexOf(HashOf(record->subscription.id.str() + "\n" + request.body));
  const std::string reply_key = key == nullptr ? "" : "retry/" + token.id + "/" + *key;
  for (int round = 0;; ++round) {
    if (key != nullptr) {
      const Result<std::optional<ApiReply>> known = c.ledger.FindReply(reply_key);
      if (!known) return tl::unexpected(known.error());
      if (*known && (*known)->request_hash != hash) return Problem(422, "This Idempotency-Key was used for another request.");
      if (*known) return HttpResponse{.status = (*known)->status, .body = (*known)->body};
    }
    const Timestamp now = c.clock.Now();
    std::optional<ApiReply> reply;
    if (key != nullptr) reply = ApiReply{.key = reply_key, .request_hash = hash, .status = 202, .body = R"({"job":"job_{job}"})", .at = now};
    const Result<RetryAsked> asked = AskForRetry(c.ledger, c.policies, record->subscription.id, token.name, *reason, now, reply);
    if (asked) return Json({{"job", JobName(asked->job)}}, 202);
    // The same key at the same moment: the other request has answered it.
    const bool raced = key != nullptr && round == 0 && asked.error().code != Errc::kNotFound;
    if (!raced) return tl::unexpected(asked.error());
    const Result<std::optional<ApiReply>> known = c.ledger.FindReply(reply_key);
    if (!known || !*known) return tl::unexpected(asked.error());
  }
}

Result<HttpResponse> ShowJob(const ApiContext& c, const HttpRequest& request) {
  const Result<JobId> id = ParseJobName(request.Param("id"));
  if (!id) return tl::unexpected(id.error());
  const Result<std::optional<Attempt>> attempt = c.ledger.FindAttemptOfJob(*id);
  if (!attempt) return tl::unexpected(attempt.error());
  const Result<std::optional<Job>> job = c.ledger.FindJob(*id);
  if (!job) return tl::unexpected(job.error());
  if (*job) return Json(JobView(**job, *attempt));
  if (!*attempt) return Fail(Errc::kNotFound, "no job " + JobName(*id) + ": it is done and left no attempt, or never was");
  return Json({{"id", JobName(*id)}, {"kind", JobKindName(JobKind::kCharge)}, {"state", "done"}, {"outcome", AttemptStateName((*attempt)->state)}, {"attempt", AttemptView(**attempt)}});
}

Result<HttpResponse> ListAlerts(const ApiContext& c, const HttpRequest& request) {
  const Result<Page> page = PageOf(request);
  if (!page) return tl::unexpected(page.error());
  const Result<Listing<Alert>> alerts = c.ledger.Alerts(*page);
  if (!alerts) return tl::unexpected(alerts.error());
  return Json(ListOf(*alerts, &AlertView));
}

Result<HttpResponse> ShowAccess(const ApiContext& c, const HttpRequest& request) {
  const Result<json> view = AccessView(c.ledger, c.policies, request.Param("account"), c.clock.Now());
  if (!view) return tl::unexpected(view.error());
  return Json(*view);
}

}  // namespace

void AddApiRoutes(HttpServer& server, const ApiContext& c) {
  const auto reads = [&](const char* pattern, Right right, Result<HttpResponse> (*handler)(const ApiContext&, const HttpRequest&)) {
    server.Route("GET", pattern, Guarded(c, right, [c, handler](const HttpRequest& r, const Token&) { return handler(c, r); }));
  };
  reads("/v1/access/{account}", Right::kReadAccess, &ShowAccess);
  reads("/v1/subscriptions", Right::kRead, &ListSubscriptions);
  reads("/v1/subscriptions/{id}", Right::kRead, &ShowSubscription);
  reads("/v1/subscriptions/{id}/timeline", Right::kRead, &ShowTimeline);
  reads("/v1/jobs/{id}", Right::kRead, &ShowJob);
  reads("/v1/alerts", Right::kRead, &ListAlerts);
  server.Route("POST", "/v1/subscriptions/{id}/retry", Guarded(c, Right::kAct, [c](const HttpRequest& r, const Token& token) { return Retry(c, r, token); }));
}

}  // namespace dunlin
