#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/ledger_access.h"
#include "app/commands/output.h"
#include "app/tokens.h"
#include "app/views.h"
#include "state/clock.h"

namespace dunlin {
namespace {

// "90d" from now, or a moment that is still to come.
Result<std::optional<Timestamp>> ParseExpiry(const std::string& text, Timestamp now) {
  if (text.empty()) return std::nullopt;
  if (const Result<Millis> length = ParseDuration(text)) {
    if (*length > Millis{0}) return now + *length;
  } else if (const Result<Timestamp> at = ParseRfc3339(text)) {
    if (*at > now) return *at;
  } else {
    return Fail(Errc::kInvalidArgument, "--expires takes a length of time such as 90d, or a moment as RFC 3339");
  }
  return Fail(Errc::kInvalidArgument, "--expires must lie in the future");
}

}  // namespace

int RunTokenCreate(const TokenCreateArguments& arguments) {
  const std::optional<Role> role = ParseRole(arguments.role);
  if (!role) return Complain("--role must be product, viewer, support or admin", kExitUsage);
  const Timestamp now = SystemClock().Now();
  const Result<std::optional<Timestamp>> expires = ParseExpiry(arguments.expires, now);
  if (!expires) return Complain(expires.error());
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(arguments.on);
  if (!ledger) return Complain(ledger.error());
  const Result<std::string> secret = CreateToken(**ledger, *role, arguments.name, *expires, now);
  if (!secret) return Complain(secret.error());
  if (arguments.on.json) {
    PrintJson({{"token", *secret}});
  } else {
    Print(*secret + "\n");
  }
  return kExitOk;
}

int RunTokenList(const LedgerArguments& on) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  const Result<std::vector<Token>> tokens = (*ledger)->Tokens();
  if (!tokens) return Complain(tokens.error());
  nlohmann::json views = nlohmann::json::array();
  Table table({"ID", "ROLE", "NAME", "CREATED", "EXPIRES", "REVOKED"});
  for (const Token& token : *tokens) {
    views.push_back(TokenView(token));
    table.Add({token.id, std::string(RoleName(token.role)), token.name, TimeCell(token.created_at),
               TimeCell(token.expires_at), TimeCell(token.revoked_at)});
  }
  if (on.json) {
    PrintJson({{"tokens", std::move(views)}});
  } else {
    PrintList(table, "No token.", "");
  }
  return kExitOk;
}

int RunTokenRevoke(const LedgerArguments& on, const std::string& id) {
  const Result<std::unique_ptr<Ledger>> ledger = OpenChosen(on);
  if (!ledger) return Complain(ledger.error());
  if (const Status revoked = RevokeToken(**ledger, id, SystemClock().Now()); !revoked) return Complain(revoked.error());
  if (on.json) {
    PrintJson({{"revoked", id}});
  } else {
    Print("revoked " + id + "\n");
  }
  return kExitOk;
}

}  // namespace dunlin
