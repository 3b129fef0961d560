#include "app/tokens.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::string_view kPrefix = "dnl_";
constexpr std::string_view kScheme = "Bearer ";

std::string Hex(const unsigned char* bytes, std::size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string RandomHex(std::size_t size) {
  std::array<unsigned char, kSecretBytes> bytes{};
  DUNLIN_CHECK(size <= bytes.size());
  DUNLIN_CHECK(RAND_bytes(bytes.data(), static_cast<int>(size)) == 1);
  return Hex(bytes.data(), size);
}

std::string HashOf(std::string_view secret) {
  std::array<unsigned char, 32> hash{};
  unsigned int size = 0;
  DUNLIN_CHECK(EVP_Digest(secret.data(), secret.size(), hash.data(), &size, EVP_sha256(), nullptr) == 1);
  return Hex(hash.data(), size);
}

Status Keep(Ledger& ledger, Token token) {
  Unit unit;
  unit.tokens.push_back(std::move(token));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace

Result<std::string> CreateToken(Ledger& ledger, Role role, const std::string& name, std::optional<Timestamp> expires, Timestamp now) {
  if (name.find_first_not_of(" \t") == std::string::npos) return Fail(Errc::kInvalidArgument, "a token needs a name that says who uses it");
  const std::string secret = std::string(kPrefix) + RandomHex(kSecretBytes);
  Token token{.id = "tok_" + RandomHex(8), .hash = HashOf(secret), .role = role, .name = name, .created_at = now, .expires_at = expires};
  if (const Status kept = Keep(ledger, std::move(token)); !kept) return tl::unexpected(kept.error());
  return secret;
}

Status RevokeToken(Ledger& ledger, std::string_view id, Timestamp now) {
  Result<std::vector<Token>> tokens = ledger.Tokens();
  if (!tokens) return tl::unexpected(tokens.error());
  for (Token& token : *tokens) {
    if (token.id != id) continue;
    if (!token.revoked_at) token.revoked_at = now;
    return Keep(ledger, std::move(token));
  }
  return Fail(Errc::kNotFound, "no token '" + std::string(id) + "'; `dunlin token list` shows their ids");
}

Result<Token> Authenticate(Ledger& ledger, const std::string* authorization, Timestamp now) {
  if (authorization == nullptr || !authorization->starts_with(kScheme)) {
    return Fail(Errc::kUnauthenticated, "send a token as `Authorization: Bearer …`; `dunlin token create` makes one");
  }
  Result<std::optional<Token>> token = ledger.FindToken(HashOf(std::string_view(*authorization).substr(kScheme.size())));
  if (!token) return tl::unexpected(token.error());
  if (!*token) return Fail(Errc::kUnauthenticated, "the token is not known");
  if ((*token)->revoked_at) return Fail(Errc::kUnauthenticated, "the token was revoked");
  if ((*token)->expires_at && *(*token)->expires_at <= now) return Fail(Errc::kUnauthenticated, "the token has expired");
  return std::move(**token);
}

}  // namespace dunlin
