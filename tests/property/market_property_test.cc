// I3 for AWS Marketplace: the same registrations, notices of both families and answers come to the same facts, values
// and ids in every order of arrival, with any duplicates, through the ledger's text and back.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "state/codec.h"
#include "state/derive_market.h"
#include "state/licence.h"
#include "state/market_course.h"
#include "state/usage_rules.h"
#include "tests/support/usage_values.h"

namespace dunlin::property {
namespace {

using testing::kNoon;
using Kind = MarketNotice::Kind;
using Chance = std::mt19937;

const PlanCatalog kPlans{{{"prod1", {"team", 1}}, {"prod1/seats", {"business", 2}}, {"prod1/desks", {"desk", 3}}}};
constexpr Millis kStory = 40h;

template <class T>
const T& OneOf(Chance& chance, const std::vector<T>& all) {
  return all[chance() % all.size()];
}
Timestamp Sometime(Chance& chance) { return kNoon + Millis{1h} * (chance() % 20); }

// Of few ids, so that facts meet: three agreements that go on from one another, three licences, two buyers.
MarketFacts AnyFact(Chance& chance) {
  static const std::vector<std::string> agreements = {"agmt-1", "agmt-2", "agmt-3"};
  static const std::vector<std::string> licences = {"l-01", "l-02", "l-03"};
  static const std::vector<std::string> customers = {"c1", "c2"};
  const Timestamp at = Sometime(chance);
  switch (chance() % 9) {
    case 0: return testing::Registered(chance() % 2 == 0 ? "" : "c1", OneOf(chance, licences), "1", at);
    case 1: return testing::Registered(OneOf(chance, customers), "", chance() % 2 == 0 ? "" : "1", at);
    case 2:
    case 3:
      return testing::Action(OneOf(chance, std::vector<Kind>{Kind::kSubscribed, Kind::kSubscribeFailed,
                                                             Kind::kUnsubscribePending, Kind::kUnsubscribed}),
                             at, OneOf(chance, customers));
    case 4:
      return testing::OfAgreement(Kind::kAgreementCreated, at, OneOf(chance, agreements), AgreementStatus::kActive,
                                  chance() % 2 == 0 ? "" : OneOf(chance, agreements));
    case 5:
      return testing::OfAgreement(
          Kind::kAgreementEnded, at, OneOf(chance, agreements),
          OneOf(chance, std::vector<AgreementStatus>{AgreementStatus::kRenewed, AgreementStatus::kReplaced,
                                                     AgreementStatus::kCancelled, AgreementStatus::kExpired}));
    case 6:
    case 7:
      return testing::OfLicence(chance() % 2 == 0 ? Kind::kLicenceUpdated : Kind::kLicenceDeprovisioned, at,
                                OneOf(chance, licences), OneOf(chance, agreements));
    default: {
      std::vector<std::string> about;
      for (const std::string& licence : licences) {
        if (chance() % 2 == 0) about.push_back(licence);
      }
      const std::string dimension = OneOf(chance, std::vector<std::string>{"", "", "seats", "desks"});
      std::optional<Timestamp> expires;
      if (chance() % 2 == 0) expires = Sometime(chance);
      return testing::Answer(at, dimension, expires, about);
    }
  }
}

// What AWS and the buyer did in some order. One source says one thing, and what is asked at one moment has one answer.
std::vector<MarketFacts> AnyHistory(Chance& chance) {
  const int length = *rc::gen::inRange(0, 30);
  std::vector<MarketFacts> history;
  std::set<std::string> sources;
  for (int i = 0; i < length; ++i) {
    MarketFacts fact = AnyFact(chance);
    for (MarketNotice& n : fact.notices) n.source = EventId{n.source.str() + "/" + std::to_string(i)};
    const std::string once = "answer/" + std::to_string(fact.answer.number);
    if (fact.answer.number == 0 || sources.insert(once).second) history.push_back(std::move(fact));
  }
  return history;
}

MarketFacts Deliver(const std::vector<MarketFacts>& history) {
  MarketFacts all;
  for (const MarketFacts& fact : history) {
    // What the ledger would hold by then.
    Facts stored;
    stored.market = all;
    const Result<Facts> back = DecodeFacts(EncodeFacts(stored));
    RC_ASSERT(back.has_value());
    all = back->market;
    const MarketFacts before = all;
    const bool changed = Merge(all, fact);
    RC_ASSERT(changed == (all != before));
  }
  return all;
}

std::string Show(const std::optional<Timestamp>& t) { return t ? FormatRfc3339(*t) : "-"; }

std::string Read(const MarketFacts& facts, Timestamp now) {
  const Derived d = DeriveMarket(facts, kPlans, now);
  const Values& v = d.values;
  std::string text = std::string(StatusName(v.status)) + " " + std::string(AccessName(v.access)) + " " + v.plan +
                     " paid " + Show(v.paid_until) + " ends " + Show(v.cancel_at) + " until " + Show(v.access_until) +
                     " since " + Show(d.ending_since) + " " + d.why + " " + d.because + " " + CanonicalId(facts).str() +
                     " " + AccountOf(facts).str();
  for (const MarketKey& key : KeysOf(facts)) text += " " + key.id + (key.binds ? "!" : "");
  Subscription s = testing::Metered(facts, v.status);
  s.values = v;
  const std::optional<UsageTerms> terms = UsageTermsOf(s, testing::kProduct);
  if (terms) text += " meter " + MeterId(terms->meter) + " from " + Show(terms->from) + " until " + Show(terms->until);
  return text;
}

RC_GTEST_PROP(MarketProperty, AnyOrderWithDuplicatesEndsInTheSameValues, ()) {
  Chance chance(*rc::gen::noShrink(rc::gen::arbitrary<std::uint32_t>()));
  const std::vector<MarketFacts> history = AnyHistory(chance);
  const MarketFacts expected = Deliver(history);
  for (int round = 0; round < 8; ++round) {
    std::vector<MarketFacts> delivered = history;
    for (const MarketFacts& fact : history) {
      if (chance() % 3 == 0) delivered.push_back(fact);
    }
    std::shuffle(delivered.begin(), delivered.end(), chance);
    const MarketFacts facts = Deliver(delivered);
    RC_ASSERT(facts == expected);
    for (const Millis after : {Millis{0}, kStory / 2, kStory}) {
      RC_LOG() << Read(facts, kNoon + after) << "\n" << Read(expected, kNoon + after) << std::endl;
      RC_ASSERT(Read(facts, kNoon + after) == Read(expected, kNoon + after));
    }
  }
}

// Two ledgers that heard different parts come to the same once each has heard the other's.
RC_GTEST_PROP(MarketProperty, MergingIsAssociativeAndCommutative, ()) {
  Chance chance(*rc::gen::noShrink(rc::gen::arbitrary<std::uint32_t>()));
  std::vector<MarketFacts> parts[3];
  for (const MarketFacts& fact : AnyHistory(chance)) {
    parts[chance() % 3].push_back(fact);
    if (chance() % 4 == 0) parts[chance() % 3].push_back(fact);
  }
  const MarketFacts a = Deliver(parts[0]), b = Deliver(parts[1]), c = Deliver(parts[2]);
  const auto with = [](MarketFacts to, const MarketFacts& more) {
    Merge(to, more);
    return to;
  };
  RC_ASSERT(with(a, b) == with(b, a));
  RC_ASSERT(with(with(a, b), c) == with(a, with(b, c)));
  RC_ASSERT(with(a, a) == a);
}

// R15: who may use it has registered, AWS has provided or entitled, and an end that is confirmed counts. I5: access is
// what the values say at that moment, and changes at access_until alone.
RC_GTEST_PROP(MarketProperty, AccessFollowsFromWhatAwsSaid, ()) {
  Chance chance(*rc::gen::noShrink(rc::gen::arbitrary<std::uint32_t>()));
  const MarketFacts facts = Deliver(AnyHistory(chance));
  const MarketCourse course = CourseOf(facts);
  const Timestamp now = kNoon + kStory;
  const Derived d = DeriveMarket(facts, kPlans, now);
  RC_ASSERT(d.values.access == AccessAt(d.values, now));
  RC_ASSERT(!d.why.empty());
  RC_ASSERT(d.rule == "R15");
  if (facts.registrations.empty()) RC_ASSERT(d.values.status == SubscriptionStatus::kPending);
  if (d.values.status == SubscriptionStatus::kActive) RC_ASSERT(course.runs || facts.held.number != 0);
  if (d.values.status == SubscriptionStatus::kCanceled) RC_ASSERT(d.values.access == Access::kRevoked);
  if (d.values.status == SubscriptionStatus::kCanceled) RC_ASSERT(d.values.paid_until == d.values.access_until);
  RC_ASSERT(d.ending_since.has_value() == d.values.cancel_at.has_value());
  // An answer that holds nothing ends a contract only when it was asked about all that runs.
  if (d.because.starts_with("entitlements/") && d.values.status == SubscriptionStatus::kCanceled) {
    RC_ASSERT(!course.awaits_licence);
    const EntitlementAnswer& answer = CountingAnswer(facts);
    if (answer.licences.empty()) return;
    for (const MarketNotice& n : facts.notices) {
      const std::optional<LicenceId> id = LicenceIdOf(n.licence);
      if (!id || std::ranges::binary_search(answer.licences, *id)) continue;
      const bool withdrawn = std::ranges::any_of(facts.notices, [&](const MarketNotice& other) {
        return other.kind == Kind::kLicenceDeprovisioned && LicenceIdOf(other.licence) == id && other.at >= n.at;
      });
      RC_ASSERT(withdrawn);
    }
  }
}

}  // namespace
}  // namespace dunlin::property
