// Values to put into a ledger; a test names only what matters to it.
#pragma once

#include <string>
#include <utility>

#include "state/ledger.h"

namespace dunlin::testing {

inline constexpr Timestamp kNoon = FromUnixSeconds(1'795'262'400);  // 2026-11-21T12:00:00Z

inline NewEvent MakeEvent(std::string id, std::string body = "{}") {
  NewEvent event;
  event.id = EventId(std::move(id));
  event.type = "invoice.paid";
  event.created = kNoon - 5s;
  event.received_at = kNoon;
  event.body = std::move(body);
  return event;
}

inline Subscription MakeSubscription(std::string id, std::string account = "cus_1") {
  Subscription s;
  s.id = SubscriptionId(std::move(id));
  s.account = AccountId(std::move(account));
  s.values.status = SubscriptionStatus::kActive;
  s.values.access = Access::kGranted;
  s.updated_at = kNoon;
  return s;
}

inline Attempt MakeAttempt(std::string key, std::string subscription = "sub_1") {
  Attempt a;
  a.key = AttemptKey(std::move(key));
  a.job = JobId{7};
  a.subscription = SubscriptionId(std::move(subscription));
  a.invoice = InvoiceId("in_1");
  a.parameters = "payment_method=pm_1";
  a.first_sent_at = kNoon;
  return a;
}

inline NewJob MakeJob(JobKind kind, Timestamp due, std::string key = "") {
  NewJob job;
  job.kind = kind;
  job.key = std::move(key);
  job.due = due;
  job.payload = "{}";
  job.created_at = kNoon;
  return job;
}

// The commonest units.
inline Unit Accept(NewEvent event) {
  Unit unit;
  unit.accept.push_back(std::move(event));
  return unit;
}
inline Unit Add(NewJob job) {
  Unit unit;
  unit.jobs.push_back(std::move(job));
  return unit;
}
inline Unit Save(Subscription subscription) {
  Unit unit;
  unit.save.push_back(std::move(subscription));
  return unit;
}

}  // namespace dunlin::testing
