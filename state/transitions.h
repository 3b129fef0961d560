// The recovery's state machine: one table of rows with ids, proved at compile time.
//
// Row ids appear in the timeline, the logs, the tests and docs/state-machine.md (generated from this table, so that
// people can say "D6"). A pair of state and event without a row is dropped: it changes nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dunlin {

enum class RecoveryState : std::uint8_t {
  kNone,            // no recovery runs
  kFollowing,       // owner "provider": it retries, we watch and never charge (R21)
  kTakingOver,      // owner "service": the invoice is being taken over (auto_advance=false)
  kWaiting,         // the next attempt is scheduled
  kAwaitingMethod,  // a decline that must not be retried on the same card (R18)
  kCharging,        // an attempt's outcome is awaited
  kEnding,          // the schedule is spent: the provider is asked once more, and then told to cancel
  kExhausted,       // the schedule is spent and the policy says: stay past due
};

enum class RecoveryEvent : std::uint8_t {
  kFailed,         // the subscription owes an invoice and no recovery runs
  kTakenOver,      // the provider says that it will not try again by itself
  kDue,            // the scheduled moment has come
  kStaffRetry,     // staff or the customer asks for an attempt now (R19)
  kMethodChanged,  // another payment method will be charged from now on (R5)
  kDeclined,       // our attempt ended without money; the guard says what the policy makes of it
  kReplanned,      // what is known of the decline changed: the guard says what the policy makes of it now
  kPaid,           // the invoice is paid, by whatever way (R4)
  kSettled,        // the invoice is void or written off: nothing is left to collect
  kSuperseded,     // a late fact shows that nothing was owed
  kCancelled,      // cancelled, now or for the period's end: collection stops (R17)
  kEndDue,         // the provider was asked once more, and nothing speaks against cancelling
  kEndRefused,     // the provider would not cancel
  kFailedAgain,    // the provider's own next attempt failed
  kTakenBack,      // the provider plans an attempt of its own again: two owners (R21)
};

// What the policy makes of the situation; kAlways where it has no say. For one (state, event) the guarded rows cover
// either kAlways alone, or both owners, or all four outlooks.
enum class Guard : std::uint8_t {
  kAlways,
  kOwnerProvider,
  kOwnerService,
  kAttemptAhead,  // the schedule has an attempt left
  kMethodNeeded,  // R18: only another payment method can help
  kSpentCancel,   // nothing left, `exhausted = "cancel"`
  kSpentStay,     // nothing left, `exhausted = "stay_past_due"`
};

enum class Effect : std::uint8_t {
  kNothing,
  kTakeOver,          // tell the provider to stop collecting (auto_advance=false)
  kSchedule,          // a charge job at next_attempt_at
  kCharge,            // commit an attempt, then call
  kAskForMethod,      // mail: another payment method is needed
  kCancelAtProvider,  // a job that cancels the subscription
  kSendCancel,        // commit that the cancellation goes out, then call
  kTellExhausted,     // tell support that the schedule is spent
  kStop,              // drop what was not sent yet
};

struct Transition {
  std::string_view id;
  RecoveryState from;
  RecoveryEvent on;
  Guard guard;
  RecoveryState to;
  Effect effect;
};

