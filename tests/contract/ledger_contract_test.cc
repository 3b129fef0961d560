// What every ledger does with events, subscriptions and what belongs to them.
#include "tests/contract/ledger_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <set>

#include "tests/support/faulty_ledger.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DUNLIN_FOR_EACH_LEDGER(LedgerContract);

TEST_P(LedgerContract, AnAcceptedEventComesBackAsItWasWithItsJob) {
  NewEvent event = MakeEvent("evt_1", std::string("{\"a\":\"\0\xff\xc3\xa9\"}", 13));
  event.livemode = true;
  event.object = "in_1";
  event.subscription = "sub_1";
  event.detail = "d";
  const UnitResult result = Must(Accept(event));
  ASSERT_THAT(result.stored, ElementsAre(true));
  ASSERT_THAT(result.new_jobs, SizeIs(1));
  EXPECT_EQ(result.new_jobs[0].due, event.received_at);
  EXPECT_EQ(result.new_jobs[0].lane, Lane::kApply);

  const std::vector<JobId> ids = {result.new_jobs[0].id};
  const std::vector<Work> work = ledger_->LoadWork(ids).value();
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].job.kind, JobKind::kApply);
  EXPECT_EQ(work[0].job.subject, "sub_1");
  EXPECT_EQ(work[0].job.created_at, event.received_at);
  ASSERT_TRUE(work[0].event);
  const StoredEvent& stored = *work[0].event;
  EXPECT_EQ(stored.seq, work[0].job.event_seq);
  EXPECT_EQ(stored.id, event.id);
  EXPECT_EQ(stored.type, event.type);
  EXPECT_EQ(stored.created, event.created);
  EXPECT_EQ(stored.received_at, event.received_at);
  EXPECT_TRUE(stored.livemode);
  EXPECT_EQ(stored.object, "in_1");
  EXPECT_EQ(stored.subscription, "sub_1");
  EXPECT_EQ(stored.body, event.body);
  EXPECT_EQ(stored.outcome, EventOutcome::kWaiting);
  EXPECT_EQ(stored.detail, "d");
  EXPECT_FALSE(stored.applied_at);
}

TEST_P(LedgerContract, TheSameEventTwiceIsADuplicateWithoutASecondJob) {
  Must(Accept(MakeEvent("evt_1", "first")));
  const UnitResult again = Must(Accept(MakeEvent("evt_1", "second")));
  EXPECT_THAT(again.stored, ElementsAre(false));
  EXPECT_THAT(again.new_jobs, IsEmpty());
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
  EXPECT_EQ(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().value().body, "first");
}

TEST_P(LedgerContract, TheSameEventTwiceInOneUnitAndOneCallIsStoredOnce) {
  Unit twice = Accept(MakeEvent("evt_1"));
  twice.accept.push_back(MakeEvent("evt_1"));
  std::vector<Unit> units;
  units.push_back(std::move(twice));
  units.push_back(Accept(MakeEvent("evt_1")));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_THAT(results[0].value().stored, ElementsAre(true, false));
  EXPECT_THAT(results[1].value().stored, ElementsAre(false));
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
}

TEST_P(LedgerContract, AKeptEventHasNoJob) {
  NewEvent event = MakeEvent("evt_1");
  event.outcome = EventOutcome::kKept;
  EXPECT_THAT(Must(Accept(event)).new_jobs, IsEmpty());
  EXPECT_THAT(DueIds(kNoon + 1h), IsEmpty());
}

TEST_P(LedgerContract, ADoneJobIsGoneAndDoingItAgainIsAConflict) {
  const JobId id = Must(Accept(MakeEvent("evt_1"))).new_jobs[0].id;
  Unit done;
  done.done = {id};
  Must(done);
  EXPECT_THAT(DueIds(kNoon + 1h), IsEmpty());
  EXPECT_FALSE(ledger_->FindJob(id).value());
  EXPECT_EQ(Refused(done), Errc::kConflict);
}

