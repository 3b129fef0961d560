#include "state/usage_rules.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "state/derive_market.h"
#include "state/licence.h"
#include "state/market_licences.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;

constexpr Millis kDay{24h};

using Licences = std::map<LicenceId, SeenLicence>;

// Its agreement ended by going on as another one: AWS takes usage for the licence until then.
std::optional<Timestamp> PassesOn(const SeenLicence& licence, const MarketFacts& facts) {
  if (licence.newest == nullptr || licence.newest->agreement.empty()) return std::nullopt;
  std::optional<Timestamp> first;
  for (const MarketNotice& n : facts.notices) {
    const bool ends = n.kind == Kind::kAgreementEnded && n.agreement == licence.newest->agreement;
    if (ends && IsContinued(n.agreement_status) && (!first || n.at < *first)) first = n.at;
  }
  return first ? std::optional(*first + kLastUsageWindow) : std::nullopt;
}

// The newest licence of the product that runs on; failing that, one that passes on; failing that, a withdrawn one.
Licences::const_iterator LicenceFor(const Licences& seen, const MarketFacts& facts, const ProductCode& product) {
  const auto rank = [&](const SeenLicence& l) {
    return std::tuple(!l.IsWithdrawn(), !PassesOn(l, facts).has_value(), l.seen_at);
  };
  auto best = seen.end();
  for (auto at = seen.begin(); at != seen.end(); ++at) {
    const SeenLicence& licence = at->second;
    if (licence.product != product || licence.arn.empty() || licence.account.empty()) continue;
    if (best == seen.end() || rank(best->second) <= rank(licence)) best = at;
  }
  return best;
}

// Since when AWS provides without a break, as the notices tell of which `counts` is true.
template <class Counts>
std::optional<Timestamp> ProvidedSince(const MarketFacts& facts, Counts&& counts) {
  const auto begins = [&](const MarketNotice& n) {
    return counts(n) && (n.kind == Kind::kSubscribed || n.kind == Kind::kLicenceUpdated);
  };
  Timestamp newest{}, ended{};
  for (const MarketNotice& n : facts.notices) {
    if (begins(n)) newest = std::max(newest, n.at);
  }
  for (const MarketNotice& n : facts.notices) {
    const bool ends = n.kind == Kind::kUnsubscribed || n.kind == Kind::kLicenceDeprovisioned;
    if (counts(n) && ends && n.at < newest) ended = std::max(ended, n.at);
  }
  std::optional<Timestamp> since;
  for (const MarketNotice& n : facts.notices) {
    if (begins(n) && n.at > ended && (!since || n.at < *since)) since = n.at;
  }
  return since;
}

// Usage before that is not metered.
Timestamp MeteredSince(const MarketFacts& facts, const std::optional<LicenceId>& licence) {
  std::optional<Timestamp> since;
  if (licence) since = ProvidedSince(facts, [&](const MarketNotice& n) { return LicenceIdOf(n.licence) == licence; });
  if (!since) since = ProvidedSince(facts, [](const MarketNotice&) { return true; });
  if (since) return *since;
  // Sold by contract: no notice says when it began.
  for (const MarketRegistration& r : facts.registrations) {
    if (!since || r.at < *since) since = r.at;
  }
  return since.value_or(Timestamp{});
}

void MeterByLicence(const MarketFacts& facts, UsageTerms& terms) {
  const Licences seen = LicencesOf(facts);
  const auto licence = LicenceFor(seen, facts, terms.meter.product);
  if (licence == seen.end()) {
    terms.from = MeteredSince(facts, std::nullopt);
    return;
  }
  terms.meter = {terms.meter.product, licence->second.arn, licence->second.account, {}};
  terms.from = MeteredSince(facts, licence->first);
  terms.passes_on = PassesOn(licence->second, facts);
  for (const auto& [id, other] : seen) {
    if (id == licence->first || other.product != terms.meter.product) continue;
    terms.former.push_back({id.str(), MeteredSince(facts, id), PassesOn(other, facts), other.IsWithdrawn()});
  }
}

bool IsFull(const UsageHour& hour, std::int64_t more) { return hour.quantity > kUsageQuantityMax - more; }

