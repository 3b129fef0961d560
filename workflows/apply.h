// Applies events to subscriptions: load, merge, decide, commit. Touches only the ledger.
#pragma once

#include <span>

#include "workflows/engine.h"

namespace dunlin {

class Applier {
 public:
  explicit Applier(Engine& engine) : engine_(engine) {}

  // Carries out the jobs of lane kApply with these ids; those that are gone, or not due yet, are left alone. Events of
  // one subscription are applied together and cost one write of its row. What fails stays a job and is tried again.
  void Run(std::span<const JobId> ids);

 private:
  Engine& engine_;
};

}  // namespace dunlin
