// The jobs' own functions, one file each. A failure is tried again by the retry rule; success has committed.
#pragma once

#include <functional>
#include <optional>

#include "workflows/decide.h"
#include "workflows/engine.h"

namespace dunlin::effects {

// What became of a job: finished (its end is committed), or an error to try again after.
struct TryLater {
  Error error;
  Millis at_least{0};
  bool count = true;  // false: not a failure, only not yet; the job's failures so far are forgotten
  // For a job that may not be given up: what people are told instead. It goes on, once an hour.
  std::optional<Alert> instead_of_dying = {};
};
using Outcome = std::optional<TryLater>;  // nullopt: finished

Outcome Charge(Engine& engine, const Job& job);
Outcome TakeOver(Engine& engine, const Job& job);
Outcome Cancel(Engine& engine, const Job& job);
Outcome RefetchSubscription(Engine& engine, const Job& job);
Outcome CheckPeriod(Engine& engine, const Job& job);
Outcome FetchInvoice(Engine& engine, const Job& job);
Outcome CatchUp(Engine& engine, const Job& job);
// Finished once the provider's list of events was read to its end within the last minute, and applied; a run of the
// catch-up is asked for otherwise.
Outcome AwaitCatchUp(Engine& engine);
Outcome Deliver(Engine& engine, const Job& job);
Outcome ReadEntitlements(Engine& engine, const Job& job);
Outcome SweepEntitlements(Engine& engine, const Job& job);
Outcome FreezeUsageHours(Engine& engine, const Job& job);
Outcome SendUsage(Engine& engine, const Job& job);
Outcome ConfirmTopic(Engine& engine, const Job& job);
Outcome DropOld(Engine& engine, const Job& job);
Outcome EraseAgain(Engine& engine, const Job& job);

// Reads the subscription, lets `change` fill a unit from it, commits; again when the row moved meanwhile. `change`
// may return an error to give up with; it adds the job's end to the unit itself. A job that somebody else has ended
// meanwhile is finished; then nothing was committed, and `overtaken` says so: no call that the change was to allow may
// go out.
using Change = std::function<Status(SubscriptionRecord& record, Unit& unit)>;
Outcome ChangeSubscription(Engine& engine, const Job& job, const SubscriptionId& id, const Change& change,
                           bool* overtaken = nullptr);

// The subscription that the job is about; one that is not stored yet is empty. Errors: the ledger's.
Result<SubscriptionRecord> LoadSubject(Engine& engine, const Job& job);
// A key for a call that is safe to repeat. A stored answer would be repeated under the same key, so each try of the job
// has its own.
std::string KeyOfTry(const Engine& engine, const Job& job);

// A job is over and there is nothing else to write.
Outcome Finish(Engine& engine, const Job& job);
// The same, if the subscription still stands as it was read: whoever changed it meanwhile may want the job.
Outcome FinishIfUnmoved(Engine& engine, const Job& job, const Subscription& read);

// Merges a fetched invoice, decides and adds both to the unit.
void TakeInvoice(Engine& engine, SubscriptionRecord& record, Unit& unit, const InvoiceAnswer& answer,
                 const struct Fence& fence, const std::string& source);

}  // namespace dunlin::effects
