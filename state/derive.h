// Facts in, values out (rules R7, R23, R24). Pure: no clock, no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/facts.h"
#include "state/values.h"

namespace dunlin {

struct Derived {
  Values values;
  std::string_view rule;   // what decided the status: "R23", "R24a" … "R24d"
  std::string because;     // the event or answer behind it
  bool cancelled = false;  // canceled, or cancelled for the period's end (R17, I4)
  // The invoice that is owed: open, failed or of a past-due subscription, with something left to pay.
  std::optional<InvoiceId> collectible;
  std::optional<Timestamp> past_due_since;  // the provider's time; only while past_due
  bool refetch_owed = false;                // in doubt (R24c, R25): ask the provider
  std::string_view doubt;                   // why: "R24c", "R25 tie", "R25 predecessor", "no snapshot"
  bool unknown_price = false;               // it has prices and none is in the catalog
  // Of a subscription that the marketplace collects (R15).
  std::string why;                        // what decided the status, one sentence for people
  std::optional<Timestamp> ending_since;  // its end was announced then and is not confirmed yet
  std::string ending_why;
  bool unknown_status = false;  // the newest snapshot has a status word we do not know; the one before it counts
};

// `grace` is how long a past-due subscription keeps its access.
Derived Derive(const Facts& facts, const PlanCatalog& plans, Millis grace, Timestamp now);

}  // namespace dunlin
