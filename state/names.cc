// The words of every enumeration: in JSON, in SQL, on the command line. They are stored, so they never change.
#include <array>
#include <cstddef>

#include "state/facts.h"
#include "state/ledger.h"
#include "state/subscription.h"
#include "state/transitions.h"
#include "state/values.h"

namespace dunlin {
namespace {

// The enumerator up to `last` whose name it is. The lists are short: looking through them beats a map.
template <class E>
std::optional<E> Parse(std::string_view word, std::string_view (*name)(E), E last) {
  for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i) {
    const E value = static_cast<E>(i);
    if (name(value) == word) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view ProviderName(Provider provider) {
  switch (provider) {
    case Provider::kStripe: return "stripe";
    case Provider::kAwsMarketplace: return "aws_marketplace";
  }
  return "";
}
std::optional<Provider> ParseProvider(std::string_view name) {
  return Parse(name, ProviderName, Provider::kAwsMarketplace);
}

std::string_view StatusName(SubscriptionStatus status) {
  switch (status) {
    case SubscriptionStatus::kPending: return "pending";
    case SubscriptionStatus::kTrialing: return "trialing";
    case SubscriptionStatus::kActive: return "active";
    case SubscriptionStatus::kPastDue: return "past_due";
    case SubscriptionStatus::kPaused: return "paused";
    case SubscriptionStatus::kCanceled: return "canceled";
  }
  return "";
}
std::optional<SubscriptionStatus> ParseStatus(std::string_view name) {
  return Parse(name, StatusName, SubscriptionStatus::kCanceled);
}

std::string_view AccessName(Access access) {
  switch (access) {
    case Access::kGranted: return "granted";
    case Access::kRevoked: return "revoked";
  }
  return "";
}
std::optional<Access> ParseAccess(std::string_view name) { return Parse(name, AccessName, Access::kRevoked); }

std::string_view ProviderStatusName(ProviderStatus status) {
  switch (status) {
    case ProviderStatus::kUnknown: return "unknown";
    case ProviderStatus::kIncomplete: return "incomplete";
    case ProviderStatus::kTrialing: return "trialing";
    case ProviderStatus::kActive: return "active";
    case ProviderStatus::kPastDue: return "past_due";
    case ProviderStatus::kUnpaid: return "unpaid";
    case ProviderStatus::kPaused: return "paused";
    case ProviderStatus::kIncompleteExpired: return "incomplete_expired";
    case ProviderStatus::kCanceled: return "canceled";
  }
  return "";
}
ProviderStatus ParseProviderStatus(std::string_view word) {
  return Parse(word, ProviderStatusName, ProviderStatus::kCanceled).value_or(ProviderStatus::kUnknown);
}

std::string_view InvoiceStatusName(InvoiceStatus status) {
  switch (status) {
    case InvoiceStatus::kDraft: return "draft";
    case InvoiceStatus::kOpen: return "open";
    case InvoiceStatus::kUncollectible: return "uncollectible";
    case InvoiceStatus::kVoid: return "void";
    case InvoiceStatus::kPaid: return "paid";
  }
  return "";
}
std::optional<InvoiceStatus> ParseInvoiceStatus(std::string_view word) {
  return Parse(word, InvoiceStatusName, InvoiceStatus::kPaid);
}

std::string_view AttemptKindName(AttemptKind kind) {
  switch (kind) {
    case AttemptKind::kAutomatic: return "automatic";
    case AttemptKind::kStaff: return "staff";
    case AttemptKind::kNewMethod: return "new_method";
  }
  return "";
}
std::optional<AttemptKind> ParseAttemptKind(std::string_view name) {
  return Parse(name, AttemptKindName, AttemptKind::kNewMethod);
}

std::string_view AttemptStateName(AttemptState state) {
  switch (state) {
    case AttemptState::kSending: return "sending";
    case AttemptState::kProcessing: return "processing";
    case AttemptState::kSucceeded: return "succeeded";
    case AttemptState::kDeclined: return "declined";
    case AttemptState::kRefused: return "refused";
    case AttemptState::kUnknown: return "unknown";
  }
  return "";
}
std::optional<AttemptState> ParseAttemptState(std::string_view name) {
  return Parse(name, AttemptStateName, AttemptState::kUnknown);
}

std::string_view EventOutcomeName(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kWaiting: return "waiting";
    case EventOutcome::kApplied: return "applied";
    case EventOutcome::kNoChange: return "no_change";
    case EventOutcome::kKept: return "kept";
    case EventOutcome::kUnreadable: return "unreadable";
  }
  return "";
}
std::optional<EventOutcome> ParseEventOutcome(std::string_view name) {
  return Parse(name, EventOutcomeName, EventOutcome::kUnreadable);
}

std::string_view JobKindName(JobKind kind) {
  switch (kind) {
    case JobKind::kApply: return "apply";
    case JobKind::kCharge: return "charge";
    case JobKind::kTakeOver: return "take_over";
    case JobKind::kCancel: return "cancel";
    case JobKind::kRefetch: return "refetch";
    case JobKind::kFetchEvent: return "fetch_event";
    case JobKind::kCatchUp: return "catch_up";
    case JobKind::kAccessCheck: return "access_check";
    case JobKind::kPeriodCheck: return "period_check";
    case JobKind::kMail: return "mail";
    case JobKind::kNotify: return "notify";
    case JobKind::kAlert: return "alert";
    case JobKind::kEntitlements: return "entitlements";
    case JobKind::kEntitlementSweep: return "entitlement_sweep";
    case JobKind::kConfirmTopic: return "confirm_topic";
    case JobKind::kFreezeUsage: return "freeze_usage";
    case JobKind::kMeter: return "meter";
    case JobKind::kRetention: return "retention";
    case JobKind::kErase: return "erase";
  }
  return "";
}
std::optional<JobKind> ParseJobKind(std::string_view name) { return Parse(name, JobKindName, JobKind::kErase); }

std::string_view UsageStateName(UsageState state) {
  switch (state) {
    case UsageState::kOpen: return "open";
    case UsageState::kFrozen: return "frozen";
    case UsageState::kSent: return "sent";
    case UsageState::kDuplicate: return "duplicate";
    case UsageState::kNotSubscribed: return "not_subscribed";
    case UsageState::kRefused: return "refused";
    case UsageState::kExpired: return "expired";
  }
  return "";
}
std::optional<UsageState> ParseUsageState(std::string_view name) {
  return Parse(name, UsageStateName, UsageState::kExpired);
}

std::string_view RoleName(Role role) {
  switch (role) {
    case Role::kProduct: return "product";
    case Role::kViewer: return "viewer";
    case Role::kSupport: return "support";
    case Role::kAdmin: return "admin";
  }
  return "";
}
std::optional<Role> ParseRole(std::string_view name) { return Parse(name, RoleName, Role::kAdmin); }

std::string_view RecoveryStateName(RecoveryState state) {
  switch (state) {
    case RecoveryState::kNone: return "none";
    case RecoveryState::kFollowing: return "following";
    case RecoveryState::kTakingOver: return "taking_over";
    case RecoveryState::kWaiting: return "waiting";
    case RecoveryState::kAwaitingMethod: return "awaiting_method";
    case RecoveryState::kCharging: return "charging";
    case RecoveryState::kEnding: return "ending";
    case RecoveryState::kExhausted: return "exhausted";
  }
  return "";
}
std::optional<RecoveryState> ParseRecoveryState(std::string_view name) {
  return Parse(name, RecoveryStateName, RecoveryState::kExhausted);
}

std::string_view RecoveryEventName(RecoveryEvent event) {
  switch (event) {
    case RecoveryEvent::kFailed: return "failed";
    case RecoveryEvent::kTakenOver: return "taken_over";
    case RecoveryEvent::kDue: return "due";
    case RecoveryEvent::kStaffRetry: return "staff_retry";
    case RecoveryEvent::kMethodChanged: return "method_changed";
    case RecoveryEvent::kDeclined: return "declined";
    case RecoveryEvent::kReplanned: return "replanned";
    case RecoveryEvent::kPaid: return "paid";
    case RecoveryEvent::kSettled: return "settled";
    case RecoveryEvent::kSuperseded: return "superseded";
    case RecoveryEvent::kCancelled: return "cancelled";
    case RecoveryEvent::kEndDue: return "end_due";
    case RecoveryEvent::kEndRefused: return "end_refused";
    case RecoveryEvent::kFailedAgain: return "failed_again";
    case RecoveryEvent::kTakenBack: return "taken_back";
  }
  return "";
}

std::string_view GuardName(Guard guard) {
  switch (guard) {
    case Guard::kAlways: return "always";
    case Guard::kOwnerProvider: return "owner_provider";
    case Guard::kOwnerService: return "owner_service";
    case Guard::kAttemptAhead: return "attempt_ahead";
    case Guard::kMethodNeeded: return "method_needed";
    case Guard::kSpentCancel: return "spent_cancel";
    case Guard::kSpentStay: return "spent_stay";
  }
  return "";
}

std::string_view EffectName(Effect effect) {
  switch (effect) {
    case Effect::kNothing: return "nothing";
    case Effect::kTakeOver: return "take_over";
    case Effect::kSchedule: return "schedule";
    case Effect::kCharge: return "charge";
    case Effect::kAskForMethod: return "ask_for_method";
    case Effect::kCancelAtProvider: return "cancel_at_provider";
    case Effect::kSendCancel: return "send_cancel";
    case Effect::kTellExhausted: return "tell_exhausted";
    case Effect::kStop: return "stop";
  }
  return "";
}

}  // namespace dunlin