// clang-format off
inline constexpr auto kTransitions = std::to_array<Transition>({
  // id    from                             on                             guard                   to                               effect
  {"D1",  RecoveryState::kNone,           RecoveryEvent::kFailed,        Guard::kOwnerProvider,  RecoveryState::kFollowing,      Effect::kNothing},
  {"D2",  RecoveryState::kNone,           RecoveryEvent::kFailed,        Guard::kOwnerService,   RecoveryState::kTakingOver,     Effect::kTakeOver},

  {"D3",  RecoveryState::kTakingOver,     RecoveryEvent::kTakenOver,     Guard::kAttemptAhead,   RecoveryState::kWaiting,        Effect::kSchedule},
  {"D4",  RecoveryState::kTakingOver,     RecoveryEvent::kTakenOver,     Guard::kMethodNeeded,   RecoveryState::kAwaitingMethod, Effect::kAskForMethod},
  {"D5",  RecoveryState::kTakingOver,     RecoveryEvent::kTakenOver,     Guard::kSpentCancel,    RecoveryState::kEnding,         Effect::kCancelAtProvider},
  {"D6",  RecoveryState::kTakingOver,     RecoveryEvent::kTakenOver,     Guard::kSpentStay,      RecoveryState::kExhausted,      Effect::kTellExhausted},

  {"D7",  RecoveryState::kWaiting,        RecoveryEvent::kDue,           Guard::kAlways,         RecoveryState::kCharging,       Effect::kCharge},
  {"D8",  RecoveryState::kWaiting,        RecoveryEvent::kStaffRetry,    Guard::kAlways,         RecoveryState::kCharging,       Effect::kCharge},
  {"D9",  RecoveryState::kWaiting,        RecoveryEvent::kMethodChanged, Guard::kAlways,         RecoveryState::kWaiting,        Effect::kSchedule},
  {"D10", RecoveryState::kWaiting,        RecoveryEvent::kReplanned,     Guard::kAttemptAhead,   RecoveryState::kWaiting,        Effect::kSchedule},
  {"D11", RecoveryState::kWaiting,        RecoveryEvent::kReplanned,     Guard::kMethodNeeded,   RecoveryState::kAwaitingMethod, Effect::kAskForMethod},
  {"D12", RecoveryState::kWaiting,        RecoveryEvent::kReplanned,     Guard::kSpentCancel,    RecoveryState::kEnding,         Effect::kCancelAtProvider},
  {"D13", RecoveryState::kWaiting,        RecoveryEvent::kReplanned,     Guard::kSpentStay,      RecoveryState::kExhausted,      Effect::kTellExhausted},

  {"D14", RecoveryState::kAwaitingMethod, RecoveryEvent::kReplanned,     Guard::kAttemptAhead,   RecoveryState::kWaiting,        Effect::kSchedule},
  {"D15", RecoveryState::kAwaitingMethod, RecoveryEvent::kReplanned,     Guard::kMethodNeeded,   RecoveryState::kAwaitingMethod, Effect::kNothing},
  {"D16", RecoveryState::kAwaitingMethod, RecoveryEvent::kReplanned,     Guard::kSpentCancel,    RecoveryState::kEnding,         Effect::kCancelAtProvider},
  {"D17", RecoveryState::kAwaitingMethod, RecoveryEvent::kReplanned,     Guard::kSpentStay,      RecoveryState::kExhausted,      Effect::kTellExhausted},
  {"D18", RecoveryState::kAwaitingMethod, RecoveryEvent::kMethodChanged, Guard::kAlways,         RecoveryState::kWaiting,        Effect::kSchedule},
  {"D19", RecoveryState::kAwaitingMethod, RecoveryEvent::kStaffRetry,    Guard::kAlways,         RecoveryState::kCharging,       Effect::kCharge},

  {"D20", RecoveryState::kCharging,       RecoveryEvent::kDeclined,      Guard::kAttemptAhead,   RecoveryState::kWaiting,        Effect::kSchedule},
  {"D21", RecoveryState::kCharging,       RecoveryEvent::kDeclined,      Guard::kMethodNeeded,   RecoveryState::kAwaitingMethod, Effect::kAskForMethod},
  {"D22", RecoveryState::kCharging,       RecoveryEvent::kDeclined,      Guard::kSpentCancel,    RecoveryState::kEnding,         Effect::kCancelAtProvider},
  {"D23", RecoveryState::kCharging,       RecoveryEvent::kDeclined,      Guard::kSpentStay,      RecoveryState::kExhausted,      Effect::kTellExhausted},

  {"D24", RecoveryState::kExhausted,      RecoveryEvent::kMethodChanged, Guard::kAlways,         RecoveryState::kWaiting,        Effect::kSchedule},
  {"D25", RecoveryState::kExhausted,      RecoveryEvent::kStaffRetry,    Guard::kAlways,         RecoveryState::kCharging,       Effect::kCharge},
  {"D26", RecoveryState::kEnding,         RecoveryEvent::kEndRefused,    Guard::kAlways,         RecoveryState::kExhausted,      Effect::kTellExhausted},

  {"D27", RecoveryState::kFollowing,      RecoveryEvent::kFailedAgain,   Guard::kAlways,         RecoveryState::kFollowing,      Effect::kNothing},
  {"D28", RecoveryState::kWaiting,        RecoveryEvent::kTakenBack,     Guard::kAlways,         RecoveryState::kTakingOver,     Effect::kTakeOver},
  {"D29", RecoveryState::kAwaitingMethod, RecoveryEvent::kTakenBack,     Guard::kAlways,         RecoveryState::kTakingOver,     Effect::kTakeOver},
  {"D30", RecoveryState::kExhausted,      RecoveryEvent::kTakenBack,     Guard::kAlways,         RecoveryState::kTakingOver,     Effect::kTakeOver},

  {"D31", RecoveryState::kFollowing,      RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D32", RecoveryState::kTakingOver,     RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D33", RecoveryState::kWaiting,        RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D34", RecoveryState::kAwaitingMethod, RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D35", RecoveryState::kCharging,       RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D36", RecoveryState::kEnding,         RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D37", RecoveryState::kExhausted,      RecoveryEvent::kPaid,          Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},

  {"D38", RecoveryState::kFollowing,      RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D39", RecoveryState::kTakingOver,     RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D40", RecoveryState::kWaiting,        RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D41", RecoveryState::kAwaitingMethod, RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D42", RecoveryState::kCharging,       RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D43", RecoveryState::kEnding,         RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D44", RecoveryState::kExhausted,      RecoveryEvent::kSettled,       Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},

  {"D45", RecoveryState::kFollowing,      RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D46", RecoveryState::kTakingOver,     RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D47", RecoveryState::kWaiting,        RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D48", RecoveryState::kAwaitingMethod, RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D49", RecoveryState::kCharging,       RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D50", RecoveryState::kEnding,         RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D51", RecoveryState::kExhausted,      RecoveryEvent::kSuperseded,    Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},

  {"D52", RecoveryState::kFollowing,      RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D53", RecoveryState::kTakingOver,     RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D54", RecoveryState::kWaiting,        RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D55", RecoveryState::kAwaitingMethod, RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D56", RecoveryState::kCharging,       RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D57", RecoveryState::kEnding,         RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},
  {"D58", RecoveryState::kExhausted,      RecoveryEvent::kCancelled,     Guard::kAlways,         RecoveryState::kNone,           Effect::kStop},

  {"D59", RecoveryState::kEnding,         RecoveryEvent::kEndDue,        Guard::kAlways,         RecoveryState::kEnding,         Effect::kSendCancel},
  {"D60", RecoveryState::kEnding,         RecoveryEvent::kMethodChanged, Guard::kAlways,         RecoveryState::kWaiting,        Effect::kSchedule},
  {"D61", RecoveryState::kEnding,         RecoveryEvent::kStaffRetry,    Guard::kAlways,         RecoveryState::kCharging,       Effect::kCharge},
});
// clang-format on

inline constexpr std::size_t kRecoveryStates = 8;
inline constexpr std::size_t kRecoveryEvents = 15;

std::string_view RecoveryStateName(RecoveryState state);  // "awaiting_method"
std::optional<RecoveryState> ParseRecoveryState(std::string_view name);
std::string_view RecoveryEventName(RecoveryEvent event);
std::string_view GuardName(Guard guard);
std::string_view EffectName(Effect effect);

// The row for (from, on) under the guard that holds, or nullptr: drop the event. `rows` lets a test try a table of
// its own.
constexpr const Transition* FindTransition(RecoveryState from, RecoveryEvent on, Guard holds,
                                           std::span<const Transition> rows = kTransitions) {
  for (const Transition& row : rows) {
    if (row.from == from && row.on == on && (row.guard == Guard::kAlways || row.guard == holds)) return &row;
  }
  return nullptr;
}

namespace transition_proofs {

// No (from, on) has two rows that can hold at once.
constexpr bool Deterministic(std::span<const Transition> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = i + 1; j < rows.size(); ++j) {
      if (rows[i].id == rows[j].id) return false;
      if (rows[i].from != rows[j].from || rows[i].on != rows[j].on) continue;
      if (rows[i].guard == Guard::kAlways || rows[j].guard == Guard::kAlways || rows[i].guard == rows[j].guard) {
        return false;
      }
    }
  }
  return true;
}

