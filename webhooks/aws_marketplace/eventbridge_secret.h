// EventBridge signs nothing: an API destination proves itself with a header that holds a secret of ours.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "webhooks/http/message.h"

namespace dunlin {

enum class SecretVerdict : std::uint8_t {
  kValid,
  kSecretBlank,    // our configuration: there is no secret, or only blank ones
  kSecretMissing,  // no such header, an empty one, or the header twice: which one would count?
  kSecretWrong,
};

// The word for people and metrics.
constexpr std::string_view ReasonName(SecretVerdict verdict) {
  switch (verdict) {
    case SecretVerdict::kValid: return "valid";
    case SecretVerdict::kSecretBlank: return "secret_blank";
    case SecretVerdict::kSecretMissing: return "secret_missing";
    case SecretVerdict::kSecretWrong: return "secret_wrong";
  }
  return "unknown";
}

inline constexpr std::string_view kEventBridgeHeaderDefault = "x-api-key";

//   header_name  as the connection of the API destination has it; any letter case
//   secrets      in any order; several while one is being replaced. Blank ones (empty or only whitespace) are skipped.
// Takes the same time wherever the first differing byte is, and whichever secret matches. Thread-safe.
SecretVerdict CheckEventBridgeSecret(const HttpHeaders& headers, std::string_view header_name,
                                     std::span<const std::string> secrets);

}  // namespace dunlin
