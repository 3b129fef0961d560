// POST /v1/usage: the product says what was used. GET /v1/usage/{account}: staff see what became of it.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "app/api/answer.h"
#include "app/api/page.h"
#include "app/usage_view.h"

namespace dunlin::api {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = 255;  // bytes
constexpr const char* kShape =
    R"(send {"account": "…", "dimension": "…", "quantity": 3, "at": "2026-11-21T10:00:00Z", "key": "…"})";

bool IsPlain(const std::string& text) {
  const bool control = std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  return text.find_first_not_of(' ') != std::string::npos && text.size() <= kTextMax && !control;
}

Status ReadText(const json& body, const char* name, bool required, std::string& to) {
  const auto found = body.find(name);
  if (found == body.end() && !required) return {};
  if (found == body.end()) return Fail(Errc::kInvalidArgument, std::string(name) + ": missing; " + kShape);
  const std::string wrong = std::string(name) + ": text of 1 to " + std::to_string(kTextMax) +
                            " bytes, not blank, without control characters";
  if (!found->is_string()) return Fail(Errc::kInvalidArgument, wrong);
  to = *found;
  return IsPlain(to) ? Status{} : Fail(Errc::kInvalidArgument, wrong);
}

Status ReadQuantity(const json& body, std::int64_t& to) {
  const auto found = body.find("quantity");
  const bool fits = found != body.end() && found->is_number_integer() && *found >= 0 && *found <= kUsageQuantityMax;
  if (!fits)
    return Fail(Errc::kInvalidArgument, "quantity: a whole number from 0 to " + std::to_string(kUsageQuantityMax));
  to = *found;
  return {};
}

Status ReadTime(const json& body, Timestamp now, Timestamp& to) {
  const auto found = body.find("at");
  if (found == body.end() || !found->is_string())
    return Fail(Errc::kInvalidArgument, R"(at: when it was used, as "2026-11-21T10:00:00Z")");
  const Result<Timestamp> at = ParseRfc3339(found->get<std::string>());
  if (!at) return Fail(Errc::kInvalidArgument, "at: " + at.error().detail);
  if (*at < Timestamp{}) return Fail(Errc::kInvalidArgument, "at: before 1970");
  if (*at > now + kUsageAheadMax) {
    return Fail(Errc::kInvalidArgument, "at: it lies in the future; here it is " + FormatRfc3339(now) +
                                            ", and five minutes ahead are taken at most");
  }
  to = *at;
  return {};
}

Result<UsageReport> ReportIn(const std::string& text, Timestamp now) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object()) return Fail(Errc::kInvalidArgument, kShape);
  constexpr std::string_view kKnown[] = {"account", "user", "dimension", "quantity", "at", "key"};
  for (const auto& [name, value] : body.items()) {
    if (std::ranges::find(kKnown, name) == std::end(kKnown))
      return Fail(Errc::kInvalidArgument,
                  "an unknown field; the fields are account, user, dimension, quantity, at, key");
  }
  UsageReport report;
  Status read = ReadText(body, "account", true, report.account);
  if (read) read = ReadText(body, "user", false, report.user);
  if (read) read = ReadText(body, "dimension", true, report.dimension);
  if (read) read = ReadQuantity(body, report.quantity);
  if (read) read = ReadTime(body, now, report.at);
  if (read) read = ReadText(body, "key", true, report.key);
  if (!read) return tl::unexpected(read.error());
  return report;
}

}  // namespace

Result<HttpResponse> ReportUsage(const ApiContext& c, const HttpRequest& request) {
  const Timestamp now = c.clock.Now();
  const Result<UsageReport> report = ReportIn(request.body, now);
  if (!report) return tl::unexpected(report.error());
  const Result<UsageAnswer> answer = BookUsage(c.ledger, c.policies, *report, now);
  if (!answer) return tl::unexpected(answer.error());
  return Json(UsageAnswerView(*answer), answer->is_new ? 201 : 200);
}

Result<HttpResponse> ListUsage(const ApiContext& c, const HttpRequest& request) {
  const Result<Page> page = PageOf(request);
  if (!page) return tl::unexpected(page.error());
  const Result<std::vector<Subscription>> subscriptions = MarketSubscriptionsOf(c.ledger, request.Param("account"));
  if (!subscriptions) return tl::unexpected(subscriptions.error());
  json totals = json::array();
  std::vector<UsageHour> hours;
  bool more = false;
  for (const Subscription& s : *subscriptions) {
    const Result<UsageTotals> total = c.ledger.TotalUsage(s.id);
    if (!total) return tl::unexpected(total.error());
    totals.push_back({{"id", s.id.str()}, {"usage", UsageTotalsView(*total)}});
    Result<Listing<UsageHour>> some = c.ledger.UsageHours(s.id, *page);
    if (!some) return tl::unexpected(some.error());
    more = more || !some->next.empty();
    std::move(some->items.begin(), some->items.end(), std::back_inserter(hours));
  }
  std::ranges::sort(hours, std::greater{}, [](const UsageHour& h) { return std::pair(h.hour, h.id); });
  more = more || hours.size() > page->limit;
  hours.resize(std::min(hours.size(), page->limit));
  json items = json::array();
  for (const UsageHour& hour : hours) items.push_back(UsageHourView(hour));
  return Json({{"subscriptions", std::move(totals)},
               {"items", std::move(items)},
               {"next", more ? json(UsageCursor(hours.back())) : json(nullptr)}});
}

}  // namespace dunlin::api
