// I3: for the same facts the values are the same in every order of arrival, with any duplicates.
//
// RapidCheck draws the histories. To look harder: RC_PARAMS="max_success=20000" property_tests
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "state/failures.h"
#include "state/method.h"
#include "tests/property/history.h"
#include "tests/support/instrumented.h"

namespace dunlin::property {
namespace {

using Chance = std::mt19937;
using Steps = std::vector<std::uint16_t>;

// The rare case is one history in several hundred. RapidCheck reads its configuration at the first property.
constexpr const char* kHowMany = testing::kInstrumented ? "max_success=200" : "max_success=1000";
[[maybe_unused]] const int kConfigured = setenv("RC_PARAMS", kHowMany, 0);  // 0: the caller's own wish comes first

constexpr Millis kGrace = 72h;

Steps AnySteps(int most) {
  const auto step = rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint16_t>());  // of every size
  return *rc::gen::resize(most, rc::gen::container<Steps>(step));
}
Chance AnyChance() { return Chance(*rc::gen::noShrink(rc::gen::arbitrary<std::uint32_t>())); }

Derived Judge(const Facts& facts, Timestamp now) { return Derive(facts, Plans(), kGrace, now); }

// Everything that decisions are made of, but for the method: clocks differ, so that one is certain only with time.
std::string Read(const Facts& facts, Timestamp now) {
  const Derived derived = Judge(facts, now);
  std::string text = Show(derived);
  if (derived.collectible) {
    for (const Failure& f : FailedAttempts(*FindInvoice(facts, *derived.collectible)))
      text += " failed " + std::to_string(ToUnixSeconds(f.at)) + "/" + f.source.str();
  }
  return text;
}

Facts Deliver(const std::vector<Fact>& facts) {
  Facts all;
  for (const Fact& fact : facts) Take(all, fact);
  return all;
}

std::vector<Fact> SomeOf(const std::vector<Fact>& facts, Chance& chance) {
  std::vector<Fact> some;
  for (const Fact& fact : facts) {
    if (chance() % 3 != 0) some.push_back(fact);
  }
  return some;
}

void Shuffle(std::vector<Fact>& facts, Chance& chance) { std::shuffle(facts.begin(), facts.end(), chance); }

// A history, and what we heard of it: its events, and now and then an answer to a question of ours, asked when some of
// what had happened was known.
struct Heard {
  History history;
  std::vector<Fact> facts;
};

Heard Live(const Steps& steps, Chance& chance, bool with_answers) {
  Heard heard{History(static_cast<std::uint32_t>(chance())), {}};
  std::size_t told = 0;
  for (const std::uint16_t step : steps) {
    heard.history.Step(step);
    const std::vector<Fact>& all = heard.history.told();
    heard.facts.insert(heard.facts.end(), all.begin() + static_cast<std::ptrdiff_t>(told), all.end());
    told = all.size();
    if (!with_answers || chance() % 4 != 0) continue;
    const std::vector<Fact> answer = heard.history.Answer(Deliver(SomeOf(heard.facts, chance)));
    heard.facts.insert(heard.facts.end(), answer.begin(), answer.end());
  }
  return heard;
}

void ExpectTruth(const Derived& derived, const Truth& truth) {
  RC_LOG() << Show(derived) << std::endl;
  RC_ASSERT(derived.values.status == truth.status);
  RC_ASSERT(derived.cancelled == truth.cancelled);
  RC_ASSERT(derived.values.plan == truth.plan);
  RC_ASSERT(derived.values.period_end == truth.period_end);
  if (truth.paid_until) RC_ASSERT(derived.values.paid_until == truth.paid_until);
}

// ---- order and duplicates

RC_GTEST_PROP(FactsProperty, EveryOrderOfAFewFactsEndsInTheSameFacts, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(5), chance, true);
  if (heard.facts.size() > 7) heard.facts.erase(heard.facts.begin(), heard.facts.end() - 7);
  RC_LOG() << Show(heard.facts);
  const Facts expected = Deliver(heard.facts);
  std::vector<std::size_t> order(heard.facts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  do {
    Facts facts;
    for (const std::size_t i : order) Take(facts, heard.facts[i]);
    RC_ASSERT(facts == expected);
  } while (std::next_permutation(order.begin(), order.end()));
}

RC_GTEST_PROP(FactsProperty, AnyOrderWithDuplicatesEndsInTheSameValues, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(40), chance, true);
  RC_LOG() << Show(heard.facts);
  const Timestamp now = heard.history.now();
  const Facts expected = Deliver(heard.facts);
  for (int round = 0; round < 10; ++round) {
    std::vector<Fact> delivered = heard.facts;
    const std::vector<Fact> again = SomeOf(heard.facts, chance);
    delivered.insert(delivered.end(), again.begin(), again.end());
    Shuffle(delivered, chance);
    const Facts facts = Deliver(delivered);
    RC_ASSERT(facts == expected);
    RC_ASSERT(Read(facts, now) == Read(expected, now));
  }
}

