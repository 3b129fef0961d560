#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands/offline.h"
#include "app/commands/output.h"
#include "app/commands/replay.h"
#include "app/commands/replay_order.h"

namespace dunlin {
namespace {

Status ChoosePolicy(const std::string& file, OfflineOptions& options) {
  if (file.empty()) return {};
  Result<Policy> policy = LoadPolicy(file, &options.policy_text);
  if (!policy) return tl::unexpected(std::move(policy.error()));
  options.policy = std::move(*policy);
  return {};
}

// Why it stands as it does: the newest change of status or access, and what comes next.
Result<std::string> WhyOf(Ledger& ledger, const SubscriptionId& id) {
  const Result<std::vector<TimelineRow>> rows = ledger.Timeline(id);
  if (!rows) return tl::unexpected(rows.error());
  std::string why, next;
  for (const TimelineRow& row : *rows) {
    if (row.kind == "change") why = row.reason + (row.rule.empty() ? "" : " (" + row.rule + ")");
    if (row.kind != "change" || !row.next.empty()) next = row.next;
  }
  return why + (next.empty() ? "" : " " + next);
}

// The order and the duplicates that were asked for, as the core meets them: the values must be those of `view` (I3).
Status TryAnotherOrder(const ReplayArguments& arguments, const ReplayFiles& files, OfflineOptions options,
                       const nlohmann::json& view) {
  options.order = OfflineOptions::Order::kAsGiven;
  std::vector<ReplayEvent> events;
  for (const std::size_t place :
       OrderToSend(files.events.size(), {arguments.shuffle, arguments.duplicate, arguments.seed})) {
    events.push_back(files.events[place]);
  }
  Result<OfflineRun> run = RunOffline(events, options);
  if (!run) return tl::unexpected(run.error());
  const Result<nlohmann::json> other = OfflineView(*run);
  if (!other) return tl::unexpected(other.error());
  return ExpectSameValues(view, *other);
}

Timestamp NewestOf(const std::vector<ReplayEvent>& events) {
  Timestamp newest{};
  for (const ReplayEvent& event : events) newest = std::max(newest, event.created);
  return newest;
}

int PrintStates(OfflineRun& run, const nlohmann::json& view) {
  Table table({"SUBSCRIPTION", "STATUS", "ACCESS", "PLAN", "PAID UNTIL", "NEXT ATTEMPT", "WHY"});
  for (const nlohmann::json& s : view.at("subscriptions")) {
    const std::string id = s.at("id").get<std::string>();
    const Result<std::string> why = WhyOf(*run.ledger, SubscriptionId{id});
    if (!why) return Complain(why.error());
    const nlohmann::json collection = s.value("collection", nlohmann::json());
    table.Add({id, Cell(s, "status"), Cell(s, "access"), Cell(s, "plan"), Cell(s, "paid_until"),
               Cell(collection, "next_attempt_at"), *why});
  }
  const std::string at = "At " + TimeCell(run.at) + ":\n";
  Print(table.empty() ? at + "No subscription is known.\n" : at + table.Text());
  return kExitOk;
}

}  // namespace

int ReplayOffline(const ReplayArguments& arguments, const ReplayFiles& files) {
  OfflineOptions options;
  // A scenario's moment never hides events, its own or those of another.
  if (files.until) options.until = std::max(*files.until, NewestOf(files.events));
  if (!arguments.until.empty()) {
    const Result<Timestamp> until = ParseRfc3339(arguments.until);
    if (!until) return Complain("--until: " + until.error().detail, kExitUsage);
    options.until = *until;
  }
  const std::string policy = arguments.policy.empty() ? files.policy : arguments.policy;
  if (const Status chosen = ChoosePolicy(policy, options); !chosen) return Complain(chosen.error().detail, kExitNo);
  Result<OfflineRun> run = RunOffline(files.events, options);
  if (!run) return Complain(run.error().detail, kExitNo);
  if (run->left_out > 0) {
    std::cerr << "dunlin: " << run->left_out << " events are later than " << FormatRfc3339(run->at)
              << " and left out\n";
  }
  const Result<nlohmann::json> view = OfflineView(*run);
  if (!view) return Complain(view.error().detail, kExitNo);
  if (arguments.shuffle || arguments.duplicate > 0) {
    const Status same = TryAnotherOrder(arguments, files, options, *view);
    if (!same) return Complain(same.error().detail, kExitNo);
  }
  if (!arguments.json) return PrintStates(*run, *view);
  PrintJson(*view);
  return kExitOk;
}

}  // namespace dunlin
