#include "workflows/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/workflows/play.h"

namespace dunlin {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using testing::kDay;
using testing::kNoon;
using ::testing::Not;
using testing::Player;
using testing::ServicePolicy;

CollectionPolicy Steps(std::vector<Millis> retry_after, Exhausted exhausted = Exhausted::kCancel) {
  CollectionPolicy policy = ServicePolicy();
  policy.retry_after = std::move(retry_after);
  policy.exhausted = exhausted;
  return policy;
}
CollectionPolicy OneStep(Exhausted exhausted = Exhausted::kCancel) { return Steps({kDay}, exhausted); }
CollectionPolicy ProviderPolicy() { return {}; }
CollectionPolicy MethodWaits() {
  CollectionPolicy policy = ServicePolicy();
  policy.retry_on_new_payment_method = false;
  return policy;
}

struct Script {
  const char* name;
  CollectionPolicy policy;
  const char* words;
  const char* rows;
};

const std::vector<Script>& Scripts() {
  const CollectionPolicy service = ServicePolicy();
  const CollectionPolicy stay = OneStep(Exhausted::kStayPastDue);
  static const std::vector<Script> scripts = {
      // The schedule.
      {"ASecondChargeRecovers", service, "fail taken_over due declined:insufficient_funds due paid",
       "D2 D3 D7 D20 D7 D35"},
      {"AfterTheLastStepItIsCancelled", Steps({kDay, kDay}), "fail taken_over due declined due declined deleted",
       "D2 D3 D7 D20 D7 D22 D57"},
      {"AfterTheLastStepItStaysPastDue", stay, "fail taken_over due declined", "D2 D3 D7 D23"},
      {"AnUnknownAttemptSpendsNoStep", OneStep(), "fail taken_over due unknown due unknown due unknown",
       "D2 D3 D7 D20 D7 D20 D7 D22"},
      {"ARefusedAttemptSpendsItsStepButCancelsNobody", OneStep(), "fail taken_over due refused staff declined",
       "D2 D3 D7 D23 D25 D22"},
      {"ARefusalBesideADeclineDoesNotStopTheEnd", Steps({kDay, kDay}), "fail taken_over due declined due refused",
       "D2 D3 D7 D20 D7 D22"},
      {"TooEarlyIsNotDue", service, "fail taken_over early early due", "D2 D3 - - D7"},
      {"ARepeatedLookChangesNothing", service, "fail look taken_over look due look look", "D2 - D3 - D7 - -"},
      {"AFailureThatWasHeardOfLateMovesThePlan", service, "fail taken_over wait:1h again", "D2 D3 D10"},
      {"TheProviderWouldNotCancel", OneStep(), "fail taken_over due declined cancelling end_refused",
       "D2 D3 D7 D22 D59 D26"},
      {"WithoutAnAnswerItIsCancelledAgain", OneStep(),
       "fail taken_over due declined cancelling look cancelling deleted", "D2 D3 D7 D22 D59 - D59 D57"},
      // Declines that must not be retried on the same card (R18).
      {"AHardDeclineWaitsForAMethod", service, "fail taken_over:stolen_card method due paid", "D2 D4 D18 D7 D35"},
      {"AHardDeclineOfOursWaitsForAMethod", service, "fail taken_over due declined:lost_card method due",
       "D2 D3 D7 D21 D18 D7"},
      {"AHardDeclineThatIsLearntLaterStopsThePlan", service, "fail taken_over know:stolen_card", "D2 D3 D11"},
      {"AHardDeclineStopsEvenAnAttemptThatIsDue", service, "fail taken_over wait:2d know:stolen_card early",
       "D2 D3 D11 -"},
      {"WithoutAMethodTheScheduleEndsAnyway", OneStep(), "fail taken_over:stolen_card look due", "D2 D4 - D16"},
      {"WithoutAMethodTheScheduleEndsInPastDueAnyway", stay, "fail taken_over:stolen_card due", "D2 D4 D17"},
      {"ASofterDeclineLetsTheScheduleGoOn", service, "fail taken_over:stolen_card know:insufficient_funds",
       "D2 D4 D14"},
      {"AMethodThatMustWaitForTheScheduleDoes", MethodWaits(), "fail taken_over:stolen_card method due",
       "D2 D4 D14 D7"},
      {"AfterTheEndAHardDeclineCancels", OneStep(), "fail wait:2d taken_over:stolen_card", "D2 D5"},
      {"AfterTheEndAHardDeclineStaysPastDue", stay, "fail wait:2d taken_over:stolen_card", "D2 D6"},
      {"AHardDeclineOfLongAgoCancelsAtOnce", OneStep(), "fail taken_over wait:3d know:stolen_card", "D2 D3 D12"},
      {"AHardDeclineOfLongAgoExhaustsAtOnce", stay, "fail taken_over wait:3d know:stolen_card", "D2 D3 D13"},
      // A new method (R5) and staff (R19).
      {"ANewMethodDoesNotWaitForTheSchedule", service, "fail taken_over method due paid", "D2 D3 D9 D7 D35"},
      {"ANewMethodAfterTheEndIsTried", stay, "fail taken_over due declined method due declined",
       "D2 D3 D7 D23 D24 D7 D23"},
      {"ANewMethodStopsACancellationThatDidNotGoOut", OneStep(),
       "fail taken_over due declined method due declined cancelling", "D2 D3 D7 D22 D60 D7 D22 D59"},
      {"ANewMethodWaitsWhileTheCancellationIsOut", OneStep(),
       "fail taken_over due declined cancelling method look cancelling due", "D2 D3 D7 D22 D59 - - D60 D7"},
      {"StaffStopACancellationThatDidNotGoOut", OneStep(), "fail taken_over due declined staff paid",
       "D2 D3 D7 D22 D61 D35"},
      {"StaffCannotStopACancellationThatIsOut", OneStep(), "fail taken_over due declined cancelling staff",
       "D2 D3 D7 D22 D59 -"},
      {"StaffRetryWhileWaiting", service, "fail taken_over staff declined due", "D2 D3 D8 D20 D7"},
      {"StaffRetryWhileAMethodIsAwaited", service, "fail taken_over:stolen_card staff declined:stolen_card",
       "D2 D4 D19 D21"},
      {"StaffRetryAfterTheEnd", stay, "fail taken_over due declined staff declined", "D2 D3 D7 D23 D25 D23"},
      // Two owners (R21).
      {"TakenBackWhileWaiting", service, "fail taken_over taken_back due taken_over due", "D2 D3 D28 - D3 D7"},
      {"TakenBackWhileAMethodIsAwaited", service, "fail taken_over:stolen_card taken_back taken_over", "D2 D4 D29 D4"},
      {"TakenBackAfterTheEnd", stay, "fail taken_over due declined taken_back", "D2 D3 D7 D23 D30"},
      {"TheProviderCollectsAndWeFollow", ProviderPolicy(), "fail again again paid", "D1 D27 D27 D31"},
      {"AFollowedRecoveryNeverCharges", ProviderPolicy(), "fail due staff method wait:30d due", "D1 - - - -"},
      // Paid, whatever the way (R4).
      {"PaidWhileTakingOver", service, "fail paid", "D2 D32"},
      {"PaidWhileWaiting", service, "fail taken_over paid due", "D2 D3 D33 -"},
      {"PaidWhileAMethodIsAwaited", service, "fail taken_over:stolen_card paid", "D2 D4 D34"},
      {"PaidWhileEnding", OneStep(), "fail taken_over due declined paid cancelling", "D2 D3 D7 D22 D36 -"},
      {"PaidAfterTheEnd", stay, "fail taken_over due declined paid", "D2 D3 D7 D23 D37"},
      // Nothing left to collect.
      {"VoidWhileFollowing", ProviderPolicy(), "fail void", "D1 D38"},
      {"VoidWhileTakingOver", service, "fail void", "D2 D39"},
      {"VoidWhileWaiting", service, "fail taken_over void due", "D2 D3 D40 -"},
      {"VoidWhileAMethodIsAwaited", service, "fail taken_over:stolen_card void", "D2 D4 D41"},
      {"VoidWhileCharging", service, "fail taken_over due void refused", "D2 D3 D7 D42 -"},
      {"VoidWhileEnding", OneStep(), "fail taken_over due declined void", "D2 D3 D7 D22 D43"},
      {"VoidAfterTheEnd", stay, "fail taken_over due declined void", "D2 D3 D7 D23 D44"},
      // A late fact disproves it.
      {"DisprovedWhileFollowing", ProviderPolicy(), "fail disproved", "D1 D45"},
      {"DisprovedWhileTakingOver", service, "fail disproved", "D2 D46"},
      {"DisprovedWhileWaiting", service, "fail taken_over disproved due", "D2 D3 D47 -"},
      {"DisprovedWhileAMethodIsAwaited", service, "fail taken_over:stolen_card disproved", "D2 D4 D48"},
      {"DisprovedWhileCharging", service, "fail taken_over due disproved", "D2 D3 D7 D49"},
      {"DisprovedWhileEnding", OneStep(), "fail taken_over due declined disproved", "D2 D3 D7 D22 D50"},
      {"DisprovedAfterTheEnd", stay, "fail taken_over due declined disproved", "D2 D3 D7 D23 D51"},
      {"TheNextInvoiceBeginsItsOwn", service, "fail taken_over next_invoice", "D2 D3 D47+D2+D3"},
      {"TheNextInvoiceWaitsForAnAttemptThatIsOut", service, "fail taken_over due next_invoice declined",
       "D2 D3 D7 D49 D2+D3"},
      {"TheNextInvoiceHasAScheduleOfItsOwn", Steps({kDay, kDay}),
       "fail taken_over wait:12d next_invoice_untold due declined due declined", "D2 D3 D47+D2+D3 D7 D20 D7 D22"},
      // Cancelled (R17).
      {"CancelledWhileFollowing", ProviderPolicy(), "fail cancel", "D1 D52"},
      {"CancelledWhileTakingOver", service, "fail cancel", "D2 D53"},
      {"CancelledWhileWaiting", service, "fail taken_over cancel due staff method", "D2 D3 D54 - - -"},
      {"CancelledWhileAMethodIsAwaited", service, "fail taken_over:stolen_card deleted method", "D2 D4 D55 -"},
      {"CancelledWhileCharging", service, "fail taken_over due cancel declined due", "D2 D3 D7 D56 - -"},
      {"CancelledAfterTheEnd", stay, "fail taken_over due declined deleted", "D2 D3 D7 D23 D58"},
  };
  return scripts;
}

TEST(RecoveryTest, EveryScriptTakesItsRows) {
  for (const Script& script : Scripts()) {
    SCOPED_TRACE(script.name);
    Player player(script.policy);
    EXPECT_EQ(player.Play(script.words), script.rows) << script.words;
  }
}

TEST(RecoveryTest, EveryRowIsTakenByAScript) {
  std::set<std::string> taken;
  for (const Script& script : Scripts()) {
    Player player(script.policy);
    player.Play(script.words);
    taken.insert(player.rows_taken().begin(), player.rows_taken().end());
  }
  // D15 only completes the guards: while a method is awaited, being told so again is no event, and changes nothing.
  const Transition* told_again =
      FindTransition(RecoveryState::kAwaitingMethod, RecoveryEvent::kReplanned, Guard::kMethodNeeded);
  ASSERT_NE(told_again, nullptr);
  EXPECT_EQ(told_again->id, "D15");
  EXPECT_EQ(told_again->to, RecoveryState::kAwaitingMethod);
  EXPECT_EQ(told_again->effect, Effect::kNothing);
  taken.emplace(told_again->id);
  for (const Transition& row : kTransitions) EXPECT_THAT(taken, Contains(std::string(row.id)));
  EXPECT_EQ(taken.size(), kTransitions.size());
}

// ---- The whole grid

struct Reached {
  RecoveryState state;
  CollectionPolicy policy;
  const char* words;
};
const std::vector<Reached>& EveryState() {
  static const std::vector<Reached> states = {
      {RecoveryState::kNone, ServicePolicy(), ""},
      {RecoveryState::kFollowing, ProviderPolicy(), "fail"},
      {RecoveryState::kTakingOver, ServicePolicy(), "fail"},
      {RecoveryState::kWaiting, ServicePolicy(), "fail taken_over"},
      {RecoveryState::kAwaitingMethod, ServicePolicy(), "fail taken_over:stolen_card"},
      {RecoveryState::kCharging, ServicePolicy(), "fail taken_over due"},
      {RecoveryState::kEnding, OneStep(), "fail taken_over due declined"},
      {RecoveryState::kExhausted, OneStep(Exhausted::kStayPastDue), "fail taken_over due declined"},
  };
  return states;
}

const Transition* FindById(const std::string& id) {
  const auto row =
      std::find_if(kTransitions.begin(), kTransitions.end(), [&](const Transition& t) { return t.id == id; });
  return row == kTransitions.end() ? nullptr : &*row;
}

bool HasAnyRow(RecoveryState from, RecoveryEvent on) {
  return std::any_of(kTransitions.begin(), kTransitions.end(),
                     [&](const Transition& t) { return t.from == from && t.on == on; });
}

TEST(RecoveryTest, APairWithoutARowChangesNothing) {
  const std::vector<std::pair<const char*, RecoveryEvent>> events = {{"taken_over", RecoveryEvent::kTakenOver},
                                                                     {"due", RecoveryEvent::kDue},
                                                                     {"staff", RecoveryEvent::kStaffRetry},
                                                                     {"method", RecoveryEvent::kMethodChanged},
                                                                     {"declined", RecoveryEvent::kDeclined},
                                                                     {"know:lost_card", RecoveryEvent::kReplanned},
                                                                     {"paid", RecoveryEvent::kPaid},
                                                                     {"void", RecoveryEvent::kSettled},
                                                                     {"disproved", RecoveryEvent::kSuperseded},
                                                                     {"cancel", RecoveryEvent::kCancelled},
                                                                     {"cancelling", RecoveryEvent::kEndDue},
                                                                     {"end_refused", RecoveryEvent::kEndRefused},
                                                                     {"again", RecoveryEvent::kFailedAgain},
                                                                     {"taken_back", RecoveryEvent::kTakenBack},
                                                                     {"fail", RecoveryEvent::kFailed}};
  static_assert(kRecoveryEvents == 15);
  ASSERT_EQ(events.size(), kRecoveryEvents);
  ASSERT_EQ(EveryState().size(), kRecoveryStates);
  int dropped = 0;
  for (const Reached& from : EveryState()) {
    for (const auto& [word, on] : events) {
      SCOPED_TRACE(std::string(RecoveryStateName(from.state)) + " x " + word);
      Player player(from.policy);
      player.Play(from.words);
      ASSERT_EQ(player.recovery().state, from.state);
      const Recovery before = player.recovery();
      const std::string rows = player.Play(word);
      const std::string first = rows.substr(0, rows.find('+'));
      if (HasAnyRow(from.state, on)) continue;
      ++dropped;
      // The same news can still be another event: the provider's failure moves a plan.
      const Transition* taken = FindById(first);
      EXPECT_TRUE(taken == nullptr || taken->on != on) << rows;
      EXPECT_TRUE(rows != "-" || player.recovery().state == before.state);
      EXPECT_TRUE(rows != "-" || player.recovery().open_attempt == before.open_attempt);
    }
  }
  EXPECT_GT(dropped, 40);
}

// ---- Rules

TEST(RecoveryTest, AProviderThatTakesItBackRaisesTwoOwnersUntilItLetsGo) {
  Player player;
  player.Play("fail taken_over taken_back");
  EXPECT_THAT(player.alerts(), Contains("two_owners/sub_1"));
  EXPECT_FALSE(player.jobs().contains("charge/sub_1"));
  player.Play("taken_over");
  EXPECT_THAT(player.alerts(), Not(Contains("two_owners/sub_1")));
}

TEST(RecoveryTest, AStaffRetryUsesNoStep) {
  Player player(Steps({kDay, kDay}));
  EXPECT_EQ(player.Play("fail taken_over staff declined staff declined due declined due declined"),
            "D2 D3 D8 D20 D8 D20 D7 D20 D7 D22");
  EXPECT_EQ(player.attempts().at(0).kind, AttemptKind::kStaff);
  EXPECT_EQ(player.attempts().at(0).by, "ann");
  EXPECT_EQ(player.attempts().at(2).step, 0);
  EXPECT_EQ(player.attempts().at(3).step, 1);
}

TEST(RecoveryTest, ANewMethodUsesNoStepAndIsTriedOnce) {
  Player player(Steps({kDay, kDay}));
  EXPECT_EQ(player.Play("fail taken_over method due declined look due declined due declined"),
            "D2 D3 D9 D7 D20 - D7 D20 D7 D22");
  EXPECT_EQ(player.attempts().at(0).kind, AttemptKind::kNewMethod);
}

TEST(RecoveryTest, AMethodThatCameWhileAnAttemptWasOutIsTriedAfterIt) {
  Player player;
  EXPECT_EQ(player.Play("fail taken_over due wait:2d method declined due"), "D2 D3 D7 - D20+D9 D7");
}

TEST(RecoveryTest, ARefusalIsToldUntilACardIsTried) {
  Player player(Steps({kDay, kDay}, Exhausted::kStayPastDue));
  player.Play("fail taken_over due refused");
  EXPECT_THAT(player.alerts(), Contains("charge_refused/sub_1"));
  EXPECT_THAT(player.timeline().back().reason, ::testing::HasSubstr("refused the request: no such parameter"));
  player.Play("due declined");
  EXPECT_THAT(player.alerts(), Not(Contains("charge_refused/sub_1")));
  player.Play("staff refused paid");
  EXPECT_THAT(player.alerts(), Not(Contains("charge_refused/sub_1")));
}

TEST(RecoveryTest, APaymentRestoresAccessAtOnceAndSaysSo) {
  Player player;
  player.Play("fail taken_over");
  EXPECT_EQ(player.subscription().values.access, Access::kRevoked);
  player.Play("paid");
  EXPECT_EQ(player.subscription().values.status, SubscriptionStatus::kActive);
  EXPECT_EQ(player.subscription().values.access, Access::kGranted);
  const bool confirmed = std::any_of(player.jobs().begin(), player.jobs().end(), [](const auto& job) {
    return job.second.payload.find("payment_recovered") != std::string::npos;
  });
  EXPECT_TRUE(confirmed);
  EXPECT_FALSE(player.jobs().contains("mail/failure/sub_1"));  // not sent yet: not true any more
}

TEST(RecoveryTest, GraceEndsWithOneRowDatedAtItsInstant) {
  CollectionPolicy policy = ServicePolicy();
  policy.grace = 2 * kDay;
  Player player(policy);
  player.Play("fail");
  const Timestamp end = player.now() + 2 * kDay;
  EXPECT_EQ(player.subscription().values.access, Access::kGranted);
  EXPECT_EQ(player.subscription().values.access_until, end);
  ASSERT_TRUE(player.jobs().contains("access/sub_1"));
  EXPECT_EQ(player.jobs().at("access/sub_1").due, end);
  player.Play("wait:3d look look");
  EXPECT_EQ(player.subscription().values.access, Access::kRevoked);
  const auto ended = std::count_if(player.timeline().begin(), player.timeline().end(), [&](const TimelineRow& row) {
    return row.access_to == Access::kRevoked && row.at == end && row.by == "time" && row.rule == "R3";
  });
  EXPECT_EQ(ended, 1);
}

TEST(RecoveryTest, ARunningRecoveryKeepsItsPolicyVersion) {
  Player player(Steps({kDay, kDay, kDay}));
  player.Play("fail taken_over");
  const std::optional<Timestamp> planned = player.recovery().next_attempt_at;
  player.UsePolicy(testing::PolicyOf(Steps({kDay * 5}, Exhausted::kStayPastDue), 2));
  EXPECT_EQ(player.Play("look due declined due declined due declined"), "- D7 D20 D7 D20 D7 D22");
  EXPECT_EQ(player.attempts().front().first_sent_at, planned);
  EXPECT_EQ(player.recovery().policy_version, 1);
}

TEST(RecoveryTest, ANewRecoveryTakesTheNewPolicy) {
  Player player;
  player.UsePolicy(testing::PolicyOf(OneStep(Exhausted::kStayPastDue), 2));
  EXPECT_EQ(player.Play("fail taken_over due declined"), "D2 D3 D7 D23");
  EXPECT_EQ(player.recovery().policy_version, 2);
}

TEST(RecoveryTest, MoneyForAnEndedSubscriptionIsToldToSupport) {
  Player player;
  player.Play("fail taken_over deleted");
  EXPECT_TRUE(player.alerts().empty());
  player.Play("paid");
  EXPECT_THAT(player.alerts(), Contains("payment_after_end/in_1"));
  EXPECT_EQ(player.subscription().values.access, Access::kGranted);  // until the end of what was paid
}

TEST(RecoveryTest, ADeclinedUpgradeAloneTakesNothingThatIsPaidFor) {
  CollectionPolicy policy = ServicePolicy();
  const PolicyBook policies(testing::PolicyOf(policy));
  Facts facts;
  Merge(facts, testing::Invoice("evt_1", kNoon - kDay, InvoiceStatus::kPaid));
  InvoiceFact upgrade = testing::FailedInvoice("evt_2", kNoon);
  upgrade.id = InvoiceId{"in_2"};
  upgrade.billing_reason = "subscription_update";
  upgrade.made_at = kNoon;
  Merge(facts, upgrade);
  SubscriptionSnapshot overdue = testing::Snapshot("evt_3", kNoon, ProviderStatus::kPastDue);
  overdue.latest_invoice = "in_2";
  Merge(facts, overdue);
  SubscriptionRecord record;
  record.subscription.id = SubscriptionId{"sub_1"};
  const Decision decision = Decide({.before = record, .facts = facts, .now = kNoon + 1s}, policies);
  EXPECT_EQ(decision.next.values.status, SubscriptionStatus::kPastDue);
  EXPECT_EQ(decision.next.values.access, Access::kGranted);
  EXPECT_EQ(decision.next.values.access_until, kNoon + 30 * kDay);
}

TEST(RecoveryTest, OneFailureIsOneMail) {
  Player player;
  player.Play("fail taken_over look");
  EXPECT_EQ(player.mails(), 1);
  player.Play("due declined look know:insufficient_funds look");
  EXPECT_EQ(player.mails(), 2);
}

// I6 and I9 over stories that nobody thought of; the player checks the rest after each word.
TEST(RecoveryTest, RandomStoriesKeepTheInvariants) {
  const std::vector<std::string> words = {"fail",
                                          "again",
                                          "taken_over",
                                          "taken_over:stolen_card",
                                          "taken_back",
                                          "know:lost_card",
                                          "know:insufficient_funds",
                                          "method",
                                          "due",
                                          "due",
                                          "due",
                                          "early",
                                          "staff",
                                          "declined",
                                          "declined:stolen_card",
                                          "declined:insufficient_funds",
                                          "unknown",
                                          "refused",
                                          "paid",
                                          "void",
                                          "disproved",
                                          "cancel",
                                          "next_invoice",
                                          "cancelling",
                                          "end_refused",
                                          "look",
                                          "wait:1h",
                                          "wait:3d"};
  const std::vector<CollectionPolicy> policies = {ServicePolicy(), OneStep(), OneStep(Exhausted::kStayPastDue),
                                                  ProviderPolicy(), MethodWaits()};
  for (unsigned seed = 1; seed <= 120; ++seed) {
    std::mt19937 random(seed);
    Player player(policies[seed % policies.size()]);
    std::string script = "fail taken_over";
    for (int i = 0; i < 25; ++i) script += " " + words[random() % words.size()];
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + script);
    player.Play(script);
    std::map<std::pair<InvoiceId, int>, int> by_step;
    for (const Attempt& a : player.attempts()) {
      if (a.kind != AttemptKind::kAutomatic) continue;
      EXPECT_LT(a.step, static_cast<int>(policies[seed % policies.size()].retry_after.size()));
      EXPECT_LE(++by_step[std::pair(a.invoice, a.step)], kUnknownAttemptsPerStep);
    }
    EXPECT_TRUE(policies[seed % policies.size()].owner == Owner::kService || player.attempts().empty());
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace dunlin
