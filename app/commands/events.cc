#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "app/views.h"
#include "state/clock.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

Result<StoredEvent> Find(Ledger& ledger, const std::string& id) {
  for (const Provider provider : {Provider::kStripe, Provider::kAwsMarketplace}) {
    Result<std::optional<StoredEvent>> event = ledger.FindEvent(provider, EventId{id});
    if (!event) return tl::unexpected(std::move(event.error()));
    if (*event) return std::move(**event);
  }
  return Fail(Errc::kNotFound, "no event " + id + " is stored");
}

}  // namespace

int RunEventsList(const EventsListArguments& arguments) {
  EventFilter filter{.subscription = arguments.subscription, .type = arguments.type};
  if (!arguments.outcome.empty()) {
    filter.outcome = ParseEventOutcome(arguments.outcome);
    if (!filter.outcome) {
      return Complain(
          "--outcome must be waiting, applied, no_change, kept or unreadable, not \"" + arguments.outcome + "\"",
          kExitUsage);
    }
  }
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(arguments.on);
  if (!ledger) return Complain(ledger.error());
  const Result<Listing<StoredEvent>> listing = (*ledger)->Events(filter, {arguments.page.limit, arguments.page.cursor});
  if (!listing) return Complain(listing.error());
  Json views = Json::array();
  Table table({"RECEIVED", "ID", "TYPE", "SUBSCRIPTION", "OUTCOME", "DETAIL"});
  for (const StoredEvent& event : listing->items) {
    Json view = EventView(event, false);
    table.Add({TimeCell(event.received_at), event.id.str(), event.type, Cell(view, "subscription"),
               Cell(view, "outcome"), Cell(view, "detail")});
    views.push_back(std::move(view));
  }
  if (arguments.on.json) {
    PrintJson(ListAsJson("events", std::move(views), listing->next));
  } else {
    PrintList(table, "No event.", listing->next);
  }
  return kExitOk;
}

int RunEventsShow(const LedgerArguments& on, const std::string& id) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<StoredEvent> event = Find(**ledger, id);
  if (!event) return Complain(event.error());
  if (on.json) {
    PrintJson(EventView(*event, true));
    return kExitOk;
  }
  PrintFields(EventView(*event, false));
  Print(event->body.empty() ? "\nIts body was dropped (retain), or erased with its account.\n"
                            : "\n" + event->body + "\n");
  return kExitOk;
}

int RunEventsReplay(const LedgerArguments& on, const std::string& id) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<StoredEvent> event = Find(**ledger, id);
  if (!event) return Complain(event.error());
  // Kept at the door and never applied: it belongs to the other mode.
  if (event->outcome == EventOutcome::kKept && !event->applied_at) {
    return Complain("event " + id + " is not applied: " + event->detail, kExitNo);
  }
  if (event->body.empty()) {
    return Complain(
        "event " + id + " cannot be applied again: its body was dropped (retain), or erased with its account", kExitNo);
  }
  NewJob job;
  job.kind = JobKind::kApply;
  job.key = "replay/" + std::to_string(event->seq);  // asked for twice, it is applied once
  job.subject = event->subscription;
  job.due = SystemClock().Now();
  job.payload = "{}";
  job.created_at = job.due;
  job.event_seq = event->seq;
  job.on_same_key = OnSameKey::kReplace;
  Unit unit;
  unit.jobs.push_back(std::move(job));
  const Result<UnitResult> made = (*ledger)->Commit(std::move(unit));
  if (!made) return Complain(made.error());
  const std::string name = JobName(made->new_jobs.front().id);
  if (on.json) {
    PrintJson({{"job", name}});
  } else {
    Print(name + "\n");
  }
  return kExitOk;
}

}  // namespace dunlin
