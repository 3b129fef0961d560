// Reads the policy's TOML; docs/policy.md is the same list of keys for people.
#include <algorithm>
#include <charconv>
#include <limits>

#include "workflows/policy.h"
#include "workflows/policy_check.h"
#include "workflows/policy_section.h"

namespace dunlin {
namespace {

constexpr std::int64_t kVersionMax = 1'000'000'000;
constexpr std::int64_t kRankMax = 1'000'000;
constexpr std::int64_t kJitterMax = 50;  // per cent; above that a schedule says little about when a retry comes
constexpr std::int64_t kNetworkAttemptsMax = 1000;

void ReadJitter(const Section& section, int& to) {
  const toml::node* node = section.table().get("jitter");
  if (node == nullptr) return;
  const std::string text = node->value_exact<std::string>().value_or("");
  int percent = -1;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, percent);
  if (error != std::errc() || stopped + 1 != end || *stopped != '%') {
    return section.Refuse("jitter", "must be whole per cent in quotes, as \"10%\"");
  }
  if (percent < 0 || percent > kJitterMax) return section.Refuse("jitter", "must be from 0% to 50%, not " + text);
  to = percent;
}

void ReadSchedule(const Section& section, std::vector<Millis>& to) {
  if (section.table().get("retry_after") == nullptr) return;
  std::vector<Millis> schedule;
  const bool is_list = section.ForEach("retry_after", [&](const toml::node& node, const std::string& name) {
    if (const auto gap = section.ToDuration(node, name)) schedule.push_back(*gap);
  });
  if (is_list) to = std::move(schedule);
}

CollectionPolicy ReadCollection(const Section& section, std::string name) {
  CollectionPolicy c;
  c.name = std::move(name);
  section.AllowOnly({"owner", "retry_after", "min_gap", "jitter", "grace", "exhausted", "retry_on_new_payment_method",
                     "network_limit"});
  section.ReadWord<Owner>(
      "owner", {{"provider", Owner::kProvider}, {"service", Owner::kService}, {"marketplace", Owner::kMarketplace}},
      c.owner);
  ReadSchedule(section, c.retry_after);
  section.Read("min_gap", c.min_gap);
  ReadJitter(section, c.jitter_percent);
  section.Read("grace", c.grace);
  section.ReadWord<Exhausted>("exhausted", {{"cancel", Exhausted::kCancel}, {"stay_past_due", Exhausted::kStayPastDue}},
                              c.exhausted);
  section.Read("retry_on_new_payment_method", c.retry_on_new_payment_method);
  if (const toml::table* table = section.Table("network_limit"); table != nullptr) {
    const Section limit(*table, section.name(), section.notes(), "network_limit");
    limit.AllowOnly({"attempts", "per"});
    limit.Require({"attempts", "per"});
    limit.Read("attempts", c.network_attempts_max, 1, kNetworkAttemptsMax);
    limit.Read("per", c.network_window);
    if (c.network_window == Millis{0}) limit.Refuse("per", "0s limits nothing");
  }
  return c;
}

void ReadPrice(const Section& section, PlanPolicy& plan) {
  const toml::table* table = section.Table("price");
  if (table == nullptr) return;
  const Section price(*table, section.name(), section.notes(), "price");
  price.AllowOnly({"amount", "currency", "per"});
  price.Require({"amount", "currency", "per"});
  price.Read("amount", plan.price.minor, 0, std::numeric_limits<std::int64_t>::max());
  price.Read("currency", plan.price.currency);
  const std::string& currency = plan.price.currency;
  const bool three_letters = currency.size() == 3 &&
                             std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  if (!currency.empty() && !three_letters) {
    price.Refuse("currency", "must be three lower-case letters, as \"usd\", not \"" + currency + "\"");
  }
  price.ReadWord<std::string>("per", {{"month", "month"}, {"year", "year"}}, plan.per);
}

// What buys a plan: a list of ids, none of them empty.
void ReadNames(const Section& section, const std::string& key, const std::string& wrong,
               std::vector<std::string>& names) {
  const bool is_list = section.ForEach(key, [&](const toml::node& node, const std::string& element) {
    const auto name = node.value_exact<std::string>();
    if (!name || name->empty()) return section.Refuse(element, wrong);
    names.push_back(*name);
  });
  const bool is_there = section.table().contains(key);
  if (is_there && is_list && names.empty() && !section.notes().HasRefused(section.name(), key)) {
    section.Refuse(key, "is empty: nobody could ever be on this plan");
  }
}

PlanPolicy ReadPlan(const Section& section, std::string name) {
  PlanPolicy plan;
  plan.title = name;
  plan.name = std::move(name);
  section.AllowOnly({"title", "rank", "price", "credits", "stripe_prices", "marketplace_products", "collection"});
  section.Require({"rank", "price"});
  section.Read("title", plan.title);
  section.Read("rank", plan.rank, 0, kRankMax);
  ReadPrice(section, plan);
  section.Read("credits", plan.credits, 0, std::numeric_limits<std::int64_t>::max());
  ReadNames(section, "stripe_prices", "must be a price's id in quotes, as \"price_…\"", plan.stripe_prices);
  ReadNames(section, "marketplace_products",
            "must be a product code in quotes, as \"prodcode\" or \"prodcode/dimension\"", plan.marketplace_products);
  const bool any_list = section.table().contains("stripe_prices") || section.table().contains("marketplace_products");
  if (!any_list) section.Refuse("stripe_prices", "missing, and marketplace_products too: nothing would buy this plan");
  section.Read("collection", plan.collection);
  return plan;
}

// The metered dimensions of a product of the marketplace.
std::vector<std::string> ReadMetered(const Section& section) {
  std::vector<std::string> dimensions;
  section.AllowOnly({"metered"});
  section.Require({"metered"});
  const bool is_list = section.ForEach("metered", [&](const toml::node& node, const std::string& element) {
    const auto name = node.value_exact<std::string>();
    if (!name || name->empty()) return section.Refuse(element, "must be a dimension in quotes, as \"tokens\"");
    const bool is_new = std::find(dimensions.begin(), dimensions.end(), *name) == dimensions.end();
    if (!is_new) return section.Refuse(element, '"' + *name + "\" is in the list already");
    dimensions.push_back(*name);
  });
  const bool is_there = section.table().contains("metered");
  if (is_there && is_list && dimensions.empty() && !section.notes().HasRefused(section.name(), "metered"))
    section.Refuse("metered", "is empty: leave [" + section.name() + "] out where nothing is metered");
  return dimensions;
}

// The tables of `kind` ("plan", "collection", "marketplace") in the order of the file.
std::vector<std::pair<std::string, const toml::table*>> Named(const Section& top, std::string_view kind) {
  std::vector<std::pair<std::string, const toml::table*>> found;
  const toml::table* tables = top.Table(kind);
  if (tables == nullptr) return found;
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  for (const auto& [key, node] : *tables) {
    const std::string name(key.str());
    const int line = static_cast<int>(key.source().begin.line);
    const std::string section = std::string(kind) + "." + name;
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_plain)) {
      top.notes().RefuseAt(line, section, "", "a name is letters, digits, _ and -");
    } else if (const toml::table* table = node.as_table(); table == nullptr) {
      top.notes().RefuseAt(line, section, "", "must be a table: [" + section + "]");
    } else {
      found.emplace_back(name, table);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return LineOf(*a.second) < LineOf(*b.second); });
  return found;
}

