// What every ledger does with a unit, whatever it holds: all of it is written or nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/contract/ledger_contract.h"
#include "tests/support/usage_values.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;

// What comes with an event, by its name.
struct Part {
  std::string name;
  Unit unit;
  Errc refused = Errc::kConflict;
};
template <class F>
Part With(const char* name, F&& fill, Errc refused = Errc::kConflict) {
  Part part{name, {}, refused};
  fill(part.unit);
  return part;
}

class UnitContract : public LedgerContract {
 protected:
  bool Has(const std::string& event) {
    return ledger_->FindEvent(Provider::kStripe, EventId(event)).value().has_value();
  }
};
DUNLIN_FOR_EACH_LEDGER(UnitContract);

// What a ledger of SetUpFor cannot take.
std::vector<Part> PartsThatAreRefused() {
  constexpr Errc kInvalid = Errc::kInvalidArgument;
  const RegistrationCode code{"hash", EventId("registration/1"), AccountId("1"), kNoon, "", std::nullopt};
  return {
      With("done", [](Unit& u) { u.done = {JobId{999}}; }),
      With("moves", [](Unit& u) { u.moves = {{.from = SubscriptionId("no"), .to = SubscriptionId("a")}}; }),
      With("save", [](Unit& u) { u.save = {MakeSubscription("sub_1")}; }),
      With("events", [](Unit& u) { u.events = {{.seq = 999}}; }),
      With("open_attempts", [](Unit& u) { u.open_attempts = {MakeAttempt("k/2")}; }),
      With("close_attempts", [](Unit& u) { u.close_attempts = {MakeAttempt("no")}; }),
      With("annotate_attempts", [](Unit& u) { u.annotate_attempts = {MakeAttempt("no")}; }),
      With(
          "timeline", [](Unit& u) { u.timeline = {{.subscription = SubscriptionId("a"), .kind = ""}}; }, kInvalid),
      With(
          "jobs", [](Unit& u) { u.jobs = {MakeJob(JobKind::kApply, kNoon)}; }, kInvalid),
      With("retries", [](Unit& u) { u.retries = {{.id = JobId{999}}}; }),
      With(
          "aliases",
          [](Unit& u) {
            u.aliases = {{"", AccountId("a")}};
          },
          kInvalid),
      With(
          "links",
          [](Unit& u) {
            u.links = {{"pi_1", InvoiceId(""), SubscriptionId("")}};
          },
          kInvalid),
      With(
          "alerts", [](Unit& u) { u.alerts = {{.key = "", .kind = "k"}}; }, kInvalid),
      With("replies", [](Unit& u) { u.replies = {{.key = "given"}}; }),
      With(
          "tokens", [](Unit& u) { u.tokens = {{.id = "", .hash = "h"}}; }, kInvalid),
      With("market_links",
           [](Unit& u) {
             u.market_links = {{"l-1", SubscriptionId("b"), true, kNoon}};
           }),
      With("orphans",
           [](Unit& u) {
             u.orphans = {{1, {"l-1"}}};
           }),
      With("registrations", [&](Unit& u) { u.registrations = {code}; }),
      With("claims",
           [](Unit& u) {
             u.claims = {{"no", "a", kNoon}};
           }),
      With("usage", [](Unit& u) { u.usage = {MakeBooking("k1", kNoon)}; }),
      With("usage_shifts",
           [](Unit& u) {
             u.usage_shifts = {{999, 1, kNoon, OfLicenceOne()}};
           }),
      With("freeze", [](Unit& u) { u.freeze = {MakeFrozen(MakeHour(kNoon))}; }),
      With("usage_results",
           [](Unit& u) {
             u.usage_results = {{999, UsageState::kSent, kNoon, "", ""}};
           }),
  };
}

TEST_P(UnitContract, AnEventWhoseCompanyIsRefusedIsNotStoredAndItsNeighboursAre) {
  Unit before = Save(MakeSubscription("sub_1"));
  before.open_attempts = {MakeAttempt("k/1")};
  before.replies = {{.key = "given"}};
  before.market_links = {{"l-1", SubscriptionId("a"), true, kNoon}};
  before.registrations = {{"hash", EventId("registration/1"), AccountId("1"), kNoon, "", std::nullopt}};
  before.freeze = {MakeFrozen(MakeHour(kNoon))};
  Must(before);
  for (const Part& part : PartsThatAreRefused()) {
    Unit together = part.unit;
    together.accept = {MakeEvent("with/" + part.name)};
    const auto results = ledger_->CommitAll(
        {Accept(MakeEvent("before/" + part.name)), together, Accept(MakeEvent("after/" + part.name))});
    ASSERT_FALSE(results[1]) << part.name;
    EXPECT_EQ(results[1].error().code, part.refused) << part.name << ": " << results[1].error().detail;
    EXPECT_FALSE(Has("with/" + part.name)) << part.name;
    EXPECT_TRUE(Has("before/" + part.name) && Has("after/" + part.name)) << part.name;
  }
}

