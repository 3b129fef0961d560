// What every ledger does with the subscriptions and registrations of AWS Marketplace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/contract/ledger_contract.h"

namespace dunlin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MarketContract : public LedgerContract {};
DUNLIN_FOR_EACH_LEDGER(MarketContract);

Subscription Marketed(std::string id, std::int64_t version = 0) {
  Subscription s = MakeSubscription(std::move(id), "111122223333");
  s.provider = Provider::kAwsMarketplace;
  s.version = version;
  return s;
}

NewEvent OfAws(std::string id) {
  NewEvent event = MakeEvent(std::move(id));
  event.provider = Provider::kAwsMarketplace;
  return event;
}

Unit Link(std::string key, const char* subscription, bool binds = true) {
  Unit unit;
  unit.market_links = {{std::move(key), SubscriptionId(subscription), binds, kNoon}};
  return unit;
}

TEST_P(MarketContract, TheSameEventIdOfTwoProvidersIsTwoEvents) {
  EXPECT_THAT(Must(Accept(MakeEvent("1"))).stored, ElementsAre(true));
  EXPECT_THAT(Must(Accept(OfAws("1"))).stored, ElementsAre(true));
  EXPECT_THAT(Must(Accept(OfAws("1"))).stored, ElementsAre(false));
}

TEST_P(MarketContract, AnIdThatBindsBelongsToOneSubscriptionAlone) {
  Must(Link("l-1", "a"));
  Must(Link("l-1", "a"));  // again: nothing changes
  EXPECT_EQ(Refused(Link("l-1", "b")), Errc::kConflict);
  EXPECT_EQ(Refused(Link("l-1", "b", false)), Errc::kConflict);
  Must(Link("p/1", "a", false));
  Must(Link("p/1", "b", false));
  EXPECT_EQ(Refused(Link("p/1", "b", true)), Errc::kConflict);
  Must(Link("p/2", "a", false));
  Must(Link("p/2", "a", true));
  const std::vector<std::string> keys = {"l-1", "p/1", "p/2", "nowhere"};
  std::vector<std::string> found;
  const std::vector<MarketLink> links = ledger_->FindMarketLinks(keys).value();
  for (const MarketLink& l : links) found.push_back(l.key + " " + l.subscription.str() + (l.binds ? " binds" : ""));
  EXPECT_THAT(found, ElementsAre("l-1 a binds", "p/1 a", "p/1 b", "p/2 a binds"));
}

TEST_P(MarketContract, AnEventThatWaitsGetsOneJobWhenOneOfItsIdsIsLinked) {
  const UnitResult accepted = Must(Accept(OfAws("eb/1")));
  const std::int64_t seq = ledger_->FindEvent(Provider::kAwsMarketplace, EventId("eb/1")).value()->seq;
  Unit waits;
  waits.done = {accepted.new_jobs[0].id};
  waits.events = {{.seq = seq, .outcome = EventOutcome::kWaiting, .detail = "waits for its registration", .at = kNoon}};
  waits.orphans = {{seq, {"l-1", "agmt-1"}}};
  Must(std::move(waits));
  EXPECT_THAT(ledger_->Orphans(kNoon + 1ms, 10).value(), SizeIs(1));
  EXPECT_THAT(ledger_->Orphans(kNoon, 10).value(), IsEmpty());  // received at noon

  EXPECT_THAT(Must(Link("l-1", "a", false)).new_jobs, IsEmpty());  // it does not bind
  const UnitResult linked = Must(Link("l-1", "a"));
  ASSERT_THAT(linked.new_jobs, SizeIs(1));
  EXPECT_EQ(linked.new_jobs[0].due, kNoon);
  const std::vector<JobId> ids = {linked.new_jobs[0].id};
  EXPECT_EQ(ledger_->LoadWork(ids).value()[0].event->id, EventId("eb/1"));
  EXPECT_THAT(Must(Link("agmt-1", "a")).new_jobs, IsEmpty());  // it waits no longer
  EXPECT_THAT(ledger_->Orphans(kNoon + 1ms, 10).value(), IsEmpty());
}

