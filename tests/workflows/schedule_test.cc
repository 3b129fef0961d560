#include "workflows/schedule.h"

#include <gtest/gtest.h>

#include <set>

#include "state/failures.h"
#include "tests/support/story.h"

namespace dunlin {
namespace {

using testing::FailedInvoice;
using testing::kDay;
using testing::kNoon;
using testing::ServicePolicy;

Attempt Tried(int n, AttemptKind kind, AttemptState state, Timestamp at, int step = 0) {
  Attempt a = testing::MakeAttempt("key/" + std::to_string(n));
  a.kind = kind;
  a.state = state;
  a.step = step;
  a.first_sent_at = at;
  if (!IsOpen(state)) a.finished_at = at + 1s;
  return a;
}

Outlook Look(const CollectionPolicy& policy, const InvoiceFact& invoice, const std::vector<Attempt>& attempts,
             Timestamp now, const MethodChange& method = {}, const std::string& subscription = "sub_1") {
  return LookAhead(policy, &invoice, attempts, method, kNoon, subscription, now);
}

TEST(ScheduleTest, TheFirstStepCountsFromTheProvidersFailure) {
  const Outlook out = Look(ServicePolicy(), FailedInvoice("evt_1", kNoon), {}, kNoon + 5h);  // heard of it 5 hours late
  EXPECT_EQ(out.guard, Guard::kAttemptAhead);
  EXPECT_EQ(out.at, kNoon + kDay);
  EXPECT_EQ(out.step, 0);
  EXPECT_EQ(out.steps, 4);
  EXPECT_FALSE(out.overdue);
}

TEST(ScheduleTest, WithoutAFailureItCountsFromWhenTheDebtBegan) {
  EXPECT_EQ(Look(ServicePolicy(), testing::Invoice("evt_1", kNoon), {}, kNoon).at, kNoon + kDay);
}

TEST(ScheduleTest, AnEventsTimeOfOurAttemptCountsAndNotOurs) {
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  invoice.failures.push_back({kNoon + kDay, EventId{"evt_2"}, "key/1", 1});
  std::vector<Attempt> attempts = {Tried(1, AttemptKind::kAutomatic, AttemptState::kDeclined, kNoon + kDay)};
  attempts[0].finished_at = kNoon + kDay + 20h;  // when we found out
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, kNoon + 2 * kDay).at, kNoon + 4 * kDay);
  invoice.failures.pop_back();  // no event has told it: ours is all there is
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, kNoon + 2 * kDay).at, kNoon + 4 * kDay + 20h);
}

TEST(ScheduleTest, OverdueStepsCollapseIntoOneAttemptNow) {
  const Timestamp late = kNoon + 5 * kDay;  // steps at 1 d and 4 d have passed, the next is at 9 d
  const Outlook out = Look(ServicePolicy(), FailedInvoice("evt_1", kNoon), {}, late);
  EXPECT_EQ(out.at, late);
  EXPECT_EQ(out.step, 1);
  EXPECT_TRUE(out.overdue);
  EXPECT_EQ(Look(ServicePolicy(), FailedInvoice("evt_1", kNoon), {}, kNoon + 365 * kDay).step, 3);
}

TEST(ScheduleTest, TwoAttemptsAreNeverCloserThanMinGap) {
  CollectionPolicy policy = ServicePolicy();
  policy.min_gap = 2h;
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  const Timestamp due = kNoon + kDay;
  for (const AttemptState state : {AttemptState::kDeclined, AttemptState::kRefused, AttemptState::kUnknown}) {
    const std::vector<Attempt> attempts = {Tried(1, AttemptKind::kStaff, state, due - 1h)};
    EXPECT_EQ(Look(policy, invoice, attempts, due - 30min).at, due + 1h);
    // Nor after one on a method that is no more.
    EXPECT_EQ(Look(policy, invoice, attempts, due - 30min, {due - 45min, EventId{"evt_m"}}).at, due + 1h);
  }
}

