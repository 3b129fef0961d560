#include "state/backup.h"

#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"

namespace dunlin {
namespace {

int Say(const LedgerArguments& on, const std::string& what, const std::string& ledger, const std::string& file) {
  if (on.json) {
    PrintJson({{"ledger", ledger}, {"file", file}});
  } else {
    Print(what + "\n");
  }
  return kExitOk;
}

}  // namespace

int RunBackup(const LedgerArguments& on, const std::string& file) {
  const Result<std::string> ledger = ChosenLocation(on);
  if (!ledger) return Complain(ledger.error());
  if (const Status done = BackUpLedger(*ledger, file); !done) return Complain(done.error());
  return Say(on, "The ledger " + *ledger + " is backed up in " + file + ".", *ledger, file);
}

int RunRestore(const LedgerArguments& on, const std::string& file) {
  const Result<std::string> ledger = ChosenLocation(on);
  if (!ledger) return Complain(ledger.error());
  if (const Status done = RestoreLedger(file, *ledger); !done) return Complain(done.error());
  return Say(on, "The ledger " + *ledger + " is restored from " + file + "; the service can be started on it.", *ledger,
             file);
}

}  // namespace dunlin