Timestamp FreezesAt(Timestamp hour, const std::optional<Timestamp>& until) {
  const Timestamp regular = hour + kUsageHour + kFreezeAfter;
  return until ? std::min(regular, std::max(hour, *until - kLastFreezeBefore)) : regular;
}

bool IsUnder(const UsageHour& hour, const Meter& meter) { return MeterId(hour.meter) == MeterId(meter); }

class Freezer {
 public:
  Freezer(std::span<const UsageHour> hours, const std::optional<UsageTerms>& terms, Timestamp now, bool at_once)
      : hours_(hours), terms_(terms), now_(now), at_once_(at_once) {}

  // False: something is to be shifted first.
  bool FreezeOpen() {
    for (const UsageHour& hour : hours_) {
      if (hour.state != UsageState::kOpen) continue;
      const std::optional<FormerMeter> former = FormerOf(hour);
      if (former && (IsOver(*former) || hour.hour > now_) && Shift(hour)) return false;
      if (former ? hour.hour > now_ : !IsDue(hour.hour)) continue;
      if (UsageClosesAt(hour.hour) <= now_ && Shift(hour)) return false;
      if (former) {
        Freeze(hour, former->from, former->until);
      } else {
        Freeze(hour, terms_ ? terms_->from : hour.hour, End());
      }
    }
    return true;
  }

  void SayZero(const SubscriptionId& subscription, const std::string& dimension) {
    // What has ended is not reported on; what is ending only up to its notice.
    if (!terms_ || terms_->ended) return;
    const Timestamp end = terms_->until ? *terms_->until - kLastUsageWindow : Timestamp::max();
    Timestamp hour = UsageHourOf(std::max(terms_->from, now_ - kDay));
    for (; hour + kUsageHour + kFreezeAfter <= now_ && hour + kUsageHour <= end; hour += kUsageHour) {
      if (UsageClosesAt(hour) <= now_ || IsTaken(dimension, hour)) continue;
      UsageHour zero;
      zero.subscription = subscription;
      zero.meter = terms_->meter;
      zero.dimension = dimension;
      zero.hour = hour;
      Freeze(std::move(zero), terms_->from, End());
    }
  }

  UsageFreeze Take() { return std::move(out_); }

 private:
  bool IsDue(Timestamp hour) const {
    if (hour > now_) return false;
    if (!terms_ || terms_->ended) return true;
    return (at_once_ && (terms_->until || terms_->passes_on)) || FreezesAt(hour, terms_->until) <= now_;
  }

  bool IsOver(const FormerMeter& meter) const { return meter.is_withdrawn || (meter.until && *meter.until <= now_); }

  // nullopt: it is not of another licence than what is metered now.
  std::optional<FormerMeter> FormerOf(const UsageHour& hour) const {
    if (!terms_ || hour.meter.licence.empty() || IsUnder(hour, terms_->meter)) return std::nullopt;
    const std::string id = MeterId(hour.meter);
    const auto known = std::ranges::find(terms_->former, id, &FormerMeter::id);
    return known == terms_->former.end() ? FormerMeter{.id = id, .from = hour.hour} : *known;
  }

  bool IsTaken(const std::string& dimension, Timestamp hour) const {
    return std::any_of(hours_.begin(), hours_.end(), [&](const UsageHour& h) {
      return h.dimension == dimension && h.hour == hour && IsUnder(h, terms_->meter);
    });
  }

  // AWS takes nothing for the meter from then on.
  std::optional<Timestamp> End() const {
    if (!terms_) return std::nullopt;
    return terms_->until ? terms_->until : terms_->passes_on;
  }

  void Freeze(UsageHour hour, Timestamp from, const std::optional<Timestamp>& end) {
    hour.state = UsageState::kFrozen;
    hour.stamp = from > hour.hour && from < hour.hour + kUsageHour ? from : hour.hour;
    hour.frozen_at = now_;
    hour.closes_at = UsageClosesAt(hour.hour);
    if (end && *end > now_) hour.closes_at = std::min(*hour.closes_at, *end);
    out_.freeze.push_back(std::move(hour));
  }

  bool Shift(const UsageHour& hour) {
    if (!terms_) return false;
    const std::optional<UsagePlace> place = PlaceUsage(hours_, *terms_, hour.dimension, hour.quantity, hour.hour, now_);
    if (!place) return false;
    out_ = {.shift = UsageShift{hour.id, hour.quantity, place->hour, place->meter}, .freeze = {}};
    return true;
  }