TEST_P(LedgerContract, AJobIdIsNeverUsedAgain) {
  const JobId first = Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id;
  Unit done;
  done.done = {first};
  Must(done);
  EXPECT_GT(ToInt(Must(Add(MakeJob(JobKind::kMail, kNoon))).new_jobs[0].id), ToInt(first));
}

TEST_P(LedgerContract, AFailedUnitLeavesNothingAndItsNeighboursStay) {
  std::vector<Unit> units;
  units.push_back(Accept(MakeEvent("evt_1")));
  Unit failing = Accept(MakeEvent("evt_2"));
  failing.done = {JobId{999}};
  units.push_back(std::move(failing));
  units.push_back(Accept(MakeEvent("evt_3")));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kConflict);
  EXPECT_TRUE(results[2]);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_2")).value());
  EXPECT_TRUE(ledger_->FindEvent(Provider::kStripe, EventId("evt_3")).value());
}

TEST_P(LedgerContract, ASubscriptionComesBackWhole) {
  Subscription s = MakeSubscription("sub_1");
  s.values = {.status = SubscriptionStatus::kPastDue,
              .access = Access::kGranted,
              .plan = "pro_plus",
              .period_end = kNoon + 24h,
              .paid_until = kNoon,
              .cancel_at = kNoon + 48h,
              .access_until = kNoon + 1h};
  s.recovery = {.state = RecoveryState::kWaiting,
                .invoice = InvoiceId("in_1"),
                .policy = "default",
                .policy_version = 3,
                .opened_at = kNoon,
                .next_attempt_at = kNoon + 2h,
                .next_step = kNewMethodStep,
                .method_seen = "pm_2",
                .open_attempt = AttemptKey("k"),
                .failure_seen = EventId("evt_f"),
                .failure_mail_due = kNoon + 2s,
                .failure_told_before = EventId("evt_e")};
  s.facts.baseline.until = kNoon;
  s.dirty = true;
  Must(Save(s));
  const Subscription stored = Stored("sub_1");
  EXPECT_EQ(stored.version, 1);
  EXPECT_EQ(stored.account, s.account);
  EXPECT_EQ(stored.values, s.values);
  EXPECT_EQ(stored.recovery, s.recovery);
  EXPECT_EQ(stored.facts, s.facts);
  EXPECT_TRUE(stored.dirty);
  EXPECT_EQ(stored.updated_at, s.updated_at);
}

TEST_P(LedgerContract, ASecondWriterWithAStaleVersionLoses) {
  Must(Save(MakeSubscription("sub_1")));
  EXPECT_EQ(Refused(Save(MakeSubscription("sub_1"))), Errc::kConflict);
  const Subscription seen_by_both = Stored("sub_1");
  Must(Save(seen_by_both));
  EXPECT_EQ(Refused(Save(seen_by_both)), Errc::kConflict);
  EXPECT_EQ(Stored("sub_1").version, 2);
}

TEST_P(LedgerContract, OfTwoSavesOfOneVersionInOneCallOneLoses) {
  Must(Save(MakeSubscription("sub_1")));
  const Subscription seen = Stored("sub_1");
  std::vector<Unit> units(2, Save(seen));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_NE(results[0].has_value(), results[1].has_value());
}

