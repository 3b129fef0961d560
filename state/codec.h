// Facts as the text that a ledger keeps of them: JSON with short keys, what is default left out.
//
// Stored for years: a key is never given another meaning. On the path of every applied event, hence by hand.
#pragma once

#include <string>
#include <string_view>

#include "state/facts.h"
#include "state/result.h"

namespace dunlin {

// Equal facts give equal text.
std::string EncodeFacts(const Facts& facts);

// Errors: kCorrupt, saying where; never the bytes themselves, which may hold an e-mail address.
Result<Facts> DecodeFacts(std::string_view text);

}  // namespace dunlin
