// Events applied in memory: the real ledger, merging and decisions, with nobody outside. Nothing is ever sent.
#pragma once

#include <memory>
#include <vector>

#include "app/commands/replay_files.h"
#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

struct OfflineOptions {
  Policy policy = BuiltInPolicy();
  std::string policy_text;         // what `policy` was read from
  std::optional<Timestamp> until;  // the moment to show; left out, that of the newest event
  // kAsMade: each event arrives at the moment it was made, those of one moment by their ids, and in between happens
  // what time brings. So what is shown does not depend on the order of the files, and histories of years are right.
  // kAsGiven: all arrive as late as the newest, in the order given: the proof that the core does not depend on the
  // order either (I3).
  enum class Order : std::uint8_t { kAsMade, kAsGiven } order = Order::kAsMade;
};

struct OfflineRun {
  std::unique_ptr<Ledger> ledger;  // everything as it is at `at`; jobs for the outside wait in it
  PolicyBook policies;
  Timestamp at{};
  std::size_t left_out = 0;  // events made after `at`
};

// After the events time goes on to `until`, and what it brings (the end of a grace or of a paid period) happens at its
// moment. Events made after `until` are left out.
// Errors: kInvalidArgument (an event that cannot be read, with file and line), the ledger's.
Result<OfflineRun> RunOffline(const std::vector<ReplayEvent>& events, const OfflineOptions& options);

// {"subscriptions": […]} sorted by id, each as the API shows it.
Result<nlohmann::json> OfflineView(OfflineRun& run);

// Whether two views agree in what must not depend on the order of arrival (I3: status, access, plan, paid_until).
// Errors: kCorrupt, naming the first subscription and value that differ.
Status ExpectSameValues(const nlohmann::json& view, const nlohmann::json& other);

}  // namespace dunlin
