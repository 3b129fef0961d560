// Saying yes to a topic of Amazon SNS, once for each time that it asks.
#include <nlohmann/json.hpp>

#include "workflows/effects/steps.h"
#include "workflows/topic.h"

namespace dunlin::effects {
namespace {

// The stored message that asks; nullopt: there is none, which only a ledger edited by hand can have.
Result<std::optional<StoredEvent>> MessageOf(Engine& engine, const Job& job) {
  const auto payload = nlohmann::json::parse(job.payload, nullptr, false);
  if (!payload.is_object() || !payload.contains("event") || !payload["event"].is_string()) return std::nullopt;
  return engine.ledger.FindEvent(Provider::kAwsMarketplace, EventId{payload["event"].get<std::string>()});
}

}  // namespace

Outcome ConfirmTopic(Engine& engine, const Job& job) {
  const Result<std::optional<StoredEvent>> message = MessageOf(engine, job);
  if (!message) return TryLater{message.error()};
  if (!*message) return Finish(engine, job);
  const Result<std::string> subscription = engine.confirm_topic((*message)->body);
  if (!subscription && subscription.error().code == Errc::kUnavailable) return TryLater{subscription.error()};
  const Timestamp now = engine.clock.Now();
  const std::string& topic = job.subject;
  Unit unit;
  unit.done.push_back(job.id);
  if (subscription) {
    unit.events.push_back({.seq = (*message)->seq, .detail = "confirmed: " + *subscription, .at = now});
    unit.settle_alerts = {TopicLeftAlert(topic), TopicNotConfirmedAlert(topic)};
  } else {
    RaiseAlert(unit.alerts, {.key = TopicNotConfirmedAlert(topic),
                             .kind = "topic_not_confirmed",
                             .subject = topic,
                             .detail = "The topic could not be confirmed: " + subscription.error().detail +
                                       ". Ask Amazon SNS to send the confirmation again.",
                             .raised_at = now});
  }
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

}  // namespace dunlin::effects
