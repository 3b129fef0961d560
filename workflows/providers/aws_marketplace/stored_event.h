// AWS Marketplace's events as the ledger keeps them. There are three shapes of body:
//   - what SNS posted, whole: a Notification whose Message is an action or an EventBridge event, or a confirmation
//   - what an API destination posted: an EventBridge event
//   - our own record that a buyer has registered (RegistrationBody)
#pragma once

#include <string>
#include <string_view>

#include "workflows/digest.h"
#include "workflows/marketplace_api.h"

namespace dunlin {

// The event to store for a body whose sender is known to be right: its id, type and time are read from it. An SNS
// action goes by its MessageId, its type is "sns.<action>". An EventBridge event goes by "eb/<its id>" whichever way it
// came, so that both ways are one event. A registration goes by "registration/…". What has an id, a time and contents
// that cannot be read is an event all the same: AWS does not send it again, and applying it says what is wrong with it.
// Pure. Errors: kInvalidArgument, naming what could not be read.
Result<NewEvent> MarketplaceEventOf(std::string body, Timestamp received_at);

// The same for a body whose sender may post EventBridge events and nothing else: what would be read in another way, now
// or when it is applied, is an error.
Result<NewEvent> EventBridgeEventOf(std::string body, Timestamp received_at);

// An EventReader's half. Pure. Errors: kInvalidArgument, naming what could not be read.
Result<Digest> ReadMarketplaceEvent(std::string_view body);

// The record that AWS has told us who the buyer behind a token is. `token_hash`: SHA-256 of the token in hex; the token
// itself is kept nowhere (I10). The same token makes the same event, "registration/<token_hash>".
std::string RegistrationBody(const ResolvedCustomer& buyer, std::string_view token_hash, Timestamp at);

}  // namespace dunlin
