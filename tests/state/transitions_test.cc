// The proofs in state/transitions.h hold for our table at compile time; here they are shown to reject broken ones.
#include "state/transitions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <vector>

namespace dunlin {
namespace {

using namespace transition_proofs;
using Rows = std::vector<Transition>;
using enum RecoveryState;

Rows Table() { return {kTransitions.begin(), kTransitions.end()}; }

// The first row with that state and event, which must be there.
Transition& At(Rows& rows, RecoveryState from, RecoveryEvent on, Guard guard = Guard::kAlways) {
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const Transition& t) { return t.from == from && t.on == on && t.guard == guard; });
  if (row == rows.end()) throw std::logic_error("the table has no such row");
  return *row;
}

Rows Without(const std::function<bool(const Transition&)>& gone) {
  Rows rows = Table();
  std::erase_if(rows, gone);
  EXPECT_LT(rows.size(), kTransitions.size());
  return rows;
}

TEST(TransitionsTest, OurTablePassesEveryProof) {
  const Rows rows = Table();
  EXPECT_TRUE(Deterministic(rows) && GuardsAreComplete(rows) && EveryStateIsReached(rows));
  EXPECT_TRUE(EveryRecoveryCanEnd(rows) && EveryRetryHasAWayOut(rows) && FollowingNeverCharges(rows));
  EXPECT_TRUE(CancellingCanBeStopped(rows));
}

TEST(TransitionsTest, TwoRowsForOneEventAreNotDeterministic) {
  for (const Transition& row : kTransitions) {
    Rows rows = Table();
    Transition twin = row;
    twin.id = "X1";
    rows.push_back(twin);
    EXPECT_FALSE(Deterministic(rows)) << row.id;
  }
}

TEST(TransitionsTest, ARowThatAlwaysHoldsBesideAGuardedOneIsNotDeterministic) {
  Rows rows = Table();
  At(rows, kCharging, RecoveryEvent::kDeclined, Guard::kMethodNeeded).guard = Guard::kAlways;
  EXPECT_FALSE(Deterministic(rows));
}

TEST(TransitionsTest, AnIdGivenTwiceIsNotDeterministic) {
  Rows rows = Table();
  rows[1].id = rows[0].id;
  EXPECT_FALSE(Deterministic(rows));
}

TEST(TransitionsTest, EachGuardedRowIsMissed) {
  int guarded = 0;
  for (const Transition& row : kTransitions) {
    if (row.guard == Guard::kAlways) continue;
    ++guarded;
    EXPECT_FALSE(GuardsAreComplete(Without([&](const Transition& t) { return t.id == row.id; }))) << row.id;
  }
  EXPECT_GT(guarded, 0);
}

TEST(TransitionsTest, AGuardOfTheOtherKindIsNoSubstitute) {
  Rows rows = Table();
  At(rows, kNone, RecoveryEvent::kFailed, Guard::kOwnerService).guard = Guard::kSpentStay;
  EXPECT_FALSE(GuardsAreComplete(rows));
}

TEST(TransitionsTest, EachStateThatNothingLeadsToIsMissed) {
  for (std::size_t s = 1; s < kRecoveryStates; ++s) {
    const auto state = static_cast<RecoveryState>(s);
    EXPECT_FALSE(EveryStateIsReached(Without([&](const Transition& t) { return t.to == state && t.from != state; })))
        << s;
  }
}

TEST(TransitionsTest, AnIslandOfStatesIsNotReached) {
  Rows rows = Table();
  for (Transition& row : rows) {
    if (row.from == kNone) row.to = kFollowing;  // the rest still lead to each other
  }
  EXPECT_FALSE(EveryStateIsReached(rows));
}