constexpr bool IsOutlook(Guard guard) {
  return guard == Guard::kAttemptAhead || guard == Guard::kMethodNeeded || guard == Guard::kSpentCancel ||
         guard == Guard::kSpentStay;
}

constexpr std::size_t RowsFor(std::span<const Transition> rows, RecoveryState from, RecoveryEvent on, bool outlooks) {
  std::size_t n = 0;
  for (const Transition& row : rows) {
    if (row.from == from && row.on == on && row.guard != Guard::kAlways && IsOutlook(row.guard) == outlooks) ++n;
  }
  return n;
}

// Where guards choose, whatever holds finds its row: both owners, or all four outlooks.
constexpr bool GuardsAreComplete(std::span<const Transition> rows) {
  for (const Transition& row : rows) {
    const std::size_t outlooks = RowsFor(rows, row.from, row.on, true);
    const std::size_t owners = RowsFor(rows, row.from, row.on, false);
    if ((outlooks != 0 && outlooks != 4) || (owners != 0 && owners != 2)) return false;
  }
  return true;
}

constexpr bool EveryStateIsReached(std::span<const Transition> rows) {
  std::array<bool, kRecoveryStates> reached{};
  reached[static_cast<std::size_t>(RecoveryState::kNone)] = true;
  for (std::size_t round = 0; round < kRecoveryStates; ++round) {
    for (const Transition& row : rows) {
      if (reached[static_cast<std::size_t>(row.from)]) reached[static_cast<std::size_t>(row.to)] = true;
    }
  }
  for (const bool r : reached) {
    if (!r) return false;
  }
  return true;
}

