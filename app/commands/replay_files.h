// The files that `dunlin replay` reads: one event, a JSON array, JSON lines, or a scenario
// (fixtures/scenarios/README.md). An event is Stripe's, or one of AWS Marketplace in one of the shapes that are stored:
// what SNS posts, an EventBridge event, or the record of a registration.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/id.h"
#include "state/result.h"
#include "state/time.h"
#include "state/values.h"

namespace dunlin {

struct ReplayEvent {
  Provider provider = Provider::kStripe;
  std::string body;  // the bytes as they stand in the file: what is signed
  EventId id;
  Timestamp created{};
  std::string where;  // "events.jsonl:3"
};

struct ReplayFiles {
  std::vector<ReplayEvent> events;  // in the order of the files and within them
  // What scenarios among them ask for.
  std::string policy;              // a file; empty: none
  std::optional<Timestamp> until;  // the latest of them
};

// "-" is stdin. Errors: kNotFound (a file that cannot be read), kInvalidArgument: every event that is none, each with
// file and line on a line of its own; two scenarios that ask for different policies.
Result<ReplayFiles> ReadReplayFiles(const std::vector<std::string>& files);

// The same for text that was read already; `name` stands for the file in messages.
Result<ReplayFiles> ReadReplayText(std::string_view text, const std::string& name);

}  // namespace dunlin