Policy ReadPolicy(const toml::table& file, PolicyNotes& notes) {
  Policy policy = BuiltInPolicy();
  const Section top(file, "", notes);
  top.AllowOnly({"version", "plan", "collection", "marketplace"});
  top.Require({"version"});
  top.Read("version", policy.version, 1, kVersionMax);
  for (const auto& [name, table] : Named(top, "collection")) {
    const Section section(*table, CollectionSection(name), notes);
    const CollectionPolicy collection = ReadCollection(section, name);
    CheckCollection(collection, notes);
    policy.collections.insert_or_assign(name, collection);
  }
  for (const auto& [product, table] : Named(top, "marketplace")) {
    policy.metered.emplace(product, ReadMetered(Section(*table, "marketplace." + product, notes)));
  }
  std::vector<PlanPolicy> plans;
  for (const auto& [name, table] : Named(top, "plan")) {
    plans.push_back(ReadPlan(Section(*table, PlanSection(name), notes), name));
  }
  CheckPlans(plans, policy, notes);
  for (PlanPolicy& plan : plans) {
    for (const auto* names : {&plan.stripe_prices, &plan.marketplace_products}) {
      for (const std::string& name : *names) policy.catalog.by_price[name] = {plan.name, plan.rank};
    }
    policy.plans.emplace(plan.name, std::move(plan));
  }
  return policy;
}

}  // namespace

Result<Policy> ParsePolicy(std::string_view toml, std::string_view file) {
  toml::table table;
  try {
    table = toml::parse(toml, file);
  } catch (const toml::parse_error& e) {
    return Fail(Errc::kInvalidArgument, std::string(file) + ":" + std::to_string(e.source().begin.line) +
                                            ": not TOML: " + std::string(e.description()));
  }
  PolicyNotes notes;
  Policy policy = ReadPolicy(table, notes);
  if (!notes.empty()) return Fail(Errc::kInvalidArgument, notes.Text(file));
  return policy;
}

}  // namespace dunlin
