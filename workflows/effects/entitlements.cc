// Asking AWS Marketplace what a buyer is entitled to. The moment of asking is the answer's number: a slow answer never
// overwrites a later one, and a hint that came meanwhile is asked about again.
#include <algorithm>
#include <set>
#include <utility>

#include "state/licence.h"
#include "state/market_licences.h"
#include "workflows/effects/filing.h"
#include "workflows/effects/marketplace_rights.h"
#include "workflows/effects/steps.h"
#include "workflows/market_filing.h"

namespace dunlin::effects {
namespace {

constexpr int kConflictsMax = 20;
constexpr Millis kAskAgainAfter{1s};

std::string RefusedAlert(const SubscriptionId& id) { return "entitlements_refused/" + id.str(); }

// By licence, those that AWS has not withdrawn, if there are any; without a licence by buyer.
std::vector<EntitlementQuery> QuestionsOn(const MarketFacts& facts) {
  std::vector<EntitlementQuery> live, gone;
  for (const auto& [id, licence] : LicencesOf(facts)) {
    if (licence.arn.empty() || licence.product.empty()) continue;
    (licence.IsWithdrawn() ? gone : live).push_back({licence.product, licence.arn});
  }
  if (!live.empty()) return live;
  if (!gone.empty()) return gone;
  std::set<std::pair<ProductCode, std::string>> asked;
  for (const MarketRegistration& r : facts.registrations) {
    const bool by_account = !r.account.empty();
    if (!asked.emplace(r.product, by_account ? r.account.str() : r.customer.str()).second) continue;
    if (by_account) {
      live.push_back({r.product, r.account});
    } else {
      live.push_back({r.product, r.customer});
    }
  }
  return live;
}

std::string TextOf(const std::variant<std::int64_t, double, bool, std::string>& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  return std::get<std::string>(value);
}

// Which licence a buyer has, where it was asked for by buyer: the notices of that licence are then the buyer's.
void NoteLicence(MarketFacts& facts, const Entitlement& e) {
  const std::optional<LicenceId> licence = LicenceIdOf(e.licence);
  if (!licence) return;
  MarketNotice notice;
  notice.kind = MarketNotice::Kind::kEntitled;
  notice.source = EventId{"entitled/" + licence->str() + "/" + e.product.str() + "/" + e.customer.str()};
  notice.product = e.product;
  notice.customer = e.customer;
  notice.licence = e.licence;
  MarketFacts one;
  one.notices.push_back(std::move(notice));
  Merge(facts, one);
}

MarketplaceResult<MarketFacts> Ask(MarketplaceApi& api, const std::vector<EntitlementQuery>& questions,
                                   std::int64_t number, Timestamp asked_at) {
  EntitlementAnswer answer;
  MarketFacts learnt;
  answer.number = number;
  answer.asked_at = asked_at;
  for (const EntitlementQuery& question : questions) {
    const MarketplaceResult<std::vector<Entitlement>> found = api.GetEntitlements(question);
    if (!found) return tl::unexpected(found.error());
    const auto* licence = std::get_if<LicenceArn>(&question.owner);
    if (licence != nullptr) answer.licences.push_back(LicenceIdOf(*licence).value_or(LicenceId{}));
    for (const Entitlement& e : *found) {
      answer.entitlements.push_back({question.product, e.dimension, TextOf(e.value), e.expires_at});
      if (licence == nullptr) NoteLicence(learnt, e);
    }
  }
  std::sort(answer.licences.begin(), answer.licences.end());
  std::sort(answer.entitlements.begin(), answer.entitlements.end());
  MarketFacts facts = FactsOf(std::move(answer));
  Merge(facts, learnt);
  return facts;
}

Outcome Commit(Engine& engine, Unit unit) {
  const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
  if (!done && done.error().code != Errc::kConflict) return TryLater{done.error()};
  return std::nullopt;  // a conflict: somebody else has ended the job
}

Outcome Refused(Engine& engine, const Job& job, const SubscriptionId& id, const MarketplaceError& error) {
  const std::string why = std::string(MarketplaceErrcName(error.code)) + ": " + error.detail;
  Unit unit;
  switch (error.code) {
    case MarketplaceErrc::kTemporary: return TryLater{{Errc::kUnavailable, why}};
    case MarketplaceErrc::kCredentials:
    case MarketplaceErrc::kDisabled: return WaitForRights(engine, "ask for entitlements", why);
    case MarketplaceErrc::kExpiredToken:
    case MarketplaceErrc::kInvalidToken:
    case MarketplaceErrc::kTimestampOutOfBounds:
    case MarketplaceErrc::kInvalidDimension:
    case MarketplaceErrc::kInvalidCustomer:
    case MarketplaceErrc::kInvalidLicence:
    case MarketplaceErrc::kInvalidTag:
    case MarketplaceErrc::kInvalidAllocations:
    case MarketplaceErrc::kInvalidProduct:
    case MarketplaceErrc::kInvalidParameter:
    case MarketplaceErrc::kRefused:
    case MarketplaceErrc::kUnreadable:
      unit.done.push_back(job.id);
      RaiseAlert(unit.alerts, {.key = RefusedAlert(id),
                               .kind = "entitlements_refused",
                               .subject = id.str(),
                               .detail = "AWS Marketplace would not say what the buyer is entitled to: " + why,
                               .raised_at = engine.clock.Now()});
      return Commit(engine, std::move(unit));
  }
  return std::nullopt;
}

}  // namespace

Outcome ReadEntitlements(Engine& engine, const Job& job) {
  Result<std::optional<Subscription>> before = FindMarketSubscription(engine.ledger, job.subject);
  if (!before) return TryLater{before.error()};
  if (!*before) return Finish(engine, job);
  const Timestamp asked_at = engine.clock.Now();
  const std::int64_t number = AnswerNumber(job, asked_at);
  const MarketplaceResult<MarketFacts> answer =
      Ask(engine.marketplace, QuestionsOn((*before)->facts.market), number, asked_at);
  if (!answer) return Refused(engine, job, (*before)->id, answer.error());
  const std::int64_t version = (*before)->version;
  for (int round = 0; round < kConflictsMax; ++round) {
    const Result<std::optional<Subscription>> subject = FindMarketSubscription(engine.ledger, job.subject);
    if (!subject) return TryLater{subject.error()};
    if (!*subject) return Finish(engine, job);
    Unit unit;
    const MarketWords words{.facts = *answer,
                            .about = (*subject)->id,
                            .event = "answer to entitlements/" + std::to_string(number),
                            .note = "",
                            .ask = false};
    const Result<MarketFiled> filed = FileMarket(engine.ledger, engine.policies, words, engine.clock.Now(), unit);
    if (!filed && filed.error().code != Errc::kConflict) return TryLater{filed.error()};
    if (!filed) continue;
    // What came while we asked may be what the answer does not show yet.
    if (filed->version == version) {
      unit.done.push_back(job.id);
    } else {
      unit.retries.push_back(
          {.id = job.id, .due = engine.clock.Now() + kAskAgainAfter, .count_try = false, .at = engine.clock.Now()});
    }
    unit.settle_alerts.push_back(kMarketplaceCredentialsAlert);
    unit.settle_alerts.push_back(RefusedAlert(filed->subscription));
    const Result<UnitResult> done = engine.ledger.Commit(std::move(unit));
    if (done && filed->access) engine.observer.OnAccessChange(*filed->access, std::nullopt);
    if (done) return std::nullopt;
    if (done.error().code != Errc::kConflict) return TryLater{done.error()};
    const Result<std::optional<Job>> still = engine.ledger.FindJob(job.id);
    if (still && !*still) return std::nullopt;  // somebody else has ended it
  }
  return TryLater{{Errc::kConflict, "the subscription is changing too fast"}};
}

}  // namespace dunlin::effects
