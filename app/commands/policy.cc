#include "workflows/policy.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/commands/commands.h"
#include "app/commands/output.h"

namespace dunlin {
namespace {

using Json = nlohmann::json;

struct Step {
  Millis after{};        // after the failure before it
  Millis since_first{};  // after the failure that began it, without jitter
  Millis latest{};       // … with the most that jitter can add
};

// "1d 2h 24m", to the second.
std::string Spell(Millis d) {
  std::string text;
  std::int64_t left = std::chrono::duration_cast<Seconds>(d).count();
  for (const auto& [unit, length] : {std::pair{"d", 86'400}, {"h", 3'600}, {"m", 60}, {"s", 1}}) {
    if (left >= length) text += (text.empty() ? "" : " ") + std::to_string(left / length) + unit;
    left %= length;
  }
  return text.empty() ? FormatDuration(d) : text;
}

std::vector<Step> CalendarOf(const CollectionPolicy& rules) {
  std::vector<Step> steps;
  Millis sum{0}, latest{0};
  for (const Millis after : rules.retry_after) {
    sum += after;
    latest += after + after * rules.jitter_percent / 100;
    steps.push_back({after, sum, latest});
  }
  return steps;
}

Json PolicyAsJson(const Policy& policy) {
  Json plans = Json::array(), collections = Json::array();
  for (const auto& [name, plan] : policy.plans) {
    plans.push_back({{"name", name},
                     {"title", plan.title},
                     {"rank", plan.rank},
                     {"price", plan.price.minor},
                     {"currency", plan.price.currency},
                     {"per", plan.per},
                     {"credits", plan.credits},
                     {"stripe_prices", plan.stripe_prices},
                     {"marketplace_products", plan.marketplace_products},
                     {"collection", plan.collection}});
  }
  for (const auto& [name, rules] : policy.collections) {
    Json calendar = Json::array();
    for (const Step& step : CalendarOf(rules)) {
      calendar.push_back({{"after", FormatDuration(step.after)},
                          {"since_failure", FormatDuration(step.since_first)},
                          {"at_latest", FormatDuration(step.latest)}});
    }
    const bool ours = rules.owner == Owner::kService;
    collections.push_back({{"name", name},
                           {"owner", OwnerName(rules.owner)},
                           {"grace", FormatDuration(rules.grace)},
                           {"min_gap", FormatDuration(rules.min_gap)},
                           {"jitter_percent", rules.jitter_percent},
                           {"exhausted", ours ? Json(ExhaustedName(rules.exhausted)) : Json(nullptr)},
                           {"retry_on_new_payment_method", rules.retry_on_new_payment_method},
                           {"retries", ours ? calendar : Json::array()}});
  }
  return {{"valid", true}, {"version", policy.version}, {"plans", plans}, {"collections", collections}};
}

std::string PlansText(const Policy& policy) {
  if (policy.plans.empty()) return "No plans.\n";
  Table table({"PLAN", "TITLE", "RANK", "PRICE", "CREDITS", "COLLECTION", "BOUGHT BY"});
  for (const auto& [name, plan] : policy.plans) {
    std::string prices;
    for (const auto* names : {&plan.stripe_prices, &plan.marketplace_products}) {
      for (const std::string& bought_by : *names) prices += (prices.empty() ? "" : ", ") + bought_by;
    }
    table.Add({name, plan.title, std::to_string(plan.rank), FormatMoney(plan.price) + " / " + plan.per,
               std::to_string(plan.credits), plan.collection, prices});
  }
  return table.Text();
}

std::string CalendarText(const CollectionPolicy& rules) {
  Table table({"  RETRY", "AFTER THE LAST ONE", "AFTER THE FIRST FAILURE"});
  int number = 0;
  for (const Step& step : CalendarOf(rules)) {
    std::string when = Spell(step.since_first);
    if (step.latest != step.since_first) when += " to " + Spell(step.latest);
    table.Add({"  " + std::to_string(++number), Spell(step.after), when});
  }
  const std::string end = rules.exhausted == Exhausted::kCancel ? "the provider is told to cancel the subscription"
                                                                : "it stays past due, and people decide";
  return table.Text() + "  After the last retry: " + end + ".\n";
}

std::string CollectionText(const CollectionPolicy& rules) {
  std::string text = "Collection " + rules.name + "\n";
  switch (rules.owner) {
    case Owner::kProvider: text += "  The provider retries; this service follows and never charges.\n"; break;
    case Owner::kMarketplace: text += "  The marketplace collects; this service never charges.\n"; break;
    case Owner::kService:
      text += "  This service retries, and tells the provider to stop.\n" + CalendarText(rules);
      text += "  Two attempts are at least " + Spell(rules.min_gap) + " apart; at most " +
              std::to_string(rules.network_attempts_max) + " on one card within " + Spell(rules.network_window) + ".\n";
      text += rules.retry_on_new_payment_method ? "  A new payment method is tried at once.\n"
                                                : "  A new payment method waits for the next retry.\n";
      break;
  }
  const bool at_once = rules.grace == Millis{0};
  return text + (at_once ? "  Access is lost as soon as a payment has failed.\n"
                         : "  Access lasts " + Spell(rules.grace) + " after a payment has failed.\n");
}

int TellMistakes(const Error& error, bool json) {
  if (!json) {
    Print(error.detail + "\n");
    return kExitNo;
  }
  Json errors = Json::array();
  std::istringstream lines(error.detail);
  for (std::string line; std::getline(lines, line);) errors.push_back(line);
  PrintJson({{"valid", false}, {"errors", errors}});
  return kExitNo;
}

}  // namespace

int RunPolicyCheck(const std::string& file, bool json) {
  const Result<Policy> policy = LoadPolicy(file);
  if (!policy && policy.error().code == Errc::kNotFound) return Complain(policy.error().detail, kExitNo);
  if (!policy) return TellMistakes(policy.error(), json);
  if (json) {
    PrintJson(PolicyAsJson(*policy));
    return kExitOk;
  }
  std::string text =
      file + ": version " + std::to_string(policy->version) + " holds together.\n\n" + PlansText(*policy);
  for (const auto& [name, rules] : policy->collections) text += "\n" + CollectionText(rules);
  Print(text);
  return kExitOk;
}

}  // namespace dunlin