TEST(ScheduleTest, JitterOnlyAddsStaysInBoundsAndIsTheSameEachTime) {
  CollectionPolicy policy = ServicePolicy();
  policy.jitter_percent = 10;
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  std::set<Timestamp> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "sub_" + std::to_string(i);
    const Timestamp at = Look(policy, invoice, {}, kNoon, {}, id).at;
    EXPECT_GE(at, kNoon + kDay);
    EXPECT_LE(at, kNoon + kDay + kDay / 10);
    EXPECT_EQ(at, Look(policy, invoice, {}, kNoon + 3h, {}, id).at);
    seen.insert(at);
  }
  EXPECT_GT(seen.size(), 150U);
  EXPECT_LT(*seen.begin(), kNoon + kDay + 20min);
  EXPECT_GT(*seen.rbegin(), kNoon + kDay + 2h);
}

TEST(ScheduleTest, AStaffAttemptUsesNoStepAndDoesNotMoveTheSchedule) {
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  const std::vector<Attempt> attempts = {Tried(1, AttemptKind::kStaff, AttemptState::kDeclined, kNoon + 2h)};
  invoice.failures.push_back({kNoon + 2h, EventId{"evt_2"}, "key/1", 1});          // of our staff
  invoice.failures.push_back({kNoon + 3h, EventId{"evt_3"}, "dashboard-key", 1});  // of staff in the provider's pages
  invoice.failures.push_back({kNoon + 3h + 1min, EventId{"evt_4"}, "", 1, "req_1"});  // of the customer, in those
  const Outlook out = Look(ServicePolicy(), invoice, attempts, kNoon + 4h);
  EXPECT_EQ(out.at, kNoon + kDay);
  EXPECT_EQ(out.step, 0);
  EXPECT_EQ(StepsUsed(invoice.id, attempts), 0);
}

TEST(ScheduleTest, AStaffAttemptCountsTowardTheNetworksLimit) {
  CollectionPolicy policy = ServicePolicy();
  policy.network_attempts_max = 3;
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  std::vector<Attempt> attempts = {Tried(1, AttemptKind::kStaff, AttemptState::kDeclined, kNoon + 2h),
                                   Tried(2, AttemptKind::kStaff, AttemptState::kDeclined, kNoon + 4h)};
  EXPECT_EQ(AttemptsInWindow(policy, &invoice, attempts, {}, kNoon + 5h), 3);
  EXPECT_EQ(Look(policy, invoice, attempts, kNoon + 5h).at, kNoon + policy.network_window);
  attempts[1].state = AttemptState::kRefused;  // no network has seen it
  EXPECT_EQ(AttemptsInWindow(policy, &invoice, attempts, {}, kNoon + 5h), 2);
  EXPECT_EQ(Look(policy, invoice, attempts, kNoon + 5h).at, kNoon + kDay);
}

// I6: the limit is the card's, whichever invoice the attempt was for.
TEST(ScheduleTest, TheProvidersFailuresOnOtherInvoicesCountTowardTheNetworksLimit) {
  CollectionPolicy policy = ServicePolicy();
  policy.network_attempts_max = 2;
  const InvoiceFact invoice = FailedInvoice("evt_2", kNoon);
  InvoiceFact earlier = FailedInvoice("evt_1", kNoon - kDay);
  earlier.id = InvoiceId{"in_0"};
  const std::vector<InvoiceFact> all = {earlier, invoice};
  const Timestamp now = kNoon + 5h;
  EXPECT_EQ(AttemptsInWindow(policy, &invoice, {}, {}, now, all), 2);
  EXPECT_EQ(LookAhead(policy, &invoice, {}, {}, kNoon, "sub_1", now, all).at, kNoon - kDay + policy.network_window);
  const MethodChange method{now, EventId{"evt_m"}, ""};
  EXPECT_EQ(NewMethodFrom(policy, &invoice, {}, method, now, all), kNoon - kDay + policy.network_window);
}

