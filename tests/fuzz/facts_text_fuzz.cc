// The ledger's text of facts, damaged: refused with a reason, or read into facts that are written the same way again.
#include "state/codec.h"
#include "tests/fuzz/fuzz.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const Result<Facts> facts = DecodeFacts(bytes);
  if (!facts) {
    DUNLIN_CHECK(facts.error().code == Errc::kCorrupt && !facts.error().detail.empty());
    return;
  }
  const Result<Facts> again = DecodeFacts(EncodeFacts(*facts));
  DUNLIN_CHECK(again && *again == *facts);
}
