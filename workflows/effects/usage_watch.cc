#include "workflows/effects/usage_watch.h"

namespace dunlin::effects {
namespace {

constexpr Millis kLateAfter{6h};  // AWS's older documentation took nothing later
constexpr Millis kWarnBefore{2h};

void Judge(Unit& unit, bool holds, const char* kind, const std::string& detail, Timestamp now) {
  if (!holds) return unit.settle_alerts.push_back(kind);
  RaiseAlert(unit.alerts,
             {.key = kind, .kind = kind, .subject = "aws_marketplace", .detail = detail, .raised_at = now});
}

}  // namespace

Status WatchUsage(Engine& engine) {
  const Result<UsageBacklog> backlog = engine.ledger.CountUsageBacklog();
  if (!backlog) return tl::unexpected(backlog.error());
  const Timestamp now = engine.clock.Now();
  const bool any = backlog->frozen > 0;
  const Timestamp oldest = backlog->oldest_hour.value_or(now);
  const Timestamp closes = backlog->next_deadline.value_or(now);
  const std::string waiting = std::to_string(backlog->frozen) + " usage records wait to be sent to AWS Marketplace, ";
  const std::string look = ". The jobs of kind meter say why: dunlin jobs list";
  Unit unit;
  Judge(unit, any && oldest + kLateAfter <= now, "usage_late",
        waiting + "the oldest of the hour of " + FormatRfc3339(oldest) + look, now);
  Judge(unit, any && closes - kWarnBefore <= now, "usage_deadline",
        waiting + "and AWS refuses the first of them from " + FormatRfc3339(closes) + " on" + look, now);
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace dunlin::effects
