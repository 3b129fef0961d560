// The content of what is sent: mails to customers, notifications to the product, alerts to support. Pure.
//
// The jobs that carry them hold the whole content, so that sending needs nothing else and staff can read it.
#pragma once

#include <string>
#include <string_view>

#include "state/ledger.h"
#include "workflows/policy.h"

namespace dunlin {

enum class MailKind : std::uint8_t {
  kPaymentFailed,  // R3a; names the next attempt when there is one
  kMethodNeeded,   // R18: another payment method is needed
  kRecovered,      // R4: access is back
  kEnded,          // the schedule is spent and the subscription was cancelled
};
std::string_view MailKindName(MailKind kind);  // "payment_failed"

struct MailContext {
  const Subscription& subscription;
  const InvoiceFact* invoice = nullptr;  // nullptr: none is known
  const PlanPolicy* plan = nullptr;      // nullptr: not in the policy
  std::string unique;                    // the job's key; a mail that still waits under it is replaced
  Timestamp due{};
};

// A mail about a failure is held this long: what is learnt meanwhile (the decline's code, a payment that came in the
// same moment) replaces it or drops it, so that one failure is one mail, and a right one.
inline constexpr Millis kFailureMailHold{2s};
std::string FailureMailKey(const SubscriptionId& id);
NewJob MailJob(MailKind kind, const MailContext& context);

// Tells the product how a subscription stands after a change.
NewJob NotifyJob(const Subscription& subscription, std::string_view reason, Timestamp now);

// The payload of the job that tells support.
std::string AlertMessage(const Alert& alert);

}  // namespace dunlin
