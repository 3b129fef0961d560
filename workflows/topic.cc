#include "workflows/topic.h"

#include <nlohmann/json.hpp>

#include "workflows/decide.h"

namespace dunlin {

std::string TopicLeftAlert(const std::string& arn) { return "topic_unsubscribed/" + arn; }
std::string TopicNotConfirmedAlert(const std::string& arn) { return "topic_not_confirmed/" + arn; }

void FollowTopic(const Digest& digest, Timestamp now, Unit& unit) {
  const std::string& arn = digest.topic->arn;
  const std::string key = "confirm_topic/" + arn;
  if (digest.topic->asks) {
    unit.jobs.push_back({.kind = JobKind::kConfirmTopic,
                         .key = key,
                         .subject = arn,
                         .due = now,
                         .payload = nlohmann::json{{"event", digest.event.str()}}.dump(),
                         .on_same_key = OnSameKey::kReplace});
    return;
  }
  unit.drop_jobs.push_back(key);  // what asked before would bring back what somebody has taken away
  RaiseAlert(unit.alerts,
             {.key = TopicLeftAlert(arn),
              .kind = "topic_unsubscribed",
              .subject = arn,
              .detail = "Amazon SNS sends us this topic no more. If nobody meant that, subscribe this endpoint to it "
                        "again; what is missed meanwhile, only the reading of entitlements finds.",
              .raised_at = now});
}

}  // namespace dunlin
