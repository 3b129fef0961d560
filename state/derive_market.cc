#include "state/derive_market.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "state/licence.h"
#include "state/market_course.h"
#include "state/market_licences.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;

// ---- Entitlements ------------------------------------------------------------------------------------------------

bool HoldsAt(const MarketEntitlement& e, Timestamp at) { return !e.expires_at || *e.expires_at > at; }

// As of the moment of asking: what expires later is asked for again then, and is not cut before the answer.
bool IsEntitled(const EntitlementAnswer& answer) {
  return std::any_of(answer.entitlements.begin(), answer.entitlements.end(),
                     [&](const MarketEntitlement& e) { return HoldsAt(e, answer.asked_at); });
}

// The latest; nullopt: there is none, or one that never expires.
std::optional<Timestamp> ExpiryOf(const EntitlementAnswer& answer) {
  std::optional<Timestamp> latest;
  for (const MarketEntitlement& e : answer.entitlements) {
    if (!e.expires_at) return std::nullopt;
    if (!latest || *latest < *e.expires_at) latest = e.expires_at;
  }
  return latest;
}

// It was asked about every licence that there is, and none is on its way.
bool SpeaksForAll(const EntitlementAnswer& answer, const MarketFacts& facts, const MarketCourse& course) {
  if (course.awaits_licence) return false;
  if (answer.licences.empty()) return true;
  const std::map<LicenceId, SeenLicence> seen = LicencesOf(facts);
  return std::all_of(seen.begin(), seen.end(), [&](const auto& licence) {
    return licence.second.IsWithdrawn() ||
           std::binary_search(answer.licences.begin(), answer.licences.end(), licence.first);
  });
}

const EntitlementAnswer& Counting(const MarketFacts& facts, const MarketCourse& course) {
  const bool counts = IsEntitled(facts.answer) || SpeaksForAll(facts.answer, facts, course);
  return counts ? facts.answer : facts.held;
}

std::string NameOf(const EntitlementAnswer& answer) { return "entitlements/" + std::to_string(answer.number); }

// ---- Words -------------------------------------------------------------------------------------------------------

std::string Licence(const MarketNotice& n) {
  const std::optional<LicenceId> id = LicenceIdOf(n.licence);
  return id ? "licence " + id->str() : "the licence";
}

std::string Saying(const MarketNotice& n) {
  switch (n.kind) {
    case Kind::kSubscribed: return "AWS says that the buyer is subscribed (subscribe-success).";
    case Kind::kSubscribeFailed: return "AWS could not subscribe the buyer (subscribe-fail).";
    case Kind::kUnsubscribePending: return "The buyer is unsubscribing (unsubscribe-pending).";
    case Kind::kUnsubscribed: return "The buyer has unsubscribed (unsubscribe-success).";
    case Kind::kAgreementEnded: return "Agreement " + n.agreement.str() + " has ended (Purchase Agreement Ended).";
    case Kind::kLicenceUpdated: return "AWS has provided " + Licence(n) + " (License Updated).";
    case Kind::kLicenceDeprovisioned: return "AWS has withdrawn " + Licence(n) + " (License Deprovisioned).";
    case Kind::kNoted:
    case Kind::kAgreementCreated:
    case Kind::kAgreementAmended:
    case Kind::kAdvisoryIssued:
    case Kind::kAdvisoryResolved:
    case Kind::kCancellationAsked:
    case Kind::kCancellationClosed:
    case Kind::kEntitled: return "";  // these decide nothing
  }
  return "";
}

// ---- Putting it together -----------------------------------------------------------------------------------------

class Deriver {
 public:
  Deriver(const MarketFacts& facts, const PlanCatalog& plans)
      : facts_(facts), plans_(plans), course_(CourseOf(facts)), answer_(Counting(facts, course_)) {}

  Derived Run(Timestamp now) {
    d_.rule = "R15";
    DecideStatus();
    DecidePlan();
    d_.cancelled = d_.values.status == SubscriptionStatus::kCanceled || d_.ending_since.has_value();
    d_.values.access = AccessAt(d_.values, now);
    return std::move(d_);
  }

