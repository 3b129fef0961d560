// The facts of AWS Marketplace as part of the text that state/codec.h speaks of.
#pragma once

#include "state/codec_fields.h"

namespace dunlin {

void EncodeMarket(FactsOut& out, const MarketFacts& facts);
MarketFacts DecodeMarket(FactsIn& in);  // after an error in.failed() is true

}  // namespace dunlin
