// Stripe's objects in shapes that are rare, old or odd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "workflows/providers/stripe/read_event.h"
#include "workflows/providers/stripe/read_object.h"

namespace dunlin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

Json Invoice(const Json& more = Json::object()) {
  Json invoice = {{"id", "in_1"}, {"created", 1'790'000'000}, {"status", "open"}, {"customer", "cus_1"}};
  invoice.update(more);
  return invoice;
}
Json Payments(const std::vector<Json>& rows) { return {{"payments", {{"object", "list"}, {"data", rows}}}}; }
Json Payment(const Json& intent, int created = 1, const char* status = "open") {
  return {{"created", created}, {"status", status}, {"payment", {{"payment_intent", intent}}}};
}

InvoiceAnswer Read(const Json& invoice) {
  Result<InvoiceAnswer> read = stripe::ReadInvoice(invoice);
  EXPECT_TRUE(read) << read.error().detail;
  return read.value_or(InvoiceAnswer{});
}

// ---- Invoices and their payments ---------------------------------------------------------------------------------

TEST(StripeObjectTest, AnInvoiceSaysHowItStandsOrIsNotRead) {
  Json invoice = Invoice();
  invoice.erase("status");
  const Result<InvoiceAnswer> read = stripe::ReadInvoice(invoice);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().detail, "invoice: `status` is missing");
  EXPECT_EQ(Read(Invoice({{"status", nullptr}})).invoice.status, InvoiceStatus::kDraft);
  invoice["paid"] = true;
  EXPECT_EQ(Read(invoice).invoice.status, InvoiceStatus::kPaid);
  invoice["paid"] = false;
  EXPECT_EQ(Read(invoice).invoice.status, InvoiceStatus::kDraft);
}

TEST(StripeObjectTest, OnlyPaymentsByAPaymentIntentAreCounted) {
  const Json by_charge = {{"created", 1}, {"payment", {{"type", "charge"}, {"charge", "ch_1"}}}};
  const std::vector<Json> rows = {by_charge,  Payment(Json::object()), Payment(""),
                                  Payment(7), Payment("pi_1"),         {{"id", "x"}}};
  EXPECT_THAT(Read(Invoice(Payments(rows))).payment_intents, ElementsAre("pi_1"));
  EXPECT_THAT(Read(Invoice({{"payment_intent", Json::object()}})).payment_intents, IsEmpty());
}

TEST(StripeObjectTest, OnePaymentUnderWayIsEnoughUnlessItWasCanceled) {
  const Json processing = {{"id", "pi_1"}, {"status", "processing"}};
  const Json failed = {{"id", "pi_2"}, {"status", "requires_payment_method"}};
  EXPECT_TRUE(Read(Invoice(Payments({Payment(failed, 2), Payment(processing, 1)}))).processing);
  EXPECT_TRUE(Read(Invoice(Payments({Payment(processing, 2), Payment(failed, 1)}))).processing);
  EXPECT_FALSE(Read(Invoice(Payments({Payment(failed, 2), Payment(processing, 1, "canceled")}))).processing);
  EXPECT_FALSE(Read(Invoice(Payments({Payment(failed, 2)}))).processing);
}

TEST(StripeObjectTest, ADeclineIsOfTheTimeWhenItsChargeWasMade) {
  const auto charge = [](const char* id, int created) { return Json{{"id", id}, {"created", created}}; };
  const auto charges = [](const std::vector<Json>& rows) { return Json{{"data", rows}}; };
  struct Case {
    std::string about;
    Json intent;
    Timestamp at;
  };
  const std::vector<Case> cases = {
      {"the latest, expanded", {{"latest_charge", charge("ch_2", 30)}}, FromUnixSeconds(30)},
      {"listed",
       {{"charges", charges({charge("ch_3", 40), charge("ch_2", 20), charge("ch_1", 10)})}},
       FromUnixSeconds(20)},
      {"the latest is another, but it is listed",
       {{"latest_charge", charge("ch_3", 40)}, {"charges", charges({charge("ch_2", 20)})}},
       FromUnixSeconds(20)},
      {"only another is there", {{"latest_charge", charge("ch_3", 40)}}, Timestamp{}},
      {"not expanded", {{"latest_charge", "ch_2"}}, Timestamp{}},
      {"without a time", {{"latest_charge", {{"id", "ch_2"}}}}, Timestamp{}},
      {"nowhere", Json::object(), Timestamp{}},
  };
  for (Case c : cases) {
    c.intent.update({{"id", "pi_1"}, {"last_payment_error", {{"code", "card_declined"}, {"charge", "ch_2"}}}});
    const InvoiceAnswer read = Read(Invoice(Payments({Payment(c.intent)})));
    ASSERT_TRUE(read.invoice.decline) << c.about;
    EXPECT_EQ(read.invoice.decline->code, "card_declined") << c.about;
    EXPECT_EQ(read.invoice.decline_at, c.at) << c.about;
  }
  const Json unnamed = {
      {"id", "pi_1"}, {"last_payment_error", {{"code", "card_declined"}}}, {"latest_charge", charge("ch_9", 50)}};
  EXPECT_EQ(Read(Invoice(Payments({Payment(unnamed)}))).invoice.decline_at, FromUnixSeconds(50))
      << "an error that names no charge is the latest one's";
}

TEST(StripeObjectTest, AnErrorThatIsNoObjectIsNoDecline) {
  const Json intent = {{"id", "pi_1"}, {"last_payment_error", "card_declined"}};
  EXPECT_FALSE(Read(Invoice(Payments({Payment(intent)}))).invoice.decline);
}

TEST(StripeObjectTest, AnInvoicesOwnChargeTellsTheDeclineWhereNoPaymentDoes) {
  const Json failed = {{"id", "ch_1"},
                       {"status", "failed"},
                       {"created", 60},
                       {"failure_code", "card_declined"},
                       {"outcome", {{"reason", "lost_card"}}},
                       {"payment_method", "pm_1"}};
  const InvoiceAnswer read = Read(Invoice({{"charge", failed}}));
  EXPECT_EQ(read.invoice.decline, (Decline{"lost_card", "", "", "pm_1"}));
  EXPECT_EQ(read.invoice.decline_at, FromUnixSeconds(60));
  Json untimed = failed;
  untimed.erase("created");
  EXPECT_EQ(Read(Invoice({{"charge", untimed}})).invoice.decline_at, Timestamp{});
  Json succeeded = failed;
  succeeded["status"] = "succeeded";
  EXPECT_FALSE(Read(Invoice({{"charge", succeeded}})).invoice.decline);
  EXPECT_FALSE(Read(Invoice({{"charge", "ch_1"}})).invoice.decline) << "not expanded";
}

TEST(StripeObjectTest, ASubscriptionIsReadEvenIfItsLatestInvoiceCannotBe) {
  const Json subscription = {
      {"id", "sub_1"}, {"status", "active"}, {"latest_invoice", {{"id", "in_1"}, {"status", "open"}}}};
  const Result<SubscriptionAnswer> read = stripe::ReadSubscription(subscription);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->snapshot.latest_invoice, "in_1");
  EXPECT_FALSE(read->latest_invoice);
}