TEST_P(UnitContract, WhatAnEventLetsGoOfIsGoneWithIt) {
  Unit before = Save(MakeSubscription("sub_1"));
  before.accept = {MakeEvent("old", "body")};
  before.accept[0].outcome = EventOutcome::kKept;
  before.jobs = {MakeJob(JobKind::kCharge, kNoon, "charge/1")};
  before.alerts = {{.key = "open", .kind = "k"}};
  before.replies = {{.key = "given", .at = kNoon}};
  before.aliases = {{"team", AccountId("cus_1")}};
  const JobId job = Must(before).new_jobs[0].id;
  const std::vector<std::pair<Part, std::function<bool()>>> parts = {
      {With("drop_jobs", [](Unit& u) { u.drop_jobs = {"charge/1"}; }), [&] { return !ledger_->FindJob(job).value(); }},
      {With("settle_alerts", [](Unit& u) { u.settle_alerts = {"open"}; }),
       [&] { return ledger_->Alerts({})->items.empty(); }},
      {With("drop_bodies", [](Unit& u) { u.drop_bodies = {.received_before = kNoon + 1s, .naming = {}}; }),
       [&] { return ledger_->FindEvent(Provider::kStripe, EventId("old")).value()->body.empty(); }},
      {With("expire", [](Unit& u) { u.expire = {.replies_before = kNoon + 1s}; }),
       [&] { return !ledger_->FindReply("given").value(); }},
      {With("erase", [](Unit& u) { u.erase = AccountId("cus_1"); }),
       [&] { return ledger_->ResolveAccount("team")->empty(); }},
  };
  for (const auto& [part, gone] : parts) {
    EXPECT_FALSE(gone()) << part.name;
    Unit together = part.unit;
    together.accept = {MakeEvent("with/" + part.name)};
    EXPECT_THAT(Must(together).stored, ElementsAre(true)) << part.name;
    EXPECT_TRUE(gone()) << part.name;
  }
}

// The senders get an answer for which they send it again, and the others' events come with the next commit.
TEST_P(UnitContract, AnEventThatCannotBeStoredFailsItsCommitAndIsNotKept) {
  const auto refused = ledger_->Commit(Accept(MakeEvent("")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnavailable);
  EXPECT_THAT(refused.error().detail, ::testing::HasSubstr("an event could not be stored"));
  EXPECT_THAT(Must(Accept(MakeEvent("evt_1"))).stored, ElementsAre(true));
}

TEST_P(UnitContract, EventsThatAreTooMuchForOneCommitShareSeveral) {
  int commits = 0;
  ledger_->OnNewJobs([&](const std::vector<JobRef>&) { ++commits; });  // once for each
  const auto results = ledger_->CommitAll(
      {Accept(MakeEvent("evt_1", std::string(16 << 20, 'x'))), Accept(MakeEvent("evt_2")), Accept(MakeEvent("evt_3"))});
  ASSERT_TRUE(ledger_->CheckWritable());
  ledger_->OnNewJobs(nullptr);
  for (const auto& result : results) EXPECT_TRUE(result);
  EXPECT_EQ(commits, 2);
  EXPECT_TRUE(Has("evt_1") && Has("evt_2") && Has("evt_3"));
}

TEST_P(UnitContract, AReplyNamesTheFirstJobThatItsUnitMade) {
  const std::string asks = "{\"job\":\"" + std::string(kJobInReply) + "\"}";
  Unit made = Add(MakeJob(JobKind::kCharge, kNoon));
  made.replies = {{.key = "made", .body = asks}};
  const std::int64_t job = ToInt(Must(made).new_jobs[0].id);
  EXPECT_EQ(ledger_->FindReply("made").value()->body, "{\"job\":\"" + std::to_string(job) + "\"}");
  Unit none;
  none.replies = {{.key = "none", .body = asks}};
  Must(none);
  EXPECT_EQ(ledger_->FindReply("none").value()->body, asks) << "there is no job to name";
}

// ---- Lists -------------------------------------------------------------------------------------------------------

TEST_P(UnitContract, ACursorOfAnotherListIsRefused) {
  const auto events = [&](const Page& page) { return ledger_->Events({}, page).map([](const auto&) {}); };
  const auto jobs = [&](const Page& page) { return ledger_->Jobs({}, page).map([](const auto&) {}); };
  const auto alerts = [&](const Page& page) { return ledger_->Alerts(page).map([](const auto&) {}); };
  const auto hours = [&](const Page& page) {
    return ledger_->UsageHours(SubscriptionId("l-01"), page).map([](const auto&) {});
  };
  using List = std::function<Status(const Page&)>;
  for (const List& of_one_number : {List(events), List(alerts)}) {
    EXPECT_TRUE(of_one_number({.cursor = "7"}));
    for (const char* cursor : {"x", "7x", "7.", "7.1", " 7", "99999999999999999999"}) {
      const Status read = of_one_number({.cursor = cursor});
      ASSERT_FALSE(read) << cursor;
      EXPECT_EQ(read.error().code, Errc::kInvalidArgument) << cursor;
    }
  }
  for (const List& of_two_numbers : {List(jobs), List(hours)}) {
    EXPECT_TRUE(of_two_numbers({.cursor = "1795262400000.7"}));
    for (const char* cursor : {"x", "7", "7.", ".7", "7x7", "7.x", "7.7x", "7.7.7"}) {
      const Status read = of_two_numbers({.cursor = cursor});
      ASSERT_FALSE(read) << cursor;
      EXPECT_EQ(read.error().code, Errc::kInvalidArgument) << cursor;
    }
  }
}

TEST_P(UnitContract, AlertPagesComeNewestFirstWithoutWhatIsSettled) {
  Unit raise;
  for (const char* key : {"a", "b", "c", "d"}) raise.alerts.push_back({.key = key, .kind = "k", .raised_at = kNoon});
  Must(raise);
  Unit settle;
  settle.settle_alerts = {"b"};
  Must(settle);
  const auto first = ledger_->Alerts({.limit = 2}).value();
  std::vector<std::string> keys;
  for (const Alert& alert : first.items) keys.push_back(alert.key);
  EXPECT_THAT(keys, ElementsAre("d", "c"));
  const auto second = ledger_->Alerts({.limit = 2, .cursor = first.next}).value();
  ASSERT_THAT(second.items, ::testing::SizeIs(1));
  EXPECT_EQ(second.items[0].key, "a");
  EXPECT_EQ(second.next, "");
}

}  // namespace
}  // namespace dunlin::testing
