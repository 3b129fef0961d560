// What the commands that work on a ledger have in common.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app/commands/commands.h"
#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

class Table;

// Where it is: `on.ledger`, else what the configuration says. Errors: a wrong configuration.
Result<std::string> ChosenLocation(const LedgerArguments& on);

// An existing one; a running service may have it open too. Errors: OpenLedger's, and a wrong configuration.
Result<std::unique_ptr<Ledger>> OpenChosen(const LedgerArguments& on);

// The policy that is in force on a ledger: the newest it holds, else the built-in one. Nothing is written.
Result<PolicyBook> PoliciesOf(Ledger& ledger);

// A listing's answer in JSON: {"<name>": […], "next": "…" or null}.
nlohmann::json ListAsJson(const std::string& name, nlohmann::json items, const std::string& next);
// For people: the table, or what there is none of, and how to go on.
void PrintList(const Table& table, const std::string& none, const std::string& next);

// An object for people: one aligned line for each field, those of inner objects as "collection.owner".
void PrintFields(const nlohmann::json& object);

}  // namespace dunlin
