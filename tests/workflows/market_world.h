// A world in which AWS Marketplace speaks too: product prod1 buys plan "team", its dimension "seats" plan "business".
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/market_values.h"
#include "tests/workflows/effects_world.h"
#include "workflows/market_filing.h"

namespace dunlin::testing {

// The event that leaves these facts, of which there is one.
inline Digest News(MarketFacts facts, bool ask = false, std::string note = "") {
  Digest digest;
  const bool registers = facts.notices.empty();
  digest.event = registers ? facts.registrations.front().source : facts.notices.front().source;
  digest.created = registers ? facts.registrations.front().at : facts.notices.front().at;
  digest.acted_on = true;
  digest.market = MarketNews{.facts = std::move(facts), .ask_entitlements = ask, .note = std::move(note)};
  return digest;
}

inline Policy MarketPolicy() {
  Policy policy = PolicyOf(ServicePolicy());
  policy.catalog.by_price.emplace("prod1", PlanCatalog::Plan{"team", 1});
  policy.catalog.by_price.emplace("prod1/seats", PlanCatalog::Plan{"business", 3});
  return policy;
}

struct MarketWorld : World {
  MarketWorld() { policies = PolicyBook(MarketPolicy()); }

  // The events are heard in this order; what waited for one of them is applied at once, questions are not asked.
  void HearAll(const std::vector<MarketFacts>& events) {
    for (const MarketFacts& facts : events) Hear(News(facts));
    ApplyAll();
  }
  // The same, stored by one commit and applied as one batch.
  void HearTogether(const std::vector<Digest>& events) {
    Unit unit;
    for (const Digest& digest : events) {
      digests.Add(digest);
      NewEvent event = MakeEvent(digest.event.str(), digest.event.str());
      event.provider = Provider::kAwsMarketplace;
      event.created = digest.created;
      event.received_at = clock.Now();
      unit.accept.push_back(std::move(event));
    }
    std::vector<JobId> ids;
    const UnitResult stored = base->Commit(std::move(unit)).value();
    for (const JobRef& job : stored.new_jobs) ids.push_back(job.id);
    Applier(engine).Run(ids);
    ApplyAll();
  }
  void ApplyAll() {
    for (int round = 0; round < 100; ++round) {
      std::vector<JobId> ids;
      const std::vector<JobRef> due = *base->DueJobs(clock.Now(), 1000);
      for (const JobRef& job : due) {
        if (job.lane == Lane::kApply) ids.push_back(job.id);
      }
      if (ids.empty()) return;
      Applier(engine).Run(ids);
    }
  }

  // The id that any of its ids leads to; "" if there is none.
  std::string IdOf(const std::string& any_id) {
    const Result<std::optional<SubscriptionId>> id = CurrentMarketId(*base, any_id);
    return id && *id ? (*id)->str() : "";
  }
  Subscription Of(const std::string& any_id) { return Record(IdOf(any_id)).subscription; }
  SubscriptionStatus StatusOf(const std::string& any_id) { return Of(any_id).values.status; }

  StoredEvent Event(const MarketFacts& facts) {
    return base->FindEvent(Provider::kAwsMarketplace, News(facts).event).value().value();
  }
  std::vector<TimelineRow> Rows(const std::string& any_id) { return *base->Timeline(SubscriptionId{IdOf(any_id)}); }
  // "pending>active", of the changes alone.
  std::vector<std::string> Changes(const std::string& any_id) {
    std::vector<std::string> changes;
    for (const TimelineRow& row : Rows(any_id)) {
      if (row.status_to)
        changes.push_back(std::string(StatusName(*row.status_from)) + ">" + std::string(StatusName(*row.status_to)));
    }
    return changes;
  }
};

}  // namespace dunlin::testing
