// What events brought after their account was erased is erased too, once a day for a while.
#include <nlohmann/json.hpp>

#include "workflows/effects/steps.h"
#include "workflows/erase_account.h"

namespace dunlin::effects {
namespace {

constexpr Millis kEvery{24h};

}  // namespace

Outcome EraseAgain(Engine& engine, const Job& job) {
  const nlohmann::json payload = nlohmann::json::parse(job.payload, nullptr, false);
  if (!payload.is_object() || !payload.contains("account") || !payload.contains("until_ms")) {
    return TryLater{{Errc::kCorrupt, "the job does not say which account"}};
  }
  const Timestamp now = engine.clock.Now();
  Unit along;
  along.done.push_back(job.id);
  if (now + kEvery <= FromUnixMillis(payload["until_ms"].get<std::int64_t>())) {
    along.jobs.push_back(
        {.kind = JobKind::kErase, .key = job.key, .subject = job.subject, .due = now + kEvery, .payload = job.payload});
  }
  const AccountId account(payload["account"].get<std::string>());
  const auto erased = EraseAccount(engine.ledger, account, StillRunning::kRefuse, now, along);
  if (erased) return std::nullopt;
  // The customer is back, or nothing is left: what is known now is of another time.
  if (erased.error().code != Errc::kConflict && erased.error().code != Errc::kNotFound) return TryLater{erased.error()};
  const Result<UnitResult> done = engine.ledger.Commit(std::move(along));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

}  // namespace dunlin::effects
