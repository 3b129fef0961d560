#include <gtest/gtest.h>

#include <set>
#include <string>

#include "state/ledger.h"

namespace dunlin {
namespace {

// Every enumerator up to `last` has a name of its own, and the name gives it back.
template <class E>
void ExpectNamed(std::string_view (*name)(E), std::optional<E> (*parse)(std::string_view), E last) {
  std::set<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const E value = static_cast<E>(i);
    EXPECT_FALSE(name(value).empty());
    EXPECT_TRUE(seen.insert(name(value)).second) << name(value);
    EXPECT_EQ(parse(name(value)), value);
  }
  EXPECT_EQ(name(static_cast<E>(static_cast<int>(last) + 1)), "") << "there is another enumerator";
  EXPECT_FALSE(parse("no such word"));
  EXPECT_FALSE(parse(""));
}

TEST(NamesTest, EveryNameGivesItsValueBack) {
  ExpectNamed(ProviderName, ParseProvider, Provider::kAwsMarketplace);
  ExpectNamed(StatusName, ParseStatus, SubscriptionStatus::kCanceled);
  ExpectNamed(AccessName, ParseAccess, Access::kRevoked);
  ExpectNamed(InvoiceStatusName, ParseInvoiceStatus, InvoiceStatus::kPaid);
  ExpectNamed(AttemptKindName, ParseAttemptKind, AttemptKind::kNewMethod);
  ExpectNamed(AttemptStateName, ParseAttemptState, AttemptState::kUnknown);
  ExpectNamed(EventOutcomeName, ParseEventOutcome, EventOutcome::kUnreadable);
  ExpectNamed(JobKindName, ParseJobKind, JobKind::kErase);
  ExpectNamed(RoleName, ParseRole, Role::kAdmin);
  ExpectNamed(RecoveryStateName, ParseRecoveryState, RecoveryState::kExhausted);
}

TEST(NamesTest, AStatusWordWeDoNotKnowIsUnknown) {
  EXPECT_EQ(ParseProviderStatus("incomplete_expired"), ProviderStatus::kIncompleteExpired);
  EXPECT_EQ(ParseProviderStatus("sleeping"), ProviderStatus::kUnknown);
}

TEST(NamesTest, EveryRecoveryEventGuardAndEffectHasItsName) {
  std::set<std::string_view> events, guards, effects;
  for (std::size_t i = 0; i < kRecoveryEvents; ++i) events.insert(RecoveryEventName(static_cast<RecoveryEvent>(i)));
  for (int i = 0; i <= static_cast<int>(Guard::kSpentStay); ++i) guards.insert(GuardName(static_cast<Guard>(i)));
  for (int i = 0; i <= static_cast<int>(Effect::kStop); ++i) effects.insert(EffectName(static_cast<Effect>(i)));
  EXPECT_EQ(events.size(), kRecoveryEvents);
  EXPECT_EQ(guards.size(), static_cast<std::size_t>(Guard::kSpentStay) + 1);
  EXPECT_EQ(effects.size(), static_cast<std::size_t>(Effect::kStop) + 1);
  EXPECT_FALSE(events.contains("") || guards.contains("") || effects.contains(""));
}

}  // namespace
}  // namespace dunlin
