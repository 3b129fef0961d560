#include "tests/support/truth.h"

#include <map>
#include <nlohmann/json.hpp>

#include "workflows/schedule.h"

namespace dunlin::testing {
namespace {

// R23, written down once more so that the program's own table is not its judge.
std::string StatusFor(const std::string& word) {
  static const std::map<std::string, std::string> kWords = {
      {"incomplete", "pending"}, {"incomplete_expired", "canceled"}, {"unpaid", "past_due"}};
  const auto at = kWords.find(word);
  return at == kWords.end() ? word : at->second;
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

std::vector<std::string> DifferencesFromTruth(Ledger& ledger, const nlohmann::json& truth) {
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
    if (StatusName(values.status) != status)
      differences.push_back(id + ": is " + std::string(StatusName(values.status)) + " and should be " + status);
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

std::vector<std::string> BrokenInvariants(Ledger& ledger, const nlohmann::json& truth, int steps) {
  std::vector<std::string> broken;
  for (const nlohmann::json& one : truth.at("subscriptions")) {
    const auto record = Load(ledger, one);
    if (!record || !*record) continue;
    CheckChain(ledger, (*record)->subscription, broken);
    std::map<std::string, int> automatic;
    for (const Attempt& a : (*record)->attempts) {
      const bool counts = a.kind == AttemptKind::kAutomatic && a.state != AttemptState::kUnknown;
      if (counts && ++automatic[a.invoice.str()] > steps)
        broken.push_back(a.invoice.str() + ": more automatic attempts than the schedule has (I6)");
    }
  }
  return broken;
}

}  // namespace dunlin::testing
