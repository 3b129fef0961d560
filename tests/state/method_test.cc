#include "state/method.h"

#include <gtest/gtest.h>

#include "tests/state/facts_builder.h"

namespace dunlin {
namespace {

using build::Day;
using build::Together;

SubscriptionSnapshot Shows(Timestamp asked, const std::string& of_customer, const std::string& of_subscription = "") {
  SubscriptionSnapshot s =
      build::Snapshot("fetch/" + std::to_string(ToUnixMillis(asked) * 1000), Day(0), ProviderStatus::kPastDue);
  s.kind = SubscriptionSnapshot::Kind::kFetched;
  s.fetch_number = ToUnixMillis(asked) * 1000;
  s.customer_method = of_customer;
  s.default_payment_method = of_subscription;
  return s;
}

MethodChange Told(Timestamp at, const std::string& method) { return {at, EventId{"evt_m"}, method}; }

template <class... Fact>
MethodChange Newest(const Fact&... fact) {
  return NewestMethodChange(Together(fact...));
}

TEST(MethodTest, WithoutAnotherMethodThereIsNoChange) {
  EXPECT_EQ(Newest(), MethodChange{});
  EXPECT_EQ(Newest(Shows(Day(1), "pm_1"), Shows(Day(2), "pm_1"), Shows(Day(3), "")), MethodChange{});
}

TEST(MethodTest, TwoAnswersShowAChangeWhenItIsSeenFirst) {
  const MethodChange change = Newest(Shows(Day(1), "pm_1"), Shows(Day(2), "pm_2"), Shows(Day(3), "pm_2"));
  EXPECT_EQ(change.at, Day(2));
  EXPECT_EQ(change.Name(), "pm_2");
  EXPECT_EQ(Newest(Shows(Day(1), "pm_1"), Shows(Day(2), "pm_2"), Shows(Day(3), "pm_1")).at, Day(3));
}

TEST(MethodTest, TheSubscriptionsOwnComesBeforeTheCustomers) {
  EXPECT_EQ(Newest(Shows(Day(1), "pm_1", "pm_9"), Shows(Day(2), "pm_2", "pm_9")), MethodChange{});
  EXPECT_EQ(Newest(Shows(Day(1), "pm_1"), Shows(Day(2), "pm_1", "pm_9")).method, "pm_9");
}

TEST(MethodTest, WhatAnEventAndAnswersTellIsOneChange) {
  const MethodChange seen = Newest(Shows(Day(1), "pm_1"), Shows(Day(3), "pm_2"));
  const MethodChange both = Newest(Shows(Day(1), "pm_1"), Shows(Day(3), "pm_2"), Told(Day(2), "pm_2"));
  EXPECT_EQ(seen.Name(), both.Name());
  EXPECT_EQ(both.at, Day(2)) << "the event knows when";
  EXPECT_EQ(Newest(Told(Day(2), "pm_2")).Name(), both.Name());
  EXPECT_EQ(Newest(Told(Day(2), "pm_2"), Shows(Day(3), "pm_2")).Name(), both.Name());
}

TEST(MethodTest, AnEventThatSawAnEarlierChangeDoesNotHideALaterOne) {
  EXPECT_EQ(Newest(Told(Day(1), "pm_1"), Shows(Day(2), "pm_1"), Shows(Day(3), "pm_2")).Name(), "pm_2");
  EXPECT_EQ(Newest(Told(Day(1), "pm_2"), Shows(Day(2), "pm_1")).Name(), "pm_1") << "and back";
  EXPECT_EQ(Newest(Told(Day(1), "pm_2"), Shows(Day(1, 5), "pm_1")).Name(), "pm_2") << "clocks differ";
}

TEST(MethodTest, ACardThatWasBroughtUpToDateIsAChangeWithTheSameId) {
  const MethodChange renewed = Newest(Shows(Day(1), "pm_1"), Told(Day(2), ""), Shows(Day(3), "pm_1"));
  EXPECT_EQ(renewed.at, Day(2));
  EXPECT_EQ(renewed.Name(), "evt_m");
}

TEST(MethodTest, AMethodThatWasDeclinedIsNoNewerThanItsDecline) {
  const Facts facts = Together(Shows(Day(1), "pm_1"), Shows(Day(5), "pm_2"));
  InvoiceFact invoice = build::Failed("evt_f", Day(4));
  EXPECT_EQ(NewestMethodChange(facts, &invoice).at, Day(5));
  EXPECT_EQ(NewestMethodChange(facts, nullptr).at, Day(5)) << "no invoice is known";
  invoice.decline = Decline{"insufficient_funds", "", "", "pm_2"};
  invoice.decline_at = Day(4);
  EXPECT_LT(NewestMethodChange(facts, &invoice).at, Day(4));
  invoice.decline->payment_method = "pm_1";
  EXPECT_EQ(NewestMethodChange(facts, &invoice).at, Day(5));
}

TEST(MethodTest, AChangeSurvivesFolding) {
  Facts facts = Together(Shows(Day(1), "pm_1"), Shows(Day(2), "pm_2"), Shows(Day(3), "pm_2"));
  for (SubscriptionSnapshot& s : facts.snapshots) s.created = s.SeenAt();
  const MethodChange before = NewestMethodChange(facts);
  Fold(facts, Day(10));
  ASSERT_EQ(facts.snapshots.size(), 1U);
  EXPECT_EQ(NewestMethodChange(facts), before);
  SubscriptionSnapshot later = Shows(Day(11), "pm_3");
  later.created = Day(11);
  Merge(facts, later);
  EXPECT_EQ(NewestMethodChange(facts).Name(), "pm_3");
}

}  // namespace
}  // namespace dunlin