TEST(TransitionsTest, ARecoveryWithoutOneOfItsEndsIsRefused) {
  for (std::size_t s = 1; s < kRecoveryStates; ++s) {
    const auto state = static_cast<RecoveryState>(s);
    for (const RecoveryEvent on :
         {RecoveryEvent::kPaid, RecoveryEvent::kSettled, RecoveryEvent::kSuperseded, RecoveryEvent::kCancelled}) {
      EXPECT_FALSE(EveryRecoveryCanEnd(Without([&](const Transition& t) { return t.from == state && t.on == on; })));
      Rows rows = Table();
      At(rows, state, on).to = state;
      EXPECT_FALSE(EveryRecoveryCanEnd(rows));
      rows = Table();
      At(rows, state, on).guard = Guard::kAttemptAhead;  // an end on a condition is none
      EXPECT_FALSE(EveryRecoveryCanEnd(rows));
    }
  }
}

TEST(TransitionsTest, ARetryWithoutAWayOutIsRefused) {
  for (const Guard spent : {Guard::kSpentCancel, Guard::kSpentStay}) {
    EXPECT_FALSE(EveryRetryHasAWayOut(Without([&](const Transition& t) {
      return t.from == kCharging && t.on == RecoveryEvent::kDeclined && t.guard == spent;
    })));
  }
  Rows rows = Table();
  At(rows, kWaiting, RecoveryEvent::kDue).to = kEnding;  // charges, and then nobody listens for the outcome
  EXPECT_FALSE(EveryRetryHasAWayOut(rows));
}

TEST(TransitionsTest, AFollowedRecoveryMustNotCharge) {
  Rows rows = Table();
  rows.push_back({"X1", kFollowing, RecoveryEvent::kStaffRetry, Guard::kAlways, kCharging, Effect::kCharge});
  EXPECT_FALSE(FollowingNeverCharges(rows));
  rows.back().to = kWaiting;
  EXPECT_FALSE(FollowingNeverCharges(rows));
}

TEST(TransitionsTest, ChargingWithoutLeavingIsRefusedToo) {
  Rows rows = Table();
  rows.push_back({"X1", kFollowing, RecoveryEvent::kStaffRetry, Guard::kAlways, kFollowing, Effect::kCharge});
  EXPECT_FALSE(FollowingNeverCharges(rows));
}

TEST(TransitionsTest, CancellingUnaskedIsRefused) {
  Rows rows = Table();
  At(rows, kCharging, RecoveryEvent::kDeclined, Guard::kSpentCancel).effect = Effect::kSendCancel;
  EXPECT_FALSE(CancellingCanBeStopped(rows));
  rows = Table();
  At(rows, kEnding, RecoveryEvent::kEndDue).effect = Effect::kNothing;
  EXPECT_FALSE(CancellingCanBeStopped(rows));
  rows = Table();
  At(rows, kCharging, RecoveryEvent::kDeclined, Guard::kSpentCancel).to = kNone;  // nobody waits for the cancellation
  EXPECT_FALSE(CancellingCanBeStopped(rows));
  for (const RecoveryEvent on : {RecoveryEvent::kMethodChanged, RecoveryEvent::kStaffRetry}) {
    EXPECT_FALSE(CancellingCanBeStopped(Without([&](const Transition& t) { return t.from == kEnding && t.on == on; })));
  }
}

TEST(TransitionsTest, ARowIsFoundByTheGuardThatHolds) {
  const Transition* provider = FindTransition(kNone, RecoveryEvent::kFailed, Guard::kOwnerProvider);
  const Transition* service = FindTransition(kNone, RecoveryEvent::kFailed, Guard::kOwnerService);
  ASSERT_NE(provider, nullptr);
  ASSERT_NE(service, nullptr);
  EXPECT_EQ(provider->to, kFollowing);
  EXPECT_EQ(service->to, kTakingOver);
  EXPECT_EQ(FindTransition(kNone, RecoveryEvent::kFailed, Guard::kAttemptAhead), nullptr);
  EXPECT_EQ(FindTransition(kNone, RecoveryEvent::kPaid, Guard::kAlways), nullptr);
  EXPECT_EQ(FindTransition(kFollowing, RecoveryEvent::kStaffRetry, Guard::kAlways), nullptr);
}

}  // namespace
}  // namespace dunlin
