// Carries out the jobs that wait for the outside: charges, take-overs, cancellations, questions to the provider,
// messages. Each runs alone, may block for a call's timeout, and commits its outcome together with the job's end (I8).
#pragma once

#include "workflows/engine.h"

namespace dunlin {

class Effects {
 public:
  explicit Effects(Engine& engine) : engine_(engine) {}

  // Carries out the job with this id; one that is gone, dead or not due yet is left alone.
  void Run(JobId id);

 private:
  Engine& engine_;
};

}  // namespace dunlin
