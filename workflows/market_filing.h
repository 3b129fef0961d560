// Finds the subscription that facts of the marketplace belong to, by the ids they carry, and adds them to it. Facts may
// show that two subscriptions are one, or that one is to go by another id.
#pragma once

#include <optional>
#include <string>

#include "state/ledger.h"
#include "workflows/policy_book.h"

namespace dunlin {

// AWS does not accept our credentials, or does not let us ask. One alert for all calls.
inline constexpr const char* kMarketplaceCredentialsAlert = "marketplace_credentials";

struct MarketWords {
  MarketFacts facts;
  // The subscription they are about, whatever ids they carry; nullopt: their ids tell.
  std::optional<SubscriptionId> about;
  std::string event;  // the event or answer behind them
  std::string note;   // for the timeline, if they are news; or empty
  bool ask = false;   // ask for the entitlements
};

struct MarketFiled {
  SubscriptionId subscription;   // empty: nobody has registered for these ids yet
  std::int64_t version = 0;      // that the row had; 0: there was none
  bool news = false;             // the facts were not all known
  std::string superseded_by;     // the newer notice of the same course that makes them count no more; or empty
  std::optional<Access> access;  // it changed to this
};

// Adds to `unit` everything that follows: the row, renamed or joined where that is so, its links, its timeline, jobs.
// Where nobody has registered yet, nothing is added. Reads the ledger; a unit made from what has moved meanwhile fails
// with kConflict. Errors: kConflict (it moved while it was read: again), the ledger's.
Result<MarketFiled> FileMarket(Ledger& ledger, const PolicyBook& policies, const MarketWords& words, Timestamp now,
                               Unit& unit);

// The id that a subscription goes by now, by any id it ever had. nullopt: none, or several have it.
Result<std::optional<SubscriptionId>> CurrentMarketId(Ledger& ledger, const std::string& any_id);

// The subscription that goes, or went, by this id; nullopt: none, or several did.
Result<std::optional<Subscription>> FindMarketSubscription(Ledger& ledger, const std::string& any_id);

// Asks what the buyer is entitled to. One question at a time for a subscription; asking again puts it to `due`.
NewJob AskEntitlements(const SubscriptionId& id, Timestamp due);

}  // namespace dunlin
