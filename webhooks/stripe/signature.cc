#include "webhooks/stripe/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr std::int64_t kLatestTime = 253402300799;  // the last second of the year 9999
constexpr std::size_t kDigestBytes = 32;            // SHA-256
using Digest = std::array<unsigned char, kDigestBytes>;

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Mac = std::unique_ptr<EVP_MAC, FreeMac>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMac>;

MacContext NewKeyedContext(std::string_view secret) {
  static const Mac mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  DUNLIN_CHECK(mac != nullptr);
  MacContext context(EVP_MAC_CTX_new(mac.get()));
  DUNLIN_CHECK(context != nullptr);
  char digest_name[] = "SHA256";
  const std::array<OSSL_PARAM, 2> params = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
                                            OSSL_PARAM_construct_end()};
  // A null key would mean "keep the last one", so an empty secret still points at something.
  const auto* key = reinterpret_cast<const unsigned char*>(secret.empty() ? "" : secret.data());
  DUNLIN_CHECK(EVP_MAC_init(context.get(), key, secret.size(), params.data()) == 1);
  return context;
}

// Making a keyed context costs more than hashing a short event, so each thread keeps those of the secrets it uses.
// The list stays as short as the configuration: a secret that was rolled away makes room for the next.
class ContextCache {
 public:
  EVP_MAC_CTX* For(std::string_view secret) {
    for (const Entry& entry : entries_) {
      if (entry.secret == secret) return entry.context.get();
    }
    if (entries_.size() >= kEntriesMax) Forget(entries_.begin());
    entries_.push_back({std::string(secret), NewKeyedContext(secret)});
    return entries_.back().context.get();
  }
  ~ContextCache() {
    while (!entries_.empty()) Forget(entries_.begin());
  }

 private:
  struct Entry {
    std::string secret;
    MacContext context;
  };
  static constexpr std::size_t kEntriesMax = 16;

  void Forget(std::vector<Entry>::iterator entry) {
    OPENSSL_cleanse(entry->secret.data(), entry->secret.size());
    entries_.erase(entry);
  }

  std::vector<Entry> entries_;
};

Digest SignedDigest(std::string_view t, std::string_view body, std::string_view secret) {
  thread_local ContextCache cache;
  EVP_MAC_CTX* context = cache.For(secret);
  const auto update = [context](std::string_view bytes) {
    DUNLIN_CHECK(EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1);
  };
  Digest digest{};
  std::size_t size = 0;
  DUNLIN_CHECK(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);  // from the start again, with the key it has
  update(t);
  update(".");
  update(body);
  DUNLIN_CHECK(EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1);
  DUNLIN_CHECK(size == digest.size());
  return digest;
}

bool IsBlank(std::string_view secret) { return secret.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

std::optional<Digest> ParseHex(std::string_view hex) {
  Digest digest{};
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    unsigned nibble = 0;
    if (hex[i] >= '0' && hex[i] <= '9') {
      nibble = static_cast<unsigned>(hex[i] - '0');
    } else if (hex[i] >= 'a' && hex[i] <= 'f') {
      nibble = static_cast<unsigned>(hex[i] - 'a') + 10;
    } else {
      return std::nullopt;
    }
    digest[i / 2] = static_cast<unsigned char>((static_cast<unsigned>(digest[i / 2]) << 4) | nibble);
  }
  return digest;
}

std::optional<std::int64_t> ParseTime(std::string_view text) {
  if (text.empty() || text[0] < '1' || text[0] > '9') return std::nullopt;
  std::int64_t t = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), t);
  if (error != std::errc{} || end != text.data() + text.size() || t > kLatestTime) return std::nullopt;
  return t;
}

struct SignatureHeader {
  std::string_view t_text;  // as signed
  std::int64_t t = 0;
  bool has_v1 = false;     // well formed or not
  std::vector<Digest> v1;  // the well-formed ones
};

std::optional<SignatureHeader> ParseHeader(std::string_view text) {
  SignatureHeader header;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view element = text.substr(0, comma);
    const std::size_t equals = element.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = element.substr(0, equals);
    const std::string_view value = element.substr(equals + 1);
    if (key == "t") {
      const std::optional<std::int64_t> t = ParseTime(value);
      if (!t || header.t != 0) return std::nullopt;
      header.t_text = value;
      header.t = *t;
    } else if (key == "v1") {
      header.has_v1 = true;
      if (const std::optional<Digest> digest = ParseHex(value)) header.v1.push_back(*digest);
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return header.t == 0 ? std::nullopt : std::optional(std::move(header));
}

// Every secret against every signature, with no early way out.
bool AnyMatch(const SignatureHeader& header, std::string_view body, std::span<const std::string> secrets) {
  unsigned matches = 0;
  for (const std::string& secret : secrets) {
    if (IsBlank(secret)) continue;
    const Digest expected = SignedDigest(header.t_text, body, secret);
    for (const Digest& given : header.v1) {
      matches |= CRYPTO_memcmp(expected.data(), given.data(), expected.size()) == 0 ? 1U : 0U;
    }
  }
  return matches != 0;
}

// Compares whole seconds, rounded away from zero, so that no tolerance is too long to be counted in milliseconds.
bool WithinTolerance(std::int64_t t, Timestamp now, Seconds tolerance) {
  const std::int64_t now_seconds = ToUnixSeconds(now);
  const bool past_the_second = now != FromUnixSeconds(now_seconds);
  const std::int64_t distance = t > now_seconds ? t - now_seconds : now_seconds - t + (past_the_second ? 1 : 0);
  return distance <= tolerance.count();
}

}  // namespace

SignatureVerdict VerifyStripeSignature(std::optional<std::string_view> header, std::string_view raw_body,
                                       std::span<const std::string> secrets, Timestamp now, Seconds tolerance) {
  if (std::ranges::all_of(secrets, IsBlank)) return SignatureVerdict::kSecretBlank;
  if (!header || header->empty()) return SignatureVerdict::kHeaderMissing;
  if (raw_body.empty()) return SignatureVerdict::kPayloadEmpty;
  const std::optional<SignatureHeader> parsed = ParseHeader(*header);
  if (!parsed) return SignatureVerdict::kHeaderMalformed;
  if (!parsed->has_v1) return SignatureVerdict::kNoV1Signature;
  if (!AnyMatch(*parsed, raw_body, secrets)) return SignatureVerdict::kNoMatchingSignature;
  if (!WithinTolerance(parsed->t, now, tolerance)) return SignatureVerdict::kTimestampOutsideTolerance;
  return SignatureVerdict::kValid;
}

std::string SignStripePayload(std::string_view body, std::string_view secret, Timestamp t) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const std::string t_text = std::to_string(ToUnixSeconds(t));
  std::string value = "t=" + t_text + ",v1=";
  for (const unsigned char byte : SignedDigest(t_text, body, secret)) {
    value += kHex[byte >> 4];
    value += kHex[byte & 15];
  }
  return value;
}

}  // namespace dunlin
