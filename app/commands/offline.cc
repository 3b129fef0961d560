#include "app/commands/offline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "app/no_marketplace.h"
#include "app/views.h"
#include "webhooks/stripe/ingest.h"
#include "workflows/apply.h"
#include "workflows/providers/aws_marketplace/stored_event.h"
#include "workflows/providers/read_event.h"

namespace dunlin {
namespace {

constexpr std::size_t kJobsAtOnce = 1000;
// A whole history at one moment: nothing of it may count as too old.
constexpr Millis kAllFacts = Millis{24h} * 365 * 40;

class HeldClock final : public Clock {
 public:
  explicit HeldClock(Timestamp now) : now_(now) {}
  Timestamp Now() const override { return now_; }
  void Set(Timestamp now) { now_ = now; }

 private:
  Timestamp now_;
};

class NoChance final : public Random {
 public:
  std::uint64_t Next() override { return 0; }
};

// Calls to the outside are jobs of another lane, which is never run here; these only fill the engine's places.
class NobodyOutside final : public ProviderApi, public Outbox {
 public:
  PayAnswer Pay(const Attempt&) override { return {.outcome = PayOutcome::kNotExecuted}; }
  std::string PayParameters(const InvoiceId&) const override { return ""; }
  Result<InvoiceAnswer> TakeOver(const InvoiceId&, std::string_view) override { return Nobody(); }
  Result<SubscriptionAnswer> Cancel(const SubscriptionId&, std::string_view) override { return Nobody(); }
  Result<SubscriptionAnswer> FetchSubscription(const SubscriptionId&) override { return Nobody(); }
  Result<InvoiceAnswer> FetchInvoice(const InvoiceId&) override { return Nobody(); }
  Result<InvoiceId> InvoiceOfPayment(std::string_view) override { return Nobody(); }
  Result<EventsPage> ListEvents(Timestamp, std::string_view) override { return Nobody(); }
  Status Deliver(JobId, std::string_view) override { return Nobody(); }

 private:
  static tl::unexpected<Error> Nobody() { return Fail(Errc::kUnavailable, "offline: nothing is sent"); }
};

// Keeps the first thing that went wrong: offline nothing is tried again, so it is the answer.
class FirstProblem final : public Observer {
 public:
  void OnJobFailed(const Job&, const Error& error, bool) override { Keep(error); }
  void OnProblem(std::string_view, const Error& error) override { Keep(error); }
  const std::optional<Error>& error() const { return error_; }

 private:
  void Keep(const Error& error) {
    if (!error_) error_ = error;
  }
  std::optional<Error> error_;
};

// Carries out what touches only the ledger, moving the clock from job to job.
class Runner {
 public:
  Runner(Ledger& ledger, const PolicyBook& policies, HeldClock& clock, Millis facts_kept)
      : ledger_(ledger),
        clock_(clock),
        engine_{ledger,   outside_,  marketplace_, clock, chance_, policies,
                outside_, problems_, ReadEvent,    {},    {},      facts_kept},
        applier_(engine_) {}

  Status RunUntil(Timestamp end) {
    for (;;) {
      Result<std::vector<Job>> next = NextJobs();
      if (!next) return tl::unexpected(std::move(next.error()));
      std::erase_if(*next, [&](const Job& job) { return job.due > end || job.due > next->front().due; });
      if (next->empty()) break;
      clock_.Set(std::max(clock_.Now(), next->front().due));
      std::vector<JobId> ids;
      for (const Job& job : *next) ids.push_back(job.id);
      applier_.Run(ids);
      if (problems_.error()) return tl::unexpected(*problems_.error());
      // Each of them is done with now, for good: seeing one again would never end.
      for (const JobId id : ids) {
        if (!seen_.insert(ToInt(id)).second)
          return Fail(Errc::kCorrupt, "job " + std::to_string(ToInt(id)) + " does not end");
      }
    }
    clock_.Set(end);
    return {};
  }

 private:
  // Those of the lane that are due first; events before what time brings.
  Result<std::vector<Job>> NextJobs() {
    std::vector<Job> next;
    for (const JobKind kind : {JobKind::kApply, JobKind::kAccessCheck}) {
      Result<Listing<Job>> jobs = ledger_.Jobs({.kind = kind, .state = JobState::kReady}, {.limit = kJobsAtOnce});
      if (!jobs) return tl::unexpected(std::move(jobs.error()));
      if (!jobs->items.empty() && (next.empty() || jobs->items.front().due < next.front().due))
        next = std::move(jobs->items);
    }
    return next;
  }

