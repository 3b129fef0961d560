// Both readers of AWS Marketplace's notifications: an answer or a reason, whatever the bytes.
#include "tests/fuzz/fuzz.h"
#include "workflows/providers/aws_marketplace/read_event.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const auto message = ReadMarketplaceMessage(bytes, EventId("m-1"), FromUnixSeconds(1'790'000'000));
  if (!message) DUNLIN_CHECK(!message.error().detail.empty());
  const auto event = ReadEventBridgeEvent(bytes);
  if (!event) DUNLIN_CHECK(!event.error().detail.empty());
  // What is an event of the bus by itself is one inside a message too.
  if (event) DUNLIN_CHECK(message && message->kind == event->kind);
}