// ---- Events ------------------------------------------------------------------------------------------------------

Json EventOf(const std::string& type, const Json& object, const Json& previous = nullptr) {
  return {{"id", "evt_1"},
          {"type", type},
          {"created", 1'790'000'500},
          {"data", {{"object", object}, {"previous_attributes", previous}}}};
}
Digest DigestOf(const Json& event) {
  Result<Digest> digest = ReadStripeEvent(event.dump());
  EXPECT_TRUE(digest) << digest.error().detail;
  return digest.value_or(Digest{});
}

TEST(StripeObjectTest, ASubscriptionsCardThatWasTakenAwayIsAskedAfter) {
  const Json subscription = {{"id", "sub_1"}, {"status", "active"}};
  const Digest digest =
      DigestOf(EventOf("customer.subscription.updated", subscription, {{"default_source", "card_1"}}));
  EXPECT_FALSE(digest.method);
  EXPECT_EQ(digest.ask, (std::pair<std::string, std::string>{"subscription", "sub_1"}));
}

TEST(StripeObjectTest, ADeletedInvoiceThatCannotBeReadIsRefusedByName) {
  Json invoice = Invoice();
  invoice.erase("created");
  for (const std::string type : {"invoice.deleted", "invoice.payment_failed", "invoice.paid"}) {
    const Result<Digest> digest = ReadStripeEvent(EventOf(type, invoice).dump());
    ASSERT_FALSE(digest) << type;
    EXPECT_EQ(digest.error().detail, type + ": invoice: `created` is missing");
  }
}

TEST(StripeObjectTest, AFailedChargeOfAnInvoiceNeedsNoPaymentIntent) {
  const Digest digest = DigestOf(EventOf(
      "charge.failed", {{"id", "ch_1"}, {"invoice", "in_1"}, {"customer", "cus_1"}, {"failure_code", "lost_card"}}));
  ASSERT_TRUE(digest.failure);
  EXPECT_EQ(digest.failure->invoice, InvoiceId{"in_1"});
  EXPECT_EQ(digest.failure->payment_intent, "");
  EXPECT_EQ(digest.failure->decline.code, "lost_card");
  EXPECT_FALSE(digest.link) << "there is nothing to link it to";
  EXPECT_TRUE(digest.acted_on);
}

TEST(StripeObjectTest, ACustomerWithoutSettingsHasNoNewMethod) {
  const Digest digest = DigestOf(EventOf("customer.updated", {{"id", "cus_1"}, {"invoice_settings", nullptr}},
                                         {{"invoice_settings", {{"default_payment_method", "pm_1"}}}}));
  EXPECT_FALSE(digest.method);
  EXPECT_FALSE(digest.acted_on);
}

TEST(StripeObjectTest, ACheckoutOfNoSubscriptionStillTiesTheAccount) {
  const Digest digest =
      DigestOf(EventOf("checkout.session.completed", {{"customer", "cus_1"}, {"client_reference_id", "acme"}}));
  EXPECT_FALSE(digest.ask);
  ASSERT_THAT(digest.aliases, SizeIs(1));
  EXPECT_EQ(digest.aliases[0].alias, "acme");
  EXPECT_TRUE(digest.acted_on);
}

TEST(StripeObjectTest, AThinEventOfAnotherFamilyKeepsItsTypeAndIsLeftAlone) {
  const Digest digest = DigestOf({{"id", "evt_1"},
                                  {"object", "v2.core.event"},
                                  {"type", "v2.core.account.updated"},
                                  {"created", "2026-11-21T10:00:00Z"},
                                  {"related_object", {{"id", "acct_1"}, {"type", "v2.core.account"}}}});
  EXPECT_EQ(digest.type, "v2.core.account.updated");
  EXPECT_FALSE(digest.acted_on);
}

TEST(StripeObjectTest, AnIdIsAtMost255BytesLong) {
  Json event = EventOf("customer.created", {{"id", std::string(255, 'x')}});
  EXPECT_EQ(DigestOf(event).account.str().size(), 255U);
  event["data"]["object"]["id"] = std::string(256, 'x');
  const Result<Digest> digest = ReadStripeEvent(event.dump());
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().detail, HasSubstr("customer: `id` is not a text of 1 to 255 bytes"));
}

}  // namespace
}  // namespace dunlin