TEST_P(LedgerContract, WhatBreaksARuleOfTheSchemaIsRefused) {
  Subscription paused = MakeSubscription("sub_1");
  paused.values.status = SubscriptionStatus::kPaused;  // R23: has no access
  EXPECT_EQ(Refused(Save(paused)), Errc::kInvalidArgument);
  for (const SubscriptionStatus status : {SubscriptionStatus::kActive, SubscriptionStatus::kTrialing}) {
    Subscription cut = MakeSubscription("sub_1");
    cut.values = {.status = status, .access = Access::kRevoked};
    EXPECT_EQ(Refused(Save(cut)), Errc::kInvalidArgument);  // R23: has access
  }
  Subscription waiting = MakeSubscription("sub_1");
  waiting.recovery.state = RecoveryState::kWaiting;  // for nothing
  EXPECT_EQ(Refused(Save(waiting)), Errc::kInvalidArgument);
  Subscription endless = MakeSubscription("sub_1");
  endless.values = {.status = SubscriptionStatus::kPastDue, .access = Access::kGranted};  // until when?
  EXPECT_EQ(Refused(Save(endless)), Errc::kInvalidArgument);
  Unit half;
  half.timeline.push_back({.subscription = SubscriptionId("sub_1"),
                           .at = kNoon,
                           .kind = "change",
                           .status_from = SubscriptionStatus::kActive});
  EXPECT_EQ(Refused(half), Errc::kInvalidArgument);
  EXPECT_EQ(Refused(Add(MakeJob(JobKind::kApply, kNoon))), Errc::kInvalidArgument);  // of no event
  Unit finished;
  finished.open_attempts.push_back(MakeAttempt("a"));
  finished.open_attempts[0].finished_at = kNoon;
  EXPECT_EQ(Refused(finished), Errc::kInvalidArgument);
}

TEST_P(LedgerContract, AnEventIsFiledWithWhatBecameOfIt) {
  const UnitResult accepted = Must(Accept(MakeEvent("evt_1")));
  const std::vector<JobId> ids = {accepted.new_jobs[0].id};
  Unit unit;
  unit.events.push_back({.seq = ledger_->LoadWork(ids).value()[0].job.event_seq,
                         .outcome = EventOutcome::kNoChange,
                         .detail = "evt_0",
                         .subscription = "sub_1",
                         .at = kNoon + 1s});
  Must(unit);
  const StoredEvent event = ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value().value();
  EXPECT_EQ(event.outcome, EventOutcome::kNoChange);
  EXPECT_EQ(event.detail, "evt_0");
  EXPECT_EQ(event.subscription, "sub_1");
  EXPECT_EQ(event.applied_at, kNoon + 1s);
  EXPECT_EQ(event.body, "{}");
}

TEST_P(LedgerContract, AnEventCanBeAppliedAgain) {
  const UnitResult accepted = Must(Accept(MakeEvent("evt_1")));
  const std::vector<JobId> first = {accepted.new_jobs[0].id};
  const std::int64_t seq = ledger_->LoadWork(first).value()[0].job.event_seq;
  Unit unit;
  unit.done = first;
  unit.events.push_back({.seq = seq, .outcome = EventOutcome::kApplied, .at = kNoon});
  Must(unit);
  Unit again;
  again.events.push_back({.seq = seq, .outcome = EventOutcome::kWaiting});
  again.jobs.push_back(MakeJob(JobKind::kApply, kNoon));
  again.jobs[0].event_seq = seq;
  const std::vector<JobId> second = {Must(again).new_jobs[0].id};
  const std::vector<Work> work = ledger_->LoadWork(second).value();
  ASSERT_THAT(work, SizeIs(1));
  EXPECT_EQ(work[0].event.value().id.str(), "evt_1");
  EXPECT_FALSE(work[0].event->applied_at);
}

TEST_P(LedgerContract, AnAttemptComesBackWholeAndOnlyOneIsOpen) {
  Attempt a = MakeAttempt("k/1");
  a.kind = AttemptKind::kStaff;
  a.step = 2;
  a.by = "ann";
  a.reason = "asked";
  a.ask_first = true;
  a.decline = {.code = "c", .advice_code = "a", .network_advice_code = "n", .payment_method = "pm"};
  a.detail = "d";
  Unit open = Save(MakeSubscription("sub_1"));
  open.open_attempts = {a};
  Must(open);
  EXPECT_EQ(ledger_->FindAttempt(a.key).value(), a);
  EXPECT_EQ(ledger_->FindAttemptOfJob(a.job).value(), a);
  EXPECT_THAT(ledger_->LoadSubscription(SubscriptionId("sub_1")).value()->attempts, ElementsAre(a));

  Unit second;
  second.open_attempts = {MakeAttempt("k/2")};
  EXPECT_EQ(Refused(second), Errc::kConflict);
}