  Ledger& ledger_;
  HeldClock& clock_;
  NobodyOutside outside_;
  NoMarketplace marketplace_;
  NoChance chance_;
  FirstProblem problems_;
  Engine engine_;
  Applier applier_;
  std::set<std::int64_t> seen_;
};

std::vector<const ReplayEvent*> Choose(const std::vector<ReplayEvent>& events, const OfflineOptions& options,
                                       Timestamp at) {
  std::vector<const ReplayEvent*> chosen;
  for (const ReplayEvent& event : events) {
    if (event.created <= at) chosen.push_back(&event);
  }
  if (options.order == OfflineOptions::Order::kAsMade) {
    // By the bytes as well: two events under one id are a mistake of the files, and must not make the order matter.
    std::sort(chosen.begin(), chosen.end(), [](const ReplayEvent* a, const ReplayEvent* b) {
      return std::tie(a->created, a->id, a->body) < std::tie(b->created, b->id, b->body);
    });
  }
  return chosen;
}

Status Take(const ReplayEvent& replayed, Ledger& ledger, StripeIngest& stripe, const Clock& clock) {
  switch (replayed.provider) {
    case Provider::kStripe: return stripe.Take(replayed.body);
    case Provider::kAwsMarketplace: break;
  }
  Result<NewEvent> event = MarketplaceEventOf(replayed.body, clock.Now());
  if (!event) return tl::unexpected(std::move(event.error()));
  Unit unit;
  unit.accept.push_back(std::move(*event));
  const Result<UnitResult> stored = ledger.Commit(std::move(unit));
  if (!stored) return tl::unexpected(stored.error());
  return {};
}

}  // namespace

Result<OfflineRun> RunOffline(const std::vector<ReplayEvent>& events, const OfflineOptions& options) {
  Timestamp newest{};
  for (const ReplayEvent& event : events) newest = std::max(newest, event.created);
  const Timestamp at = options.until.value_or(newest);
  const std::vector<const ReplayEvent*> chosen = Choose(events, options, at);

  Result<std::unique_ptr<Ledger>> ledger = OpenLedger("sqlite::memory:");
  if (!ledger) return tl::unexpected(std::move(ledger.error()));
  Result<PolicyBook> policies = PolicyBook::Open(**ledger, options.policy, options.policy_text);
  if (!policies) return tl::unexpected(std::move(policies.error()));

  const bool as_made = options.order == OfflineOptions::Order::kAsMade;
  HeldClock clock(chosen.empty() ? at : as_made ? chosen.front()->created : std::min(newest, at));
  StripeIngest ingest(**ledger, clock, {});
  Runner runner(**ledger, *policies, clock, as_made ? kFactsKept : kAllFacts);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const ReplayEvent& event = *chosen[i];
    // Those of one moment arrive together, after what time has brought until then.
    const bool new_moment = i > 0 && event.created != chosen[i - 1]->created;
    if (as_made && new_moment) {
      if (const Status run = runner.RunUntil(event.created); !run) return tl::unexpected(run.error());
    }
    if (const Status taken = Take(event, **ledger, ingest, clock); !taken) {
      return Fail(taken.error().code, event.where + ": " + taken.error().detail);
    }
  }
  if (const Status run = runner.RunUntil(at); !run) return tl::unexpected(run.error());
  return OfflineRun{std::move(*ledger), std::move(*policies), at, events.size() - chosen.size()};
}

Result<nlohmann::json> OfflineView(OfflineRun& run) {
  nlohmann::json views = nlohmann::json::array();
  Page page{.limit = 1000};
  do {
    Result<Listing<Subscription>> listing = run.ledger->Subscriptions({}, page);
    if (!listing) return tl::unexpected(std::move(listing.error()));
    for (const Subscription& s : listing->items) {
      Result<std::optional<SubscriptionRecord>> record = run.ledger->LoadSubscription(s.id);
      if (!record) return tl::unexpected(std::move(record.error()));
      if (*record) views.push_back(SubscriptionView(**record, run.policies, run.at));
    }
    page.cursor = listing->next;
  } while (!page.cursor.empty());
  return nlohmann::json{{"subscriptions", std::move(views)}};
}

Status ExpectSameValues(const nlohmann::json& view, const nlohmann::json& other) {
  const nlohmann::json& ours = view.at("subscriptions");
  const nlohmann::json& theirs = other.at("subscriptions");
  if (ours.size() != theirs.size()) {
    return Fail(Errc::kCorrupt, "in another order there are " + std::to_string(theirs.size()) +
                                    " subscriptions instead of " + std::to_string(ours.size()));
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    for (const char* value : {"id", "status", "access", "plan", "paid_until"}) {
      if (ours[i].at(value) == theirs[i].at(value)) continue;
      return Fail(Errc::kCorrupt, "subscription " + ours[i].at("id").get<std::string>() + ": in another order " +
                                      value + " is " + theirs[i].at(value).dump() + " instead of " +
                                      ours[i].at(value).dump());
    }
  }
  return {};
}

}  // namespace dunlin
