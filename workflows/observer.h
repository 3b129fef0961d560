// What the workers have to tell the metrics and the log. Implementations are thread-safe and never block.
#pragma once

#include <optional>
#include <string_view>

#include "state/ledger.h"
#include "workflows/provider.h"

namespace dunlin {

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnEvent(EventOutcome) {}                 // its outcome is committed
  virtual void OnAttempt(AttemptKind, AttemptState) {}  // an attempt of ours ended
  // Committed; how long after its event arrived. nullopt: an answer of the provider brought it.
  virtual void OnAccessChange(Access, std::optional<Millis> /*since_received*/) {}
  virtual void OnUsage(UsageState) {}  // a record's fate is committed
  virtual void OnJobFailed(const Job&, const Error&, bool /*dead*/) {}
  virtual void OnProblem(std::string_view /*where*/, const Error&) {}  // something that will be tried again by itself
};

}  // namespace dunlin
