// Freezing usage: the hours that are over and the jobs that send them are one commit, so that no hour is forgotten and
// none is frozen twice.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "state/usage_rules.h"
#include "workflows/effects/steps.h"
#include "workflows/effects/usage_watch.h"
#include "workflows/market_filing.h"
#include "workflows/usage_jobs.h"

namespace dunlin::effects {
namespace {

constexpr int kConflictsMax = 50;
constexpr std::size_t kPage = 100;
constexpr Millis kLookBack{25h};

bool IsOpen(const UsageHour& hour) { return hour.state == UsageState::kOpen; }

class Freezing {
 public:
  Freezing(Engine& engine, const Job& job)
      : engine_(engine), job_(job), now_(engine.clock.Now()), at_once_(IsFreezeUsageNow(job)) {}

  // Adds to the unit what is due of these. True: that is a shift, to be committed before the rest is looked at again.
  Result<bool> Add(const std::vector<Subscription>& subscriptions, Unit& unit) {
    left_.reset();
    std::vector<UsageHour> due;
    for (const Subscription& s : subscriptions) {
      const Result<bool> shifts = AddOne(s, due, unit);
      if (!shifts || *shifts) return shifts;
    }
    Send(std::move(due), unit);
    return false;
  }

  // When the next of the hours that are still open is due, of a subscription that is ending.
  const std::optional<Timestamp>& left() const { return left_; }
  Timestamp now() const { return now_; }

 private:
  Result<bool> AddOne(const Subscription& s, std::vector<UsageHour>& due, Unit& unit) {
    const Result<std::vector<UsageHour>> hours = engine_.ledger.UsageOf(s.id, now_ - kLookBack);
    if (!hours) return tl::unexpected(hours.error());
    const auto& metered = engine_.policies.current().metered;
    std::set<ProductCode> products;
    for (const auto& [product, dimensions] : metered) products.insert(ProductCode{product});
    for (const UsageHour& hour : *hours) products.insert(hour.meter.product);
    for (const ProductCode& product : products) {
      const std::optional<UsageTerms> terms = UsageTermsOf(s, product);
      const auto dimensions = metered.find(product.str());
      std::vector<UsageHour> those;
      std::copy_if(hours->begin(), hours->end(), std::back_inserter(those),
                   [&](const UsageHour& hour) { return hour.meter.product == product; });
      UsageFreeze freeze =
          FreezeUsage(those, s.id, terms, dimensions == metered.end() ? std::vector<std::string>{} : dimensions->second,
                      now_, at_once_);
      if (freeze.shift) {
        unit.usage_shifts.push_back(std::move(*freeze.shift));
        return true;
      }
      if (terms && terms->until && !terms->ended) NoteLeft(those, freeze.freeze, *terms->until);
      std::move(freeze.freeze.begin(), freeze.freeze.end(), std::back_inserter(due));
    }
    return false;
  }

  void NoteLeft(const std::vector<UsageHour>& hours, const std::vector<UsageHour>& frozen, Timestamp until) {
    for (const UsageHour& hour : hours) {
      const bool goes = std::any_of(frozen.begin(), frozen.end(), [&](const auto& f) { return f.id == hour.id; });
      if (!IsOpen(hour) || goes) continue;
      const Timestamp at = UsageFreezesAt(hour.hour, until, now_);
      if (!left_ || at < *left_) left_ = at;
    }
  }

  // A job for each request that AWS takes: of one product, all with a licence or none.
  void Send(std::vector<UsageHour> due, Unit& unit) {
    const auto kind = [](const UsageHour& hour) { return std::pair(hour.meter.product, hour.meter.licence.empty()); };
    std::stable_sort(due.begin(), due.end(), [&](const auto& a, const auto& b) { return kind(a) < kind(b); });
    std::size_t in_batch = 0;
    for (UsageHour& hour : due) {
      const bool fits = in_batch > 0 && in_batch < kUsageRecordsMax && kind(unit.freeze.back()) == kind(hour);
      if (!fits) {
        unit.jobs.push_back({.kind = JobKind::kMeter,
                             .key = "meter/" + std::to_string(ToUnixMillis(now_)) + "-" +
                                    std::to_string(ToInt(job_.id)) + "/" + std::to_string(++batches_),
                             .subject = hour.subscription.str(),
                             .due = now_,
                             .payload = "{}"});
        in_batch = 0;
      }
      if (unit.jobs.back().subject != hour.subscription.str()) unit.jobs.back().subject.clear();
      hour.batch = unit.jobs.back().key;
      unit.freeze.push_back(std::move(hour));
      ++in_batch;
    }
  }

