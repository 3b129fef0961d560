// The life of a subscription when nobody pays by hand.
#include "fixtures/provider_sim/calendar.h"
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

using BillingTest = SimFixture;

std::int64_t Seconds(const char* rfc3339) { return ToUnixSeconds(*ParseRfc3339(rfc3339)); }
Json PeriodEnd(const Json& subscription) { return subscription["items"]["data"][0]["current_period_end"]; }

TEST_F(BillingTest, MonthsEndOnTheAnchorsDayOrTheirLast) {
  const Timestamp anchor = *ParseRfc3339("2026-01-31T10:00:00Z");
  EXPECT_EQ(FormatRfc3339(AddInterval(anchor, IntervalUnit::kMonth, 1)), "2026-02-28T10:00:00Z");
  EXPECT_EQ(FormatRfc3339(AddInterval(anchor, IntervalUnit::kMonth, 2)), "2026-03-31T10:00:00Z");
  EXPECT_EQ(FormatRfc3339(AddInterval(anchor, IntervalUnit::kYear, 1)), "2027-01-31T10:00:00Z");
  EXPECT_EQ(FormatRfc3339(AddInterval(anchor, IntervalUnit::kWeek, 1)), "2026-02-07T10:00:00Z");
}

TEST_F(BillingTest, AFirstPaymentThatFailsLeavesItIncompleteAndItExpiresAfter23Hours) {
  const Json sub = Subscribe(MakeCustomer("pm_card_visa_chargeDeclined"), MakePrice());
  EXPECT_EQ(sub["status"], "incomplete");
  const Json invoice = LatestInvoice(sub["id"]);
  EXPECT_EQ(invoice["status"], "open");
  EXPECT_EQ(invoice["attempt_count"], 1);
  EXPECT_EQ(invoice["next_payment_attempt"], nullptr);
  Advance("22h");
  EXPECT_EQ(Subscription(sub["id"])["status"], "incomplete");
  Advance("61m");
  EXPECT_EQ(Subscription(sub["id"])["status"], "incomplete_expired");
  EXPECT_EQ(LatestInvoice(sub["id"])["status"], "void");
  EXPECT_EQ(ChargesOf(invoice["id"]).size(), 1u);
}

TEST_F(BillingTest, AVoidedFirstInvoiceExpiresTheSubscription) {
  const Json sub = Subscribe(MakeCustomer("pm_card_visa_chargeDeclined"), MakePrice());
  EXPECT_EQ(Post("/v1/invoices/" + std::string(sub["latest_invoice"]) + "/void").body["status"], "void");
  EXPECT_EQ(Subscription(sub["id"])["status"], "incomplete_expired");
}

TEST_F(BillingTest, ARenewalIsADraftForAnHourThenItIsPaid) {
  const Json sub = Subscribe(MakeCustomer(), MakePrice());
  EXPECT_EQ(sub["status"], "active");
  Control("/_sim/clock", {{"to", "2026-02-01T00:30:00Z"}});
  const Json moved = Subscription(sub["id"]);
  EXPECT_EQ(PeriodEnd(moved), Seconds("2026-03-01T00:00:00Z"));
  Json invoice = LatestInvoice(sub["id"]);
  EXPECT_NE(invoice["id"], sub["latest_invoice"]);
  EXPECT_EQ(invoice["status"], "draft");
  EXPECT_EQ(invoice["billing_reason"], "subscription_cycle");
  Advance("1h");
  invoice = LatestInvoice(sub["id"]);
  EXPECT_EQ(invoice["status"], "paid");
  EXPECT_EQ(invoice["status_transitions"]["paid_at"], Seconds("2026-02-01T01:00:00Z"));
  EXPECT_EQ(invoice["lines"]["data"][0]["period"]["end"], Seconds("2026-03-01T00:00:00Z"));
  EXPECT_EQ(ChargesOf(invoice["id"])[0]["by"], "provider");
}

TEST_F(BillingTest, AYearInOneLeapHasTwelveRenewalsEachAtItsOwnMoment) {
  const std::string sub = Subscribe(MakeCustomer(), MakePrice())["id"];
  Control("/_sim/clock", {{"to", "2027-01-01T12:00:00Z"}});
  const Json invoices = Read("/v1/invoices?limit=100&subscription=" + sub)["data"];
  ASSERT_EQ(invoices.size(), 13u);
  EXPECT_EQ(invoices[5]["status"], "paid");
  EXPECT_EQ(invoices[5]["created"], Seconds("2026-08-01T00:00:00Z"));
  EXPECT_EQ(invoices[5]["status_transitions"]["paid_at"], Seconds("2026-08-01T01:00:00Z"));
}

TEST_F(BillingTest, CancelingAtPeriodEndBillsNoMoreAndCanBeTakenBack) {
  const std::string sub = Subscribe(MakeCustomer(), MakePrice())["id"];
  const Reply asked = Post("/v1/subscriptions/" + sub, "cancel_at_period_end=true");
  EXPECT_EQ(asked.body["cancel_at"], Seconds("2026-02-01T00:00:00Z"));
  EXPECT_EQ(asked.body["status"], "active");
  EXPECT_EQ(Post("/v1/subscriptions/" + sub, "cancel_at_period_end=false").body["cancel_at"], nullptr);
  Post("/v1/subscriptions/" + sub, "cancel_at_period_end=true");
  Advance("32d");
  const Json ended = Subscription(sub);
  EXPECT_EQ(ended["status"], "canceled");
  EXPECT_EQ(ended["ended_at"], Seconds("2026-02-01T00:00:00Z"));
  EXPECT_EQ(Read("/v1/invoices?subscription=" + sub)["data"].size(), 1u);
}