TEST(ScheduleTest, OneAttemptThatIsToldByTwoEventsCountsOnce) {
  const CollectionPolicy policy = ServicePolicy();
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  invoice.failures.push_back({kNoon + 1s, EventId{"evt_2"}, "", 1});  // action required
  invoice.failures.push_back({kNoon + 2h, EventId{"evt_3"}, "key/1", 1});
  const std::vector<Attempt> attempts = {Tried(1, AttemptKind::kStaff, AttemptState::kDeclined, kNoon + 2h)};
  EXPECT_EQ(AttemptsInWindow(policy, &invoice, attempts, {}, kNoon + 3h), 2);
  invoice.failures.push_back({kNoon + 3h, EventId{"evt_4"}, "", 2});
  EXPECT_EQ(AttemptsInWindow(policy, &invoice, attempts, {}, kNoon + 3h), 3);
}

// What only an answer counts (a thin event, a lost webhook) is the provider's own attempt like one that an event tells.
TEST(ScheduleTest, AFailureThatAnAnswerCountsIsTheProvidersAttempt) {
  InvoiceFact invoice = testing::Invoice("fetch/1", kNoon);
  CountFailures(invoice, 1, 1, kNoon + 2h);
  const Outlook out = Look(ServicePolicy(), invoice, {}, kNoon + 3h);
  EXPECT_EQ(out.at, kNoon + 2h + kDay);
  EXPECT_EQ(out.step, 0);
  EXPECT_EQ(AttemptsMade(invoice, {}), 1);
  EXPECT_EQ(AttemptsInWindow(ServicePolicy(), &invoice, {}, {}, kNoon + 3h), 1);
}

TEST(ScheduleTest, AFailureWithoutAKeyWhileOursWasOutIsTheOutcomeOfOurs) {
  InvoiceFact invoice = testing::Invoice("fetch/1", kNoon);
  CountFailures(invoice, 1, 1, kNoon + 2h + 1s);  // nobody had tried it before us
  const std::vector<Attempt> attempts = {Tried(1, AttemptKind::kStaff, AttemptState::kDeclined, kNoon + 2h + 400ms)};
  EXPECT_EQ(AttemptsMade(invoice, attempts), 1);
  EXPECT_EQ(AttemptsInWindow(ServicePolicy(), &invoice, attempts, {}, kNoon + 3h), 1);
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, kNoon + 3h).at, kNoon + kDay) << "staff's does not move it";
  std::vector<Attempt> still_out = attempts;
  still_out[0].state = AttemptState::kProcessing;
  still_out[0].finished_at.reset();
  EXPECT_EQ(AttemptsMade(invoice, still_out), 1);
  invoice.failures.front().at = kNoon;
  EXPECT_EQ(AttemptsMade(invoice, attempts), 2);
  invoice.failures.front().at = kNoon + 4h;
  EXPECT_EQ(AttemptsMade(invoice, attempts), 2);
}

TEST(ScheduleTest, AttemptsOnAnotherInvoiceAndRefusedOnesAreNotMadeOnThisOne) {
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  std::vector<Attempt> attempts;
  for (const AttemptState state : {AttemptState::kDeclined, AttemptState::kRefused, AttemptState::kUnknown})
    attempts.push_back(Tried(1, AttemptKind::kAutomatic, state, kNoon + kDay));
  EXPECT_EQ(AttemptsMade(invoice, attempts), 3) << "the provider's, one declined and one unknown";
  for (Attempt& a : attempts) a.invoice = InvoiceId{"in_other"};
  EXPECT_EQ(AttemptsMade(invoice, attempts), 1);
}

