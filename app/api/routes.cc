#include "app/api/routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/api/answer.h"
#include "app/api/page.h"
#include "app/views.h"

namespace dunlin {
namespace {

using api::Json;
using api::PageOf;
using api::Right;
using nlohmann::json;

constexpr std::size_t kEventsInTimeline = 1000;

json NextOf(const std::string& next) { return next.empty() ? json(nullptr) : json(next); }

// Whose subscriptions are asked for: an alias may stand for several of the provider's customers, or for none.
Result<std::vector<AccountId>> AccountsOf(Ledger& ledger, const std::string& any_id) {
  Result<std::vector<AccountId>> accounts = ledger.ResolveAccount(any_id);
  if (accounts && accounts->empty()) accounts->emplace_back(any_id);
  return accounts;
}

// One page over all of the accounts, in the order of the subscriptions' ids.
Result<Listing<Subscription>> PageOver(Ledger& ledger, SubscriptionFilter filter,
                                       const std::vector<AccountId>& accounts, const Page& page) {
  Listing<Subscription> all;
  bool more = false;
  for (const AccountId& account : accounts) {
    filter.account = account;
    Result<Listing<Subscription>> some = ledger.Subscriptions(filter, page);
    if (!some) return tl::unexpected(some.error());
    more = more || !some->next.empty();
    std::move(some->items.begin(), some->items.end(), std::back_inserter(all.items));
  }
  std::ranges::sort(all.items, {}, &Subscription::id);
  more = more || all.items.size() > page.limit;
  all.items.resize(std::min(all.items.size(), page.limit));
  if (more) all.next = all.items.back().id.str();
  return all;
}

Result<HttpResponse> ListSubscriptions(const ApiContext& c, const HttpRequest& request) {
  SubscriptionFilter filter;
  if (const std::string* status = request.Query("status")) {
    filter.status = ParseStatus(*status);
    if (!filter.status) {
      return Fail(Errc::kInvalidArgument, "status: one of pending, trialing, active, past_due, paused, canceled");
    }
  }
  const Result<Page> page = PageOf(request);
  if (!page) return tl::unexpected(page.error());
  Result<Listing<Subscription>> found;
  if (const std::string* account = request.Query("account")) {
    const Result<std::vector<AccountId>> accounts = AccountsOf(c.ledger, *account);
    if (!accounts) return tl::unexpected(accounts.error());
    found = PageOver(c.ledger, filter, *accounts, *page);
  } else {
    found = c.ledger.Subscriptions(filter, *page);
  }
  if (!found) return tl::unexpected(found.error());
  const Timestamp now = c.clock.Now();
  json items = json::array();
  for (const Subscription& s : found->items) {
    const Result<std::optional<SubscriptionRecord>> record = c.ledger.LoadSubscription(s.id);
    if (!record) return tl::unexpected(record.error());
    if (!*record) continue;  // gone since it was listed
    Result<json> view = DetailedView(c.ledger, **record, c.policies, now);
    if (!view) return tl::unexpected(view.error());
    items.push_back(std::move(*view));
  }
  return Json({{"items", std::move(items)}, {"next", NextOf(found->next)}});
}

Result<HttpResponse> ShowSubscription(const ApiContext& c, const HttpRequest& request) {
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  const Result<json> view = DetailedView(c.ledger, *record, c.policies, c.clock.Now());
  if (!view) return tl::unexpected(view.error());
  return Json(*view);
}

Result<HttpResponse> ShowTimeline(const ApiContext& c, const HttpRequest& request) {
  const Result<SubscriptionRecord> record = FindSubscription(c.ledger, request.Param("id"));
  if (!record) return tl::unexpected(record.error());
  const SubscriptionId& id = record->subscription.id;
  const Result<std::vector<TimelineRow>> rows = c.ledger.Timeline(id);
  if (!rows) return tl::unexpected(rows.error());
  const Result<Listing<StoredEvent>> events = c.ledger.Events({.subscription = id.str()}, {.limit = kEventsInTimeline});
  if (!events) return tl::unexpected(events.error());
  json view = {{"subscription", id.str()}, {"items", TimelineView(*rows, events->items)}};
  if (Status added = AddUsage(c.ledger, record->subscription, view); !added) return tl::unexpected(added.error());
  return Json(view);
}

// An ended attempt and the end of its job are one commit, so an ended attempt beside a job is only a read that fell
// between the two.
Result<HttpResponse> ShowJob(const ApiContext& c, const HttpRequest& request) {
  const Result<JobId> id = ParseJobName(request.Param("id"));
  if (!id) return tl::unexpected(id.error());
  const Result<std::optional<Job>> job = c.ledger.FindJob(*id);
  if (!job) return tl::unexpected(job.error());
  const Result<std::optional<Attempt>> attempt = c.ledger.FindAttemptOfJob(*id);
  if (!attempt) return tl::unexpected(attempt.error());
  const bool ended = *attempt && !IsOpen((*attempt)->state);
  if (*job && !ended) return Json(JobView(**job, *attempt));
  if (!*attempt) {
    return Fail(Errc::kNotFound, "no job " + JobName(*id) + ": it is done and left no attempt, or never was");
  }
  return Json({{"id", JobName(*id)},
               {"kind", JobKindName(JobKind::kCharge)},  // no other kind makes attempts
               {"state", ended ? "done" : "running"},
               {"outcome", ended ? json(AttemptStateName((*attempt)->state)) : json(nullptr)},
               {"attempt", AttemptView(**attempt)}});
}

Result<HttpResponse> ListAlerts(const ApiContext& c, const HttpRequest& request) {
  const Result<Page> page = PageOf(request);
  if (!page) return tl::unexpected(page.error());
  const Result<Listing<Alert>> alerts = c.ledger.Alerts(*page);
  if (!alerts) return tl::unexpected(alerts.error());
  json items = json::array();
  for (const Alert& alert : alerts->items) items.push_back(AlertView(alert));
  return Json({{"items", std::move(items)}, {"next", NextOf(alerts->next)}});
}

Result<HttpResponse> ShowAccess(const ApiContext& c, const HttpRequest& request) {
  const Result<json> view = AccessView(c.ledger, c.policies, request.Param("account"), c.clock.Now());
  if (!view) return tl::unexpected(view.error());
  return Json(*view);
}

}  // namespace

void AddApiRoutes(HttpServer& server, const ApiContext& c) {
  const auto reads = [&](const char* pattern, Right right,
                         Result<HttpResponse> (*handler)(const ApiContext&, const HttpRequest&)) {
    server.Route("GET", pattern,
                 api::Guarded(c, right, [c, handler](const HttpRequest& r, const Token&) { return handler(c, r); }));
  };
  reads("/v1/access/{account}", Right::kReadAccess, &ShowAccess);
  reads("/v1/subscriptions", Right::kRead, &ListSubscriptions);
  reads("/v1/subscriptions/{id}", Right::kRead, &ShowSubscription);
  reads("/v1/subscriptions/{id}/timeline", Right::kRead, &ShowTimeline);
  reads("/v1/jobs/{id}", Right::kRead, &ShowJob);
  reads("/v1/alerts", Right::kRead, &ListAlerts);
  reads("/v1/usage/{account}", Right::kRead, &api::ListUsage);
  server.Route("POST", "/v1/usage", api::Guarded(c, Right::kServe, [c](const HttpRequest& r, const Token&) {
                 return api::ReportUsage(c, r);
               }));
  server.Route("POST", "/v1/registrations/{code}/claim",
               api::Guarded(c, Right::kServe, [c](const HttpRequest& r, const Token&) { return api::Claim(c, r); }));
  server.Route(
      "POST", "/v1/subscriptions/{id}/retry",
      api::Guarded(c, Right::kAct, [c](const HttpRequest& r, const Token& token) { return api::Retry(c, r, token); }));
}

}  // namespace dunlin