  Engine& engine_;
  const Job& job_;
  const Timestamp now_;
  const bool at_once_;
  int batches_ = 0;
  std::optional<Timestamp> left_;
};

// Reads, freezes, and commits; again when something was booked meanwhile. `read` gives the subscriptions; `finish` adds
// to the unit what ends the work on them, which may be nothing.
template <class Read, class Finish>
Status FreezeThose(Engine& engine, Freezing& freezing, Read&& read, Finish&& finish) {
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<std::vector<Subscription>> those = read();
    if (!those) return tl::unexpected(those.error());
    Unit unit;
    const Result<bool> shifts = freezing.Add(*those, unit);
    if (!shifts) return tl::unexpected(shifts.error());
    if (!*shifts) finish(unit);
    const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
    if (done && !*shifts) return {};
    if (done) round = 0;  // each shift is one open hour less
    if (!done && done.error().code != Errc::kConflict) return tl::unexpected(done.error());
  }
  return Fail(Errc::kConflict, "usage is changing too fast");
}

Status FreezeAll(Engine& engine, Freezing& freezing) {
  Page page{.limit = kPage};
  do {
    std::string next;
    const Status frozen = FreezeThose(
        engine, freezing,
        [&]() -> Result<std::vector<Subscription>> {
          Result<Listing<Subscription>> listing =
              engine.ledger.Subscriptions({.provider = Provider::kAwsMarketplace}, page);
          if (!listing) return tl::unexpected(listing.error());
          next = std::move(listing->next);
          return std::move(listing->items);
        },
        [](Unit&) {});
    if (!frozen) return frozen;
    page.cursor = next;
  } while (!page.cursor.empty());
  return {};
}

Outcome RunForAll(Engine& engine, const Job& job) {
  // Before anything is frozen: what is sent in a moment is not late, however soon AWS takes it no more.
  const Status watched = WatchUsage(engine);
  Freezing freezing(engine, job);
  if (const Status frozen = FreezeAll(engine, freezing); !frozen) return TryLater{frozen.error()};
  if (!watched) return TryLater{watched.error()};  // usage does not wait for an alarm
  Unit unit;
  unit.done.push_back(job.id);
  unit.jobs.push_back(FreezeUsageRun(NextFreezeRun(freezing.now())));
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;
}

Outcome RunForOne(Engine& engine, const Job& job) {
  Freezing freezing(engine, job);
  std::optional<SubscriptionId> id;
  const Status frozen = FreezeThose(
      engine, freezing,
      [&]() -> Result<std::vector<Subscription>> {
        Result<std::optional<Subscription>> s = FindMarketSubscription(engine.ledger, job.subject);
        if (!s) return tl::unexpected(s.error());
        std::vector<Subscription> those;
        if (*s) id = (*s)->id;
        if (*s) those.push_back(std::move(**s));
        return those;
      },
      [&](Unit& unit) {
        unit.done.push_back(job.id);
        if (freezing.left()) unit.jobs.push_back(FreezeLastUsage(*id, *freezing.left()));
      });
  if (frozen) return std::nullopt;
  if (frozen.error().code != Errc::kConflict) return TryLater{frozen.error()};
  const Result<std::optional<Job>> still = engine.ledger.FindJob(job.id);
  if (still && !*still) return std::nullopt;  // somebody else has ended it
  return TryLater{frozen.error()};
}

}  // namespace

Outcome FreezeUsageHours(Engine& engine, const Job& job) {
  return job.subject.empty() ? RunForAll(engine, job) : RunForOne(engine, job);
}

}  // namespace dunlin::effects