// A recovery's invoice can be unknown only in a ledger that was edited by hand; attempts and other invoices still
// count.
TEST(ScheduleTest, WithoutAnInvoiceTheLimitsHoldAllTheSame) {
  CollectionPolicy policy = ServicePolicy();
  policy.network_attempts_max = 2;
  const Timestamp now = kNoon + 5h;
  const auto look = [&](const std::vector<Attempt>& attempts, const MethodChange& method,
                        std::span<const InvoiceFact> all) {
    return LookAhead(policy, nullptr, attempts, method, kNoon, "sub_1", now, all);
  };
  EXPECT_EQ(look({}, {}, {}).guard, Guard::kAttemptAhead);
  EXPECT_EQ(look({}, {}, {}).at, kNoon + kDay) << "from when the debt began";
  const std::vector<Attempt> one = {Tried(1, AttemptKind::kAutomatic, AttemptState::kDeclined, kNoon + 2h)};
  EXPECT_EQ(look(one, {}, {}).step, 0) << "another invoice's";
  const std::vector<InvoiceFact> all = {FailedInvoice("evt_1", kNoon)};
  EXPECT_EQ(AttemptsInWindow(policy, nullptr, one, {}, now, all), 2);
  EXPECT_EQ(look(one, {}, all).at, kNoon + policy.network_window);
  const MethodChange other{now, EventId{"evt_m"}, "pm_2"};
  EXPECT_EQ(AttemptsInWindow(policy, nullptr, one, other, now, all), 0) << "a method that was never charged";
  EXPECT_EQ(NewMethodFrom(policy, nullptr, one, other, now, all), now);
  std::vector<Attempt> stolen = one;
  stolen[0].decline = Decline{.code = "stolen_card", .payment_method = "pm_2"};
  EXPECT_TRUE(IsDeclinedForGood(nullptr, stolen, other));
  EXPECT_FALSE(IsDeclinedForGood(nullptr, one, other));
  EXPECT_EQ(look(stolen, other, {}).guard, Guard::kMethodNeeded);
}

TEST(ScheduleTest, ANewMethodHasABudgetOfItsOwn) {
  CollectionPolicy policy = ServicePolicy();
  policy.network_attempts_max = 1;
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  EXPECT_EQ(Look(policy, invoice, {}, kNoon + 2h).at, kNoon + policy.network_window);
  EXPECT_EQ(Look(policy, invoice, {}, kNoon + 2h, {kNoon + 1h, EventId{"evt_m"}, "pm_2"}).at, kNoon + kDay);
  EXPECT_EQ(Look(policy, invoice, {}, kNoon + 2h, {kNoon + 1h, EventId{"evt_m"}}).at, kNoon + policy.network_window)
      << "the same card, brought up to date";
}

Attempt DeclinedOn(int n, const std::string& method, Timestamp at, std::string code = "insufficient_funds") {
  Attempt a = Tried(n, AttemptKind::kNewMethod, AttemptState::kDeclined, at);
  a.decline = Decline{.code = std::move(code), .payment_method = method};
  return a;
}

TEST(ScheduleTest, GoingToAndFroBetweenTwoCardsGivesNoMoreAttempts) {
  const CollectionPolicy policy = ServicePolicy();
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  std::vector<Attempt> attempts;
  for (int n = 1; n <= 6; ++n) attempts.push_back(DeclinedOn(n, n % 2 == 0 ? "pm_b" : "pm_a", kNoon + n * 2h));
  const auto counted = [&](const std::string& method) {
    return AttemptsInWindow(policy, &invoice, attempts, {kNoon + 13h, EventId{"evt_m"}, method}, kNoon + 14h);
  };
  EXPECT_EQ(counted("pm_a"), 4) << "its own three, and one that may have been on it";
  EXPECT_EQ(counted("pm_b"), 4);
  EXPECT_EQ(counted("pm_new"), 0);
}

TEST(ScheduleTest, ANewMethodIsTriedAtOnceButNotOneAfterTheOther) {
  CollectionPolicy policy = ServicePolicy();
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  const Timestamp now = kNoon + 5h;
  const MethodChange method{now, EventId{"evt_m"}, "pm_c"};
  EXPECT_EQ(NewMethodFrom(policy, &invoice, {}, method, now), now);
  std::vector<Attempt> attempts = {Tried(1, AttemptKind::kAutomatic, AttemptState::kDeclined, now - 1min)};
  EXPECT_EQ(NewMethodFrom(policy, &invoice, attempts, method, now), now) << "the customer is at it";
  attempts.push_back(DeclinedOn(2, "pm_b", now - 1min));
  EXPECT_EQ(NewMethodFrom(policy, &invoice, attempts, method, now), now - 1min + policy.min_gap);
  policy.network_attempts_max = 1;
  EXPECT_EQ(NewMethodFrom(policy, &invoice, attempts, {now, EventId{"evt_m"}, "pm_b"}, now),
            now - 1min + policy.network_window);
}

