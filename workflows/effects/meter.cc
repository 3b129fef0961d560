// Sending frozen usage. What goes out never changes, and AWS counts identical records once, so a batch whose answer was
// lost is simply sent again.
#include <algorithm>
#include <utility>
#include <vector>

#include "state/usage_rules.h"
#include "workflows/effects/marketplace_rights.h"
#include "workflows/effects/steps.h"
#include "workflows/effects/usage_watch.h"
#include "workflows/market_filing.h"
#include "workflows/usage_batch.h"

namespace dunlin::effects {
namespace {

UsageRecord RecordOf(const UsageHour& hour) {
  return {.product = hour.meter.product,
          .licence = hour.meter.licence,
          .account = hour.meter.account,
          .customer = hour.meter.customer,
          .dimension = hour.dimension,
          .at = hour.stamp.value_or(hour.hour),
          .quantity = hour.quantity};
}

UsageState StateFor(UsageStatus status) {
  switch (status) {
    case UsageStatus::kSuccess: return UsageState::kSent;
    case UsageStatus::kCustomerNotSubscribed: return UsageState::kNotSubscribed;
    case UsageStatus::kDuplicateRecord: return UsageState::kDuplicate;
    case UsageStatus::kUnprocessed:  // never settled
    case UsageStatus::kOther: return UsageState::kRefused;
  }
  return UsageState::kRefused;
}

std::string WhyNotTaken(UsageState state, const std::string& why) {
  switch (state) {
    case UsageState::kDuplicate:
      return "AWS had this hour already, with another quantity, and keeps that. Compare it with AWS's billing report.";
    case UsageState::kNotSubscribed:
      return "AWS knows no such buyer, no running agreement, or has suspended the account.";
    case UsageState::kExpired: return "It was not sent in time, and AWS takes it no more. Bill it another way.";
    case UsageState::kOpen:
    case UsageState::kFrozen:
    case UsageState::kSent:
    case UsageState::kRefused: break;
  }
  return "AWS would not take it: " + why;
}

class Sending {
 public:
  Sending(Engine& engine, const Job& job, std::vector<UsageHour> hours)
      : engine_(engine), job_(job), now_(engine.clock.Now()), hours_(std::move(hours)) {
    for (const UsageHour& hour : hours_) records_.push_back(RecordOf(hour));
  }

  Outcome Run() {
    const UsageCut cut = CutUsage(records_, now_);
    for (const std::size_t i : cut.too_old) Settle(i, UsageState::kExpired, "", "");
    waits_ = cut.too_new.size();
    std::vector<UsageBatch> queue(cut.batches.rbegin(), cut.batches.rend());
    while (!queue.empty()) {
      const UsageBatch batch = std::move(queue.back());
      queue.pop_back();
      if (error_) {  // what kept one back would keep back the rest
        waits_ += batch.size();
      } else {
        Send(batch, queue);
      }
    }
    return Commit();
  }

 private:
  void Send(const UsageBatch& batch, std::vector<UsageBatch>& queue) {
    std::vector<UsageRecord> request;
    for (const std::size_t i : batch) request.push_back(records_[i]);
    const MarketplaceResult<std::vector<UsageOutcome>> answer = engine_.marketplace.BatchMeterUsage(request);
    UsageNext next = NextAfter(batch, answer);
    for (const auto& [i, outcome] : next.settled)
      Settle(i, StateFor(outcome.status), outcome.metering_record_id, outcome.word);
    for (const std::size_t i : next.refused) Settle(i, UsageState::kRefused, "", Why(answer.error()));
    queue.insert(queue.end(), next.now.rbegin(), next.now.rend());
    waits_ += next.later.size();
    if (!next.later.empty() && !answer) error_ = answer.error();
  }

  static std::string Why(const MarketplaceError& error) {
    return std::string(MarketplaceErrcName(error.code)) + ": " + error.detail;
  }