// ---- merging facts that no provider would send

template <class Enum>
Enum AnyOf(Chance& chance, unsigned values) {
  return static_cast<Enum>(chance() % values);
}
Timestamp AnyTime(Chance& chance) { return FromUnixSeconds(1'790'000'000 + static_cast<std::int64_t>(chance() % 5)); }

SubscriptionSnapshot AnySnapshot(Chance& chance, const EventId& source) {
  SubscriptionSnapshot s;
  s.kind = AnyOf<SubscriptionSnapshot::Kind>(chance, 4);
  s.source = source;
  s.created = AnyTime(chance);
  s.status = AnyOf<ProviderStatus>(chance, 9);
  s.latest_invoice = "in_" + std::to_string(chance() % 3);
  s.cancel_at_period_end = chance() % 2 == 0;
  if (chance() % 2 == 0) s.period_end = AnyTime(chance);
  if (chance() % 2 == 0) s.previous = PreviousAttributes{.status = AnyOf<ProviderStatus>(chance, 9)};
  s.fetch_number = chance() % 3;
  for (auto i = chance() % 3; i > 0; --i) s.fence.emplace_back("evt_" + std::to_string(chance() % 12));
  return s;
}

InvoiceFact AnyInvoice(Chance& chance, const EventId& source) {
  InvoiceFact i;
  i.id = InvoiceId{"in_" + std::to_string(chance() % 3)};
  i.status = AnyOf<InvoiceStatus>(chance, 5);
  i.attempt_count = static_cast<int>(chance() % 3);
  i.created = AnyTime(chance);
  i.fetched = chance() % 4 == 0;
  i.source = source;
  i.billing_reason = chance() % 3 == 0 ? "subscription_update" : "subscription_cycle";
  i.amount_remaining = static_cast<std::int64_t>(chance() % 2) * 4000;
  if (chance() % 2 == 0) i.line_period_end = AnyTime(chance);
  i.made_at = AnyTime(chance);
  if (chance() % 2 == 0)
    i.failures = {{AnyTime(chance), source, "", i.attempt_count, chance() % 3 == 0 ? "req_1" : ""}};
  if (chance() % 2 == 0) {
    i.decline = Decline{chance() % 2 == 0 ? "expired_card" : "stolen_card", "", "", ""};
    i.decline_at = AnyTime(chance);
  }
  if (i.fetched) CountFailures(i, 1, i.attempt_count, AnyTime(chance));
  return i;
}

// One fact for each source: an event's content never changes.
std::vector<Fact> AnyFacts(Chance& chance) {
  std::vector<Fact> facts;
  const int count = *rc::gen::inRange(0, 14);
  for (int i = 0; i < count; ++i) {
    const EventId source{"evt_" + std::to_string(i)};
    switch (chance() % 5) {
      case 0: facts.emplace_back(MethodChange{AnyTime(chance), source}); break;
      case 1:
      case 2: facts.emplace_back(AnyInvoice(chance, source)); break;
      default: facts.emplace_back(AnySnapshot(chance, source)); break;
    }
  }
  return facts;
}

Facts Union(Facts to, const Facts& from) {
  for (const SubscriptionSnapshot& s : from.snapshots) Merge(to, s);
  for (const InvoiceFact& i : from.invoices) Merge(to, i);
  Merge(to, from.method);
  return to;
}

RC_GTEST_PROP(FactsProperty, MergingIsAUnionWhateverTheFacts, ()) {
  Chance chance = AnyChance();
  const std::vector<Fact> facts = AnyFacts(chance);
  RC_LOG() << Show(facts);
  const Facts a = Deliver(SomeOf(facts, chance));
  const Facts b = Deliver(SomeOf(facts, chance));
  const Facts c = Deliver(SomeOf(facts, chance));
  RC_ASSERT(Union(a, b) == Union(b, a));
  RC_ASSERT(Union(Union(a, b), c) == Union(a, Union(b, c)));
  RC_ASSERT(Union(a, a) == a);
  RC_ASSERT(Union(a, Facts{}) == a);
}

RC_GTEST_PROP(FactsProperty, MergeSaysWhetherAnythingChanged, ()) {
  Chance chance = AnyChance();
  Facts facts;
  std::vector<Fact> all = AnyFacts(chance);
  const std::vector<Fact> again = all;
  all.insert(all.end(), again.begin(), again.end());
  Shuffle(all, chance);
  for (const Fact& fact : all) {
    const Facts before = facts;
    const bool changed = std::visit([&](const auto& f) { return Merge(facts, f); }, fact);
    RC_ASSERT(changed == !(facts == before));
  }
}

RC_GTEST_PROP(FactsProperty, DerivingAnyFactsDependsOnTheirSetAlone, ()) {
  Chance chance = AnyChance();
  std::vector<Fact> facts = AnyFacts(chance);
  RC_LOG() << Show(facts);
  const Timestamp now = AnyTime(chance);
  const std::string expected = Read(Deliver(facts), now);
  Shuffle(facts, chance);
  RC_ASSERT(Read(Deliver(facts), now) == expected);
}

// ---- truth

RC_GTEST_PROP(FactsProperty, WhenAllHasArrivedTheValuesAreTrueOrARefetchIsOwed, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(40), chance, *rc::gen::arbitrary<bool>());
  RC_PRE(heard.history.exists());
  RC_LOG() << Show(heard.facts);
  Facts facts = Deliver(heard.facts);
  if (!Judge(facts, heard.history.now()).refetch_owed) {
    ExpectTruth(Judge(facts, heard.history.now()), heard.history.truth());
  }
  for (const Fact& fact : heard.history.Answer(facts)) Take(facts, fact);
  ExpectTruth(Judge(facts, heard.history.now()), heard.history.truth());
  RC_ASSERT(!Judge(facts, heard.history.now()).refetch_owed);
}

RC_GTEST_PROP(FactsProperty, WhereNoSecondIsSharedNothingIsInDoubt, ()) {
  Chance chance = AnyChance();
  History history(static_cast<std::uint32_t>(chance()));
  for (const std::uint16_t step : AnySteps(40)) {
    // One event in a second: a step that tells of several ends the history before it.
    History next = history;
    next.Wait(1s);
    next.Step(step);
    if (next.no_second_shared()) history = next;
  }
  RC_PRE(history.exists());
  RC_LOG() << Show(history.told());
  const Derived derived = Judge(Deliver(history.told()), history.now());
  ExpectTruth(derived, history.truth());
  RC_ASSERT(!derived.refetch_owed);
}

RC_GTEST_PROP(FactsProperty, WithEventsLostForEverOneAnswerMakesItTrue, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(40), chance, true);
  RC_PRE(heard.history.exists());
  Facts facts = Deliver(SomeOf(heard.facts, chance));
  for (const Fact& fact : heard.history.Answer(facts)) Take(facts, fact);
  const Derived derived = Judge(facts, heard.history.now());
  RC_LOG() << Show(heard.facts) << Show(derived) << std::endl;
  RC_ASSERT(derived.values.status == heard.history.truth().status);
  RC_ASSERT(derived.cancelled == heard.history.truth().cancelled);
  RC_ASSERT(!derived.refetch_owed);
}

