// POST /v1/registrations/{code}/claim: the product says which of its accounts a buyer of AWS Marketplace is.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "app/api/answer.h"
#include "app/api/registration.h"
#include "app/sha256.h"

namespace dunlin::api {
namespace {

using nlohmann::json;

constexpr std::size_t kAccountMax = 255;  // bytes

Result<std::string> AccountIn(const std::string& body) {
  const json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("account") || !parsed["account"].is_string()) {
    return Fail(Errc::kInvalidArgument, R"(send {"account": "…"}: your own id of the buyer)");
  }
  const std::string account = parsed["account"];
  const bool plain = std::ranges::none_of(account, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (account.find_first_not_of(' ') == std::string::npos || account.size() > kAccountMax || !plain) {
    return Fail(Errc::kInvalidArgument,
                "account: 1 to " + std::to_string(kAccountMax) + " bytes, not blank, without control characters");
  }
  return account;
}

// The subscription that the registration led to; none while its event waits to be applied.
Result<std::optional<Subscription>> SubscriptionOf(Ledger& ledger, const RegistrationCode& code) {
  const Result<std::optional<StoredEvent>> event = ledger.FindEvent(Provider::kAwsMarketplace, code.event);
  if (!event) return tl::unexpected(event.error());
  if (!*event || (*event)->subscription.empty()) return std::nullopt;
  Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(SubscriptionId{(*event)->subscription});
  if (!record) return tl::unexpected(record.error());
  return *record ? std::optional(std::move((*record)->subscription)) : std::nullopt;
}

}  // namespace

Result<HttpResponse> Claim(const ApiContext& c, const HttpRequest& request) {
  const Result<std::string> account = AccountIn(request.body);
  if (!account) return tl::unexpected(account.error());
  const Timestamp now = c.clock.Now();
  const std::string hash = Sha256Hex(request.Param("code"));
  const Result<std::optional<RegistrationCode>> code = c.ledger.FindRegistration(hash);
  if (!code) return tl::unexpected(code.error());
  if (!*code || ((*code)->claimed_by.empty() && (*code)->created_at + kClaimableFor < now)) {
    return Fail(Errc::kNotFound,
                "no registration has this code, or it is older than a week: the buyer can come from "
                "AWS Marketplace again");
  }
  const Result<std::optional<Subscription>> subscription = SubscriptionOf(c.ledger, **code);
  if (!subscription) return tl::unexpected(subscription.error());
  std::set<AccountId> accounts = {(*code)->account};
  if (*subscription) accounts.insert((*subscription)->account);
  Unit unit;
  unit.claims.push_back({hash, *account, now});
  for (const AccountId& buyer : accounts) unit.aliases.push_back({*account, buyer});
  const Result<UnitResult> done = c.ledger.Commit(std::move(unit));
  if (!done && done.error().code == Errc::kConflict) {
    return Fail(Errc::kConflict, "another account has claimed this registration");
  }
  if (!done) return tl::unexpected(done.error());
  return Json({{"account", *account},
               {"marketplace_account", (*code)->account.str()},
               {"subscription", *subscription ? json((*subscription)->id.str()) : json(nullptr)}});
}

}  // namespace dunlin::api
