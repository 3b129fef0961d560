// What a seed chooses once: how long, which policies, how the provider is set up.
#pragma once

#include <string>
#include <vector>

#include "app/simulate/customers.h"

namespace dunlin::simulate {

struct Setting {
  std::string interval;  // of billing: "day", "week", "month"
  Millis period{};
  Millis length{};  // until faults end
  Millis catch_up_every{};
  bool thin_events = false;
  bool all_types = false;  // of events are told; else only those that a merchant would choose
  std::string owner, schedule, next_schedule, exhausted;
  Millis grace{0};
  int card_limit = 15;                                          // attempts on one payment method in 30 days
  sim::Exhausted provider_exhausted = sim::Exhausted::kCancel;  // what the provider does after its own retries
  int schedule_steps = 0;                                       // the longer of the two
};
Setting ChooseSetting(std::uint64_t seed);

// The policy file of version 1, or of version 2 with the next schedule.
std::string PolicyText(const Setting& setting, const Catalog& catalog, int version);

}  // namespace dunlin::simulate
