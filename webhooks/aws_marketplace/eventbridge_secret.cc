#include "webhooks/aws_marketplace/eventbridge_secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "state/check.h"

namespace dunlin {
namespace {

using Hash = std::array<unsigned char, 32>;

// Hashes are compared, so that not even the secret's length can be told from the time.
Hash Sha256(std::string_view bytes) {
  Hash hash{};
  DUNLIN_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return hash;
}

bool IsBlank(std::string_view secret) { return secret.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

}  // namespace

SecretVerdict CheckEventBridgeSecret(const HttpHeaders& headers, std::string_view header_name,
                                     std::span<const std::string> secrets) {
  if (std::ranges::all_of(secrets, IsBlank)) return SecretVerdict::kSecretBlank;
  const std::string* given = headers.Find(header_name);
  if (given == nullptr || given->empty() || headers.Count(header_name) > 1) return SecretVerdict::kSecretMissing;
  const Hash hash = Sha256(*given);
  unsigned matches = 0;
  for (const std::string& secret : secrets) {
    if (IsBlank(secret)) continue;
    matches |= CRYPTO_memcmp(hash.data(), Sha256(secret).data(), hash.size()) == 0 ? 1U : 0U;
  }
  return matches != 0 ? SecretVerdict::kValid : SecretVerdict::kSecretWrong;
}

}  // namespace dunlin
