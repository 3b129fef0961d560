#include "app/tokens.h"

#include <algorithm>

#include "app/random_hex.h"
#include "app/sha256.h"
#include "webhooks/http/message.h"

namespace dunlin {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kNameMax = 100;
constexpr std::string_view kPrefix = "dnl_";
constexpr std::string_view kScheme = "Bearer ";

// The secret in `Bearer SECRET`; the scheme's letter case does not count. Empty: it is something else.
std::string_view SecretIn(std::string_view authorization) {
  if (!EqualIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) return {};
  authorization.remove_prefix(kScheme.size());
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
  return authorization;
}

bool IsPlain(std::string_view name) {
  return name.size() <= kNameMax && std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Status Keep(Ledger& ledger, Token token) {
  Unit unit;
  unit.tokens.push_back(std::move(token));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done) return tl::unexpected(done.error());
  return {};
}

}  // namespace

Result<std::string> CreateToken(Ledger& ledger, Role role, const std::string& name, std::optional<Timestamp> expires,
                                Timestamp now) {
  if (name.find_first_not_of(" \t") == std::string::npos)
    return Fail(Errc::kInvalidArgument, "a token needs a name that says who uses it");
  if (!IsPlain(name))
    return Fail(Errc::kInvalidArgument, "a token's name is at most 100 bytes, without control characters");
  const std::string secret = std::string(kPrefix) + RandomHex(kSecretBytes);
  Token token{.id = "tok_" + RandomHex(8),
              .hash = Sha256Hex(secret),
              .role = role,
              .name = name,
              .created_at = now,
              .expires_at = expires};
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
  return Fail(Errc::kNotFound, "there is no such token; `dunlin token list` shows their ids");
}

Result<Token> Authenticate(Ledger& ledger, const std::string* authorization, Timestamp now) {
  const std::string_view secret = authorization == nullptr ? std::string_view() : SecretIn(*authorization);
  if (secret.empty()) {
    return Fail(Errc::kUnauthenticated, "send a token as `Authorization: Bearer …`; `dunlin token create` makes one");
  }
  Result<std::optional<Token>> token = ledger.FindToken(Sha256Hex(secret));
  if (!token) return tl::unexpected(token.error());
  if (!*token) return Fail(Errc::kUnauthenticated, "the token is not known");
  if ((*token)->revoked_at) return Fail(Errc::kUnauthenticated, "the token was revoked");
  if ((*token)->expires_at && *(*token)->expires_at <= now)
    return Fail(Errc::kUnauthenticated, "the token has expired");
  return std::move(**token);
}

}  // namespace dunlin
