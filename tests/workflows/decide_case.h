// One subscription that is decided about as its record and its facts stand: for what a story in words (play.h) does not
// say, several facts at once or a record that somebody has edited.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/workflows/play.h"

namespace dunlin::testing {

struct Case {
  explicit Case(const CollectionPolicy& policy = ServicePolicy()) : policies(PolicyOf(policy)) {
    record.subscription.id = SubscriptionId{"sub_1"};
  }
  // As it stands at the end of a story.
  explicit Case(const std::string& words, const CollectionPolicy& policy = ServicePolicy()) : Case(policy) {
    Player player(policy);
    player.Play(words);
    record = {player.subscription(), player.attempts()};
    facts = record.subscription.facts;
    now = player.now();
  }

  Recovery& recovery() { return record.subscription.recovery; }
  const Values& values() const { return record.subscription.values; }
  template <class Fact>
  void Tell(const Fact& fact) {
    Merge(facts, fact);
  }

  // Decides a second later, and keeps what comes of it.
  Decision Look() {
    now += 1s;
    Decision decision = Decide({.before = record, .facts = facts, .now = now}, policies);
    record.subscription = decision.next;
    ++record.subscription.version;
    return decision;
  }
  // The rows that are taken then, "D2 D3".
  std::string Rows() { return RowsOf(Look()); }
  static std::string RowsOf(const Decision& decision) {
    std::string rows;
    for (const TimelineRow& row : decision.timeline) {
      if (!row.row.empty()) rows += (rows.empty() ? "" : " ") + row.row;
    }
    return rows;
  }

  SubscriptionRecord record;
  Facts facts;
  PolicyBook policies;
  Timestamp now = kNoon;
};

inline long CountJobs(const Decision& decision, JobKind kind) {
  return std::count_if(decision.jobs.begin(), decision.jobs.end(), [&](const NewJob& job) { return job.kind == kind; });
}

inline const NewJob* FindJob(const Decision& decision, const std::string& key) {
  const auto job =
      std::find_if(decision.jobs.begin(), decision.jobs.end(), [&](const NewJob& j) { return j.key == key; });
  return job == decision.jobs.end() ? nullptr : &*job;
}

inline std::vector<std::string> AlertsOf(const Decision& decision) {
  std::vector<std::string> keys;
  for (const Alert& alert : decision.alerts) keys.push_back(alert.key);
  return keys;
}

}  // namespace dunlin::testing
