// Compares what a service has in its ledger with what the provider simulator knows to be true.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "state/ledger.h"

namespace dunlin::simulate {

// Each thing that differs, one line; empty: all is as the provider says. `truth` is GET /_sim/truth, and `now` when
// that was. `in_grace`: past-due subscriptions that may still have access, whose access is not judged.
std::vector<std::string> DifferencesFromTruth(Ledger& ledger, const nlohmann::json& truth, Timestamp now,
                                              const std::set<std::string>& in_grace = {});

// Each invoice that was captured more than once. `charges` is GET /_sim/charges. The simulator refuses to charge a paid
// invoice, so this alone proves little: see BrokenCharges.
std::vector<std::string> DoubleCaptures(const nlohmann::json& charges);

// What the charges that carry a key of ours must keep to.
struct ChargeRules {
  // How far simulated time can leap between the service's look at its clock and its call: the provider forgets a key
  // after a day, and one that is sent again just before may arrive after.
  Millis leap{0};
  Millis min_gap{0};       // between an automatic one and the one before it on the invoice
  int card_limit = 0;      // on one payment method, by whomever: none of ours beyond it …
  Millis card_window{0};   // … within this
  Millis heard_within{0};  // others' younger than this may not have been heard of when ours was made
  std::map<std::string, Timestamp> cancelled;  // subscriptions, and when the customer cancelled: none afterwards (R17)
};
// Each charge whose key is not that of an attempt of the ledger, or was used before, and each that breaks the rules.
std::vector<std::string> BrokenCharges(Ledger& ledger, const nlohmann::json& charges, const ChargeRules& rules);

// Each break of I9 by one subscription (the change rows chain, and end at what its row says), and of I6 by its
// automatic attempts, of which an invoice has at most `steps`.
std::vector<std::string> BrokenSubscription(Ledger& ledger, const SubscriptionRecord& record, int steps);

// Each break of I9 (the change rows of a subscription chain, and end at what its row says) and of I6 (automatic
// attempts within the schedule of `steps`).
std::vector<std::string> BrokenInvariants(Ledger& ledger, const nlohmann::json& truth, int steps);

}  // namespace dunlin::simulate