TEST_F(BillingTest, DeletingEndsItAtOnceAndLeavesOpenInvoicesUncollected) {
  const std::string customer = MakeCustomer();
  const std::string sub = Subscribe(customer, MakePrice())["id"];
  CardsOf(customer, {{"behavior", "decline"}});
  Advance("32d");
  EXPECT_EQ(Delete("/v1/subscriptions/" + sub).body["status"], "canceled");
  Json invoice = LatestInvoice(sub);
  EXPECT_EQ(invoice["status"], "open");
  EXPECT_EQ(invoice["auto_advance"], false);
  EXPECT_EQ(invoice["next_payment_attempt"], nullptr);
  Advance("60d");
  EXPECT_EQ(ChargesOf(invoice["id"]).size(), 1u);
  EXPECT_EQ(Delete("/v1/subscriptions/" + sub).status, 404);
  EXPECT_EQ(TypesOfEvents("type=customer.subscription.deleted").size(), 0u);  // 60 days ago: no longer listed
}

TEST_F(BillingTest, ATrialIsFreeAndIsBilledAtItsEnd) {
  const Json sub = Subscribe(MakeCustomer(), MakePrice(), "&trial_period_days=14");
  EXPECT_EQ(sub["status"], "trialing");
  EXPECT_EQ(LatestInvoice(sub["id"])["amount_due"], 0);
  EXPECT_EQ(LatestInvoice(sub["id"])["status"], "paid");
  Advance("12d");
  EXPECT_EQ(TypesOfEvents("type=customer.subscription.trial_will_end").size(), 1u);
  Advance("3d");
  EXPECT_EQ(Subscription(sub["id"])["status"], "active");
  EXPECT_EQ(LatestInvoice(sub["id"])["amount_paid"], 2000);
  EXPECT_EQ(PeriodEnd(Subscription(sub["id"])), Seconds("2026-02-15T00:00:00Z"));
}

TEST_F(BillingTest, AnUpgradeIsProratedAtOnceOrOnTheNextInvoice) {
  const std::string dear = MakePrice(6200);
  const Json now = Subscribe(MakeCustomer(), MakePrice(3100));
  const Json later = Subscribe(MakeCustomer(), MakePrice(3100));
  Control("/_sim/clock", {{"to", "2026-01-11T00:00:00Z"}});  // 21 of 31 days are left
  const std::string change = "items[0][price]=" + dear + "&items[0][id]=";
  Post("/v1/subscriptions/" + std::string(now["id"]),
       change + std::string(now["items"]["data"][0]["id"]) + "&proration_behavior=always_invoice");
  Post("/v1/subscriptions/" + std::string(later["id"]), change + std::string(later["items"]["data"][0]["id"]));
  const Json invoice = LatestInvoice(now["id"]);
  EXPECT_EQ(invoice["billing_reason"], "subscription_update");
  EXPECT_EQ(invoice["amount_paid"], 2100);
  EXPECT_EQ(LatestInvoice(later["id"])["id"], later["latest_invoice"]);
  Advance("22d");
  EXPECT_EQ(LatestInvoice(later["id"])["amount_paid"], 6200 + 2100);
  EXPECT_EQ(LatestInvoice(now["id"])["amount_paid"], 6200);
}

TEST_F(BillingTest, ADowngradeGivesCreditForTheNextInvoice) {
  const std::string customer = MakeCustomer();
  const Json sub = Subscribe(customer, MakePrice(6200));
  Control("/_sim/clock", {{"to", "2026-01-11T00:00:00Z"}});
  Post("/v1/subscriptions/" + std::string(sub["id"]),
       "items[0][price]=" + MakePrice(3100) + "&proration_behavior=always_invoice");
  EXPECT_EQ(LatestInvoice(sub["id"])["status"], "paid");
  EXPECT_EQ(LatestInvoice(sub["id"])["total"], -2100);
  EXPECT_EQ(Read("/v1/customers/" + customer)["balance"], -2100);
  Advance("22d");
  EXPECT_EQ(LatestInvoice(sub["id"])["amount_paid"], 3100 - 2100);
  EXPECT_EQ(Read("/v1/customers/" + customer)["balance"], 0);
}

TEST_F(BillingTest, NothingIsCreatedWhenAnErrorWasAskedForInsteadOfAnIncompleteOne) {
  const std::string customer = MakeCustomer("pm_card_visa_chargeDeclinedLostCard");
  const Reply refused = Post("/v1/subscriptions", "customer=" + customer + "&items[0][price]=" + MakePrice() +
                                                      "&payment_behavior=error_if_incomplete");
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(refused.body["error"]["decline_code"], "lost_card");
  EXPECT_EQ(Read("/v1/subscriptions?status=all")["data"].size(), 0u);
  EXPECT_EQ(Read("/_sim/charges")["charges"].size(), 1u);
}

TEST_F(BillingTest, WrongInputIsRefusedInTheProvidersShape) {
  const Reply missing = Post("/v1/subscriptions", "items[0][price]=" + MakePrice());
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.body["error"]["param"], "customer");
  const Reply unknown = Get("/v1/subscriptions/sub_none");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body["error"]["code"], "resource_missing");
  EXPECT_EQ(Post("/v1/customers", "emial=x").body["error"]["code"], "parameter_unknown");
  EXPECT_EQ(Get("/v1/nothing").status, 404);
  EXPECT_EQ(Control("/_sim/clock", {{"advance", "-1d"}}).status, 400);
  EXPECT_EQ(Control("/_sim/clock", {{"to", "2025-01-01T00:00:00Z"}}).status, 400);
}

}  // namespace
}  // namespace dunlin::sim
