// A topic of Amazon SNS that sends us its messages: asking for it, and losing it.
#pragma once

#include <string>

#include "state/ledger.h"
#include "workflows/digest.h"

namespace dunlin {

// Adds what follows from the digest's `topic`: a kConfirmTopic job, whose subject is the topic's ARN and whose payload
// is {"event"}; or, when the topic is lost, the end of such a job that waits, and an alert, because nothing is asked
// for again by itself.
void FollowTopic(const Digest& digest, Timestamp now, Unit& unit);

// The keys of alerts.
std::string TopicLeftAlert(const std::string& arn);
std::string TopicNotConfirmedAlert(const std::string& arn);

}  // namespace dunlin
