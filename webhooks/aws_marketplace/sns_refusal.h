// Why a message that claims to come from Amazon SNS is not taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace dunlin {

// In the order in which they are looked for: what costs nothing first, so that a message that is refused for another
// reason never makes us ask for a certificate.
enum class SnsReason : std::uint8_t {
  kNotJson,                      // no JSON object, or one in which a key that counts stands twice
  kMissingKeys,                  // a required key is missing or is not what it must be
  kUnsupportedSignatureVersion,  // neither "1" nor "2"
  kCertUrlRefused,               // SigningCertURL is not where SNS keeps its certificates; nothing was asked there
  kTopicRefused,                 // not a topic of ours, or a SubscribeURL that would not confirm that topic at SNS
  kConfirmationTooOld,           // a confirmation of another time; a Notification may be of any age
  kCertUnavailable,              // no valid certificate of SNS is to be had there now
  kSignatureMismatch,            // the certificate's key did not sign these bytes
};

// The word for people, metrics and `dunlin verify`.
constexpr std::string_view ReasonName(SnsReason reason) {
  switch (reason) {
    case SnsReason::kNotJson: return "not_json";
    case SnsReason::kMissingKeys: return "missing_keys";
    case SnsReason::kUnsupportedSignatureVersion: return "unsupported_signature_version";
    case SnsReason::kCertUrlRefused: return "cert_url_refused";
    case SnsReason::kTopicRefused: return "topic_refused";
    case SnsReason::kConfirmationTooOld: return "confirmation_too_old";
    case SnsReason::kCertUnavailable: return "cert_unavailable";
    case SnsReason::kSignatureMismatch: return "signature_mismatch";
  }
  return "unknown";
}

// Trouble that may pass is answered with 5xx and all else with 4xx: SNS never sends again what got a 4xx.
constexpr bool IsTemporary(SnsReason reason) { return reason == SnsReason::kCertUnavailable; }

struct SnsRefusal {
  SnsReason reason;
  std::string detail;  // for people: which key or rule. Never the message's text, its token or a whole URL.
};

template <class T>
using SnsResult = tl::expected<T, SnsRefusal>;

inline tl::unexpected<SnsRefusal> Refuse(SnsReason reason, std::string detail) {
  return tl::unexpected<SnsRefusal>(SnsRefusal{reason, std::move(detail)});
}

}  // namespace dunlin
