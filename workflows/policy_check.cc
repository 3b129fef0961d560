#include "workflows/policy_check.h"

#include <algorithm>
#include <numeric>

namespace dunlin {
namespace {

std::string Quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

// A gap below min_gap would be stretched when it runs, so the file would not say what happens.
void CheckGaps(const CollectionPolicy& c, const std::string& section, PolicyNotes& notes) {
  if (notes.HasRefused(section, "min_gap")) return;
  for (std::size_t i = 0; i < c.retry_after.size(); ++i) {
    if (c.retry_after[i] >= c.min_gap && c.retry_after[i] > Millis{0}) continue;
    const std::string key = "retry_after[" + std::to_string(i) + "]";
    if (c.retry_after[i] == Millis{0}) {
      notes.Refuse(section, key, "0s does not wait at all; a retry comes some time after the failure before it");
    } else {
      notes.Refuse(section, key,
                   FormatDuration(c.retry_after[i]) + " is shorter than min_gap (" + FormatDuration(c.min_gap) +
                       "), and two attempts are never closer than that");
    }
  }
}

// I6: the payment that failed first counts as an attempt too. Jitter only ever adds, so it cannot break this.
void CheckNetworkLimit(const CollectionPolicy& c, const std::string& section, PolicyNotes& notes) {
  if (notes.HasRefused(section, "network_limit")) return;
  std::vector<Millis> at = {Millis{0}};
  for (const Millis gap : c.retry_after) at.push_back(at.back() + gap);
  const auto allowed = static_cast<std::size_t>(c.network_attempts_max);
  for (std::size_t last = allowed; last < at.size(); ++last) {
    const Millis span = at[last] - at[last - allowed];
    if (span >= c.network_window) continue;
    const std::string attempts = last == allowed ? "the first payment and " + std::to_string(allowed) + " retries"
                                                 : std::to_string(allowed + 1) + " retries";
    notes.Refuse(section, "retry_after",
                 attempts + " come within " + FormatDuration(span) + "; network_limit allows " +
                     std::to_string(allowed) + " attempts in " + FormatDuration(c.network_window));
    return;
  }
}

// What only a recovery of ours does must not be promised where we never charge (R21). The built-in schedule may be
// spelled out for owner "provider": it says nothing that is not said anyway.
void CheckOwner(const CollectionPolicy& c, const std::string& section, PolicyNotes& notes) {
  if (c.owner == Owner::kService) return;
  const std::string owner = "owner is " + Quoted(OwnerName(c.owner));
  const bool is_default = c.retry_after == CollectionPolicy{}.retry_after;
  if (!is_default && !c.retry_after.empty()) {
    notes.Refuse(section, "retry_after",
                 owner + ", so these retries would never run; leave them out, or set owner = \"service\"");
  }
  const bool spelled_out = c.owner == Owner::kProvider && is_default && notes.HasWritten(section, "retry_after");
  if (c.exhausted == Exhausted::kCancel && notes.HasWritten(section, "exhausted") && !spelled_out) {
    notes.Refuse(section, "exhausted",
                 owner + ", so nothing of ours would ever cancel; leave it out, or set owner = \"service\"");
  }
}

void CheckGrace(const CollectionPolicy& c, const std::string& section, PolicyNotes& notes) {
  if (c.owner != Owner::kService || c.exhausted != Exhausted::kCancel || notes.HasRefused(section, "exhausted") ||
      notes.HasRefused(section, "grace")) {
    return;
  }
  const Millis schedule = std::accumulate(c.retry_after.begin(), c.retry_after.end(), Millis{0});
  if (c.grace <= schedule) return;
  notes.Refuse(section, "grace",
               FormatDuration(c.grace) + " is longer than the whole schedule (" + FormatDuration(schedule) +
                   "), at whose end the subscription is cancelled: access would outlive it");
}

}  // namespace

std::string PlanSection(std::string_view plan) { return "plan." + std::string(plan); }
std::string CollectionSection(std::string_view collection) { return "collection." + std::string(collection); }

void PolicyNotes::Wrote(std::string_view section, std::string_view key, int line) {
  lines_.insert_or_assign(Place(section, key), line);
}

int PolicyNotes::FindLine(std::string_view section, std::string_view key) const {
  const auto found = lines_.find(Place(section, key));
  return found == lines_.end() ? 0 : found->second;
}

int PolicyNotes::LineOf(std::string_view section, std::string_view key) const {
  if (const int line = FindLine(section, key); line != 0) return line;
  return std::max(FindLine(section, ""), 1);
}

void PolicyNotes::Refuse(std::string_view section, std::string_view key, std::string why) {
  RefuseAt(LineOf(section, key), section, key, std::move(why));
}

void PolicyNotes::RefuseAt(int line, std::string_view section, std::string_view key, std::string why) {
  refused_.insert(Place(section, key.substr(0, key.find_first_of(".["))));
  std::string text = section.empty() ? "" : "[" + std::string(section) + "]";
  if (!key.empty()) text += (text.empty() ? "" : " ") + std::string(key);
  problems_.push_back({line, text + ": " + std::move(why)});
}

bool PolicyNotes::HasRefused(std::string_view section, std::string_view key) const {
  return refused_.contains(Place(section, key));
}

std::string PolicyNotes::Text(std::string_view file) const {
  std::vector<Problem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) { return a.line < b.line; });
  std::string text;
  for (const Problem& problem : sorted) {
    if (!text.empty()) text += '\n';
    text += std::string(file) + ":" + std::to_string(problem.line) + ": " + problem.text;
  }
  return text;
}

void CheckCollection(const CollectionPolicy& collection, PolicyNotes& notes) {
  const std::string section = CollectionSection(collection.name);
  const bool owner_known = !notes.HasRefused(section, "owner");
  const bool schedule_known = !notes.HasRefused(section, "retry_after");
  if (owner_known && schedule_known) CheckOwner(collection, section, notes);
  if (schedule_known) CheckGaps(collection, section, notes);
  if (schedule_known) CheckNetworkLimit(collection, section, notes);
  if (owner_known && schedule_known) CheckGrace(collection, section, notes);
}

void CheckPlans(const std::vector<PlanPolicy>& plans, const Policy& policy, PolicyNotes& notes) {
  std::map<int, std::string> ranks;
  std::map<std::string, std::string> bought_by;
  for (const PlanPolicy& plan : plans) {
    const std::string section = PlanSection(plan.name);
    if (!notes.HasRefused(section, "rank")) {
      const auto [first, added] = ranks.emplace(plan.rank, plan.name);
      if (!added) {
        notes.Refuse(section, "rank",
                     std::to_string(plan.rank) + " is already the rank of [" + PlanSection(first->second) +
                         "]: which of the two is the upgrade?");
      }
    }
    const auto buys = [&](const char* key, const std::vector<std::string>& names) {
      for (const std::string& name : names) {
        const auto [first, added] = bought_by.emplace(name, plan.name);
        if (!added) notes.Refuse(section, key, Quoted(name) + " already buys [" + PlanSection(first->second) + "]");
      }
    };
    buys("stripe_prices", plan.stripe_prices);
    buys("marketplace_products", plan.marketplace_products);
    if (!notes.HasRefused(section, "collection") && !policy.collections.contains(plan.collection)) {
      notes.Refuse(section, "collection", "there is no [" + CollectionSection(plan.collection) + "]");
    }
  }
}

}  // namespace dunlin
