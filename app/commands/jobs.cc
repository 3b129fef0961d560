#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "app/views.h"
#include "state/clock.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

Result<JobFilter> FilterOf(const JobsListArguments& arguments) {
  JobFilter filter{.subject = arguments.subject};
  if (!arguments.kind.empty()) {
    filter.kind = ParseJobKind(arguments.kind);
    if (!filter.kind) return Fail(Errc::kInvalidArgument, "--kind: there is no kind of job \"" + arguments.kind + "\"");
  }
  if (arguments.state == "ready") {
    filter.state = JobState::kReady;
  } else if (arguments.state == "dead") {
    filter.state = JobState::kDead;
  } else if (!arguments.state.empty()) {
    return Fail(Errc::kInvalidArgument, "--state must be ready or dead, not \"" + arguments.state + "\"");
  }
  return filter;
}

// What is known of a job: the job, or, once it is done and gone, the attempt it made.
Result<Json> Look(Ledger& ledger, JobId id) {
  const Result<std::optional<Job>> job = ledger.FindJob(id);
  if (!job) return tl::unexpected(job.error());
  const Result<std::optional<Attempt>> attempt = ledger.FindAttemptOfJob(id);
  if (!attempt) return tl::unexpected(attempt.error());
  if (*job) return JobView(**job, *attempt);
  if (!*attempt) return Fail(Errc::kNotFound, JobName(id) + " is not there: it is done, or never was");
  return Json{{"id", JobName(id)},
              {"kind", JobKindName(JobKind::kCharge)},
              {"state", "done"},
              {"outcome", AttemptStateName((*attempt)->state)},
              {"attempt", AttemptView(**attempt)}};
}

// A dead one gets back all its patience.
Unit Requeue(const Job& job, Timestamp now) {
  Unit unit;
  unit.retries.push_back({.id = job.id, .due = now, .state = JobState::kReady, .count_try = false, .at = now});
  return unit;
}

}  // namespace

int RunJobsList(const JobsListArguments& arguments) {
  const Result<JobFilter> filter = FilterOf(arguments);
  if (!filter) return Complain(filter.error());
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(arguments.on);
  if (!ledger) return Complain(ledger.error());
  const Result<Listing<Job>> listing = (*ledger)->Jobs(*filter, {arguments.page.limit, arguments.page.cursor});
  if (!listing) return Complain(listing.error());
  Json views = Json::array();
  Table table({"ID", "KIND", "DUE", "STATE", "TRIES", "SUBSCRIPTION", "LAST ERROR"});
  for (const Job& job : listing->items) {
    const Result<std::optional<Attempt>> attempt = (*ledger)->FindAttemptOfJob(job.id);
    if (!attempt) return Complain(attempt.error());
    Json view = JobView(job, *attempt);
    table.Add({JobName(job.id), Cell(view, "kind"), TimeCell(job.due), Cell(view, "state"), std::to_string(job.tries),
               job.subject.empty() ? "-" : job.subject, job.last_error.empty() ? "-" : job.last_error});
    views.push_back(std::move(view));
  }
  if (arguments.on.json) {
    PrintJson(ListAsJson("jobs", std::move(views), listing->next));
  } else {
    PrintList(table, "No job.", listing->next);
  }
  return kExitOk;
}

int RunJobsShow(const LedgerArguments& on, const std::string& id) {
  const Result<JobId> name = ParseJobName(id);
  if (!name) return Complain(name.error());
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<Json> view = Look(**ledger, *name);
  if (!view) return Complain(view.error());
  if (on.json) {
    PrintJson(*view);
  } else {
    PrintFields(*view);
  }
  return kExitOk;
}

int RunJobsRequeue(const LedgerArguments& on, const std::string& id) {
  const Result<JobId> name = ParseJobName(id);
  if (!name) return Complain(name.error());
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<std::optional<Job>> job = (*ledger)->FindJob(*name);
  if (!job) return Complain(job.error());
  if (!*job) return Complain(JobName(*name) + " is not there: it is done, or never was", kExitNo);
  // An attempt has its time for a reason: the schedule, the networks' limits. `subscriptions retry` asks for one.
  if ((*job)->kind == JobKind::kCharge && (*job)->state == JobState::kReady) {
    return Complain("a charge keeps its date; ask for one now with: dunlin subscriptions retry", kExitNo);
  }
  const Result<UnitResult> done = (*ledger)->Commit(Requeue(**job, SystemClock().Now()));
  if (!done) return Complain(done.error());
  if (on.json) {
    PrintJson({{"job", JobName(*name)}});
  } else {
    Print(JobName(*name) + "\n");
  }
  return kExitOk;
}

}  // namespace dunlin
