#include "state/derive_market.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "state/licence.h"

namespace dunlin {
namespace {

using Kind = MarketNotice::Kind;
using Notice = const MarketNotice*;  // nullptr: there is none

auto RankOf(const MarketNotice& n) { return std::tie(n.at, n.kind, n.source); }

Notice Later(Notice a, Notice b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return RankOf(*a) < RankOf(*b) ? b : a;
}
Notice Earlier(Notice a, Notice b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return RankOf(*a) < RankOf(*b) ? a : b;
}

// Which agreements followed which, and how each ended.
class Agreements {
 public:
  explicit Agreements(const MarketFacts& facts) {
    for (const MarketNotice& n : facts.notices) {
      if (!n.previous_agreement.empty()) next_[n.previous_agreement].insert(n.agreement);
      if (n.kind == Kind::kAgreementEnded) ended_[n.agreement] = Later(ended_[n.agreement], &n);
    }
  }

  // Renewed or replaced, whether or not it is known by what.
  bool IsContinued(const AgreementId& id) const {
    const auto ended = ended_.find(id);
    return next_.contains(id) || (ended != ended_.end() && dunlin::IsContinued(ended->second->agreement_status));
  }

  // The notice that ended the last of those that the agreement went on as; nullptr while any of them runs.
  Notice EndOf(const AgreementId& id) const {
    std::set<AgreementId> seen;
    std::vector<AgreementId> open = {id};
    Notice end = nullptr;
    while (!open.empty()) {
      const AgreementId at = open.back();
      open.pop_back();
      if (!seen.insert(at).second) continue;
      if (const auto next = next_.find(at); next != next_.end()) {
        open.insert(open.end(), next->second.begin(), next->second.end());
        continue;
      }
      const auto ended = ended_.find(at);
      if (ended == ended_.end() || dunlin::IsContinued(ended->second->agreement_status)) return nullptr;
      end = Later(end, ended->second);
    }
    return end;
  }

 private:
  std::map<AgreementId, std::set<AgreementId>> next_;
  std::map<AgreementId, Notice> ended_;
};

// What the notices say, both families together.
struct Course {
  Notice begun = nullptr;  // the newest that says it runs
  Notice ends = nullptr;   // it runs, and this announced its end
  Notice ended = nullptr;  // it is over
  Notice failed = nullptr;
  bool runs = false;
};

class CourseFinder {
 public:
  explicit CourseFinder(const MarketFacts& facts) : facts_(facts), agreements_(facts) {}

  Course Find() {
    for (const MarketNotice& n : facts_.notices) Take(n);
    JudgeLicences();
    Course course;
    course.failed = failed_;
    course.begun = Later(subscribed_, updated_);
    const Notice over = Later(unsubscribed_, all_deprovisioned_);
    if (over != nullptr && (course.begun == nullptr || over->at >= course.begun->at)) {
      course.ended = over;
      return course;
    }
    course.ends = Earlier(Unless(course.begun, pending_), Unless(subscribed_, agreement_ended_));
    course.runs = course.begun != nullptr || course.ends != nullptr;
    return course;
  }

 private:
  void Take(const MarketNotice& n) {
    switch (n.kind) {
      case Kind::kSubscribed: subscribed_ = Later(subscribed_, &n); break;
      case Kind::kSubscribeFailed: failed_ = Later(failed_, &n); break;
      case Kind::kUnsubscribePending: pending_ = Later(pending_, &n); break;
      case Kind::kUnsubscribed: unsubscribed_ = Later(unsubscribed_, &n); break;
      case Kind::kLicenceUpdated: updated_ = Later(updated_, &n); [[fallthrough]];
      case Kind::kLicenceDeprovisioned:
        if (const auto id = LicenceIdOf(n.licence)) licences_[*id] = Later(licences_[*id], &n);
        break;
      case Kind::kNoted:
      case Kind::kAgreementCreated:
      case Kind::kAgreementAmended:
      case Kind::kAgreementEnded:
      case Kind::kAdvisoryIssued:
      case Kind::kAdvisoryResolved:
      case Kind::kCancellationAsked:
      case Kind::kCancellationClosed:
      case Kind::kEntitled: break;
    }
  }