 private:
  void DecideStatus() {
    if (facts_.registrations.empty()) return Stay("The buyer has not registered yet.", nullptr);
    if (facts_.held.number == 0) return FollowNotices();
    if (IsEntitled(answer_)) {
      if (course_.ended != nullptr && answer_.asked_at < course_.ended->at + kAnswerSettlesIn) return FollowNotices();
      const std::optional<Timestamp> until = ExpiryOf(answer_);
      d_.values.period_end = until;
      d_.values.paid_until = until;
      if (course_.runs) return Begin();
      d_.because = NameOf(answer_);
      return Be(SubscriptionStatus::kActive, "The buyer holds entitlements.");
    }
    // Nothing of what was asked about is held; that is an end unless there is more.
    const bool subscribed_since = course_.begun != nullptr && course_.begun->at > answer_.asked_at;
    if (course_.ended != nullptr || subscribed_since || !SpeaksForAll(answer_, facts_, course_)) return FollowNotices();
    d_.because = NameOf(answer_);
    const bool expired = !answer_.entitlements.empty();
    End(expired ? *ExpiryOf(answer_) : answer_.asked_at,
        expired ? "Every entitlement of the buyer has expired." : "The buyer holds no entitlement any more.");
  }

  void FollowNotices() {
    if (course_.ended != nullptr) {
      d_.because = course_.ended->source.str();
      return End(course_.ended->at, Saying(*course_.ended));
    }
    if (course_.runs) return Begin();
    Stay(course_.failed == nullptr ? "AWS has not said yet that the buyer is subscribed." : Saying(*course_.failed),
         course_.failed);
  }

  void Stay(std::string why, const MarketNotice* notice) {
    if (notice != nullptr) d_.because = notice->source.str();
    Be(SubscriptionStatus::kPending, std::move(why));
  }

  void Begin() {
    const MarketNotice* says = course_.begun == nullptr ? course_.ends : course_.begun;
    d_.because = says->source.str();
    Be(SubscriptionStatus::kActive, Saying(*says));
    if (course_.ends == nullptr) return;
    d_.ending_since = course_.ends->at;
    d_.ending_why = Saying(*course_.ends);
    d_.values.cancel_at = course_.ends->at + kLastUsageWindow;
    d_.values.access_until = d_.values.cancel_at;
  }

  void End(Timestamp at, std::string why) {
    Be(SubscriptionStatus::kCanceled, std::move(why));
    d_.values.period_end.reset();
    d_.values.paid_until = at;
    d_.values.access_until = at;
  }

  void Be(SubscriptionStatus status, std::string why) {
    d_.values.status = status;
    d_.why = std::move(why);
  }

  // The highest of the plans that the products and what is entitled of them buy.
  void DecidePlan() {
    const PlanCatalog::Plan* best = nullptr;
    const auto consider = [&](const std::string& name) {
      const auto plan = plans_.by_price.find(name);
      if (plan == plans_.by_price.end()) return;
      if (best == nullptr || std::tie(best->rank, best->name) < std::tie(plan->second.rank, plan->second.name))
        best = &plan->second;
    };
    const bool entitled = IsEntitled(answer_);
    for (const MarketEntitlement& e : answer_.entitlements) {
      if (HoldsAt(e, answer_.asked_at) || !entitled) consider(e.product.str() + "/" + e.dimension);
    }
    bool waits_for_answer = false;
    const std::set<ProductCode> products = Products();
    for (const ProductCode& product : products) {
      consider(product.str());
      waits_for_answer = waits_for_answer || (facts_.answer.number == 0 && IsSoldByDimension(product));
    }
    if (best != nullptr) d_.values.plan = best->name;
    d_.unknown_price = best == nullptr && d_.values.status == SubscriptionStatus::kActive && !waits_for_answer;
  }

  std::set<ProductCode> Products() const {
    std::set<ProductCode> products;
    for (const MarketRegistration& r : facts_.registrations) products.insert(r.product);
    for (const MarketNotice& n : facts_.notices) {
      if (!n.product.empty()) products.insert(n.product);
    }
    return products;
  }

  bool IsSoldByDimension(const ProductCode& product) const {
    const std::string prefix = product.str() + "/";
    const auto name = plans_.by_price.lower_bound(prefix);
    return name != plans_.by_price.end() && name->first.starts_with(prefix);
  }

  const MarketFacts& facts_;
  const PlanCatalog& plans_;
  const MarketCourse course_;
  const EntitlementAnswer& answer_;  // the one that counts
  Derived d_;
};

}  // namespace

const EntitlementAnswer& CountingAnswer(const MarketFacts& facts) { return Counting(facts, CourseOf(facts)); }

Derived DeriveMarket(const MarketFacts& facts, const PlanCatalog& plans, Timestamp now) {
  return Deriver(facts, plans).Run(now);
}

}  // namespace dunlin
