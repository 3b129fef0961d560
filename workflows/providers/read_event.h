// The reader of each provider's events.
#pragma once

#include "workflows/digest.h"

namespace dunlin {

// An EventReader.
Result<Digest> ReadEvent(Provider provider, std::string_view body);

}  // namespace dunlin
