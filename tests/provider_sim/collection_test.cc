// Who collects an open invoice, when, and what ends the attempts.
#include "tests/provider_sim/sim_fixture.h"

namespace dunlin::sim {
namespace {

std::int64_t Seconds(const char* rfc3339) { return ToUnixSeconds(*ParseRfc3339(rfc3339)); }

// A subscription that was paid once; the clock stands half an hour before its renewal is attempted, at 01:00 on the
// first of February.
class CollectionTest : public SimFixture {
 protected:
  void SetUp() override {
    SimFixture::SetUp();
    Control("/_sim/settings", {{"retries", {"1d", "3d"}}, {"exhausted", "cancel"}});
    customer_ = MakeCustomer();
    sub_ = Subscribe(customer_, MakePrice())["id"];
    Control("/_sim/clock", {{"to", "2026-02-01T00:30:00Z"}});
    invoice_ = LatestInvoice(sub_)["id"];
    pay_ = "/v1/invoices/" + invoice_ + "/pay";
  }
  Json Invoice() { return Read("/v1/invoices/" + invoice_); }
  Json Status() { return Subscription(sub_)["status"]; }
  std::string customer_, sub_, invoice_, pay_;
};

TEST_F(CollectionTest, ADeclineMakesItPastDueAndTheProviderRetriesOnItsSchedule) {
  CardsOf(customer_, {{"behavior", "decline"}, {"decline_code", "insufficient_funds"}, {"times", 2}});
  Advance("1h");
  EXPECT_EQ(Status(), "past_due");
  EXPECT_EQ(Invoice()["attempt_count"], 1);
  EXPECT_EQ(Invoice()["next_payment_attempt"], Seconds("2026-02-02T01:00:00Z"));
  EXPECT_EQ(Read("/v1/customers/" + customer_)["delinquent"], true);
  Advance("1d");
  EXPECT_EQ(Invoice()["attempt_count"], 2);
  EXPECT_EQ(Invoice()["next_payment_attempt"], Seconds("2026-02-05T01:00:00Z"));
  Advance("3d");
  EXPECT_EQ(Invoice()["status"], "paid");
  EXPECT_EQ(Invoice()["attempt_count"], 3);
  EXPECT_EQ(Status(), "active");
  EXPECT_EQ(Read("/v1/customers/" + customer_)["delinquent"], false);
  const std::vector<Json> charges = ChargesOf(invoice_);
  ASSERT_EQ(charges.size(), 3u);
  EXPECT_EQ(charges[0]["decline_code"], "insufficient_funds");
  EXPECT_EQ(charges[2]["status"], "succeeded");
}

TEST_F(CollectionTest, AfterTheLastRetryItIsCanceled) {
  CardsOf(customer_, {{"behavior", "decline"}});
  Advance("6d");
  EXPECT_EQ(Status(), "canceled");
  EXPECT_EQ(Subscription(sub_)["cancellation_details"]["reason"], "payment_failed");
  EXPECT_EQ(Subscription(sub_)["ended_at"], Seconds("2026-02-05T01:00:00Z"));
  EXPECT_EQ(Invoice()["next_payment_attempt"], nullptr);
  EXPECT_EQ(ChargesOf(invoice_).size(), 3u);
}

TEST_F(CollectionTest, OrItIsUnpaidUntilTheLatestInvoiceIsPaid) {
  Control("/_sim/settings", {{"exhausted", "unpaid"}});
  CardsOf(customer_, {{"behavior", "decline"}});
  Advance("6d");
  EXPECT_EQ(Status(), "unpaid");
  AttachDefault(customer_, "pm_card_visa");
  EXPECT_EQ(Post(pay_).status, 200);
  EXPECT_EQ(Status(), "active");
}

TEST_F(CollectionTest, OrItStaysPastDueAndGoesOnMakingInvoices) {
  Control("/_sim/settings", {{"exhausted", "past_due"}});
  CardsOf(customer_, {{"behavior", "decline"}});
  Advance("6d");
  EXPECT_EQ(Status(), "past_due");
  EXPECT_EQ(Invoice()["next_payment_attempt"], nullptr);
  Advance("30d");
  EXPECT_NE(Subscription(sub_)["latest_invoice"], invoice_);
}

TEST_F(CollectionTest, AnInvoiceTakenOverIsNeverAttemptedByTheProvider) {
  CardsOf(customer_, {{"behavior", "decline"}, {"times", 1}});
  Advance("1h");
  const Reply taken = Post("/v1/invoices/" + invoice_, "auto_advance=false");
  EXPECT_EQ(taken.body["auto_advance"], false);
  EXPECT_EQ(taken.body["next_payment_attempt"], nullptr);
  Advance("20d");
  EXPECT_EQ(ChargesOf(invoice_).size(), 1u);
  EXPECT_EQ(Status(), "past_due");
  EXPECT_EQ(Post(pay_, "off_session=true", "ours-1").body["status"], "paid");
  EXPECT_EQ(ChargesOf(invoice_)[1]["idempotency_key"], "ours-1");
  EXPECT_EQ(ChargesOf(invoice_)[1]["by"], "api");
}

TEST_F(CollectionTest, ADraftTakenOverStaysADraft) {
  Post("/v1/invoices/" + invoice_, "auto_advance=false");
  Advance("5d");
  EXPECT_EQ(Invoice()["status"], "draft");
  EXPECT_EQ(Post("/v1/invoices/" + invoice_ + "/finalize").body["status"], "open");
  EXPECT_EQ(ChargesOf(invoice_).size(), 0u);
}

TEST_F(CollectionTest, AHardDeclineOnlyCountsUntilThereIsAnotherCard) {
  CardsOf(customer_, {{"behavior", "decline"}, {"decline_code", "stolen_card"}});
  Advance("1h");
  EXPECT_NE(Invoice()["next_payment_attempt"], nullptr);
  Advance("1d");
  EXPECT_EQ(Invoice()["attempt_count"], 2);
  EXPECT_EQ(ChargesOf(invoice_).size(), 1u);
  AttachDefault(customer_, "pm_card_mastercard");
  EXPECT_EQ(Status(), "past_due");  // a new card alone pays nothing
  Advance("3d");
  EXPECT_EQ(ChargesOf(invoice_).size(), 2u);
  EXPECT_EQ(Status(), "active");
}

TEST_F(CollectionTest, PayingByHandDoesNotUseUpTheSchedule) {
  CardsOf(customer_, {{"behavior", "decline"}});
  Advance("1h");
  const Json planned = Invoice()["next_payment_attempt"];
  const Reply refused = Post(pay_);
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(refused.body["error"]["type"], "card_error");
  EXPECT_EQ(refused.body["error"]["code"], "card_declined");
  EXPECT_EQ(refused.body["error"]["decline_code"], "generic_decline");
  EXPECT_EQ(refused.body["error"]["payment_intent"]["last_payment_error"]["decline_code"], "generic_decline");
  EXPECT_EQ(Invoice()["attempt_count"], 1);
  EXPECT_EQ(Invoice()["next_payment_attempt"], planned);
}

TEST_F(CollectionTest, WhatIsPaidVoidOrProcessingCannotBePaid) {
  EXPECT_EQ(Post(pay_).body["status"], "paid");
  const Reply again = Post(pay_);
  EXPECT_EQ(again.status, 400);
  EXPECT_EQ(again.body["error"]["code"], "invoice_already_paid");
  EXPECT_EQ(ChargesOf(invoice_).size(), 1u);
  const Json other = Subscribe(MakeCustomer("pm_card_visa_chargeDeclined"), MakePrice());
  const std::string path = "/v1/invoices/" + std::string(other["latest_invoice"]);
  EXPECT_EQ(Post(path + "/void").status, 200);
  EXPECT_EQ(Post(path + "/pay").status, 400);
  EXPECT_EQ(Post(path + "/void").status, 400);
}

TEST_F(CollectionTest, AuthenticationIsAskedForAndCompletesThePayment) {
  AttachDefault(customer_, "pm_card_authenticationRequired");
  Advance("1h");
  EXPECT_EQ(Status(), "past_due");
  const Reply refused = Post(pay_);
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(refused.body["error"]["code"], "invoice_payment_intent_requires_action");
  EXPECT_EQ(refused.body["error"]["decline_code"], "authentication_required");
  EXPECT_EQ(refused.body["error"]["payment_intent"]["status"], "requires_action");
  EXPECT_EQ(TypesOfEvents("type=invoice.payment_action_required").size(), 2u);
  EXPECT_EQ(Control("/_sim/authenticate", {{"invoice", invoice_}}).body["status"], "paid");
  EXPECT_EQ(Status(), "active");
  EXPECT_EQ(Control("/_sim/authenticate", {{"invoice", invoice_}}).status, 409);
}

TEST_F(CollectionTest, AProcessingPaymentSettlesLater) {
  CardsOf(customer_, {{"behavior", "processing"}, {"settles_after", "2d"}, {"times", 1}});
  Advance("1h");
  EXPECT_EQ(Invoice()["status"], "open");
  EXPECT_EQ(Status(), "active");
  EXPECT_EQ(ChargesOf(invoice_)[0]["status"], "processing");
  EXPECT_EQ(Post(pay_).body["error"]["code"], "payment_intent_unexpected_state");
  Advance("2d");
  EXPECT_EQ(Invoice()["status"], "paid");
  EXPECT_EQ(ChargesOf(invoice_).size(), 1u);
}

TEST_F(CollectionTest, AProcessingPaymentCanFailInTheEnd) {
  CardsOf(customer_, {{"behavior", "processing"}, {"times", 1}});
  Advance("1h");
  const std::string charge = ChargesOf(invoice_)[0]["id"];
  EXPECT_EQ(Control("/_sim/settle", {{"charge", charge}, {"status", "failed"}}).status, 200);
  EXPECT_EQ(Status(), "past_due");
  EXPECT_NE(Invoice()["next_payment_attempt"], nullptr);
}

TEST_F(CollectionTest, PaidOutOfBandIsPaidWithoutACharge) {
  Advance("30m");
  CardsOf(customer_, {{"behavior", "decline"}});
  const std::string sub = Subscribe(MakeCustomer("pm_card_visa_chargeDeclined"), MakePrice())["id"];
  const std::string invoice = LatestInvoice(sub)["id"];
  EXPECT_EQ(Post("/v1/invoices/" + invoice + "/pay", "paid_out_of_band=true").body["status"], "paid");
  EXPECT_EQ(Subscription(sub)["status"], "active");
  EXPECT_EQ(ChargesOf(invoice).size(), 1u);
  for (const Json& event : Events("type=invoice.payment_succeeded")) {
    EXPECT_NE(event["data"]["object"]["id"], invoice);
  }
}

TEST_F(CollectionTest, WithoutAnyPaymentMethodTheAttemptFails) {
  const std::string method = Read("/v1/customers/" + customer_)["invoice_settings"]["default_payment_method"];
  Post("/v1/payment_methods/" + method + "/detach");
  Advance("1h");
  EXPECT_EQ(Status(), "past_due");
  EXPECT_EQ(ChargesOf(invoice_).size(), 0u);
  EXPECT_EQ(Post(pay_).status, 400);
}

TEST_F(CollectionTest, ASentInvoiceIsPastDueWhenItsDateHasPassed) {
  const std::string more = "&collection_method=send_invoice&days_until_due=10";
  const std::string sub = Subscribe(MakeCustomer(), MakePrice(), more)["id"];
  Advance("9d");
  EXPECT_EQ(LatestInvoice(sub)["status"], "open");
  EXPECT_EQ(Subscription(sub)["status"], "active");
  Advance("2d");
  EXPECT_EQ(Subscription(sub)["status"], "past_due");
}

TEST_F(CollectionTest, TheTruthTellsWhatIsReallyPaid) {
  CardsOf(customer_, {{"behavior", "decline"}});
  Advance("1h");
  const Json truth = Read("/_sim/truth");
  const Json& row = truth["subscriptions"][0];
  EXPECT_EQ(row["status"], "past_due");
  EXPECT_EQ(row["latest_invoice_status"], "open");
  EXPECT_EQ(row["current_period_end"], Seconds("2026-03-01T00:00:00Z"));
  EXPECT_EQ(row["paid_until"], Seconds("2026-02-01T00:00:00Z"));
  EXPECT_EQ(truth["invoices"][1]["attempt_count"], 1);
}

}  // namespace
}  // namespace dunlin::sim
