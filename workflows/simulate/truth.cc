#include "workflows/simulate/truth.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "state/derive.h"

namespace dunlin::simulate {
namespace {

using namespace std::chrono_literals;

// R23, written down once more so that the program's own table is not its judge.
std::string StatusFor(const std::string& word) {
  static const std::map<std::string, std::string> kWords = {
      {"incomplete", "pending"}, {"incomplete_expired", "canceled"}, {"unpaid", "past_due"}};
  const auto at = kWords.find(word);
  return at == kWords.end() ? word : at->second;
}

// R3, R7, R23, where no grace is given.
std::string AccessFor(const nlohmann::json& wanted, const std::string& status, Timestamp now) {
  const nlohmann::json& paid = wanted.at("paid_until");
  const bool in_paid_time = !paid.is_null() && now < FromUnixSeconds(paid);
  const bool granted = status == "active" || status == "trialing" || (status == "canceled" && in_paid_time);
  return granted ? "granted" : "revoked";
}

std::string Text(const std::optional<Timestamp>& at) { return at ? FormatRfc3339(*at) : "never"; }

std::string CancelAtFor(const nlohmann::json& wanted) {
  if (!wanted.at("cancel_at_period_end")) return "never";
  return FormatRfc3339(FromUnixSeconds(wanted.at("current_period_end")));
}

struct OurCharge {
  std::string id, invoice, subscription;
  Timestamp created;
  Attempt attempt;
};

// Those under keys of ours, by time; one whose key the ledger does not know is told of.
std::vector<OurCharge> OurCharges(Ledger& ledger, const nlohmann::json& charges, std::vector<std::string>& broken) {
  std::vector<OurCharge> ours;
  for (const nlohmann::json& charge : charges.at("charges")) {
    const std::string key = charge.at("idempotency_key").is_null() ? "" : charge.at("idempotency_key");
    if (!key.starts_with("dunlin-")) continue;
    const auto attempt = ledger.FindAttempt(AttemptKey{key});
    if (!attempt || !*attempt) {
      broken.push_back(key + " was charged and is no attempt of the ledger (I4)");
      continue;
    }
    ours.push_back({charge.at("id"), charge.at("invoice"), charge.at("subscription"),
                    FromUnixSeconds(charge.at("created")), **attempt});
  }
  std::stable_sort(ours.begin(), ours.end(), [](const auto& a, const auto& b) { return a.created < b.created; });
  return ours;
}

void CheckCards(const nlohmann::json& charges, const ChargeRules& rules, std::vector<std::string>& broken) {
  struct Tried {
    Timestamp at;
    bool ours;
  };
  std::map<std::string, std::vector<Tried>> by_card;
  for (const nlohmann::json& charge : charges.at("charges")) {
    if (charge.at("status") == "succeeded") continue;
    const std::string card = charge.at("customer").get<std::string>() + " " + charge.at("payment_method").dump();
    const bool ours = !charge.at("idempotency_key").is_null() &&
                      charge.at("idempotency_key").get<std::string>().starts_with("dunlin-");
    by_card[card].push_back({FromUnixSeconds(charge.at("created")), ours});
  }
  for (const auto& [card, charged] : by_card) {
    for (const Tried& one : charged) {
      const auto counts = [&](const Tried& other) {
        return other.at > one.at - rules.card_window && other.at <= (other.ours ? one.at : one.at - rules.heard_within);
      };
      if (one.ours && std::count_if(charged.begin(), charged.end(), counts) > rules.card_limit)
        broken.push_back(card + ": beyond the card's limit (I6)");
    }
  }
}

Result<std::optional<SubscriptionRecord>> Load(Ledger& ledger, const nlohmann::json& subscription) {
  return ledger.LoadSubscription(SubscriptionId{subscription.at("id").get<std::string>()});
}

void CheckChain(Ledger& ledger, const Subscription& s, std::vector<std::string>& broken) {
  const Result<std::vector<TimelineRow>> rows = ledger.Timeline(s.id);
  if (!rows) return broken.push_back(s.id.str() + ": " + rows.error().detail);
  SubscriptionStatus status = SubscriptionStatus::kPending;
  Access access = Access::kRevoked;
  for (const TimelineRow& row : *rows) {
    if (row.reason.empty()) broken.push_back(s.id.str() + ": a row of its timeline has no reason (I9)");
    if ((row.status_to || row.access_to) && row.rule.empty())
      broken.push_back(s.id.str() + ": a change of it names no rule (I9, R22)");
    if (row.status_to) {
      if (*row.status_from != status)
        broken.push_back(s.id.str() + ": a status row does not follow the one before (I9)");
      status = *row.status_to;
    }
    if (row.access_to) {
      if (*row.access_from != access)
        broken.push_back(s.id.str() + ": an access row does not follow the one before (I9)");
      access = *row.access_to;
    }
  }
  if (status != s.values.status || access != s.values.access)
    broken.push_back(s.id.str() + ": its row is not where its timeline ends (I9)");
}

}  // namespace

std::vector<std::string> DifferencesFromTruth(Ledger& ledger, const nlohmann::json& truth, Timestamp now,
                                              const std::set<std::string>& in_grace) {
  std::vector<std::string> differences;
  for (const nlohmann::json& wanted : truth.at("subscriptions")) {
    const std::string id = wanted.at("id");
    const auto record = Load(ledger, wanted);
    if (!record || !*record) {
      differences.push_back(id + ": is not in the ledger");
      continue;
    }
    const Values& values = (*record)->subscription.values;
    const std::string status = StatusFor(wanted.at("status"));
    const auto compare = [&](const char* what, std::string_view is, std::string_view should_be) {
      if (is == should_be) return;
      differences.push_back(id + ": " + what + " is " + std::string(is) + " and should be " + std::string(should_be));
    };
    compare("status", StatusName(values.status), status);
    if (status != "past_due" || !in_grace.contains(id))
      compare("access", AccessName(AccessAt(values, now)), AccessFor(wanted, status, now));
    compare("plan", values.plan, wanted.at("plan_nickname").get<std::string>());
    if (status != "canceled") compare("cancel_at", Text(values.cancel_at), CancelAtFor(wanted));
    if (wanted.at("paid_until").is_null()) continue;
    const Timestamp paid = FromUnixSeconds(wanted.at("paid_until"));
    if (values.paid_until != paid) {
      differences.push_back(id + ": is paid until " +
                            (values.paid_until ? FormatRfc3339(*values.paid_until) : "never") +
                            " and should be until " + FormatRfc3339(paid));
    }
  }
  return differences;
}

std::vector<std::string> DoubleCaptures(const nlohmann::json& charges) {
  std::map<std::string, int> captures;
  for (const nlohmann::json& charge : charges.at("charges")) {
    if (charge.at("status") == "succeeded") ++captures[charge.at("invoice")];
  }
  std::vector<std::string> twice;
  for (const auto& [invoice, times] : captures) {
    if (times > 1) twice.push_back(invoice + " was captured " + std::to_string(times) + " times (I4)");
  }
  return twice;
}

std::vector<std::string> BrokenCharges(Ledger& ledger, const nlohmann::json& charges, const ChargeRules& rules) {
  // A request of a service that was killed can still be on its way.
  constexpr Millis kOnItsWay{5000};
  std::vector<std::string> broken;
  std::map<std::string, Timestamp> last;
  std::set<AttemptKey> keys;
  for (const OurCharge& charge : OurCharges(ledger, charges, broken)) {
    const Millis age = charge.created - charge.attempt.first_sent_at;
    const bool leapt = age > Millis{24h} && age < Millis{23h} + rules.leap;
    if (!keys.insert(charge.attempt.key).second && !leapt)
      broken.push_back(charge.attempt.key.str() + " was charged twice (I4)");
    const auto before = last.find(charge.invoice);
    const bool automatic = charge.attempt.kind == AttemptKind::kAutomatic;
    if (automatic && before != last.end() && charge.created - before->second < rules.min_gap)
      broken.push_back(charge.id + ": an automatic charge within min_gap of the one before (R26)");
    last[charge.invoice] = charge.created;
    const auto cancelled = rules.cancelled.find(charge.subscription);
    if (cancelled != rules.cancelled.end() && charge.created > cancelled->second + kOnItsWay)
      broken.push_back(charge.id + ": " + charge.subscription + " was charged after it was cancelled (R17)");
  }
  CheckCards(charges, rules, broken);
  return broken;
}

std::vector<std::string> BrokenSubscription(Ledger& ledger, const SubscriptionRecord& record, int steps) {
  std::vector<std::string> broken;
  CheckChain(ledger, record.subscription, broken);
  std::map<std::string, int> automatic;
  for (const Attempt& a : record.attempts) {
    const bool counts = a.kind == AttemptKind::kAutomatic && a.state != AttemptState::kUnknown;
    if (counts && ++automatic[a.invoice.str()] > steps)
      broken.push_back(a.invoice.str() + ": more automatic attempts than the schedule has (I6)");
  }
  return broken;
}

std::vector<std::string> BrokenInvariants(Ledger& ledger, const nlohmann::json& truth, int steps) {
  std::vector<std::string> broken;
  for (const nlohmann::json& one : truth.at("subscriptions")) {
    const auto record = Load(ledger, one);
    if (!record || !*record) continue;
    const std::vector<std::string> found = BrokenSubscription(ledger, **record, steps);
    broken.insert(broken.end(), found.begin(), found.end());
  }
  return broken;
}

}  // namespace dunlin::simulate
