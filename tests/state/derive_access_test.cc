// Until when access lasts, and since when a payment is overdue.
#include <gtest/gtest.h>

#include "state/derive.h"
#include "tests/state/facts_builder.h"

namespace dunlin {
namespace {

using build::Because;
using build::Day;
using build::Derive;
using build::Failed;
using build::Invoice;
using build::Made;
using build::Naming;
using build::Snapshot;
using build::Together;
using enum ProviderStatus;

TEST(DeriveAccessTest, ATermWithoutAPeriodIsShownAndIsNoCancellation) {
  SubscriptionSnapshot s = Snapshot("e1", Day(1), kActive);
  s.cancel_at = Day(20);
  s.period_end.reset();
  const Derived d = Derive(Together(s));
  EXPECT_EQ(d.values.cancel_at, Day(20));
  EXPECT_EQ(d.values.access_until, Day(20));
  EXPECT_FALSE(d.cancelled);
}

TEST(DeriveAccessTest, R24bWhicheverReasonBillsAPeriodItsPaymentLifts) {
  for (const char* reason :
       {"", "subscription", "subscription_create", "subscription_cycle", "quote_accept", "upcoming"}) {
    const Derived d =
        Derive(Together(Naming("in_1", Snapshot("e1", Day(1), kPastDue)), Failed("e2", Day(1)),
                        Because(reason, Made(Day(3), Invoice("e3", Day(3), InvoiceStatus::kPaid, "in_2")))));
    const bool bills = std::string_view(reason) != "upcoming";
    EXPECT_EQ(d.rule, bills ? "R24b" : "R24d") << reason;
    EXPECT_EQ(d.collectible.has_value(), !bills) << reason;
  }
}

// An upgrade that was declined on day 5, of a subscription that is paid until day 30, if it is.
Values WithDeclinedUpgrade(bool is_paid, Millis grace) {
  const InvoiceFact upgrade = Because("subscription_update", Made(Day(5), Failed("e2", Day(5), "in_2")));
  Facts facts = Together(Naming("in_2", Snapshot("e3", Day(5), kPastDue)), upgrade);
  if (is_paid) Merge(facts, Invoice("e1", Day(1), InvoiceStatus::kPaid));
  return Derive(facts, Day(6), grace).values;
}

TEST(DeriveAccessTest, R24ADeclinedUpgradeLeavesTheLaterOfTheGraceAndWhatIsPaidFor) {
  EXPECT_EQ(WithDeclinedUpgrade(true, 0h).access_until, Day(30));
  EXPECT_EQ(WithDeclinedUpgrade(true, 48h).access_until, Day(30));
  EXPECT_EQ(WithDeclinedUpgrade(true, 30 * 24h).access_until, Day(35));
  EXPECT_EQ(WithDeclinedUpgrade(false, 48h).access_until, Day(7)) << "nothing is known to be paid";
  EXPECT_EQ(WithDeclinedUpgrade(false, 0h).access, Access::kRevoked);
}

// The snapshot does not know of the failure yet and names an upgrade that nobody has tried to collect.
TEST(DeriveAccessTest, R3GraceCountsFromTheFailureThoughAnotherInvoiceIsNamed) {
  const InvoiceFact upgrade =
      Because("subscription_update", Made(Day(1), Invoice("e2", Day(1), InvoiceStatus::kOpen, "in_2")));
  const Facts facts = Together(Naming("in_2", Snapshot("e1", Day(1), kActive)), upgrade, Failed("e3", Day(2)));
  const Derived d = Derive(facts, Day(3), 72h);
  EXPECT_EQ(d.rule, "R24c");
  EXPECT_EQ(d.past_due_since, Day(2));
  EXPECT_EQ(d.values.access_until, Day(5));
  EXPECT_EQ(d.values.access, Access::kGranted);
}

TEST(DeriveAccessTest, R3GraceCountsFromTheFailureThoughNothingIsLeftToPay) {
  InvoiceFact credited = Failed("e2", Day(2));
  credited.amount_remaining = 0;
  const Derived d = Derive(Together(Naming("in_1", Snapshot("e1", Day(1), kActive)), credited), Day(3), 72h);
  EXPECT_EQ(d.values.status, SubscriptionStatus::kPastDue);
  EXPECT_EQ(d.collectible, std::nullopt);
  EXPECT_EQ(d.past_due_since, Day(2));
  EXPECT_EQ(d.values.access_until, Day(5));
}

}  // namespace
}  // namespace dunlin