// As the service does it: facts trickle in, and every doubt is answered. One question settles each doubt.
RC_GTEST_PROP(FactsProperty, AskingEndsEveryDoubtAndNeverLoops, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(30), chance, false);
  RC_PRE(heard.history.exists());
  RC_LOG() << Show(heard.facts);
  const Timestamp now = heard.history.now();
  Shuffle(heard.facts, chance);
  Facts facts;
  for (const Fact& fact : heard.facts) {
    Take(facts, fact);
    if (!Judge(facts, now).refetch_owed) continue;
    for (const Fact& answer : heard.history.Answer(facts)) Take(facts, answer);
    RC_ASSERT(!Judge(facts, now).refetch_owed);
    RC_ASSERT(Judge(facts, now).values.status == heard.history.truth().status);
  }
  ExpectTruth(Judge(facts, now), heard.history.truth());
}

// ---- failures and methods

int FailedOn(const Facts& facts, const std::string& invoice) {
  const InvoiceFact* known = FindInvoice(facts, InvoiceId{invoice});
  return known == nullptr ? 0 : static_cast<int>(FailedAttempts(*known).size());
}

bool IsAnswer(const Fact& fact) {
  if (const auto* snapshot = std::get_if<SubscriptionSnapshot>(&fact))
    return snapshot->kind == SubscriptionSnapshot::Kind::kFetched;
  const auto* invoice = std::get_if<InvoiceFact>(&fact);
  return invoice != nullptr && invoice->fetched;
}