  // A licence that went because its agreement was renewed or replaced is no end: another one is coming.
  void JudgeLicences() {
    bool any_runs = false;
    Notice agreements_end = nullptr, last_down = nullptr;
    for (const auto& [id, newest] : licences_) {
      const Notice end = agreements_.EndOf(newest->agreement);
      const bool down = newest->kind == Kind::kLicenceDeprovisioned;
      const bool continued = agreements_.IsContinued(newest->agreement);
      if (!down || (continued && end == nullptr)) {
        any_runs = true;
        if (end == nullptr) some_agreement_runs_ = true;
        agreements_end = Later(agreements_end, end);
      } else {
        last_down = Later(last_down, continued ? Later(newest, end) : newest);
      }
    }
    if (!any_runs) all_deprovisioned_ = last_down;
    if (!some_agreement_runs_) agreement_ended_ = agreements_end;
  }

  // `notice`, unless `undoes` came after it.
  static Notice Unless(Notice undoes, Notice notice) {
    return notice != nullptr && undoes != nullptr && undoes->at > notice->at ? nullptr : notice;
  }

  const MarketFacts& facts_;
  const Agreements agreements_;
  std::map<LicenceId, Notice> licences_;  // the newest of each
  Notice subscribed_ = nullptr, failed_ = nullptr, pending_ = nullptr, unsubscribed_ = nullptr, updated_ = nullptr;
  Notice all_deprovisioned_ = nullptr;  // no licence runs
  Notice agreement_ended_ = nullptr;    // licences run, and the agreements of all have ended
  bool some_agreement_runs_ = false;
};

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
  Deriver(const MarketFacts& facts, const PlanCatalog& plans) : facts_(facts), plans_(plans) {}

  Derived Run(Timestamp now) {
    d_.rule = "R15";
    DecideStatus(CourseFinder(facts_).Find());
    DecidePlan();
    d_.cancelled = d_.values.status == SubscriptionStatus::kCanceled || d_.ending_since.has_value();
    d_.values.access = AccessAt(d_.values, now);
    return std::move(d_);
  }

 private:
  void DecideStatus(const Course& course) {
    if (facts_.registrations.empty()) return Stay("The buyer has not registered yet.", nullptr);
    const EntitlementAnswer& answer = facts_.answer;
    if (!facts_.ever_entitled) return FollowNotices(course);
    if (IsEntitled(answer)) {
      if (course.ended != nullptr && answer.asked_at < course.ended->at + kAnswerSettlesIn)
        return FollowNotices(course);
      const std::optional<Timestamp> until = ExpiryOf(answer);
      d_.values.period_end = until;
      d_.values.paid_until = until;
      if (course.runs) return Begin(course);
      d_.because = NameOf(answer);
      return Be(SubscriptionStatus::kActive, "The buyer holds entitlements.");
    }
    const bool subscribed_since = course.begun != nullptr && course.begun->at > answer.asked_at;
    if (course.ended != nullptr || subscribed_since) return FollowNotices(course);
    d_.because = NameOf(answer);
    const bool expired = !answer.entitlements.empty();
    End(expired ? *ExpiryOf(answer) : answer.asked_at,
        expired ? "Every entitlement of the buyer has expired." : "The buyer holds no entitlement any more.");
  }

  void FollowNotices(const Course& course) {
    if (course.ended != nullptr) {
      d_.because = course.ended->source.str();
      return End(course.ended->at, Saying(*course.ended));
    }
    if (course.runs) return Begin(course);
    Stay(course.failed == nullptr ? "AWS has not said yet that the buyer is subscribed." : Saying(*course.failed),
         course.failed);
  }

  void Stay(std::string why, Notice notice) {
    if (notice != nullptr) d_.because = notice->source.str();
    Be(SubscriptionStatus::kPending, std::move(why));
  }

  void Begin(const Course& course) {
    const Notice says = course.begun == nullptr ? course.ends : course.begun;
    d_.because = says->source.str();
    Be(SubscriptionStatus::kActive, Saying(*says));
    if (course.ends == nullptr) return;
    d_.ending_since = course.ends->at;
    d_.ending_why = Saying(*course.ends);
    d_.values.cancel_at = course.ends->at + kLastUsageWindow;
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
    const bool entitled = IsEntitled(facts_.answer);
    for (const MarketEntitlement& e : facts_.answer.entitlements) {
      if (HoldsAt(e, facts_.answer.asked_at) || !entitled) consider(e.product.str() + "/" + e.dimension);
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
  Derived d_;
};

}  // namespace

Derived DeriveMarket(const MarketFacts& facts, const PlanCatalog& plans, Timestamp now) {
  return Deriver(facts, plans).Run(now);
}

}  // namespace dunlin