TEST(ScheduleTest, ACardThatWasDeclinedForGoodStaysSoWhateverComesBetween) {
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  invoice.decline = Decline{.code = "insufficient_funds", .payment_method = "pm_b"};
  invoice.decline_at = kNoon + 2h;
  const std::vector<Attempt> attempts = {DeclinedOn(1, "pm_a", kNoon + 1h, "stolen_card")};
  const Timestamp now = kNoon + 3h;
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, now, {now, EventId{"evt_m"}, "pm_a"}).guard, Guard::kMethodNeeded);
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, now, {now, EventId{"evt_m"}, "pm_b"}).guard, Guard::kAttemptAhead);
  EXPECT_EQ(Look(ServicePolicy(), invoice, attempts, now, {now, EventId{"evt_m"}}).guard, Guard::kAttemptAhead)
      << "brought up to date";
}

TEST(ScheduleTest, ACardThatMustNotBeTriedAgainWaitsForAMethodUntilTheScheduleEnds) {
  for (const char* code : {"stolen_card", "lost_card", "expired_card", "authentication_required"}) {
    SCOPED_TRACE(code);
    InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
    invoice.decline = Decline{.code = code};
    invoice.decline_at = kNoon;
    const Outlook out = Look(ServicePolicy(), invoice, {}, kNoon + 1h);
    EXPECT_EQ(out.guard, Guard::kMethodNeeded);
    EXPECT_EQ(out.at, kNoon + 16 * kDay);
    EXPECT_EQ(Look(ServicePolicy(), invoice, {}, kNoon + 16 * kDay).guard, Guard::kSpentCancel);
    // A method that came before the decline is the one that was declined.
    EXPECT_EQ(Look(ServicePolicy(), invoice, {}, kNoon + 1h, {kNoon - 1h, EventId{"evt_m"}}).guard,
              Guard::kMethodNeeded);
    EXPECT_EQ(Look(ServicePolicy(), invoice, {}, kNoon + 1h, {kNoon + 30min, EventId{"evt_m"}}).guard,
              Guard::kAttemptAhead);
  }
}

TEST(ScheduleTest, ASoftDeclineGoesOn) {
  InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  invoice.decline = Decline{.code = "insufficient_funds"};
  invoice.decline_at = kNoon;
  EXPECT_EQ(Look(ServicePolicy(), invoice, {}, kNoon).guard, Guard::kAttemptAhead);
  invoice.decline->advice_code = "do_not_try_again";
  EXPECT_EQ(Look(ServicePolicy(), invoice, {}, kNoon).guard, Guard::kMethodNeeded);
}

TEST(ScheduleTest, WhatIsSpentIsSpentBothWays) {
  CollectionPolicy policy = ServicePolicy();
  policy.retry_after = {kDay};
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  const std::vector<Attempt> attempts = {Tried(1, AttemptKind::kAutomatic, AttemptState::kDeclined, kNoon + kDay)};
  EXPECT_EQ(Look(policy, invoice, attempts, kNoon + 2 * kDay).guard, Guard::kSpentCancel);
  policy.exhausted = Exhausted::kStayPastDue;
  EXPECT_EQ(Look(policy, invoice, attempts, kNoon + 2 * kDay).guard, Guard::kSpentStay);
}

TEST(ScheduleTest, AnUnknownAttemptIsRepeatedButNotForEver) {
  const InvoiceFact invoice = FailedInvoice("evt_1", kNoon);
  std::vector<Attempt> attempts;
  for (int n = 1; n <= kUnknownAttemptsPerStep; ++n) {
    EXPECT_EQ(StepsUsed(invoice.id, attempts), 0);
    attempts.push_back(Tried(n, AttemptKind::kAutomatic, AttemptState::kUnknown, kNoon + kDay + n * 1h));
  }
  EXPECT_EQ(StepsUsed(invoice.id, attempts), 1);
  EXPECT_EQ(StepsUsed(InvoiceId{"in_other"}, attempts), 0);
}

}  // namespace
}  // namespace dunlin