TEST_P(LedgerContract, AClosedAttemptMakesRoomAndIsNotClosedTwice) {
  Unit open;
  open.open_attempts = {MakeAttempt("k/1")};
  Must(open);
  Attempt closed = MakeAttempt("k/1");
  closed.state = AttemptState::kDeclined;
  closed.finished_at = kNoon + 1s;
  closed.decline.code = "insufficient_funds";
  Unit close;
  close.close_attempts = {closed};
  close.open_attempts = {MakeAttempt("k/2")};  // in the same unit: closed first
  Must(close);
  EXPECT_EQ(ledger_->FindAttempt(closed.key).value(), closed);
  EXPECT_EQ(ledger_->FindAttemptOfJob(JobId{7}).value()->key.str(), "k/2");
  Unit again;
  again.close_attempts = {closed};
  EXPECT_EQ(Refused(again), Errc::kConflict);
}

TEST_P(LedgerContract, AnAnnotationChangesTheAnswerAlone) {
  Attempt closed = MakeAttempt("k/1");
  closed.state = AttemptState::kUnknown;
  closed.finished_at = kNoon;
  Unit open;
  open.open_attempts = {closed};
  Must(open);
  Attempt noted = closed;
  noted.decline.code = "lost_card";
  noted.detail = "told later";
  Attempt given = noted;
  given.state = AttemptState::kSucceeded;  // not an annotation's to change
  Unit annotate;
  annotate.annotate_attempts = {given};
  Must(annotate);
  EXPECT_EQ(ledger_->FindAttempt(closed.key).value(), noted);
}

TEST_P(LedgerContract, ATimelineComesInTheOrderOfItsTimes) {
  TimelineRow full{.subscription = SubscriptionId("sub_1"),
                   .at = kNoon,
                   .kind = "change",
                   .status_from = SubscriptionStatus::kActive,
                   .status_to = SubscriptionStatus::kPastDue,
                   .access_from = Access::kGranted,
                   .access_to = Access::kRevoked,
                   .row = "D4",
                   .rule = "R24b",
                   .policy = "default@3",
                   .event = "evt_1",
                   .by = "provider",
                   .reason = "r",
                   .next = "n"};
  Unit unit;
  unit.timeline = {{.subscription = SubscriptionId("sub_1"), .at = kNoon + 1s, .kind = "note"},
                   full,
                   {.subscription = SubscriptionId("sub_2"), .at = kNoon, .kind = "note"}};
  Must(unit);
  const std::vector<TimelineRow> rows = ledger_->Timeline(SubscriptionId("sub_1")).value();
  ASSERT_THAT(rows, SizeIs(2));
  const TimelineRow& row = rows[0];
  EXPECT_EQ(row.at, full.at);
  EXPECT_EQ(row.kind, "change");
  EXPECT_EQ(row.status_from, full.status_from);
  EXPECT_EQ(row.status_to, full.status_to);
  EXPECT_EQ(row.access_from, full.access_from);
  EXPECT_EQ(row.access_to, full.access_to);
  EXPECT_EQ(row.row + row.rule + row.policy + row.event + row.by + row.reason + row.next,
            "D4R24bdefault@3evt_1providerrn");
  EXPECT_FALSE(rows[1].status_from);
}

