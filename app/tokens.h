// Bearer tokens of staff and of the product. Only their SHA-256 is stored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/ledger.h"

namespace dunlin {

// Makes a token and returns its secret, which is shown this once. Durable on return. Errors: kInvalidArgument (a name
// that is blank, longer than 100 bytes or holds control characters), the ledger's.
Result<std::string> CreateToken(Ledger& ledger, Role role, const std::string& name, std::optional<Timestamp> expires,
                                Timestamp now);

// By the id that lists show. Errors: kNotFound.
Status RevokeToken(Ledger& ledger, std::string_view id, Timestamp now);

// Who sends `Authorization: Bearer …`. The secret is looked up by its hash, so nothing about it is compared byte by
// byte. Errors: kUnauthenticated, saying whether it is missing, unknown, expired or revoked; the ledger's.
Result<Token> Authenticate(Ledger& ledger, const std::string* authorization, Timestamp now);

}  // namespace dunlin