RC_GTEST_PROP(FactsProperty, AFailureIsCountedOnceWhetherEventsTellItOrAnswersOrBoth, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(30), chance, true);
  RC_PRE(heard.history.failed() > 0);
  RC_LOG() << Show(heard.facts);
  const std::string& invoice = heard.history.latest_invoice();
  const int failed = heard.history.failed();
  const int by_schedule = failed - heard.history.failed_by_hand();
  const std::vector<Fact> answer = heard.history.Answer(Deliver(heard.facts));
  std::vector<Fact> all = heard.facts;
  all.insert(all.end(), answer.begin(), answer.end());
  Shuffle(all, chance);
  RC_ASSERT(FailedOn(Deliver(all), invoice) == failed);

  std::vector<Fact> lossy = SomeOf(heard.facts, chance);
  lossy.insert(lossy.end(), answer.begin(), answer.end());
  Shuffle(lossy, chance);
  const int known = FailedOn(Deliver(lossy), invoice);
  RC_ASSERT(known <= failed);

  std::erase_if(all, [](const Fact& fact) { return !IsAnswer(fact); });
  const Facts answers = Deliver(all);
  const bool open = FindInvoice(answers, InvoiceId{invoice})->status == InvoiceStatus::kOpen;
  RC_ASSERT(FailedOn(answers, invoice) <= by_schedule);
  // Of attempts by hand an answer shows nothing; and where one is known, it may be the first that is counted.
  if (open) RC_ASSERT(FailedOn(answers, invoice) == by_schedule);
  if (open) RC_ASSERT(known >= by_schedule - 1);
}

RC_GTEST_PROP(FactsProperty, TheNewestMethodIsTheChargedOneWhoeverTellsIt, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(30), chance, true);
  RC_PRE(heard.history.exists());
  heard.history.Wait(2min);  // clocks differ: an answer that is close to an event may be older
  RC_LOG() << Show(heard.facts);
  std::vector<Fact> all = SomeOf(heard.facts, chance);
  for (const Fact& fact : heard.history.Answer(Deliver(heard.facts))) all.push_back(fact);
  Shuffle(all, chance);
  const MethodChange lossy = NewestMethodChange(Deliver(all));
  RC_ASSERT(lossy.source.empty() || lossy.method == heard.history.method());

  all.insert(all.end(), heard.facts.begin(), heard.facts.end());
  const MethodChange change = NewestMethodChange(Deliver(all));
  RC_ASSERT(change.source.empty() == !heard.history.method_changed());
  RC_ASSERT(change.source.empty() || change.method == heard.history.method());
}

// ---- folding

