// Both readers of Stripe's events and the ledger's text of facts: what one reader sees the other sees too, and facts
// come back from the ledger as they went in.
#include <string>

#include "state/codec.h"
#include "state/derive.h"
#include "state/merge.h"
#include "tests/fuzz/fuzz.h"
#include "webhooks/stripe/envelope.h"
#include "workflows/providers/stripe/read_event.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const Result<StripeEnvelope> envelope = ReadStripeEnvelope(bytes);
  const Result<Digest> digest = ReadStripeEvent(bytes);
  if (!envelope) DUNLIN_CHECK(!envelope.error().detail.empty());
  if (!digest) DUNLIN_CHECK(!digest.error().detail.empty());
  if (!digest || !envelope) return;  // an envelope alone is kept and shown to people as unreadable
  DUNLIN_CHECK(envelope->id == digest->event);
  if (!envelope->thin) DUNLIN_CHECK(envelope->type == digest->type);  // a thin type is read as the type it stands for
  DUNLIN_CHECK(envelope->created == digest->created);

  Facts facts;
  if (digest->snapshot) Merge(facts, *digest->snapshot);
  if (digest->invoice) Merge(facts, *digest->invoice);
  if (digest->method) Merge(facts, *digest->method);
  const std::string text = EncodeFacts(facts);
  const Result<Facts> back = DecodeFacts(text);
  DUNLIN_CHECK(back && *back == facts);
  DUNLIN_CHECK(EncodeFacts(*back) == text);
  static_cast<void>(Derive(facts, {}, Millis{0}, digest->created));
}
