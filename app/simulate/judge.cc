#include "app/simulate/judge.h"

#include <algorithm>
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

// Attempts that the provider counts on an invoice without making them, as it does once a card must not be tried again.
// Where nothing else is heard they are told as failed.
int OnlyCounted(const sim::World& provider, const sim::Invoice& invoice) {
  const auto& charges = provider.charges.rows();
  const auto made = std::count_if(charges.begin(), charges.end(),
                                  [&](const sim::Charge& charge) { return charge.invoice == invoice.id; });
  return std::max(0, invoice.attempt_count - static_cast<int>(made));
}

// A payment that takes days to settle is told of as failed when the subscription owes another invoice besides
// (docs/simulation.md, known limits), so mails about such an invoice are not judged.
bool SettlesLate(const sim::World& provider, const sim::Invoice& invoice) {
  const auto& events = provider.events.rows();
  return std::any_of(events.begin(), events.end(), [&](const sim::Event& event) {
    if (event.type != "payment_intent.processing") return false;
    const auto& intents = provider.intents.rows();
    return std::any_of(intents.begin(), intents.end(), [&](const sim::PaymentIntent& intent) {
      return intent.id == event.object_id && intent.invoice == invoice.id;
    });
  });
}

// One failure, one mail; and one more when a customer who had left stays, as then the recovery begins anew. Counted
// over a subscription's invoices: what an older one owes is told again when a newer one is paid first.
void JudgeMails(const End& end) {
  struct Count {
    long failed = 0;
    int told = 0;
  };
  std::map<std::pair<std::string, std::string>, Count> counts;
  for (const sim::Invoice& invoice : end.provider.invoices.rows()) {
    if (invoice.subscription.empty() || SettlesLate(end.provider, invoice)) continue;
    const auto& events = end.provider.events.rows();
    const auto failed =
        OnlyCounted(end.provider, invoice) + std::count_if(events.begin(), events.end(), [&](const sim::Event& event) {
          return event.type == "invoice.payment_failed" && event.object_id == invoice.id;
        });
    for (const char* kind : {"payment_failed", "method_needed"}) {
      Count& count = counts[{invoice.subscription, kind}];
      count.failed += failed;
      count.told += end.oracles.told().Mails(SubscriptionId{invoice.subscription}, kind, InvoiceId{invoice.id});
    }
  }
  for (const auto& [about, count] : counts) {
    const auto& [subscription, kind] = about;
    const auto stayed = end.stayed.find(subscription);
    const long failed = count.failed + (stayed == end.stayed.end() ? 0 : stayed->second);
    if (count.told <= failed) continue;
    end.oracles.Break(subscription + ": " + std::to_string(count.told) + " mails " + kind + " tell of " +
                      std::to_string(failed) + " failed payments (I2)");
  }
}

// The provider knows whole seconds, and an attempt is on its way to it for up to a minute.
constexpr Millis kAbout{1min};

simulate::ChargeRules RulesOf(const End& end) {
  return {.min_gap = end.clocks_wrong ? Millis{0} : Millis{1h} - kAbout,
          .card_limit = end.card_limit,
          .card_window = Millis{24h} * 30,
          .heard_within = end.heard_within,
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
