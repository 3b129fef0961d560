// Reads AWS Marketplace's notifications: the actions of a product's SNS topics, and EventBridge events.
#pragma once

#include <string_view>

#include "workflows/marketplace_event.h"

namespace dunlin {

// Pure functions of what they are given. An action or detail type that we do not know is no error: its kind is
// kUnknown. Errors: kInvalidArgument, naming what could not be read: not JSON, nested too deep, or a field that an
// event of its kind cannot do without. Any other field that is not as it should be is as good as absent.

// The `Message` of an SNS Notification whose signature holds, with the MessageId and Timestamp of the notification.
// It holds an action or, where a rule sends its events to a topic, an EventBridge event.
Result<MarketplaceEvent> ReadMarketplaceMessage(std::string_view message, const EventId& message_id, Timestamp sent);

// An EventBridge event as an API destination posts it.
Result<MarketplaceEvent> ReadEventBridgeEvent(std::string_view body);

}  // namespace dunlin