RC_GTEST_PROP(FactsProperty, FoldingChangesNoValueNowOrLater, ()) {
  Chance chance = AnyChance();
  Heard heard = Live(AnySteps(40), chance, *rc::gen::arbitrary<bool>());
  RC_PRE(heard.facts.size() > 1);
  RC_LOG() << Show(heard.facts);
  // A horizon somewhere in the history: what is older has arrived, what is newer comes later, in any order.
  const Timestamp horizon = TimeOf(heard.facts[chance() % heard.facts.size()]) + Seconds{chance() % 2};
  RC_LOG() << "horizon " << ToUnixSeconds(horizon) << std::endl;
  std::vector<Fact> early;
  std::vector<Fact> late;
  for (const Fact& fact : heard.facts) (TimeOf(fact) < horizon ? early : late).push_back(fact);
  Facts whole = Deliver(early);
  Facts folded = whole;
  Fold(folded, horizon - 24h * static_cast<int>(chance() % 40));
  Fold(folded, horizon);
  const Timestamp now = heard.history.now();
  RC_ASSERT(Read(folded, now) == Read(whole, now));
  Shuffle(late, chance);
  for (const Fact& fact : late) {
    Take(whole, fact);
    Take(folded, fact);
    RC_ASSERT(Read(folded, now) == Read(whole, now));
  }
  Facts folded_late = whole;
  Fold(folded_late, horizon);
  RC_ASSERT(Read(folded_late, now) == Read(whole, now));

  heard.history.Wait(2min);
  for (const Fact& fact : heard.history.Answer(folded)) Take(folded, fact);
  const MethodChange change = NewestMethodChange(folded);
  RC_ASSERT(change.source.empty() == !heard.history.method_changed());
  RC_ASSERT(change.source.empty() || change.method == heard.history.method());
}

RC_GTEST_PROP(FactsProperty, FoldingKeepsALongLifeSmall, ()) {
  Chance chance = AnyChance();
  History history(static_cast<std::uint32_t>(chance()));
  Facts facts;
  std::size_t told = 0;
  for (int month = 0; month < 36; ++month) {
    // Renewals (what = 0 mod 9), one in a second of its own, with card changes between them.
    history.Step(static_cast<std::uint16_t>(month == 0 ? 8 + 3 : 3));
    history.Wait(1s);
    history.Step(static_cast<std::uint16_t>(8 * 6 + 3));
    for (; told < history.told().size(); ++told) Take(facts, history.told()[told]);
    Fold(facts, history.now() - kFactsKept);
  }
  RC_ASSERT(facts.snapshots.size() <= 12u);
  RC_ASSERT(facts.invoices.size() <= 5u);
  ExpectTruth(Judge(facts, history.now()), history.truth());
}

// ---- absorption

RC_GTEST_PROP(FactsProperty, NothingUndoesAnEnd, ()) {
  Chance chance = AnyChance();
  SubscriptionSnapshot end = AnySnapshot(chance, EventId{"evt_end"});
  end.status = chance() % 2 == 0 ? ProviderStatus::kCanceled : ProviderStatus::kIncompleteExpired;
  std::vector<Fact> facts = AnyFacts(chance);
  facts.emplace_back(end);
  Shuffle(facts, chance);
  const Derived derived = Judge(Deliver(facts), AnyTime(chance));
  RC_ASSERT(derived.values.status == SubscriptionStatus::kCanceled);
  RC_ASSERT(derived.cancelled);
  RC_ASSERT(derived.doubt.empty() || derived.doubt == "paid period unknown");
}

RC_GTEST_PROP(FactsProperty, NothingUndoesAPaidOrVoidInvoice, ()) {
  Chance chance = AnyChance();
  InvoiceFact settled = AnyInvoice(chance, EventId{"evt_end"});
  settled.status = chance() % 2 == 0 ? InvoiceStatus::kPaid : InvoiceStatus::kVoid;
  std::vector<Fact> facts = AnyFacts(chance);
  facts.emplace_back(settled);
  Shuffle(facts, chance);
  const Facts all = Deliver(facts);
  const InvoiceStatus status = FindInvoice(all, settled.id)->status;
  RC_ASSERT(status == settled.status || status == InvoiceStatus::kPaid);
  const Derived derived = Judge(all, AnyTime(chance));
  RC_ASSERT(derived.collectible != settled.id);
  if (status == InvoiceStatus::kPaid) {
    const auto& paid_until = FindInvoice(all, settled.id)->line_period_end;
    RC_ASSERT(!paid_until || derived.values.paid_until >= paid_until);
  }
}

}  // namespace
}  // namespace dunlin::property