  const std::span<const UsageHour> hours_;
  const std::optional<UsageTerms>& terms_;
  const Timestamp now_;
  const bool at_once_;
  UsageFreeze out_;
};

}  // namespace

std::string MeterId(const Meter& meter) {
  if (const std::optional<LicenceId> licence = LicenceIdOf(meter.licence)) return licence->str();
  return meter.product.str() + "/" + (meter.customer.empty() ? meter.account.str() : meter.customer.str());
}

std::string UsageCursor(const UsageHour& hour) {
  return std::to_string(ToUnixMillis(hour.hour)) + "." + std::to_string(hour.id);
}

Timestamp UsageHourOf(Timestamp at) { return std::chrono::floor<std::chrono::hours>(at); }

Timestamp UsageClosesAt(Timestamp at) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(at)};
  const std::chrono::year_month_day next_month{date.year() / date.month() / 1 + std::chrono::months{1}};
  return std::min<Timestamp>(at + kDay, std::chrono::sys_days{next_month} + 6h);
}

Timestamp NextFreezeRun(Timestamp now) {
  const Timestamp run = UsageHourOf(now) + kFreezeAfter;
  return run > now ? run : run + kUsageHour;
}

Timestamp UsageFreezesAt(Timestamp hour, const std::optional<Timestamp>& until, Timestamp now) {
  const Timestamp due = FreezesAt(hour, until);
  if (due > now) return due;
  // One that is over goes with the next run; before an end there is no time for that.
  return until ? now : NextFreezeRun(now);
}

std::optional<UsageTerms> UsageTermsOf(const Subscription& subscription, const ProductCode& product) {
  const Values& values = subscription.values;
  if (values.status == SubscriptionStatus::kPending) return std::nullopt;
  const MarketRegistration* newest = nullptr;
  for (const MarketRegistration& r : subscription.facts.market.registrations) {
    if (r.product == product && (newest == nullptr || newest->at <= r.at)) newest = &r;
  }
  if (newest == nullptr) return std::nullopt;
  UsageTerms terms;
  terms.meter.product = product;
  terms.meter.customer = newest->customer;
  if (newest->customer.empty()) terms.meter.account = newest->account;
  MeterByLicence(subscription.facts.market, terms);
  terms.ended = values.status == SubscriptionStatus::kCanceled;
  terms.until = terms.ended ? values.paid_until : values.cancel_at;
  return terms;
}

std::optional<UsagePlace> PlaceUsage(std::span<const UsageHour> hours, const UsageTerms& terms,
                                     const std::string& dimension, std::int64_t quantity, Timestamp at, Timestamp now) {
  if (terms.ended) return std::nullopt;
  for (Timestamp hour = UsageHourOf(std::max({at, terms.from, now - kDay}));; hour += kUsageHour) {
    if (terms.until && hour >= *terms.until) return std::nullopt;
    const Timestamp freezes_at = UsageFreezesAt(hour, terms.until, now);
    if (freezes_at >= UsageClosesAt(hour) || (terms.until && freezes_at >= *terms.until)) continue;
    const UsageHour* open = nullptr;
    bool is_closed = false;
    for (const UsageHour& h : hours) {
      const bool same = IsUnder(h, terms.meter);
      if (h.dimension != dimension || h.hour != hour || !(same || h.meter.licence.empty())) continue;
      const bool fits = h.state == UsageState::kOpen && !IsFull(h, quantity);
      if (fits) open = &h;
      is_closed = is_closed || (same && !fits);
    }
    if (open != nullptr) return UsagePlace{hour, open->meter, freezes_at};
    if (!is_closed) return UsagePlace{hour, terms.meter, freezes_at};
  }
}

UsageFreeze FreezeUsage(std::span<const UsageHour> hours, const SubscriptionId& subscription,
                        const std::optional<UsageTerms>& terms, const std::vector<std::string>& metered, Timestamp now,
                        bool at_once) {
  Freezer freezer(hours, terms, now, at_once);
  if (freezer.FreezeOpen()) {
    for (const std::string& dimension : metered) freezer.SayZero(subscription, dimension);
  }
  return freezer.Take();
}

}  // namespace dunlin
