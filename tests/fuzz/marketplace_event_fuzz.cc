// The readers of AWS Marketplace's notifications: an answer or a reason, whatever the bytes.
#include "tests/fuzz/fuzz.h"
#include "workflows/providers/aws_marketplace/read_event.h"
#include "workflows/providers/aws_marketplace/stored_event.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const Timestamp now = FromUnixSeconds(1'790'000'000);
  const auto message = ReadMarketplaceMessage(bytes, EventId("m-1"), now);
  if (!message) DUNLIN_CHECK(!message.error().detail.empty());
  const auto event = ReadEventBridgeEvent(bytes);
  if (!event) DUNLIN_CHECK(!event.error().detail.empty());
  // What is an event of the bus by itself is one inside a message too.
  if (event) DUNLIN_CHECK(message && message->kind == event->kind);
  // What can be applied can be stored, and goes by the same id.
  const auto stored = MarketplaceEventOf(std::string(bytes), now);
  const auto digest = ReadMarketplaceEvent(bytes);
  if (!digest) DUNLIN_CHECK(!digest.error().detail.empty());
  if (digest) DUNLIN_CHECK(stored && stored->id == digest->event && !stored->id.empty());
  // Facts lead to a subscription if they carry any id.
  if (digest && digest->market) {
    const MarketFacts& facts = digest->market->facts;
    DUNLIN_CHECK(KeysOf(facts).empty() == CanonicalId(facts).empty());
  }
}