TEST_P(MarketContract, AnEventDoesNotWaitForAnIdThatIsLinkedByNow) {
  Must(Accept(OfAws("eb/1")));
  Must(Link("p/1", "a", false));
  Unit waits;
  waits.orphans = {{1, {"l-1", "p/1"}}};
  Must(std::move(waits));
  Must(Link("agmt-1", "a"));
  Unit late;
  late.orphans = {{1, {"agmt-1"}}};
  EXPECT_EQ(Refused(std::move(late)), Errc::kConflict);
}

// A subscription with everything that follows its id.
Unit Furnished(const char* id) {
  Unit unit = Save(Marketed(id));
  unit.accept = {OfAws(std::string("sns-") + id)};
  unit.accept[0].subscription = id;
  TimelineRow row;
  row.subscription = SubscriptionId(id);
  row.at = kNoon;
  row.kind = "note";
  unit.timeline = {row};
  unit.jobs = {MakeJob(JobKind::kEntitlements, kNoon + 1h, std::string("entitlements/") + id)};
  unit.jobs[0].subject = id;
  unit.alerts = {{.key = std::string("unknown_plan/") + id, .kind = "unknown_plan", .subject = id, .raised_at = kNoon}};
  unit.market_links = {{id, SubscriptionId(id), true, kNoon}};
  return unit;
}

TEST_P(MarketContract, EverythingFollowsASubscriptionThatGoesByAnotherId) {
  Must(Furnished("l-1"));
  Unit unit = Save(Marketed("agmt-1", 1));
  unit.moves = {{.from = SubscriptionId("l-1"), .version = 1, .to = SubscriptionId("agmt-1")}};
  Must(std::move(unit));
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("l-1")).value());
  EXPECT_EQ(Stored("agmt-1").version, 2);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("agmt-1")).value(), SizeIs(1));
  EXPECT_THAT(ledger_->Events({.subscription = "agmt-1"}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Jobs({.subject = "agmt-1"}, {}).value().items, SizeIs(2));  // with that of the event
  const Job question = ledger_->Jobs({.kind = JobKind::kEntitlements}, {}).value().items[0];
  EXPECT_EQ(question.key, "entitlements/agmt-1");
  const Alert alert = ledger_->Alerts({}).value().items[0];
  EXPECT_EQ(alert.subject, "agmt-1");
  EXPECT_EQ(alert.key, "unknown_plan/agmt-1");
  const std::vector<std::string> keys = {"l-1"};
  EXPECT_EQ(ledger_->FindMarketLinks(keys).value()[0].subscription, SubscriptionId("agmt-1"));
}

TEST_P(MarketContract, AStaleOrOccupiedMoveChangesNothing) {
  Must(Furnished("l-1"));
  Must(Furnished("l-2"));
  const auto move = [](std::int64_t version, const char* to, bool joins) {
    Unit unit;
    unit.moves = {{.from = SubscriptionId("l-1"), .version = version, .to = SubscriptionId(to), .joins = joins}};
    return unit;
  };
  EXPECT_EQ(Refused(move(2, "agmt-1", false)), Errc::kConflict);
  EXPECT_EQ(Refused(move(1, "l-2", false)), Errc::kConflict);
  EXPECT_EQ(Refused(move(2, "l-2", true)), Errc::kConflict);
  EXPECT_EQ(Stored("l-1").version, 1);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("l-1")).value(), SizeIs(1));
}

