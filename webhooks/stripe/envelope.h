// What the edge has to know of an event before it is stored: who it is, what it is and whom it is about. Read from
// the raw bytes in one pass without building a tree of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/id.h"
#include "state/result.h"
#include "state/time.h"

namespace dunlin {

// Texts are empty where the event does not say; every known and unknown type of event is taken.
struct StripeEnvelope {
  EventId id;                       // evt_…; at most 255 printable ASCII characters, and so is `type`
  std::string type;                 // customer.subscription.updated
  Timestamp created;                // to the second in a snapshot event, to the millisecond in a thin one
  std::optional<bool> livemode;     // nullopt: it does not say
  bool thin = false;                // object is "v2.core.event": there is no data, the object must be fetched
  std::string object_id;            // data.object.id; invoice.upcoming has none
  std::string object_kind;          // data.object.object: subscription, invoice, …
  std::string customer;             // data.object.customer
  std::string subscription;         // of an invoice in either shape (before and after 2025-03-31.basil), or itself
  std::string related_object_id;    // thin: related_object.id
  std::string related_object_type;  // thin: related_object.type
};

inline constexpr int kEventDepthMax = 64;  // nested objects and arrays

// The whole text must be one JSON value, to the last byte and with the strings in UTF-8. When a key stands twice in one
// object the last one counts, as in a parsed tree.
// Errors: kInvalidArgument with "not JSON", at which byte, or "not an event" and the field that is missing or wrong.
// The text of the body is never part of an error.
Result<StripeEnvelope> ReadStripeEnvelope(std::string_view body);

}  // namespace dunlin
