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