TEST_P(MarketContract, TwoSubscriptionsThatAreOneShareWhatTheyHad) {
  Must(Furnished("l-1"));
  Must(Furnished("l-2"));
  Must(Link("p/1", "l-1", false));
  Must(Link("p/1", "l-2", false));
  Unit unit = Save(Marketed("l-1", 1));
  unit.moves = {{.from = SubscriptionId("l-2"), .version = 1, .to = SubscriptionId("l-1"), .joins = true}};
  Must(std::move(unit));
  EXPECT_FALSE(ledger_->LoadSubscription(SubscriptionId("l-2")).value());
  EXPECT_EQ(Stored("l-1").version, 2);
  EXPECT_THAT(ledger_->Timeline(SubscriptionId("l-1")).value(), SizeIs(2));
  EXPECT_THAT(ledger_->Jobs({.kind = JobKind::kEntitlements}, {}).value().items, SizeIs(1));
  EXPECT_THAT(ledger_->Alerts({}).value().items, SizeIs(1));
  const std::vector<std::string> keys = {"l-1", "l-2", "p/1"};
  const std::vector<MarketLink> links = ledger_->FindMarketLinks(keys).value();
  ASSERT_THAT(links, SizeIs(3));
  for (const MarketLink& link : links) EXPECT_EQ(link.subscription, SubscriptionId("l-1"));
}

TEST_P(MarketContract, ARegistrationsCodeIsClaimedByOneAccount) {
  Unit unit;
  unit.registrations = {{.code_hash = "abc",
                         .event = EventId("registration/1"),
                         .account = AccountId("111122223333"),
                         .created_at = kNoon,
                         .claimed_by = "",
                         .claimed_at = std::nullopt}};
  Must(unit);
  EXPECT_EQ(Refused(std::move(unit)), Errc::kConflict);
  const auto claim = [](const char* code, const char* account, Timestamp at) {
    Unit claims;
    claims.claims = {{code, account, at}};
    return claims;
  };
  EXPECT_EQ(Refused(claim("xyz", "acct_1", kNoon)), Errc::kConflict);
  EXPECT_EQ(ledger_->FindRegistration("abc").value()->claimed_by, "");
  Must(claim("abc", "acct_1", kNoon + 1h));
  Must(claim("abc", "acct_1", kNoon + 2h));  // again: nothing changes
  EXPECT_EQ(Refused(claim("abc", "acct_2", kNoon + 2h)), Errc::kConflict);
  const RegistrationCode code = ledger_->FindRegistration("abc").value().value();
  EXPECT_EQ(code.event, EventId("registration/1"));
  EXPECT_EQ(code.account, AccountId("111122223333"));
  EXPECT_EQ(code.claimed_by, "acct_1");
  EXPECT_EQ(code.claimed_at, kNoon + 1h);
  EXPECT_FALSE(ledger_->FindRegistration("xyz").value());
}

TEST_P(MarketContract, ARegistrationWhoseCodeIsTakenFailsAloneAndTakesItsEventBack) {
  const auto registration = [](const char* event) {
    Unit unit = Accept(MakeEvent(event));
    unit.registrations = {{.code_hash = "abc",
                           .event = EventId(event),
                           .account = AccountId("111122223333"),
                           .created_at = kNoon,
                           .claimed_by = "",
                           .claimed_at = std::nullopt}};
    return unit;
  };
  Must(registration("registration/1"));
  std::vector<Unit> units;
  units.push_back(Accept(MakeEvent("evt_1")));
  units.push_back(registration("registration/2"));
  const auto results = ledger_->CommitAll(std::move(units));
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().code, Errc::kConflict);
  EXPECT_FALSE(ledger_->FindEvent(Provider::kStripe, EventId("registration/2")).value());
}

TEST_P(MarketContract, SubscriptionsAreListedByTheirProvider) {
  Must(Save(MakeSubscription("sub_1")));
  Must(Save(Marketed("l-1")));
  const auto listed = ledger_->Subscriptions({.provider = Provider::kAwsMarketplace}, {}).value().items;
  ASSERT_THAT(listed, SizeIs(1));
  EXPECT_EQ(listed[0].id, SubscriptionId("l-1"));
}

}  // namespace
}  // namespace dunlin::testing