TEST_P(LedgerContract, AccountsResolveByCustomerAndByAlias) {
  Must(Save(MakeSubscription("sub_1", "cus_1")));
  Unit unit;
  unit.aliases = {{"team", AccountId("cus_1")}, {"team", AccountId("cus_2")}, {"team", AccountId("cus_1")}};
  Must(unit);
  EXPECT_THAT(ledger_->ResolveAccount("team").value(), ElementsAre(AccountId("cus_1"), AccountId("cus_2")));
  EXPECT_THAT(ledger_->ResolveAccount("cus_1").value(), ElementsAre(AccountId("cus_1")));
  EXPECT_THAT(ledger_->ResolveAccount("nobody").value(), IsEmpty());
  EXPECT_THAT(ledger_->SubscriptionsOf(AccountId("cus_1")).value(), ElementsAre(SubscriptionId("sub_1")));
}

TEST_P(LedgerContract, AnAliasOfAnIdThatBecameAnAliasLeadsOn) {
  Unit unit = Save(MakeSubscription("sub_1", "123"));
  unit.aliases = {{"team", AccountId("c1")}, {"c1", AccountId("123")}};
  Must(unit);
  EXPECT_THAT(ledger_->ResolveAccount("team").value(), ElementsAre(AccountId("123"), AccountId("c1")));
}

TEST_P(LedgerContract, APaymentFindsItsInvoiceAndSubscriptionWheneverEachIsTold) {
  Unit unit;
  unit.links = {{"pi_1", InvoiceId("in_1"), SubscriptionId()}};
  Must(unit);
  EXPECT_EQ(ledger_->FindPayment("pi_1").value()->invoice.str(), "in_1");
  EXPECT_TRUE(ledger_->FindPayment("pi_1").value()->subscription.empty());
  EXPECT_FALSE(ledger_->SubscriptionOfInvoice(InvoiceId("in_1")).value());
  unit.links = {{"", InvoiceId("in_1"), SubscriptionId("sub_1")}};
  Must(unit);
  unit.links = {{"pi_1", InvoiceId("in_1"), SubscriptionId("sub_1")}};
  Must(unit);
  EXPECT_EQ(ledger_->FindPayment("pi_1").value()->subscription.str(), "sub_1");
  EXPECT_EQ(ledger_->SubscriptionOfInvoice(InvoiceId("in_1")).value()->str(), "sub_1");
  EXPECT_FALSE(ledger_->FindPayment("").value());
}

TEST_P(LedgerContract, AnAlertIsOpenOnceUntilItIsSettled) {
  Unit raise;
  raise.alerts = {{"two_owners/sub_1", "two_owners", "sub_1", "first", kNoon}};
  Must(raise);
  raise.alerts[0].detail = "second";
  Must(raise);
  auto open = ledger_->Alerts({}).value();
  ASSERT_THAT(open.items, SizeIs(1));
  EXPECT_EQ(open.items[0].detail, "first");
  EXPECT_EQ(open.items[0].raised_at, kNoon);
  Unit settle;
  settle.settle_alerts = {"two_owners/sub_1", "not there"};
  Must(settle);
  EXPECT_THAT(ledger_->Alerts({}).value().items, IsEmpty());
  Must(raise);
  EXPECT_THAT(ledger_->Alerts({}).value().items, SizeIs(1));
}

TEST_P(LedgerContract, AReplyIsGivenOnce) {
  Unit unit;
  unit.replies = {{"retry/t/1", "hash", 202, "{}", kNoon}};
  unit.jobs = {MakeJob(JobKind::kCharge, kNoon)};
  Must(unit);
  EXPECT_EQ(Refused(unit), Errc::kConflict);
  EXPECT_THAT(DueIds(kNoon), SizeIs(1));
  const ApiReply reply = ledger_->FindReply("retry/t/1").value().value();
  EXPECT_EQ(reply.request_hash, "hash");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.at, kNoon);
  EXPECT_FALSE(ledger_->FindReply("other").value());
}