  void Settle(std::size_t i, UsageState state, const std::string& record, const std::string& why) {
    const UsageHour& hour = hours_[i];
    states_.push_back(state);
    const std::string detail = state == UsageState::kSent ? "" : WhyNotTaken(state, why);
    unit_.usage_results.push_back(
        {.id = hour.id, .state = state, .at = now_, .metering_record_id = record, .detail = detail});
    if (state == UsageState::kSent) {
      for (const UsageState over : {UsageState::kNotSubscribed, UsageState::kRefused})
        unit_.settle_alerts.push_back(AlertKey(hour, over, false));
      return;
    }
    if (state == UsageState::kExpired && hour.quantity == 0) return;  // nothing is lost
    Tell(hour, state, detail);
  }

  static std::string AlertKey(const UsageHour& hour, UsageState state, bool of_this_hour) {
    return "usage_" + std::string(UsageStateName(state)) + "/" + hour.dimension + "/" +
           (of_this_hour ? FormatRfc3339(hour.hour) + "/" : "") + hour.subscription.str();
  }

  void Tell(const UsageHour& hour, UsageState state, const std::string& detail) {
    const std::string kind = "usage_" + std::string(UsageStateName(state));
    const std::string about = std::to_string(hour.quantity) + " of " + hour.dimension + " in the hour of " +
                              FormatRfc3339(hour.hour) + " was not taken by AWS Marketplace. ";
    // A quantity that is lost is billed by people, hour for hour. That zeros are not taken comes again every hour until
    // somebody mends the cause: one alert tells, and the next that is taken settles it.
    const bool repeats = hour.quantity == 0 && (state == UsageState::kNotSubscribed || state == UsageState::kRefused);
    RaiseAlert(unit_.alerts, {.key = AlertKey(hour, state, !repeats),
                              .kind = kind,
                              .subject = hour.subscription.str(),
                              .detail = about + detail,
                              .raised_at = now_});
    TimelineRow row;
    row.subscription = hour.subscription;
    row.at = now_;
    row.kind = "note";
    row.rule = "R15";
    row.by = "provider";
    row.reason = about + detail;
    unit_.timeline.push_back(std::move(row));
  }

  Outcome Commit() {
    const bool all_settled = waits_ == 0;
    const bool taken = std::find(states_.begin(), states_.end(), UsageState::kSent) != states_.end();
    if (taken) unit_.settle_alerts.push_back(kMarketplaceCredentialsAlert);
    if (all_settled) unit_.done.push_back(job_.id);
    if (all_settled || !states_.empty()) {
      const Result<UnitResult> done = engine_.ledger.Commit(std::move(unit_));
      // Settled by another run of this job meanwhile: what is left is seen at the next.
      if (!done) return TryLater{done.error(), Millis{0}, done.error().code != Errc::kConflict};
      for (const UsageState state : states_) engine_.observer.OnUsage(state);
    }
    // Also after trouble: what was late is not any more.
    if (!all_settled || job_.tries > 0) {
      if (const Status watched = WatchUsage(engine_); !watched) return TryLater{watched.error()};
    }
    if (all_settled) return std::nullopt;
    if (!error_) return TryLater{{Errc::kUnavailable, "AWS left some of the records unprocessed"}};
    const bool rights = error_->code == MarketplaceErrc::kCredentials || error_->code == MarketplaceErrc::kDisabled;
    if (rights) return WaitForRights(engine_, "send usage", Why(*error_));
    return TryLater{{Errc::kUnavailable, Why(*error_)}};
  }

  Engine& engine_;
  const Job& job_;
  const Timestamp now_;
  const std::vector<UsageHour> hours_;
  std::vector<UsageRecord> records_;
  Unit unit_;
  std::vector<UsageState> states_;  // of those that were settled
  std::size_t waits_ = 0;           // how many are to be sent again
  std::optional<MarketplaceError> error_;
};

}  // namespace

Outcome SendUsage(Engine& engine, const Job& job) {
  Result<std::vector<UsageHour>> hours = engine.ledger.FrozenUsage(job.key);
  if (!hours) return TryLater{hours.error()};
  if (hours->empty()) return Finish(engine, job);
  return Sending(engine, job, std::move(*hours)).Run();
}

}  // namespace dunlin::effects
