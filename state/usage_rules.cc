#include "state/usage_rules.h"

#include <algorithm>

#include "state/derive_market.h"
#include "state/licence.h"
#include "state/market_licences.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;

constexpr Millis kDay{24h};

// The newest licence of the product that AWS has not withdrawn; failing that, the newest withdrawn one.
const SeenLicence* LicenceFor(const std::map<LicenceId, SeenLicence>& seen, const ProductCode& product) {
  const SeenLicence* best = nullptr;
  for (const auto& [id, licence] : seen) {
    if (licence.product != product || licence.arn.empty() || licence.account.empty()) continue;
    const auto rank = [](const SeenLicence& l) { return std::pair(!l.IsWithdrawn(), l.seen_at); };
    if (best == nullptr || rank(*best) <= rank(licence)) best = &licence;
  }
  return best;
}

std::optional<Meter> MeterOf(const MarketFacts& facts, const ProductCode& product) {
  const MarketRegistration* newest = nullptr;
  for (const MarketRegistration& r : facts.registrations) {
    if (r.product == product && (newest == nullptr || newest->at <= r.at)) newest = &r;
  }
  if (newest == nullptr) return std::nullopt;
  const std::map<LicenceId, SeenLicence> seen = LicencesOf(facts);
  if (const SeenLicence* licence = LicenceFor(seen, product)) return Meter{product, licence->arn, licence->account, {}};
  if (!newest->customer.empty()) return Meter{product, {}, {}, newest->customer};
  return Meter{product, {}, newest->account, {}};
}

// Since when AWS provides without a break. Usage before that is not metered.
Timestamp ProvidedSince(const MarketFacts& facts) {
  Timestamp newest{}, ended{};
  for (const MarketNotice& n : facts.notices) {
    if (n.kind == Kind::kSubscribed || n.kind == Kind::kLicenceUpdated) newest = std::max(newest, n.at);
  }
  for (const MarketNotice& n : facts.notices) {
    const bool ends = n.kind == Kind::kUnsubscribed || n.kind == Kind::kLicenceDeprovisioned;
    if (ends && n.at < newest) ended = std::max(ended, n.at);
  }
  std::optional<Timestamp> since;
  for (const MarketNotice& n : facts.notices) {
    const bool begins = n.kind == Kind::kSubscribed || n.kind == Kind::kLicenceUpdated;
    if (begins && n.at > ended && (!since || n.at < *since)) since = n.at;
  }
  if (since) return *since;
  // Sold by contract: no notice says when it began.
  for (const MarketRegistration& r : facts.registrations) {
    if (!since || r.at < *since) since = r.at;
  }
  return since.value_or(Timestamp{});
}

bool IsFull(const UsageHour& hour, std::int64_t more) { return hour.quantity > kUsageQuantityMax - more; }

Timestamp FreezesAt(Timestamp hour, const std::optional<Timestamp>& until) {
  const Timestamp regular = hour + kUsageHour + kFreezeAfter;
  return until ? std::min(regular, std::max(hour, *until - kLastFreezeBefore)) : regular;
}

UsageHour Frozen(UsageHour hour, Timestamp from, Timestamp now) {
  hour.state = UsageState::kFrozen;
  hour.stamp = from > hour.hour && from < hour.hour + kUsageHour ? from : hour.hour;
  hour.frozen_at = now;
  hour.closes_at = UsageClosesAt(hour.hour);
  return hour;
}

class Freezer {
 public:
  Freezer(std::span<const UsageHour> hours, const std::optional<UsageTerms>& terms, Timestamp now, bool at_once)
      : hours_(hours), terms_(terms), now_(now), at_once_(at_once) {}

  // False: something is to be shifted first.
  bool FreezeOpen() {
    for (const UsageHour& hour : hours_) {
      if (hour.state != UsageState::kOpen || !IsDue(hour.hour)) continue;
      if (UsageClosesAt(hour.hour) <= now_ && Shift(hour)) return false;
      out_.freeze.push_back(Frozen(hour, terms_ ? terms_->from : hour.hour, now_));
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
      out_.freeze.push_back(Frozen(std::move(zero), terms_->from, now_));
    }
  }

  UsageFreeze Take() { return std::move(out_); }

 private:
  bool IsDue(Timestamp hour) const {
    if (hour > now_) return false;
    return at_once_ || !terms_ || terms_->ended || FreezesAt(hour, terms_->until) <= now_;
  }

  bool IsTaken(const std::string& dimension, Timestamp hour) const {
    return std::any_of(hours_.begin(), hours_.end(),
                       [&](const UsageHour& h) { return h.dimension == dimension && h.hour == hour; });
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
  std::optional<Meter> meter = MeterOf(subscription.facts.market, product);
  if (!meter) return std::nullopt;
  UsageTerms terms{.meter = std::move(*meter),
                   .from = ProvidedSince(subscription.facts.market),
                   .until = values.cancel_at,
                   .ended = values.status == SubscriptionStatus::kCanceled};
  if (terms.ended) terms.until = values.paid_until;
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
      if (h.dimension != dimension || h.hour != hour) continue;
      if (h.state != UsageState::kOpen || IsFull(h, quantity)) is_closed = true;
      open = &h;
    }
    if (!is_closed) return UsagePlace{hour, open == nullptr ? terms.meter : open->meter, freezes_at};
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
