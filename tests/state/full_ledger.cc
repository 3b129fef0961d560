#include "tests/state/full_ledger.h"

#include <gtest/gtest.h>

#include <utility>

#include "state/ledger/db.h"
#include "tests/support/usage_values.h"

namespace dunlin::testing {
namespace {

const SubscriptionId kMetered{"l-01"};

NamedWrite Writes(std::string name, Unit unit) {
  return {std::move(name), [unit = std::move(unit)](Ledger& ledger) -> Status {
            const Result<UnitResult> done = ledger.Commit(unit);
            if (!done) return tl::unexpected(done.error());
            return {};
          }};
}

Subscription Marketed(const char* id) {
  Subscription s = Metered(Registered("", "l-01"));
  s.id = SubscriptionId{id};
  return s;
}

NewJob Keyed(NewJob job, OnSameKey on_same_key, const char* payload) {
  job.on_same_key = on_same_key;
  job.payload = payload;
  return job;
}

// Events 1 to 4, of which 1 is applied and 2 and 3 wait for their registration.
void AddEvents(std::vector<NamedWrite>& all) {
  Unit events = Accept(MakeEvent("evt_1", R"({"customer":"cus_1"})"));
  events.accept[0].subscription = "sub_1";
  events.accept.push_back(MakeEvent("evt_2"));
  events.accept[1].outcome = EventOutcome::kKept;
  events.accept.push_back(MakeEvent("eb/1"));
  events.accept[2].provider = Provider::kAwsMarketplace;
  all.push_back(Writes("events", events));
  all.push_back(Writes("one event", Accept(MakeEvent("evt_3"))));
  Unit filed;
  filed.done = {JobId{1}};
  filed.events = {{.seq = 1, .outcome = EventOutcome::kApplied, .subscription = "sub_1", .at = kNoon}};
  all.push_back(Writes("a filed event", filed));
  Unit orphans;
  orphans.orphans = {{3, {"l-9", "agmt-9"}}, {2, {"l-8"}}};
  all.push_back(Writes("orphans", orphans));
}

void AddSubscriptions(std::vector<NamedWrite>& all) {
  Unit subscriptions;
  subscriptions.save = {MakeSubscription("sub_1"), MakeSubscription("sub_9", "cus_9"), Marketed("l-01"),
                        Marketed("l-02"), Marketed("prod1/c1")};
  all.push_back(Writes("subscriptions", subscriptions));
  Subscription again = MakeSubscription("sub_1");
  again.version = 1;
  all.push_back(Writes("a subscription again", Save(again)));
  Unit renamed;
  renamed.moves = {{.from = SubscriptionId("l-02"), .version = 1, .to = SubscriptionId("agmt-2")}};
  all.push_back(Writes("another id", renamed));
  Unit joined;
  joined.moves = {{.from = SubscriptionId("prod1/c1"), .version = 1, .to = SubscriptionId("agmt-2"), .joins = true}};
  all.push_back(Writes("two that are one", joined));
  Unit timeline;
  timeline.timeline = {{.subscription = SubscriptionId("sub_1"),
                        .at = kNoon,
                        .kind = "change",
                        .status_from = SubscriptionStatus::kActive,
                        .status_to = SubscriptionStatus::kCanceled,
                        .access_from = Access::kGranted,
                        .access_to = Access::kRevoked}};
  all.push_back(Writes("a timeline", timeline));
}

void AddAttempts(std::vector<NamedWrite>& all) {
  Unit opened;
  opened.open_attempts = {MakeAttempt("k/1")};
  all.push_back(Writes("an attempt", opened));
  Attempt over = MakeAttempt("k/1");
  over.state = AttemptState::kDeclined;
  over.finished_at = kNoon;
  Unit closed;
  closed.close_attempts = {over};
  closed.open_attempts = {MakeAttempt("k/2")};
  all.push_back(Writes("an attempt after another", closed));
  over.decline.code = "lost_card";
  Unit annotated;
  annotated.annotate_attempts = {over};
  all.push_back(Writes("an annotation", annotated));
}

// Jobs 4 (a charge), 5 (dead) and 8 (a message that replaced 6); 7 is dropped again.
void AddJobs(std::vector<NamedWrite>& all) {
  Unit jobs;
  jobs.jobs = {MakeJob(JobKind::kCharge, kNoon, "charge/1"), MakeJob(JobKind::kRefetch, kNoon),
               MakeJob(JobKind::kMail, kNoon, "mail/1"), MakeJob(JobKind::kMail, kNoon, "mail/2")};
  all.push_back(Writes("jobs", jobs));
  Unit failed;
  failed.retries = {{.id = JobId{6}, .due = kNoon + 10s, .error = "no answer"}};
  all.push_back(Writes("a failed job", failed));
  Unit dead;
  dead.retries = {{.id = JobId{4}, .due = kNoon, .state = JobState::kDead},
                  {.id = JobId{5}, .due = kNoon, .state = JobState::kDead}};
  all.push_back(Writes("dead jobs", dead));
  NewJob charge = MakeJob(JobKind::kCharge, kNoon + 1h, "charge/1");
  all.push_back(Writes("a job that is woken", Add(Keyed(charge, OnSameKey::kKeep, "{}"))));
  all.push_back(Writes("a job that is moved", Add(Keyed(charge, OnSameKey::kReplace, R"({"n":2})"))));
  NewJob mail = MakeJob(JobKind::kMail, kNoon + 1h, "mail/1");
  all.push_back(Writes("a message that is replaced", Add(Keyed(mail, OnSameKey::kReplace, R"({"n":2})"))));
  Unit dropped;
  dropped.drop_jobs = {"mail/2"};
  all.push_back(Writes("a dropped job", dropped));
}

void AddTheRest(std::vector<NamedWrite>& all) {
  Unit aliases;
  aliases.aliases = {{"team", AccountId("cus_1")}, {"robin", AccountId("cus_9")}};
  all.push_back(Writes("aliases", aliases));
  Unit links;
  links.links = {{"pi_1", InvoiceId("in_1"), SubscriptionId("sub_1")}};
  all.push_back(Writes("a payment", links));
  Unit alerts;
  alerts.alerts = {{"two_owners/1", "two_owners", "sub_1", "text", kNoon, "{}"},
                   {"dead_job/1", "dead_job", "", "text", kNoon, ""}};
  all.push_back(Writes("alerts", alerts));
  Unit settled;
  settled.settle_alerts = {"dead_job/1"};
  all.push_back(Writes("a settled alert", settled));
  Unit replies;
  replies.replies = {{"old", "hash", 202, "{}", kNoon}, {"new", "hash", 202, "{}", kNoon + 2h}};
  all.push_back(Writes("replies", replies));
  Unit tokens;
  tokens.tokens = {{"tok_1", "hash_1", Role::kSupport, "ann", kNoon, std::nullopt, std::nullopt}};
  all.push_back(Writes("a token", tokens));
  Unit linked;
  linked.market_links = {{"l-9", kMetered, true, kNoon}};
  all.push_back(Writes("a link that wakes an event", linked));
  Unit registered;
  registered.registrations = {{"hash_1", EventId("registration/1"), AccountId("1"), kNoon, "", std::nullopt}};
  all.push_back(Writes("a registration", registered));
  Unit claimed;
  claimed.claims = {{"hash_1", "team", kNoon}};
  all.push_back(Writes("a claim", claimed));
  all.push_back({"a policy", [](Ledger& ledger) { return ledger.KeepPolicy(1, "text"); }});
}

// Hour 1 is sent, 3 is frozen with what was booked on 2 too, the last one is open.
void AddUsage(std::vector<NamedWrite>& all) {
  Unit idle;
  idle.freeze = {MakeFrozen(MakeHour(kNoon - 2h))};
  all.push_back(Writes("an idle hour", idle));
  Unit booked;
  booked.usage = {MakeBooking("k1", kNoon, 7), MakeBooking("k2", kNoon + 1h, 2), MakeBooking("k3", std::nullopt)};
  all.push_back(Writes("usage", booked));
  Unit shifted;
  shifted.usage_shifts = {{2, 7, kNoon + 1h, OfLicenceOne()}};
  all.push_back(Writes("shifted usage", shifted));
  Unit frozen;
  frozen.freeze = {MakeFrozen(MakeHour(kNoon + 1h, 9))};
  frozen.freeze[0].id = 3;
  all.push_back(Writes("frozen usage", frozen));
  Unit settled;
  settled.usage_results = {{1, UsageState::kSent, kNoon, "record", ""}};
  all.push_back(Writes("sent usage", settled));
  Unit open;
  open.usage = {MakeBooking("k4", kNoon + 3h)};
  all.push_back(Writes("more usage", open));
}

void AddKeeping(std::vector<NamedWrite>& all) {
  Unit dropped;
  dropped.drop_bodies = BodyDrop{.received_before = kNoon + 1h, .naming = {}};
  all.push_back(Writes("dropped bodies", dropped));
  Unit expired;
  expired.expire = Expiry{.replies_before = kNoon + 1h, .alerts_before = kNoon + 1h};
  all.push_back(Writes("what expires", expired));
  Unit erased;
  erased.erase = AccountId("cus_9");
  all.push_back(Writes("an erased account", erased));
}

template <class T>
std::size_t CountOf(const std::vector<T>& found) {
  return found.size();
}
template <class T>
std::size_t CountOf(const std::optional<T>& found) {
  return found ? 1 : 0;
}
template <class T>
std::size_t CountOf(const Listing<T>& found) {
  return found.items.size();
}
std::size_t CountOf(const UsageTotals& found) {
  return static_cast<std::size_t>(found.open.records + found.frozen.records + found.sent.records +
                                  found.unbooked.records);
}
std::size_t CountOf(const UsageBacklog& found) { return static_cast<std::size_t>(found.frozen); }
std::size_t CountOf(const Backlog& found) { return static_cast<std::size_t>(found.waiting + found.dead); }

template <class F>
NamedRead Reads(std::string name, F read) {
  return {std::move(name), [read](Ledger& ledger) -> Result<std::size_t> {
            const auto found = read(ledger);
            if (!found) return tl::unexpected(found.error());
            return CountOf(*found);
          }};
}

void AddReadsOfWork(std::vector<NamedRead>& all) {
  all.push_back(Reads("DueJobs", [](Ledger& l) { return l.DueJobs(kNoon + 48h, 100); }));
  all.push_back(Reads("LoadWork", [](Ledger& l) { return l.LoadWork(std::vector{JobId{3}, JobId{4}}); }));
  all.push_back(Reads("LoadSubscription", [](Ledger& l) { return l.LoadSubscription(SubscriptionId("sub_1")); }));
  all.push_back(Reads("SubscriptionsOf", [](Ledger& l) { return l.SubscriptionsOf(AccountId("cus_1")); }));
  all.push_back(Reads("FindAttempt", [](Ledger& l) { return l.FindAttempt(AttemptKey("k/1")); }));
  all.push_back(Reads("FindAttemptOfJob", [](Ledger& l) { return l.FindAttemptOfJob(JobId{7}); }));
  all.push_back(Reads("FindPayment", [](Ledger& l) { return l.FindPayment("pi_1"); }));
  all.push_back(Reads("SubscriptionOfInvoice", [](Ledger& l) { return l.SubscriptionOfInvoice(InvoiceId("in_1")); }));
  all.push_back(Reads("NewestEvent", [](Ledger& l) { return l.NewestEvent(Provider::kStripe); }));
  all.push_back(Reads("FindMarketLinks", [](Ledger& l) { return l.FindMarketLinks(std::vector<std::string>{"l-9"}); }));
  all.push_back(Reads("FindRegistration", [](Ledger& l) { return l.FindRegistration("hash_1"); }));
  all.push_back(Reads("Orphans", [](Ledger& l) { return l.Orphans(kNoon + 1h, 10); }));
}

void AddReadsOfUsage(std::vector<NamedRead>& all) {
  all.push_back(Reads("UsageOf", [](Ledger& l) { return l.UsageOf(kMetered, kNoon - 48h); }));
  all.push_back(Reads("FrozenUsage", [](Ledger& l) { return l.FrozenUsage("meter/1"); }));
  all.push_back(Reads("FindUsage", [](Ledger& l) { return l.FindUsage(AccountId("1"), "k1"); }));
  all.push_back(Reads("TotalUsage", [](Ledger& l) { return l.TotalUsage(kMetered); }));
  all.push_back(Reads("CountUsageBacklog", [](Ledger& l) { return l.CountUsageBacklog(); }));
  all.push_back(Reads("UsageHours", [](Ledger& l) { return l.UsageHours(kMetered, {}); }));
}

void AddReadsForPeople(std::vector<NamedRead>& all) {
  all.push_back(Reads("ResolveAccount", [](Ledger& l) { return l.ResolveAccount("team"); }));
  all.push_back(Reads("Subscriptions", [](Ledger& l) { return l.Subscriptions({}, {}); }));
  all.push_back(Reads("Timeline", [](Ledger& l) { return l.Timeline(SubscriptionId("sub_1")); }));
  all.push_back(Reads("Events", [](Ledger& l) { return l.Events({}, {}); }));
  all.push_back(Reads("FindEvent", [](Ledger& l) { return l.FindEvent(Provider::kStripe, EventId("evt_1")); }));
  all.push_back(Reads("Jobs", [](Ledger& l) { return l.Jobs({}, {}); }));
  all.push_back(Reads("FindJob", [](Ledger& l) { return l.FindJob(JobId{4}); }));
  all.push_back(Reads("Alerts", [](Ledger& l) { return l.Alerts({}); }));
  all.push_back(Reads("CountBacklog", [](Ledger& l) { return l.CountBacklog(kNoon); }));
  all.push_back(Reads("FindReply", [](Ledger& l) { return l.FindReply("new"); }));
  all.push_back(Reads("FindToken", [](Ledger& l) { return l.FindToken("hash_1"); }));
  all.push_back(Reads("Tokens", [](Ledger& l) { return l.Tokens(); }));
  all.push_back(Reads("Policies", [](Ledger& l) { return l.Policies(); }));
}

}  // namespace

std::vector<NamedWrite> WritesOfEveryKind() {
  std::vector<NamedWrite> all;
  AddEvents(all);
  AddSubscriptions(all);
  AddAttempts(all);
  AddJobs(all);
  AddTheRest(all);
  AddUsage(all);
  AddKeeping(all);
  return all;
}

std::vector<NamedRead> ReadsOfEveryKind() {
  std::vector<NamedRead> all;
  AddReadsOfWork(all);
  AddReadsOfUsage(all);
  AddReadsForPeople(all);
  return all;
}

void Fill(Ledger& ledger) {
  for (const NamedWrite& one : WritesOfEveryKind()) {
    const Status done = one.write(ledger);
    ASSERT_TRUE(done) << one.name << ": " << done.error().detail;
  }
}

std::string Dump(const std::string& path) {
  const auto connection = std::move(*db::Connection::Open(path, 1000));
  std::vector<std::string> tables;
  db::Statement names(*connection, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", "", "t");
  EXPECT_TRUE(names.Each([&](db::Statement& row) -> Status {
    tables.push_back(row.TakeText());
    return {};
  }));
  std::string text;
  for (const std::string& table : tables) {
    const std::string row = connection
                                ->Text(
                                    "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') "
                                    "FROM pragma_table_info('" +
                                    table + "')")
                                .value();
    text += table + "\n" +
            connection
                ->Text("SELECT coalesce(group_concat(row, char(10)), '') FROM (SELECT " + row + " AS row FROM " +
                       table + " ORDER BY 1)")
                .value() +
            "\n";
  }
  return text;
}

}  // namespace dunlin::testing
