// Reads Stripe's events: snapshot events ("event") of every API version, and thin ones ("v2.core.event").
#pragma once

#include <string_view>

#include "workflows/digest.h"

namespace dunlin {

// A pure function of the bytes (I3). A type we do not act on is no error: acted_on is false then.
// Errors: kInvalidArgument, naming what could not be read: not JSON, nested too deep, or an essential field (the
// event's id, type and created; what its object cannot do without) that is missing or of the wrong type.
Result<Digest> ReadStripeEvent(std::string_view body);

}  // namespace dunlin
