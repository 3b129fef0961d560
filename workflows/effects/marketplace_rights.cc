#include "workflows/effects/marketplace_rights.h"

#include "workflows/market_filing.h"

namespace dunlin::effects {
namespace {

constexpr Millis kPatience{10min};

}  // namespace

Outcome WaitForRights(Engine& engine, const std::string& what, const std::string& why) {
  Unit unit;
  RaiseAlert(unit.alerts, {.key = kMarketplaceCredentialsAlert,
                           .kind = kMarketplaceCredentialsAlert,
                           .subject = "aws_marketplace",
                           .detail = "AWS Marketplace does not let us " + what + ": " + why,
                           .raised_at = engine.clock.Now()});
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done) return TryLater{done.error()};
  return TryLater{{Errc::kUnauthenticated, why}, kPatience};
}

}  // namespace dunlin::effects
