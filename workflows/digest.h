// What an event says, in our own terms: the facts it leaves and where they belong. Each provider has a reader.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/ledger.h"

namespace dunlin {

// A payment that did not go through, as told by the payment itself. It names its invoice only in old API versions.
struct PaymentFailure {
  std::string payment_intent;
  std::optional<InvoiceId> invoice;
  Timestamp at{};
  Decline decline;
};

// What AWS Marketplace told. Which subscription that is about, its ids tell (state/market_facts.h).
struct MarketNews {
  MarketFacts facts;
  bool ask_entitlements = false;  // what the buyer is entitled to may have changed
  std::string note;               // one sentence for the timeline, where it changes nothing that is derived; or empty
};

// Amazon SNS about one of its topics.
struct TopicNews {
  bool asks = false;  // to confirm that its messages may come; false: they come no more
  std::string arn;
};

struct Digest {
  EventId event;
  std::string type;
  Timestamp created{};
  // The request that caused it: the provider's id of it, and its idempotency key. Both empty: the provider itself.
  std::string request;
  std::string idempotency_key;
  // Where its facts belong. Both empty: it says nothing about a subscription.
  SubscriptionId subscription;
  AccountId account;

  std::optional<SubscriptionSnapshot> snapshot;
  std::optional<InvoiceFact> invoice;
  std::optional<PaymentFailure> failure;
  std::optional<MethodChange> method;  // of the subscription; without one, of every subscription of the account
  std::optional<PaymentLink> link;
  std::vector<Alias> aliases;
  // A thin event carries no object: ask for this one. "subscription", "invoice" or, for what its subscriptions are
  // charged on, "customer", and its id. "events", without one: the provider's list of events has the rest of it.
  std::optional<std::pair<std::string, std::string>> ask;
  std::optional<MarketNews> market;  // of the marketplace's events, and then nothing of the above but the first three
  std::optional<TopicNews> topic;    // the same
  // What the provider's own words for it say, for an event that leaves no facts: "customer.updated: no new method".
  bool acted_on = false;  // false: a type we do not act on; it is kept
};

// Reads the raw bytes of a provider's event. Pure. Errors: kInvalidArgument, naming what could not be read.
using EventReader = std::function<Result<Digest>(Provider provider, std::string_view body)>;

}  // namespace dunlin
