// Judges of a simulation: what must hold after every step (I1 to I10), seen from the ledger and from what leaves it.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "workflows/observer.h"
#include "workflows/outbox.h"
#include "workflows/simulate/correspondence.h"
#include "workflows/simulate/unreliable_ledger.h"
#include "workflows/simulate/world.h"

namespace dunlin::simulate {

struct OracleRules {
  int schedule_steps = 0;            // automatic attempts that an invoice may have
  Millis grace{0};                   // of every policy
  std::vector<std::string> secrets;  // texts that may stand nowhere
  std::string address;               // of e-mail: only in mails
};

// Everything must outlive this. Reads the ledger itself, not through anything unreliable.
class Oracles {
 public:
  Oracles(Ledger& ledger, const World& world, OracleRules rules)
      : ledger_(ledger),
        world_(world),
        rules_(std::move(rules)),
        told_(world, [this](std::string what) { Break(std::move(what)); }) {}

  void OnAcknowledged(const EventId& event);     // a webhook was answered 2xx
  void OnCommitted(const Committed& committed);  // right after a commit became durable
  void OnText(std::string_view where, std::string_view text);
  void OnMessage(JobId job, std::string_view message);

  void AfterStep();  // what was touched since the step before
  void AtEnd();      // everything

  void Break(std::string what);
  const std::vector<std::string>& broken() const { return broken_; }
  const std::set<EventId>& acknowledged() const { return acknowledged_; }
  // When, in the world's time, each attempt was committed as being sent.
  const std::map<AttemptKey, Timestamp>& opened() const { return opened_; }
  const Correspondence& told() const { return told_; }

 private:
  void CheckEvent(const EventId& event);
  void CheckSubscription(const SubscriptionId& id);
  void CheckValues(const Subscription& subscription);
  void CheckAccess(const Subscription& subscription);
  void CheckEndOfAccess(const Committed& committed);
  void CheckDate(const TimelineRow& row);
  void CheckAttempts(const SubscriptionRecord& record);
  void CheckOpened(const Attempt& attempt);

  Ledger& ledger_;
  const World& world_;
  const OracleRules rules_;
  std::set<EventId> acknowledged_;
  std::set<EventId> unchecked_;
  std::set<SubscriptionId> touched_, seen_;
  std::map<AttemptKey, Timestamp> opened_;
  std::map<SubscriptionId, std::set<Timestamp>> access_ends_;  // that were announced
  Correspondence told_;
  std::vector<std::string> broken_;
};

// Takes messages, sometimes not, and shows each to the oracles.
class WatchedOutbox final : public Outbox {
 public:
  WatchedOutbox(World& world, Oracles& oracles) : world_(world), oracles_(oracles) {}
  Status Deliver(JobId id, std::string_view message) override;

 private:
  World& world_;
  Oracles& oracles_;
};

class WatchedProblems final : public Observer {
 public:
  explicit WatchedProblems(Oracles& oracles) : oracles_(oracles) {}
  void OnJobFailed(const Job&, const Error& error, bool) override { oracles_.OnText("a failed job", error.detail); }
  void OnProblem(std::string_view where, const Error& error) override { oracles_.OnText(where, error.detail); }

 private:
  Oracles& oracles_;
};

}  // namespace dunlin::simulate
