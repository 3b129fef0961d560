#include "app/commands/ledger_access.h"

#include <nlohmann/json.hpp>

#include "app/commands/output.h"
#include "app/config.h"

namespace dunlin {
namespace {

void AddFields(Table& table, const nlohmann::json& object, const std::string& prefix) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) {
      AddFields(table, value, prefix + key + ".");
    } else {
      table.Add({prefix + key, Cell(object, key)});
    }
  }
}

}  // namespace

Result<std::string> ChosenLocation(const LedgerArguments& on) {
  if (!on.ledger.empty() && on.config.empty()) return on.ledger;
  const Result<Config> config = LoadConfig(on.config);
  if (!config) return Fail(Errc::kInvalidArgument, config.error().detail);
  return on.ledger.empty() ? config->ledger : on.ledger;
}

Result<std::unique_ptr<Ledger>> OpenChosen(const LedgerArguments& on) {
  const Result<std::string> location = ChosenLocation(on);
  if (!location) return tl::unexpected(location.error());
  return OpenLedger(*location, {.mode = LedgerOptions::Mode::kOpenExisting});
}

Result<PolicyBook> PoliciesOf(Ledger& ledger) {
  const Result<std::vector<std::pair<int, std::string>>> stored = ledger.Policies();
  if (!stored) return tl::unexpected(stored.error());
  const std::pair<int, std::string>* newest = nullptr;
  for (const auto& version : *stored) {
    if (newest == nullptr || newest->first < version.first) newest = &version;
  }
  if (newest == nullptr) return PolicyBook::Open(ledger, BuiltInPolicy(), "");
  Result<Policy> policy = ParsePolicy(newest->second, "the ledger's policy version " + std::to_string(newest->first));
  if (!policy) return Fail(Errc::kCorrupt, policy.error().detail);
  return PolicyBook::Open(ledger, std::move(*policy), newest->second);  // it is kept already: the same text
}

nlohmann::json ListAsJson(const std::string& name, nlohmann::json items, const std::string& next) {
  return {{name, std::move(items)}, {"next", next.empty() ? nlohmann::json(nullptr) : nlohmann::json(next)}};
}

void PrintList(const Table& table, const std::string& none, const std::string& next) {
  Print(table.empty() ? none + "\n" : table.Text());
  if (!next.empty()) Print("There are more: --cursor " + CleanLine(next) + "\n");
}

void PrintFields(const nlohmann::json& object) {
  Table table({"FIELD", "VALUE"});
  AddFields(table, object, "");
  Print(table.Text());
}

}  // namespace dunlin