TEST_P(LedgerContract, ATokenIsFoundByItsHashAndUpdatedById) {
  Unit unit;
  unit.tokens = {{"tok_1", "h1", Role::kSupport, "ann", kNoon, kNoon + 1h, std::nullopt}};
  Must(unit);
  unit.tokens[0].revoked_at = kNoon + 1s;
  Must(unit);
  const Token token = ledger_->FindToken("h1").value().value();
  EXPECT_EQ(token.role, Role::kSupport);
  EXPECT_EQ(token.expires_at, kNoon + 1h);
  EXPECT_EQ(token.revoked_at, kNoon + 1s);
  EXPECT_THAT(ledger_->Tokens().value(), SizeIs(1));
  EXPECT_FALSE(ledger_->FindToken("h2").value());
  unit.tokens = {{"tok_2", "h1", Role::kAdmin, "eve", kNoon, {}, {}}};
  EXPECT_EQ(Refused(unit), Errc::kConflict);
}

TEST_P(LedgerContract, APolicyVersionKeepsItsText) {
  EXPECT_TRUE(ledger_->KeepPolicy(3, "three"));
  EXPECT_TRUE(ledger_->KeepPolicy(3, "three"));
  const Status other = ledger_->KeepPolicy(3, "another");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kConflict);
  EXPECT_TRUE(ledger_->KeepPolicy(2, "two"));
  EXPECT_THAT(ledger_->Policies().value(),
              ElementsAre(std::pair<int, std::string>(2, "two"), std::pair<int, std::string>(3, "three")));
}

TEST_P(LedgerContract, SubscriptionPagesStandStillWhileRowsCome) {
  for (const char* id : {"sub_a", "sub_c", "sub_e", "sub_g"}) Must(Save(MakeSubscription(id)));
  const auto first = ledger_->Subscriptions({}, {.limit = 2}).value();
  ASSERT_THAT(first.items, SizeIs(2));
  Must(Save(MakeSubscription("sub_b")));
  const auto second = ledger_->Subscriptions({}, {.limit = 2, .cursor = first.next}).value();
  ASSERT_THAT(second.items, SizeIs(2));
  EXPECT_EQ(second.items[0].id.str(), "sub_e");
  EXPECT_TRUE(second.next.empty());
  Subscription paused = MakeSubscription("sub_p", "cus_2");
  paused.values = {.status = SubscriptionStatus::kPaused};
  Must(Save(paused));
  const SubscriptionFilter by_status{.status = SubscriptionStatus::kPaused, .account = {}};
  const SubscriptionFilter by_account{.status = {}, .account = AccountId("cus_1")};
  EXPECT_THAT(ledger_->Subscriptions(by_status, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Subscriptions(by_account, {}).value().items, SizeIs(5));
}

TEST_P(LedgerContract, EventPagesComeNewestFirstAndFilter) {
  for (int i = 0; i < 5; ++i) {
    NewEvent event = MakeEvent("evt_" + std::to_string(i), "body" + std::to_string(i));
    event.subscription = i % 2 == 0 ? "sub_1" : "";
    event.type = i == 1 ? "invoice.voided" : "invoice.paid";
    Must(Accept(event));
  }
  const auto first = ledger_->Events({}, {.limit = 2}).value();
  EXPECT_EQ(first.items[0].body, "body4");
  Must(Accept(MakeEvent("evt_9")));
  const auto second = ledger_->Events({}, {.limit = 2, .cursor = first.next}).value();
  EXPECT_EQ(second.items[0].id.str(), "evt_2");
  EXPECT_THAT(ledger_->Events({.subscription = "sub_1"}, {}).value().items, SizeIs(3));
  EXPECT_THAT(ledger_->Events({.type = "invoice.voided"}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Events({.outcome = EventOutcome::kApplied}, {}).value().items, IsEmpty());
  EXPECT_EQ(ledger_->NewestEvent(Provider::kStripe).value(), kNoon - 5s);
  const auto bad = ledger_->Events({}, {.cursor = "x"});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::kInvalidArgument);
}

TEST_P(LedgerContract, JobPagesComeByDueTimeDeadOnesAmongThem) {
  std::vector<JobId> ids;
  for (const auto after : {3s, 1s, 2s, 2s}) {
    ids.push_back(Must(Add(MakeJob(JobKind::kMail, kNoon + after))).new_jobs[0].id);
  }
  Unit dies;
  dies.retries = {{.id = ids[1], .due = kNoon + 1s, .state = JobState::kDead, .error = "no", .at = kNoon}};
  Must(dies);
  const auto first = ledger_->Jobs({}, {.limit = 2}).value();
  ASSERT_THAT(first.items, SizeIs(2));
  EXPECT_EQ(first.items[0].id, ids[1]);
  EXPECT_EQ(first.items[1].id, ids[2]);
  const auto second = ledger_->Jobs({}, {.limit = 2, .cursor = first.next}).value();
  ASSERT_THAT(second.items, SizeIs(2));
  EXPECT_EQ(second.items[0].id, ids[3]);
  EXPECT_EQ(second.items[1].id, ids[0]);
  EXPECT_TRUE(second.next.empty());
  EXPECT_THAT(ledger_->Jobs({.kind = {}, .state = JobState::kDead}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Jobs({.kind = JobKind::kCharge}, {}).value().items, IsEmpty());
}

TEST_P(LedgerContract, TheBacklogIsCountedByWhatIsDue) {
  EXPECT_FALSE(ledger_->CountBacklog(kNoon).value().oldest_due);
  Must(Add(MakeJob(JobKind::kMail, kNoon - 1s)));
  Must(Add(MakeJob(JobKind::kMail, kNoon - 2s)));
  Must(Add(MakeJob(JobKind::kMail, kNoon + 1s)));
  const Backlog backlog = ledger_->CountBacklog(kNoon).value();
  EXPECT_EQ(backlog.waiting, 2);
  EXPECT_EQ(backlog.scheduled, 1);
  EXPECT_EQ(backlog.dead, 0);
  EXPECT_EQ(backlog.oldest_due, kNoon - 2s);
}

TEST_P(LedgerContract, WhatIsNotThereIsNone) {
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("sub_0")).value());
  EXPECT_FALSE(ledger_->FindAttempt(AttemptKey("k")).value());
  EXPECT_FALSE(ledger_->FindAttemptOfJob(JobId{1}).value());
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("e")).value());
  EXPECT_FALSE(ledger_->NewestEvent(Provider::kStripe).value());
  EXPECT_TRUE(ledger_->CommitAll({}).empty());
  EXPECT_EQ(ledger_->instance().size(), 16U);
}

