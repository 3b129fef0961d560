#include "app/simulate/judge.h"

#include <nlohmann/json.hpp>
#include <set>

#include "fixtures/provider_sim/truth.h"
#include "workflows/simulate/truth.h"

namespace dunlin::simulate {
namespace {

// Between the answer that a charge is decided on and its commit, slow calls can lie.
constexpr Millis kOnItsWay{5min};

// Only at the commit that marks it as being sent is a charge decided; what is sent again later was decided then.
void JudgeCharges(const End& end) {
  std::map<std::string, int> executed;
  for (const sim::Charge& charge : end.provider.charges.rows()) {
    const std::string& key = charge.idempotency_key;
    if (!charge.by_api || !key.starts_with("dunlin-")) continue;
    const auto opened = end.oracles.opened().find(AttemptKey{key});
    if (opened == end.oracles.opened().end()) {
      end.oracles.Break(key + " was charged and is no attempt of the ledger (I4)");
      continue;
    }
    if (++executed[key] > 1) end.oracles.Break(key + " was charged twice (I4)");
    const auto left = end.cancelled.find(charge.subscription);
    if (left != end.cancelled.end() && opened->second > left->second + kOnItsWay)
      end.oracles.Break(charge.subscription + " was charged after its customer left (R17)");
  }
}

// One failure, one mail; and one more when a customer who had left stays, as then the recovery begins anew. A payment
// that takes days to settle is told of as failed when the subscription owes another invoice besides
// (docs/simulation.md, known limits), so customers who pay like that are not judged.
void JudgeMails(const End& end) {
  for (const sim::Subscription& subscription : end.provider.subscriptions.rows()) {
    int failed = 0;
    bool settles_late = false;
    for (const sim::Event& event : end.provider.events.rows()) {
      if (event.subscription != subscription.id) continue;
      failed += event.type == "invoice.payment_failed" ? 1 : 0;
      settles_late = settles_late || event.type == "payment_intent.processing";
    }
    if (settles_late) continue;
    const auto stayed = end.stayed.find(subscription.id);
    if (stayed != end.stayed.end()) failed += stayed->second;
    for (const char* kind : {"payment_failed", "method_needed"}) {
      const int told = end.oracles.told().Mails(SubscriptionId{subscription.id}, kind);
      if (told > failed) {
        end.oracles.Break(subscription.id + ": " + std::to_string(told) + " mails " + kind + " tell of " +
                          std::to_string(failed) + " failed payments (I2)");
      }
    }
  }
}

// The provider knows whole seconds, and an attempt is on its way to it for up to a minute.
constexpr Millis kAbout{1min};

simulate::ChargeRules RulesOf(const End& end) {
  return {.min_gap = end.clocks_wrong ? Millis{0} : Millis{1h} - kAbout,
          .card_limit = end.card_limit,
          .card_window = Millis{24h} * 30,
          .cancelled = {}};  // JudgeCharges is stricter
}

// Those whose latest invoice failed for the first time so recently that they may still have access.
std::set<std::string> InGrace(const End& end) {
  std::map<std::string, Timestamp> failed;  // by invoice
  for (const sim::Charge& charge : end.provider.charges.rows()) {
    if (charge.status == sim::ChargeStatus::kFailed) failed.try_emplace(charge.invoice, charge.created);
  }
  std::set<std::string> in_grace;
  for (const sim::Subscription& subscription : end.provider.subscriptions.rows()) {
    const auto first = failed.find(subscription.latest_invoice);
    if (first != failed.end() && end.now - first->second <= end.grace + kAbout) in_grace.insert(subscription.id);
  }
  return in_grace;
}

void JudgeJobs(const End& end) {
  const auto jobs = end.ledger.Jobs({.kind = std::nullopt, .state = JobState::kDead}, {.limit = 1000});
  for (const Job& job : jobs->items) {
    end.oracles.Break("a " + std::string(JobKindName(job.kind)) + " job is dead: " + job.last_error);
  }
}

}  // namespace

void JudgeEnd(const End& end) {
  const nlohmann::json truth = sim::TruthJson(end.provider);
  for (std::string& line : DifferencesFromTruth(end.ledger, truth, end.now, InGrace(end))) end.oracles.Break(line);
  const nlohmann::json charges = sim::ChargesJson(end.provider);
  for (std::string& line : DoubleCaptures(charges)) end.oracles.Break(line);
  for (std::string& line : BrokenCharges(end.ledger, charges, RulesOf(end))) end.oracles.Break(line);
  JudgeCharges(end);
  JudgeMails(end);
  JudgeJobs(end);
}

}  // namespace dunlin::simulate
