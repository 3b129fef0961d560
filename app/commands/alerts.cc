#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "app/views.h"

namespace dunlin {

int RunAlertsList(const LedgerArguments& on, const PageArguments& page) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<Listing<Alert>> listing = (*ledger)->Alerts({page.limit, page.cursor});
  if (!listing) return Complain(listing.error());
  nlohmann::json views = nlohmann::json::array();
  Table table({"RAISED", "KIND", "SUBJECT", "WHAT"});
  for (const Alert& alert : listing->items) {
    views.push_back(AlertView(alert));
    table.Add({TimeCell(alert.raised_at), alert.kind, alert.subject.empty() ? "-" : alert.subject, alert.detail});
  }
  if (on.json) {
    PrintJson(ListAsJson("alerts", std::move(views), listing->next));
  } else {
    PrintList(table, "No alert is open.", listing->next);
  }
  return kExitOk;
}

}  // namespace dunlin
