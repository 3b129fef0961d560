#include "tests/workflows/trouble.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "tests/support/instrumented.h"

namespace dunlin::testing {
namespace {

constexpr int kPassesMax = 20;
constexpr int kPlacesMax = 200;
constexpr int kFew = kInstrumented ? 3 : 1;  // of the places, one in this many

// ---- How everything stands ---------------------------------------------------------------------------------------

void AddSubscription(std::ostream& out, World& world, const Subscription& s) {
  const Recovery& r = s.recovery;
  const auto time = [](const std::optional<Timestamp>& at) { return at ? FormatRfc3339(*at) : "never"; };
  out << "subscription " << s.id.str() << " of " << s.account.str() << ": " << StatusName(s.values.status) << " "
      << AccessName(s.values.access) << " " << s.values.plan << " paid until " << time(s.values.paid_until)
      << (s.dirty ? " in doubt" : "") << "\n  recovery " << RecoveryStateName(r.state) << " " << r.invoice.str()
      << " step " << r.next_step << " at " << time(r.next_attempt_at) << " " << r.open_attempt.str() << "\n";
  for (const InvoiceFact& i : s.facts.invoices) {
    out << "  invoice " << i.id.str() << " " << InvoiceStatusName(i.status) << " failed " << i.failures.size()
        << " times " << (i.decline ? i.decline->code : "") << " " << i.customer_email << "\n";
  }
  const std::vector<Attempt> attempts = world.Record(s.id.str()).attempts;
  for (const Attempt& a : attempts) {
    out << "  attempt " << a.key.str() << " " << AttemptKindName(a.kind) << " " << AttemptStateName(a.state) << " of "
        << a.invoice.str() << " " << a.decline.code << "\n";
  }
  const std::vector<TimelineRow> rows = *world.base->Timeline(s.id);
  for (const TimelineRow& row : rows) {
    out << "  " << FormatRfc3339(row.at) << " " << row.kind << " " << row.row << " " << row.by << ": " << row.reason
        << " " << row.next << "\n";
  }
  const std::vector<UsageHour> hours = *world.base->UsageOf(s.id, Timestamp{});
  for (const UsageHour& hour : hours) {
    out << "  usage " << hour.dimension << " " << FormatRfc3339(hour.hour) << " " << hour.quantity << " "
        << UsageStateName(hour.state) << " " << hour.meter.licence.str() << "\n";
  }
  out << "  usage without an hour " << world.base->TotalUsage(s.id)->unbooked.quantity << "\n";
}

void AddLedger(std::ostream& out, World& world) {
  const Listing<Subscription> subscriptions = *world.base->Subscriptions({}, {.limit = 1000});
  for (const Subscription& s : subscriptions.items) AddSubscription(out, world, s);
  const Listing<Job> jobs = *world.base->Jobs({}, {.limit = 1000});
  std::set<std::string> lines;
  for (const Job& job : jobs.items) {
    if (job.kind == JobKind::kAlert) continue;                  // that there was trouble may be told
    const bool numbered = LaneOf(job.kind) == Lane::kMessages;  // by the row's version
    lines.insert("job " + std::string(JobKindName(job.kind)) + " " +
                 (numbered ? job.key.substr(0, job.key.rfind('/')) : job.key) + " " + job.subject + " due " +
                 FormatRfc3339(job.due) + (job.state == JobState::kDead ? " dead" : "") + "\n");
  }
  const Listing<Alert> alerts = *world.base->Alerts({.limit = 1000});
  for (const Alert& alert : alerts.items) lines.insert("alert " + alert.key + ": " + alert.detail + "\n");
  const Listing<StoredEvent> events = *world.base->Events({}, {.limit = 1000});
  for (const StoredEvent& event : events.items) {
    lines.insert("event " + event.id.str() + " " + std::string(EventOutcomeName(event.outcome)) + " " + event.detail +
                 " of " + event.subscription + (event.body.empty() ? " without its body" : "") + "\n");
  }
  for (const std::string& line : lines) out << line;
}

// What went out and changes something there. The same key, or the same record, changes it once.
void AddOutside(std::ostream& out, UsageWorld& world) {
  std::map<std::string, std::set<std::string>> parameters;  // by call and key
  for (const ScriptedProvider::Call& call : world.provider.calls()) {
    if (!call.key.empty() && call.what != "list") parameters[call.what + " " + call.key].insert(call.parameters);
  }
  for (const auto& [call, all] : parameters)
    out << "call " << call << ", with " << all.size() << " set of parameters\n";
  for (const std::string& line : world.book.Read()) out << "metered " << line << "\n";
  for (const std::string& message : std::set(world.outbox.messages.begin(), world.outbox.messages.end()))
    out << "message " << message << "\n";
}

std::string StateOf(UsageWorld& world) {
  std::ostringstream out;
  AddLedger(out, world);
  AddOutside(out, world);
  std::string text = out.str();
  const std::string& instance = world.base->instance();  // each world has its own
  for (std::size_t at = text.find(instance); at != std::string::npos; at = text.find(instance, at))
    text.replace(at, instance.size(), "INSTANCE");
  return text;
}

// ---- Doing the work ----------------------------------------------------------------------------------------------

// What failed is due again now, as if it had not failed.
void Hurry(World& world) {
  Unit unit;
  const Listing<Job> jobs = *world.base->Jobs({.state = JobState::kReady}, {.limit = 1000});
  for (const Job& job : jobs.items) {
    if (job.tries > 0)
      unit.retries.push_back({.id = job.id, .due = world.clock.Now(), .count_try = false, .at = world.clock.Now()});
  }
  ASSERT_TRUE(world.base->Commit(std::move(unit)));
}

// Until it is asked for and nothing is due any more.
void DoTheWork(const Story& story, UsageWorld& world, const std::function<void()>& after_pass) {
  bool asked = !story.ask;
  for (int pass = 0; pass < kPassesMax; ++pass) {
    if (!asked) asked = story.ask(world, world.ledger).has_value();
    const int ran = world.RunDue(story.messages);
    after_pass();
    if (asked && ran == 0) return;
    Hurry(world);
  }
  ADD_FAILURE() << "it does not come to an end:\n" << StateOf(world);
}

// Another process on the same ledger, which has no trouble.
void DoTheWorkElsewhere(const Story& story, UsageWorld& world) {
  Engine& e = world.engine;
  Engine other{.ledger = *world.base,
               .provider = e.provider,
               .marketplace = e.marketplace,
               .clock = e.clock,
               .random = e.random,
               .policies = e.policies,
               .outbox = e.outbox,
               .observer = e.observer,
               .read = e.read,
               .ingest = e.ingest,
               .confirm_topic = e.confirm_topic};
  if (story.ask) {
    EXPECT_TRUE(story.ask(world, *world.base));
  }
  bool ran = true;
  for (int pass = 0; ran && pass < kPassesMax; ++pass) {
    ran = false;
    const std::vector<JobRef> due = *world.base->DueJobs(e.clock.Now(), 1000);
    for (const JobRef& job : due) {
      if (job.lane == Lane::kMessages && !story.messages) continue;
      ran = true;
      if (job.lane == Lane::kApply) {
        Applier(other).Run(std::span(&job.id, 1));
      } else {
        Effects(other).Run(job.id);
      }
    }
  }
}

// ---- Trouble -----------------------------------------------------------------------------------------------------

// Lets it strike at that place; tells whether it did.
using Struck = std::function<bool()>;

Struck InTheLedger(const Story& story, Trouble trouble, int place, UsageWorld& world) {
  using At = FaultyLedger::At;
  FaultyLedger& ledger = world.ledger;
  const auto silent = []() -> Status { return Fail(Errc::kUnavailable, "the ledger is away on purpose"); };
  const auto moved = []() -> Status { return Fail(Errc::kConflict, "a row has moved on purpose"); };
  if (trouble == Trouble::kLostAnswer) {
    const int before = ledger.commits();
    ledger.LoseCommit(place, FaultyLedger::Fault::kAfterWrite);
    return [&ledger, before, place] { return ledger.commits() - before >= place; };
  }
  if (trouble == Trouble::kNoAnswer) ledger.Disturb(At::kCall, place, false, silent);
  if (trouble == Trouble::kOutage) ledger.Disturb(At::kUnit, place, true, silent);
  if (trouble == Trouble::kConflict) ledger.Disturb(At::kCondition, place, false, moved);
  if (trouble == Trouble::kConflicts) ledger.Disturb(At::kCondition, place, true, moved);
  if (trouble == Trouble::kOvertaken) {
    ledger.Disturb(At::kCall, place, false, [&]() -> Status {
      DoTheWorkElsewhere(story, world);
      return {};
    });
  }
  return [&ledger] { return ledger.disturbed(); };
}

Struck Outside(Trouble trouble, int place, UsageWorld& world) {
  const auto calls = std::make_shared<int>(0);
  const auto strikes = [calls, place] { return ++*calls == place; };
  if (trouble == Trouble::kProviderSilent || trouble == Trouble::kProviderKey) {
    const Errc code = trouble == Trouble::kProviderSilent ? Errc::kUnavailable : Errc::kUnauthenticated;
    world.provider.fails = [=](const auto&) -> std::optional<Error> {
      if (!strikes()) return std::nullopt;
      return Error{code, "the provider fails on purpose"};
    };
  } else {
    const MarketplaceErrc code = trouble == Trouble::kMarketplaceBusy          ? MarketplaceErrc::kTemporary
                                 : trouble == Trouble::kMarketplaceCredentials ? MarketplaceErrc::kCredentials
                                                                               : MarketplaceErrc::kDisabled;
    world.marketplace.fails = [=] { return strikes() ? std::optional(code) : std::nullopt; };
  }
  return [calls, place] { return *calls >= place; };
}

bool IsOutside(Trouble trouble) { return trouble >= Trouble::kProviderSilent; }

}  // namespace

std::string TroubleName(Trouble trouble) {
  switch (trouble) {
    case Trouble::kNoAnswer: return "NoAnswer";
    case Trouble::kOutage: return "Outage";
    case Trouble::kLostAnswer: return "LostAnswer";
    case Trouble::kConflict: return "Conflict";
    case Trouble::kConflicts: return "Conflicts";
    case Trouble::kOvertaken: return "Overtaken";
    case Trouble::kProviderSilent: return "ProviderSilent";
    case Trouble::kProviderKey: return "ProviderKey";
    case Trouble::kMarketplaceBusy: return "MarketplaceBusy";
    case Trouble::kMarketplaceCredentials: return "MarketplaceCredentials";
    case Trouble::kMarketplaceDisabled: return "MarketplaceDisabled";
  }
  return "";
}

void ExpectTheSameEnd(const Story& story, Trouble trouble) {
  UsageWorld calm;
  story.before(calm);
  const int units = calm.ledger.commits();
  DoTheWork(story, calm, [] {});
  ASSERT_TRUE(story.ask || calm.ledger.commits() > units) << "there was nothing to do";
  const std::string expected = StateOf(calm);
  for (int place = 1;; place += kFew) {
    ASSERT_LT(place, kPlacesMax) << "it strikes for ever";
    SCOPED_TRACE("at place " + std::to_string(place));
    UsageWorld world;
    story.before(world);
    const Struck struck =
        IsOutside(trouble) ? Outside(trouble, place, world) : InTheLedger(story, trouble, place, world);
    DoTheWork(story, world, [&] {
      if (struck()) world.ledger.Calm();
    });
    if (!struck()) return;
    ASSERT_EQ(StateOf(world), expected);
  }
}

}  // namespace dunlin::testing
