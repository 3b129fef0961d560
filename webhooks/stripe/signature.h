// The Stripe-Signature header: who sent these bytes, and when. Works on raw bytes only; parse them afterwards.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "state/time.h"

namespace dunlin {

enum class SignatureVerdict {
  kValid,
  kHeaderMissing,              // no header, or an empty one
  kHeaderMalformed,            // not a list of key=value with exactly one t
  kTimestampOutsideTolerance,  // rightly signed, but too old or too far in the future
  kNoV1Signature,              // signed with other schemes only
  kNoMatchingSignature,        // no v1 is what any of our secrets makes of these bytes
  kSecretBlank,                // our configuration: there is no secret, or only blank ones
  kPayloadEmpty,
};

// The word for people, metrics and `dunlin verify`.
constexpr std::string_view ReasonName(SignatureVerdict verdict) {
  switch (verdict) {
    case SignatureVerdict::kValid: return "valid";
    case SignatureVerdict::kHeaderMissing: return "header_missing";
    case SignatureVerdict::kHeaderMalformed: return "header_malformed";
    case SignatureVerdict::kTimestampOutsideTolerance: return "timestamp_outside_tolerance";
    case SignatureVerdict::kNoV1Signature: return "no_v1_signature";
    case SignatureVerdict::kNoMatchingSignature: return "no_matching_signature";
    case SignatureVerdict::kSecretBlank: return "secret_blank";
    case SignatureVerdict::kPayloadEmpty: return "payload_empty";
  }
  return "unknown";
}

inline constexpr Seconds kStripeToleranceDefault{300};

// Where the provider's own libraries disagree, the strict reading holds:
//   header     elements split at ',' and each at its first '='; no spaces. An element without '=' makes the header
//              malformed, and so does anything but one t, a decimal number of seconds from 1 to the year 9999 without
//              sign or leading zero. A v1 that is not 64 lower-case hex digits is ignored, like every other scheme.
//   raw_body   exactly the bytes received
//   secrets    whole secrets, "whsec_" included, in any order; several while one is being rolled. Blank ones (empty or
//              only whitespace) are skipped; if no other is left the verdict is kSecretBlank, whatever arrived.
//   tolerance  how far t may be from `now`, either way, to the millisecond. Zero does NOT switch the check off as it
//              does elsewhere: then only t == now passes. Below zero nothing passes.
// The age is looked at last, so kTimestampOutsideTolerance means that the sender knew the secret.
// Takes the same time wherever the first differing byte is, and whichever secret matches. Thread-safe.
SignatureVerdict VerifyStripeSignature(std::optional<std::string_view> header, std::string_view raw_body,
                                       std::span<const std::string> secrets, Timestamp now, Seconds tolerance);

// The header value a sender writes at `t` (cut to seconds), "t=…,v1=…": for replay, the simulator and tests.
std::string SignStripePayload(std::string_view body, std::string_view secret, Timestamp t);

}  // namespace dunlin
