#include "app/usage_view.h"

#include <nlohmann/json.hpp>

namespace dunlin {
namespace {

using nlohmann::json;

json TimeOrNull(const std::optional<Timestamp>& t) { return t ? json(FormatRfc3339(*t)) : json(nullptr); }
json TextOrNull(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }
json CountView(const UsageCount& count) { return {{"records", count.records}, {"quantity", count.quantity}}; }

}  // namespace

json UsageHourView(const UsageHour& hour) {
  return {{"subscription", hour.subscription.str()},
          {"meter", MeterId(hour.meter)},
          {"dimension", hour.dimension},
          {"hour", FormatRfc3339(hour.hour)},
          {"quantity", hour.quantity},
          {"state", UsageStateName(hour.state)},
          {"frozen_at", TimeOrNull(hour.frozen_at)},
          {"deadline", TimeOrNull(hour.closes_at)},
          {"settled_at", TimeOrNull(hour.settled_at)},
          {"metering_record_id", TextOrNull(hour.metering_record_id)},
          {"detail", TextOrNull(hour.detail)}};
}

json UsageTotalsView(const UsageTotals& totals) {
  return {{"waiting", CountView(totals.open)},      {"frozen", CountView(totals.frozen)},
          {"sent", CountView(totals.sent)},         {"refused", CountView(totals.refused)},
          {"unbooked", CountView(totals.unbooked)}, {"next_deadline", TimeOrNull(totals.next_deadline)}};
}

json UsageAnswerView(const UsageAnswer& answer) {
  const UsageEntry& entry = answer.booked.entry;
  const std::optional<UsageHour>& hour = answer.booked.hour;
  return {{"account", entry.account.str()},
          {"subscription", entry.subscription.str()},
          {"user", TextOrNull(entry.user)},
          {"dimension", entry.dimension},
          {"quantity", entry.quantity},
          {"at", FormatRfc3339(entry.at)},
          {"key", entry.key},
          {"hour", hour ? json(FormatRfc3339(hour->hour)) : json(nullptr)},
          {"state", hour ? UsageStateName(hour->state) : "unbooked"},
          {"send_at", TimeOrNull(answer.send_at)}};
}

}  // namespace dunlin