TEST_P(LedgerContract, ALostCommitIsWrittenOrNotAsTheTestAsks) {
  FaultyLedger faulty(*ledger_);
  faulty.LoseCommit(1, FaultyLedger::Fault::kBeforeWrite);
  EXPECT_FALSE(faulty.Commit(Accept(MakeEvent("evt_1"))));
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("evt_1")).value());
  faulty.LoseCommit(2, FaultyLedger::Fault::kAfterWrite);
  EXPECT_TRUE(faulty.Commit(Accept(MakeEvent("evt_2"))));
  EXPECT_FALSE(faulty.Commit(Accept(MakeEvent("evt_3"))));
  EXPECT_TRUE(ledger_->FindEvent(Provider::kStripe, EventId("evt_3")).value());
  EXPECT_EQ(faulty.commits(), 3);
  for (const auto& [id, fault] :
       {std::pair{"evt_4", FaultyLedger::Fault::kBeforeWrite}, {"evt_5", FaultyLedger::Fault::kAfterWrite}}) {
    faulty.LoseCommit(1, fault);
    std::promise<bool> told;
    faulty.CommitThen(Accept(MakeEvent(id)),
                      [&](const Result<UnitResult>& result) { told.set_value(result.has_value()); });
    EXPECT_FALSE(told.get_future().get());
    EXPECT_EQ(ledger_->FindEvent(Provider::kStripe, EventId(id)).value().has_value(),
              fault == FaultyLedger::Fault::kAfterWrite);
  }
}

}  // namespace
}  // namespace dunlin::testing
