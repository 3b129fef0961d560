// How usage is written as JSON (docs/api.md).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "state/usage.h"
#include "workflows/usage_booking.h"

namespace dunlin {

nlohmann::json UsageHourView(const UsageHour& hour);
nlohmann::json UsageTotalsView(const UsageTotals& totals);
// The answer to a report.
nlohmann::json UsageAnswerView(const UsageAnswer& answer);

}  // namespace dunlin
