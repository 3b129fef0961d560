#include "workflows/usage_booking.h"

#include <algorithm>
#include <set>
#include <vector>

#include "state/usage_rules.h"
#include "workflows/decide.h"
#include "workflows/market_filing.h"
#include "workflows/usage_jobs.h"

namespace dunlin {
namespace {

constexpr int kConflictsMax = 50;
constexpr Millis kLookBack{25h};  // no hour before that can be booked on

// Who the report is about.
struct Buyer {
  std::set<AccountId> accounts;
  std::vector<Subscription> subscriptions;  // of the marketplace
};

Status AddSubscriptions(Ledger& ledger, const AccountId& account, Buyer& buyer) {
  const Result<std::vector<SubscriptionId>> ids = ledger.SubscriptionsOf(account);
  if (!ids) return tl::unexpected(ids.error());
  for (const SubscriptionId& id : *ids) {
    // By now it may go by another id.
    Result<std::optional<Subscription>> found = FindMarketSubscription(ledger, id.str());
    if (!found) return tl::unexpected(found.error());
    if (*found && (*found)->provider == Provider::kAwsMarketplace) buyer.subscriptions.push_back(std::move(**found));
  }
  return {};
}

Result<Buyer> FindBuyer(Ledger& ledger, const std::string& any_id) {
  Buyer buyer;
  Result<std::optional<Subscription>> named = FindMarketSubscription(ledger, any_id);
  if (!named) return tl::unexpected(named.error());
  if (*named && (*named)->provider == Provider::kAwsMarketplace) {
    buyer.accounts.insert((*named)->account);
    buyer.subscriptions.push_back(std::move(**named));
    return buyer;
  }
  const Result<std::vector<AccountId>> accounts = ledger.ResolveAccount(any_id);
  if (!accounts) return tl::unexpected(accounts.error());
  // What was asked for is not repeated: it could be an e-mail address (I10).
  if (accounts->empty()) return Fail(Errc::kNotFound, "account: no account has this id");
  for (const AccountId& account : *accounts) {
    buyer.accounts.insert(account);
    if (const Status added = AddSubscriptions(ledger, account, buyer); !added) return tl::unexpected(added.error());
  }
  if (buyer.subscriptions.empty())
    return Fail(Errc::kNotFound, "account: it has no subscription that was bought through AWS Marketplace");
  return buyer;
}

// A subscription on which the dimension is metered.
struct Metering {
  const Subscription* subscription = nullptr;
  ProductCode product;
  std::optional<UsageTerms> terms;  // none: it is pending
};

bool IsRegisteredFor(const Subscription& s, const ProductCode& product) {
  const auto& all = s.facts.market.registrations;
  return std::any_of(all.begin(), all.end(), [&](const MarketRegistration& r) { return r.product == product; });
}

std::string Joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Result<std::vector<Metering>> MeteringsOf(const Buyer& buyer, const Policy& policy, const std::string& dimension) {
  std::vector<Metering> found;
  std::set<std::string> metered;
  for (const Subscription& s : buyer.subscriptions) {
    for (const auto& [code, dimensions] : policy.metered) {
      const ProductCode product{code};
      if (!IsRegisteredFor(s, product)) continue;
      metered.insert(dimensions.begin(), dimensions.end());
      if (std::find(dimensions.begin(), dimensions.end(), dimension) == dimensions.end()) continue;
      found.push_back({&s, product, UsageTermsOf(s, product)});
    }
  }
  if (!found.empty()) return found;
  if (metered.empty()) {
    return Fail(Errc::kInvalidArgument,
                "dimension: nothing is metered of what this account has bought; the policy names what is: "
                "[marketplace.\"PRODUCT\"] metered = [\"DIMENSION\"]");
  }
  return Fail(Errc::kInvalidArgument,
              "dimension: not metered; what this account has bought is metered by " + Joined(metered));
}

// The one that runs; failing that, the one that ended last.
Result<Metering> Choose(const std::vector<Metering>& meterings) {
  const Metering* ended = nullptr;
  const Metering* runs = nullptr;
  std::set<std::string> running;
  for (const Metering& m : meterings) {
    if (!m.terms) continue;
    if (!m.terms->ended) {
      runs = &m;
      running.insert(m.subscription->id.str());
    } else if (ended == nullptr || ended->terms->until <= m.terms->until) {
      ended = &m;
    }
  }
  if (running.size() > 1) {
    return Fail(Errc::kConflict,
                "account: several of its subscriptions meter this dimension; name one of them as the account: " +
                    Joined(running));
  }
  if (runs != nullptr) return *runs;
  const bool any_pending = std::any_of(meterings.begin(), meterings.end(), [](const auto& m) { return !m.terms; });
  if (any_pending) {
    return Fail(Errc::kConflict,
                "account: its subscription is pending, and AWS takes no usage from before it began; "
                "send this again once it is active");
  }
  return *ended;
}

// What was said with this key before, if anything was.
Result<std::optional<BookedUsage>> Known(Ledger& ledger, const Buyer& buyer, const UsageReport& report) {
  std::set<AccountId> accounts = buyer.accounts;
  for (const Subscription& s : buyer.subscriptions) accounts.insert(s.account);
  for (const AccountId& account : accounts) {
    Result<std::optional<BookedUsage>> known = ledger.FindUsage(account, report.key);
    if (!known || *known) return known;
  }
  return std::nullopt;
}

Status CheckSame(const UsageEntry& known, const UsageReport& report) {
  const char* differs = known.dimension != report.dimension ? "dimension"
                        : known.quantity != report.quantity ? "quantity"
                        : known.at != report.at             ? "at"
                        : known.user != report.user         ? "user"
                                                            : nullptr;
  if (differs == nullptr) return {};
  return Fail(Errc::kConflict, "key: it was used for another report, with another " + std::string(differs) +
                                   "; each report needs a key of its own");
}

std::optional<Timestamp> SendsAt(const std::optional<UsageHour>& hour, const std::optional<UsageTerms>& terms,
                                 Timestamp now) {
  if (!hour || hour->state != UsageState::kOpen) return std::nullopt;
  return UsageFreezesAt(hour->hour, terms ? terms->until : std::nullopt, now);
}

Alert WithoutHour(const SubscriptionId& id, Timestamp now) {
  return {.key = "usage_without_hour/" + id.str(),
          .kind = "usage_without_hour",
          .subject = id.str(),
          .detail =
              "Usage was reported when AWS takes none of this subscription any more. It is kept and will not be "
              "billed through AWS.",
          .raised_at = now};
}

Result<std::optional<UsageAnswer>> Again(Ledger& ledger, BookedUsage known, const UsageReport& report, Timestamp now) {
  if (const Status same = CheckSame(known.entry, report); !same) return tl::unexpected(same.error());
  UsageAnswer answer{.booked = std::move(known)};
  if (!answer.booked.hour) return answer;
  const Result<std::optional<SubscriptionRecord>> record = ledger.LoadSubscription(answer.booked.entry.subscription);
  if (!record) return tl::unexpected(record.error());
  if (*record) {
    const UsageHour& hour = *answer.booked.hour;
    answer.send_at = SendsAt(hour, UsageTermsOf((*record)->subscription, hour.meter.product), now);
  }
  return answer;
}

// nullopt: what was read has moved meanwhile.
Result<std::optional<UsageAnswer>> TryToBook(Ledger& ledger, const PolicyBook& policies, const UsageReport& report,
                                             Timestamp now) {
  const Result<Buyer> buyer = FindBuyer(ledger, report.account);
  if (!buyer) return tl::unexpected(buyer.error());
  Result<std::optional<BookedUsage>> known = Known(ledger, *buyer, report);
  if (!known) return tl::unexpected(known.error());
  if (*known) return Again(ledger, std::move(**known), report, now);
  const Result<std::vector<Metering>> meterings = MeteringsOf(*buyer, policies.current(), report.dimension);
  if (!meterings) return tl::unexpected(meterings.error());
  const Result<Metering> chosen = Choose(*meterings);
  if (!chosen) return tl::unexpected(chosen.error());
  const Subscription& s = *chosen->subscription;
  Result<std::vector<UsageHour>> hours = ledger.UsageOf(s.id, now - kLookBack);
  if (!hours) return tl::unexpected(hours.error());
  std::erase_if(*hours, [&](const UsageHour& hour) { return hour.meter.product != chosen->product; });
  const auto place = PlaceUsage(*hours, *chosen->terms, report.dimension, report.quantity, report.at, now);
  UsageBooking booking;
  booking.entry = {.account = s.account,
                   .key = report.key,
                   .subscription = s.id,
                   .user = report.user,
                   .dimension = report.dimension,
                   .quantity = report.quantity,
                   .at = report.at,
                   .received_at = now};
  booking.version = s.version;
  if (place) booking.meter = place->meter;
  if (place) booking.hour = place->hour;
  Unit unit;
  unit.usage.push_back(std::move(booking));
  if (place && chosen->terms->until) unit.jobs.push_back(FreezeLastUsage(s.id, place->freezes_at));
  if (!place) RaiseAlert(unit.alerts, WithoutHour(s.id, now));
  const Result<UnitResult> done = ledger.Commit(std::move(unit));
  if (!done && done.error().code == Errc::kConflict) return std::nullopt;
  if (!done) return tl::unexpected(done.error());
  // As it was stored: by now it may be frozen.
  const Result<std::optional<BookedUsage>> booked = ledger.FindUsage(s.account, report.key);
  if (!booked) return tl::unexpected(booked.error());
  if (!*booked) return Fail(Errc::kCorrupt, "a booked entry is gone");
  return UsageAnswer{.booked = **booked, .is_new = true, .send_at = SendsAt((*booked)->hour, chosen->terms, now)};
}

}  // namespace

Result<std::vector<Subscription>> MarketSubscriptionsOf(Ledger& ledger, const std::string& any_id) {
  Result<Buyer> buyer = FindBuyer(ledger, any_id);
  if (!buyer) return tl::unexpected(buyer.error());
  return std::move(buyer->subscriptions);
}

Result<UsageAnswer> BookUsage(Ledger& ledger, const PolicyBook& policies, const UsageReport& report, Timestamp now) {
  for (int round = 0; round < kConflictsMax; ++round) {
    Result<std::optional<UsageAnswer>> answer = TryToBook(ledger, policies, report, now);
    if (!answer) return tl::unexpected(answer.error());
    if (*answer) return std::move(**answer);
  }
  return Fail(Errc::kUnavailable, "the subscription is changing too fast");
}

}  // namespace dunlin
