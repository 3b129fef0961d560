#include "workflows/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "state/failures.h"
#include "state/merge.h"
#include "tests/workflows/recovery_scripts.h"
#include "workflows/messages.h"

namespace dunlin {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using testing::kDay;
using testing::kNoon;
using testing::MethodWaits;
using ::testing::Not;
using testing::OneStep;
using testing::Player;
using testing::ProviderPolicy;
using testing::Script;
using testing::Scripts;
using testing::ServicePolicy;
using testing::Steps;

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

TEST(RecoveryTest, WhoTakesACancellationBackIsNotToldOfTheSameFailureAgain) {
  for (const CollectionPolicy& policy : {ServicePolicy(), ProviderPolicy()}) {
    Player player(policy);
    player.Play("fail");
    EXPECT_EQ(player.mails(), 1);
    player.Play("wait:1m cancel stay");
    EXPECT_NE(player.recovery().state, RecoveryState::kNone);
    EXPECT_EQ(player.mails(), 1);
    player.Play("again");
    EXPECT_EQ(player.mails(), policy.owner == Owner::kProvider ? 2 : 1);
  }
}

// A mail is held for a moment; what ends the recovery meanwhile takes it back, and then nobody was told.
TEST(RecoveryTest, AFailureWhoseMailWasTakenBackIsToldWhenItIsOwedAfterAll) {
  for (const CollectionPolicy& policy : {ServicePolicy(), ProviderPolicy()}) {
    Player player(policy);
    player.Play("fail disproved wait:1h look");
    EXPECT_THAT(player.told(), Not(Contains("payment_failed")));
    player.Play("stay wait:1h look");
    EXPECT_EQ(std::ranges::count(player.told(), "payment_failed"), 1);
    player.Play("disproved stay wait:1h look");
    EXPECT_EQ(std::ranges::count(player.told(), "payment_failed"), 1);
  }
}

TEST(RecoveryTest, ACardThatWasAskedForInAMailTakenBackIsAskedForAgainAndTheFailureIsNotToldAgain) {
  Player player;
  player.Play("fail:lost_card wait:1h taken_over disproved wait:1h stay wait:1h look");
  EXPECT_EQ(player.recovery().state, RecoveryState::kAwaitingMethod);
  EXPECT_THAT(player.told(), ElementsAre("payment_failed", "payment_recovered", "method_needed"));
}

// It is no longer true, and whether it left cannot be known: twice would be worse.
TEST(RecoveryTest, AMailThatShouldHaveLeftIsDroppedAndCountsAsTold) {
  const std::string mail = FailureMailKey(SubscriptionId{"sub_1"});
  for (const std::string over : {"cancel", "disproved"}) {
    Player player;
    player.StopOutbox();
    player.Play("fail wait:1h " + over);
    EXPECT_EQ(player.recovery().state, RecoveryState::kNone);
    EXPECT_FALSE(player.jobs().contains(mail)) << over;
    player.Play("stay");
    EXPECT_NE(player.recovery().state, RecoveryState::kNone);
    EXPECT_FALSE(player.jobs().contains(mail)) << over << ": told twice, should it have left";
  }
}

TEST(RecoveryTest, AnotherCardIsAskedForOnceForEachFailure) {
  Player player;
  player.Play("fail taken_over:lost_card");
  const int told = player.mails();
  player.Play("taken_back taken_over cancel stay taken_over");
  EXPECT_EQ(player.recovery().state, RecoveryState::kAwaitingMethod);
  EXPECT_EQ(player.mails(), told);
  player.Play("staff declined:stolen_card");
  EXPECT_EQ(player.mails(), told + 1);
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
  EXPECT_THAT(player.timeline().back().reason, ::testing::HasSubstr("refused the request"));
  EXPECT_THAT(player.timeline().back().reason, Not(::testing::HasSubstr("no such parameter")));  // it stands elsewhere
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

// A provider that collects by itself, and whose failures are known by its count of attempts alone.
class CountedFailures {
 public:
  CountedFailures() { record_.subscription.id = SubscriptionId{"sub_1"}; }
  // How many mails it leads to that the invoice is shown as open, with so many failed attempts, of a past-due one.
  long MailsOf(const std::string& invoice, int failed, Timestamp now) {
    SubscriptionSnapshot snapshot = testing::Snapshot("evt_" + std::to_string(++n_), now, ProviderStatus::kPastDue);
    snapshot.latest_invoice = invoice;
    Merge(record_.subscription.facts, snapshot);
    InvoiceFact fact = testing::Invoice("evt_" + std::to_string(++n_), now, InvoiceStatus::kOpen, invoice);
    fact.made_at = invoice == "in_1" ? kNoon - 1h : now;
    if (failed > 0) CountFailures(fact, 1, failed, now);
    Merge(record_.subscription.facts, fact);
    Decision decision = Decide({.before = record_, .facts = record_.subscription.facts, .now = now + 1s}, policies_);
    record_.subscription = decision.next;
    return std::count_if(decision.jobs.begin(), decision.jobs.end(),
                         [](const NewJob& job) { return job.kind == JobKind::kMail; });
  }

 private:
  const PolicyBook policies_{testing::PolicyOf(ProviderPolicy())};
  SubscriptionRecord record_;
  int n_ = 0;
};

TEST(RecoveryTest, AFailureThatIsOnlyCountedIsToldForEachInvoice) {
  CountedFailures provider;
  EXPECT_EQ(provider.MailsOf("in_1", 1, kNoon), 1);
  EXPECT_EQ(provider.MailsOf("in_1", 1, kNoon + 1h), 0);
  EXPECT_EQ(provider.MailsOf("in_1", 2, kNoon + kDay), 1);
  EXPECT_EQ(provider.MailsOf("in_2", 1, kNoon + 2 * kDay), 1);
}

// That a payment is overdue can be known before what failed.
TEST(RecoveryTest, TheFailureThatOpenedARecoveryIsNotToldAgainWhenItIsLearnt) {
  CountedFailures provider;
  EXPECT_EQ(provider.MailsOf("in_1", 0, kNoon), 1);
  EXPECT_EQ(provider.MailsOf("in_1", 1, kNoon + 1min), 0);
  EXPECT_EQ(provider.MailsOf("in_1", 2, kNoon + kDay), 1);
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