// The same search as FindTransition's. Comparing its pointer to nullptr is no constant expression for g++ with UBSan.
constexpr bool HasRow(std::span<const Transition> rows, RecoveryState from, RecoveryEvent on, Guard holds) {
  for (const Transition& row : rows) {
    if (row.from == from && row.on == on && (row.guard == Guard::kAlways || row.guard == holds)) return true;
  }
  return false;
}

// Money, a cancellation, a write-off and a late disproof end a recovery from wherever it is.
constexpr bool EveryRecoveryCanEnd(std::span<const Transition> rows) {
  for (std::size_t s = 1; s < kRecoveryStates; ++s) {
    for (const RecoveryEvent on :
         {RecoveryEvent::kPaid, RecoveryEvent::kSettled, RecoveryEvent::kSuperseded, RecoveryEvent::kCancelled}) {
      const RecoveryState from = static_cast<RecoveryState>(s);
      if (!HasRow(rows, from, on, Guard::kAlways)) return false;
      if (FindTransition(from, on, Guard::kAlways, rows)->to != RecoveryState::kNone) return false;
    }
  }
  return true;
}

// Every retry has a way out: where an attempt is made, a decline can also end the schedule, both ways.
constexpr bool EveryRetryHasAWayOut(std::span<const Transition> rows) {
  for (const Transition& row : rows) {
    if (row.effect != Effect::kCharge) continue;
    if (!HasRow(rows, row.to, RecoveryEvent::kDeclined, Guard::kSpentCancel)) return false;
    if (!HasRow(rows, row.to, RecoveryEvent::kDeclined, Guard::kSpentStay)) return false;
  }
  return true;
}

// Only a state that owner "service" leads to can charge (R21).
constexpr bool FollowingNeverCharges(std::span<const Transition> rows) {
  for (const Transition& row : rows) {
    if (row.from != RecoveryState::kFollowing) continue;
    if (row.to != RecoveryState::kNone && row.to != RecoveryState::kFollowing) return false;
    if (row.effect != Effect::kNothing && row.effect != Effect::kStop) return false;
  }
  return true;
}

// The provider is only told to cancel once it was asked, and until then a new payment method and staff can stop it.
constexpr bool CancellingCanBeStopped(std::span<const Transition> rows) {
  for (const Transition& row : rows) {
    const bool asked = row.from == RecoveryState::kEnding && row.on == RecoveryEvent::kEndDue;
    if ((row.effect == Effect::kSendCancel) != asked) return false;
    if (row.effect == Effect::kCancelAtProvider && row.to != RecoveryState::kEnding) return false;
  }
  return HasRow(rows, RecoveryState::kEnding, RecoveryEvent::kMethodChanged, Guard::kAlways) &&
         HasRow(rows, RecoveryState::kEnding, RecoveryEvent::kStaffRetry, Guard::kAlways);
}

static_assert(Deterministic(kTransitions), "two rows of one state and event can hold at once");
static_assert(GuardsAreComplete(kTransitions), "a guard has no row");
static_assert(EveryStateIsReached(kTransitions), "a state cannot be reached");
static_assert(EveryRecoveryCanEnd(kTransitions), "a recovery cannot end");
static_assert(EveryRetryHasAWayOut(kTransitions), "a retry row has no way out");
static_assert(FollowingNeverCharges(kTransitions), "a followed recovery could charge");
static_assert(CancellingCanBeStopped(kTransitions), "a cancellation goes out unasked, or nothing stops it");

}  // namespace transition_proofs
}  // namespace dunlin
