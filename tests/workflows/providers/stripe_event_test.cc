#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "workflows/providers/stripe/read_event.h"
#include "workflows/providers/stripe/read_object.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
using Kind = SubscriptionSnapshot::Kind;
namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(DUNLIN_SOURCE_DIR) / "fixtures/stripe";
constexpr std::string_view kCustomer = "cus_TBnRedwing0Q4f";
constexpr std::string_view kSubscription = "sub_1SBnRedwing8hLKp2";
constexpr std::string_view kNovember = "in_1SOYNovember7rWe3";
constexpr std::string_view kIntent = "pi_3SOYNovember0gHi";

std::string Load(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}
std::string Fixture(const std::string& name) { return Load(kFixtures / (name + ".json")); }

Digest Read(const std::string& body) {
  Result<Digest> digest = ReadStripeEvent(body);
  EXPECT_TRUE(digest) << digest.error().detail;
  return digest ? *digest : Digest{};
}

// The fixture with `patch` merged into it (RFC 7396).
Digest ReadPatched(const std::string& name, const std::string& patch) {
  Json event = Json::parse(Fixture(name));
  event.merge_patch(Json::parse(patch));
  return Read(event.dump());
}

Timestamp At(std::string_view text) { return *ParseRfc3339(text); }

std::set<std::string> TypesIn(const fs::path& folder) {
  std::set<std::string> types;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") types.insert(entry.path().stem());
  }
  return types;
}

// What a file is to be read as: everything that is not listed must be absent.
struct Expected {
  std::optional<ProviderStatus> snapshot;
  Kind kind = Kind::kUpdated;
  std::optional<InvoiceStatus> invoice;
  std::string invoice_id{kNovember};
  std::size_t failures = 0;
  std::string declined_intent;
  std::string linked_intent;
  bool method = false;
  std::size_t aliases = 0;
  std::string ask;
  bool of_subscription = false;  // it names its subscription
};

Expected Snapshot(ProviderStatus status, Kind kind = Kind::kUpdated) {
  return {.snapshot = status, .kind = kind, .aliases = 1, .of_subscription = true};
}
Expected Picture(InvoiceStatus status, std::size_t failures = 0, std::string id = std::string(kNovember)) {
  return {.invoice = status, .invoice_id = std::move(id), .failures = failures, .of_subscription = true};
}

const std::map<std::string, Expected>& ActedOn() {
  const std::string intent(kIntent);
  static const std::map<std::string, Expected> expected = {
      {"charge.failed", {.declined_intent = intent}},
      {"checkout.session.async_payment_succeeded", {.aliases = 1, .ask = "subscription"}},
      {"checkout.session.completed", {.aliases = 1, .ask = "subscription"}},
      {"customer.created", {.aliases = 1}},
      {"customer.subscription.created", Snapshot(ProviderStatus::kTrialing, Kind::kCreated)},
      {"customer.subscription.deleted", Snapshot(ProviderStatus::kCanceled, Kind::kDeleted)},
      {"customer.subscription.paused", Snapshot(ProviderStatus::kPaused)},
      {"customer.subscription.pending_update_applied", Snapshot(ProviderStatus::kActive)},
      {"customer.subscription.pending_update_expired", Snapshot(ProviderStatus::kActive)},
      {"customer.subscription.resumed", Snapshot(ProviderStatus::kActive)},
      {"customer.subscription.trial_will_end", Snapshot(ProviderStatus::kTrialing)},
      {"customer.subscription.updated", Snapshot(ProviderStatus::kPastDue)},
      {"customer.updated", {.method = true, .aliases = 1}},
      {"invoice.created", Picture(InvoiceStatus::kDraft)},
      {"invoice.deleted", Picture(InvoiceStatus::kVoid, 0, "in_1SVDraft4kHs8")},
      {"invoice.finalization_failed", Picture(InvoiceStatus::kDraft, 0, "in_1SPxAgreed6dFb2")},
      {"invoice.finalized", Picture(InvoiceStatus::kOpen)},
      {"invoice.marked_uncollectible", Picture(InvoiceStatus::kUncollectible)},
      {"invoice.overdue", Picture(InvoiceStatus::kOpen)},
      {"invoice.overpaid", Picture(InvoiceStatus::kPaid)},
      {"invoice.paid", Picture(InvoiceStatus::kPaid)},
      {"invoice.payment_action_required", Picture(InvoiceStatus::kOpen, 1)},
      {"invoice.payment_attempt_required", Picture(InvoiceStatus::kOpen)},
      {"invoice.payment_failed", Picture(InvoiceStatus::kOpen, 1)},
      {"invoice.payment_succeeded", Picture(InvoiceStatus::kPaid)},
      {"invoice.sent", Picture(InvoiceStatus::kOpen)},
      {"invoice.updated", Picture(InvoiceStatus::kOpen)},
      {"invoice.voided", Picture(InvoiceStatus::kVoid, 0, "in_1SPxAgreed6dFb2")},
      {"invoice.will_be_due", Picture(InvoiceStatus::kOpen)},
      {"invoice_payment.paid", {.linked_intent = intent}},
      {"payment_intent.payment_failed", {.declined_intent = intent}},
      {"payment_method.automatically_updated", {.method = true}},
      {"payment_method.updated", {.method = true}},
  };
  return expected;
}

const std::set<std::string> kLeftAlone = {
    "charge.dispute.closed",
    "charge.dispute.created",
    "charge.dispute.funds_reinstated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.updated",
    "charge.refunded",
    "checkout.session.async_payment_failed",
    "invoice.upcoming",
    "payment_intent.canceled",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "refund.created",
    "refund.failed",
    "refund.updated",
};

void ExpectDigest(const Digest& digest, const Expected& expected) {
  ASSERT_EQ(digest.snapshot.has_value(), expected.snapshot.has_value());
  if (expected.snapshot) {
    EXPECT_EQ(digest.snapshot->status, *expected.snapshot);
    EXPECT_EQ(digest.snapshot->kind, expected.kind);
    EXPECT_EQ(digest.snapshot->source, digest.event);
    EXPECT_EQ(digest.snapshot->created, digest.created);
  }
  ASSERT_EQ(digest.invoice.has_value(), expected.invoice.has_value());
  if (expected.invoice) {
    EXPECT_EQ(digest.invoice->status, *expected.invoice);
    EXPECT_EQ(digest.invoice->id.str(), expected.invoice_id);
    EXPECT_EQ(digest.invoice->source, digest.event);
    EXPECT_EQ(digest.invoice->created, digest.created);
    EXPECT_EQ(digest.invoice->customer_email, "robin.redwing@example.com");
    ASSERT_EQ(digest.invoice->failures.size(), expected.failures);
    if (expected.failures != 0) {
      EXPECT_EQ(digest.invoice->failures.front(),
                (Failure{digest.created, digest.event, digest.idempotency_key, 1, digest.request}));
    }
  }
  EXPECT_EQ(digest.failure ? digest.failure->payment_intent : "", expected.declined_intent);
  EXPECT_EQ(digest.method.has_value(), expected.method);
  EXPECT_EQ(digest.aliases.size(), expected.aliases);
  for (const Alias& alias : digest.aliases) {
    EXPECT_EQ(alias.alias, "acct-redwing");
    EXPECT_EQ(alias.account.str(), kCustomer);
  }
  EXPECT_EQ(digest.ask ? digest.ask->first : "", expected.ask);
  EXPECT_EQ(digest.subscription.str(), expected.of_subscription ? kSubscription : "");
}

TEST(StripeEventTest, EveryFixtureIsReadAsWhatItSays) {
  for (const auto& [type, expected] : ActedOn()) {
    SCOPED_TRACE(type);
    const Digest digest = Read(Fixture(type));
    EXPECT_EQ(digest.type, type);
    EXPECT_TRUE(digest.acted_on);
    ExpectDigest(digest, expected);
    EXPECT_EQ(digest.link ? digest.link->payment_intent : "", expected.linked_intent);
    if (!expected.linked_intent.empty()) {
      EXPECT_EQ(digest.link->invoice.str(), kNovember);
    }
  }
}

TEST(StripeEventTest, WhatIsNotActedOnIsReadAndLeftAlone) {
  for (const std::string& type : kLeftAlone) {
    SCOPED_TRACE(type);
    const Digest digest = Read(Fixture(type));
    EXPECT_EQ(digest.type, type);
    EXPECT_NE(digest.created, Timestamp{});
    EXPECT_FALSE(digest.acted_on);
    ExpectDigest(digest, {});
    EXPECT_FALSE(digest.link);
  }
}

TEST(StripeEventTest, EveryFixtureIsInOneOfTheTables) {
  std::set<std::string> types = kLeftAlone;
  for (const auto& [type, expected] : ActedOn()) types.insert(type);
  EXPECT_EQ(types, TypesIn(kFixtures));
}

TEST(StripeEventTest, OldAndNewShapesOfOneStoryAreEqualFacts) {
  const std::set<std::string> types = TypesIn(kFixtures / "2020-08-27");
  EXPECT_GE(types.size(), 19U);
  for (const std::string& type : types) {
    SCOPED_TRACE(type);
    Digest today = Read(Fixture(type));
    const Digest old = Read(Fixture("2020-08-27/" + type));
    if (type == "customer.subscription.updated") {
      // The period is the items' today: an end that moved lists them, and with them the prices, which stayed.
      EXPECT_EQ(today.snapshot->previous->prices, today.snapshot->prices);
      EXPECT_FALSE(old.snapshot->previous->prices);
      today.snapshot->previous->prices.reset();
    }
    EXPECT_EQ(old.event, today.event);
    EXPECT_EQ(old.created, today.created);
    EXPECT_EQ(old.idempotency_key, today.idempotency_key);
    EXPECT_EQ(old.subscription, today.subscription);
    EXPECT_EQ(old.account, today.account);
    EXPECT_EQ(old.acted_on, today.acted_on);
    EXPECT_EQ(old.method, today.method);
    EXPECT_TRUE(old.snapshot == today.snapshot);
    EXPECT_TRUE(old.invoice == today.invoice);
  }
}

TEST(StripeEventTest, ReadingIsAPureFunctionOfTheBytes) {
  for (const std::string& type : TypesIn(kFixtures)) {
    const Digest once = Read(Fixture(type));
    const Digest again = Read(Fixture(type));
    EXPECT_TRUE(once.snapshot == again.snapshot && once.invoice == again.invoice && once.event == again.event) << type;
  }
}

// ---- Subscriptions -----------------------------------------------------------------------------------------------

TEST(StripeEventTest, ASnapshotHoldsEveryFieldThatCounts) {
  const SubscriptionSnapshot s = *Read(Fixture("customer.subscription.deleted")).snapshot;
  EXPECT_EQ(s.customer.str(), kCustomer);
  EXPECT_EQ(s.prices, std::vector<std::string>{"price_pro_plus_month"});
  EXPECT_EQ(s.period_end, At("2026-12-01T10:00:00Z"));
  EXPECT_EQ(s.cancel_at, At("2026-12-01T10:00:00Z"));
  EXPECT_EQ(s.ended_at, At("2026-12-01T10:00:00Z"));
  EXPECT_TRUE(s.cancel_at_period_end);
  EXPECT_EQ(s.latest_invoice, kNovember);
  EXPECT_EQ(s.default_payment_method, "pm_1SPbSecondCard6yUr");
  EXPECT_FALSE(s.collected_by_invoice_mail);
  EXPECT_FALSE(s.previous);
}

TEST(StripeEventTest, PreviousAttributesAreThoseThatChanged) {
  for (const std::string folder : {"", "2020-08-27/"}) {
    const std::optional<PreviousAttributes> was =
        Read(Fixture(folder + "customer.subscription.updated")).snapshot->previous;
    ASSERT_TRUE(was) << folder;
    EXPECT_EQ(was->status, ProviderStatus::kActive);
    EXPECT_EQ(was->latest_invoice, "in_1SKAUpgrade5tYc1");
    EXPECT_EQ(was->period_end, At("2026-11-01T10:00:00Z"));
    EXPECT_FALSE(was->cancel_at);
    EXPECT_FALSE(was->cancel_at_period_end);
    EXPECT_FALSE(was->default_payment_method);
  }
  const PreviousAttributes was = *ReadPatched("customer.subscription.updated",
                                              R"({"data":{"previous_attributes":{"cancel_at_period_end":false}}})")
                                      .snapshot->previous;
  EXPECT_EQ(was.cancel_at_period_end, false);
}

TEST(StripeEventTest, AFieldThatWasNullBeforeIsNotAnUnchangedOne) {
  Json event = Json::parse(Fixture("customer.subscription.updated"));
  event["data"]["previous_attributes"] = {
      {"cancel_at", nullptr}, {"latest_invoice", nullptr}, {"default_payment_method", nullptr}};
  const PreviousAttributes was = *Read(event.dump()).snapshot->previous;
  ASSERT_TRUE(was.cancel_at);
  EXPECT_FALSE(*was.cancel_at);
  EXPECT_EQ(was.latest_invoice, "");
  EXPECT_EQ(was.default_payment_method, "");
}

TEST(StripeEventTest, AnOtherPaymentMethodOfASubscriptionIsAMethodChange) {
  const Digest digest = ReadPatched("customer.subscription.updated",
                                    R"({"data":{"previous_attributes":{"default_payment_method":"pm_0"}}})");
  ASSERT_TRUE(digest.method);
  EXPECT_EQ(*digest.method, (MethodChange{digest.created, digest.event, digest.snapshot->default_payment_method}));
  EXPECT_EQ(digest.snapshot->previous->default_payment_method, "pm_0");
}

TEST(StripeEventTest, AMethodThatWasOnlyTakenAwayIsNoneToTryButALookTellsWhatIsChargedNow) {
  const Digest digest = ReadPatched(
      "customer.subscription.updated",
      R"({"data":{"object":{"default_payment_method":null},"previous_attributes":{"default_payment_method":"pm_0"}}})");
  EXPECT_FALSE(digest.method);
  ASSERT_TRUE(digest.ask);
  EXPECT_EQ(digest.ask->first, "subscription");
  EXPECT_EQ(digest.ask->second, digest.subscription.str());
}

TEST(StripeEventTest, ThePeriodEndsWithTheLastOfItsItems) {
  Json event = Json::parse(Fixture("customer.subscription.updated"));
  Json& items = event["data"]["object"]["items"]["data"];
  items.push_back({{"id", "si_2"}, {"price", "price_addon"}, {"current_period_end", 1'900'000'000}});
  const SubscriptionSnapshot s = *Read(event.dump()).snapshot;
  EXPECT_EQ(s.period_end, FromUnixSeconds(1'900'000'000));
  EXPECT_EQ(s.prices, (std::vector<std::string>{"price_addon", "price_pro_plus_month"}));
}

TEST(StripeEventTest, WordsStripeHasAddedSinceAreNoErrors) {
  EXPECT_EQ(
      ReadPatched("customer.subscription.updated", R"({"data":{"object":{"status":"hibernating"}}})").snapshot->status,
      ProviderStatus::kUnknown);
  EXPECT_EQ(ReadPatched("invoice.paid", R"({"data":{"object":{"status":"evaporated"}}})").invoice->status,
            InvoiceStatus::kDraft);
  const SubscriptionSnapshot mailed =
      *ReadPatched("customer.subscription.updated", R"({"data":{"object":{"collection_method":"send_invoice"}}})")
           .snapshot;
  EXPECT_TRUE(mailed.collected_by_invoice_mail);
}

// ---- Invoices and payments ---------------------------------------------------------------------------------------

TEST(StripeEventTest, AnInvoiceHoldsEveryFieldThatCounts) {
  const InvoiceFact i = *Read(Fixture("invoice.payment_failed")).invoice;
  EXPECT_EQ(i.attempt_count, 1);
  EXPECT_EQ(i.billing_reason, "subscription_cycle");
  EXPECT_TRUE(i.auto_advance);
  EXPECT_EQ(i.next_payment_attempt, At("2026-11-04T11:02:00Z"));
  EXPECT_EQ(i.amount_due, (Money{4000, "usd"}));
  EXPECT_EQ(i.amount_remaining, 4000);
  EXPECT_EQ(i.line_period_end, At("2026-12-01T10:00:00Z"));
  EXPECT_EQ(i.made_at, At("2026-11-01T10:01:00Z"));
  EXPECT_EQ(i.hosted_url, "https://invoice.example.com/i/1SOYNovember7rWe3");
  EXPECT_FALSE(i.fetched);
}

TEST(StripeEventTest, AnEventTellsWhoseRequestItWas) {
  EXPECT_EQ(Read(Fixture("invoice.paid")).idempotency_key, "dunlin-redwing/32/0");
  EXPECT_EQ(Read(Fixture("invoice.payment_failed")).idempotency_key, "");
  const std::string failed_by_us = R"({"request":{"id":"req_1","idempotency_key":"dunlin-redwing/9/0"}})";
  EXPECT_EQ(ReadPatched("invoice.payment_failed", failed_by_us).invoice->failures.at(0).key, "dunlin-redwing/9/0");
  EXPECT_EQ(ReadPatched("invoice.paid", R"({"request":"req_of_2016"})").idempotency_key, "");
  EXPECT_EQ(ReadPatched("invoice.paid", R"({"request":"req_of_2016"})").request, "req_of_2016");
  EXPECT_EQ(ReadPatched("invoice.payment_failed", failed_by_us).invoice->failures.at(0).request, "req_1");
  EXPECT_TRUE(Read(Fixture("invoice.payment_failed")).invoice->failures.at(0).IsAutomatic());
  EXPECT_EQ(ReadPatched("invoice.paid", R"({"request":null})").idempotency_key, "");
}

TEST(StripeEventTest, AnOldInvoiceLinksItsPayment) {
  const Digest digest = Read(Fixture("2020-08-27/invoice.payment_failed"));
  ASSERT_TRUE(digest.link);
  EXPECT_EQ(digest.link->payment_intent, kIntent);
  EXPECT_EQ(digest.link->invoice.str(), kNovember);
  EXPECT_EQ(digest.link->subscription.str(), kSubscription);
}

TEST(StripeEventTest, AnExpandedPaymentTellsTheDecline) {
  const std::string patch =
      R"({"data":{"object":{"payment_intent":{"id":"pi_x","last_payment_error":{"decline_code":"lost_card"}}}}})";
  const Digest digest = ReadPatched("2020-08-27/invoice.payment_failed", patch);
  EXPECT_EQ(digest.link->payment_intent, "pi_x");
  ASSERT_TRUE(digest.invoice->decline);
  EXPECT_EQ(digest.invoice->decline->code, "lost_card");
  EXPECT_EQ(digest.invoice->decline_at, digest.created);
}

TEST(StripeEventTest, TheOldestInvoicesSayOnlyThatTheyArePaid) {
  Json event = Json::parse(Fixture("2020-08-27/invoice.paid"));
  event["data"]["object"].erase("status");
  EXPECT_EQ(Read(event.dump()).invoice->status, InvoiceStatus::kPaid);
  event["data"]["object"]["paid"] = false;
  EXPECT_EQ(Read(event.dump()).invoice->status, InvoiceStatus::kDraft);
  event["data"]["object"]["status"] = nullptr;
  EXPECT_EQ(Read(event.dump()).invoice->status, InvoiceStatus::kDraft);
}

TEST(StripeEventTest, AnInvoiceWithoutLinesHasItsOwnPeriod) {
  const Digest digest =
      ReadPatched("invoice.paid", R"({"data":{"object":{"lines":{"data":[]},"period_end":1790000000}}})");
  EXPECT_EQ(digest.invoice->line_period_end, FromUnixSeconds(1'790'000'000));
}

TEST(StripeEventTest, AnInvoiceOfNoSubscriptionIsLeftAlone) {
  const Digest digest = ReadPatched("invoice.paid", R"({"data":{"object":{"parent":null}}})");
  EXPECT_TRUE(digest.subscription.empty());
  EXPECT_FALSE(digest.acted_on);
}

TEST(StripeEventTest, AFailedPaymentTellsWhy) {
  const Decline expected{"insufficient_funds", "try_again_later", "02", "pm_1SBnFirstCard3xZq"};
  for (const std::string type : {"payment_intent.payment_failed", "charge.failed"}) {
    const Digest digest = Read(Fixture(type));
    ASSERT_TRUE(digest.failure) << type;
    EXPECT_EQ(digest.failure->decline, expected) << type;
    EXPECT_EQ(digest.failure->at, digest.created);
    EXPECT_EQ(digest.account.str(), kCustomer);
    EXPECT_FALSE(digest.failure->invoice);
    const Digest old = ReadPatched(type, R"({"data":{"object":{"invoice":"in_1"}}})");
    EXPECT_EQ(old.failure->invoice, InvoiceId{"in_1"});
    EXPECT_EQ(old.link->payment_intent, kIntent);
  }
  const Digest coded =
      ReadPatched("payment_intent.payment_failed",
                  R"({"data":{"object":{"last_payment_error":{"decline_code":null,"code":"expired_card"}}}})");
  EXPECT_EQ(coded.failure->decline.code, "expired_card");
  EXPECT_FALSE(ReadPatched("charge.failed", R"({"data":{"object":{"payment_intent":null}}})").acted_on);
}

// ---- Customers ---------------------------------------------------------------------------------------------------

TEST(StripeEventTest, OnlyAnotherMethodToChargeIsAMethodChange) {
  EXPECT_FALSE(
      ReadPatched("customer.updated", R"({"data":{"previous_attributes":{"invoice_settings":null,"email":"x"}}})")
          .method);
  EXPECT_FALSE(
      ReadPatched("customer.updated", R"({"data":{"object":{"invoice_settings":{"default_payment_method":null}}}})")
          .method)
      << "taken away";
  EXPECT_TRUE(ReadPatched("customer.updated",
                          R"({"data":{"object":{"default_source":"card_2"},
              "previous_attributes":{"invoice_settings":null,"default_source":"card_1"}}})")
                  .method);
  EXPECT_FALSE(
      ReadPatched("payment_method.updated", R"({"data":{"previous_attributes":{"card":null,"billing_details":{}}}})")
          .method)
      << "an address";
  EXPECT_FALSE(
      ReadPatched("payment_method.automatically_updated", R"({"data":{"object":{"customer":null}}})").acted_on);
  EXPECT_EQ(Read(Fixture("payment_method.updated")).account.str(), kCustomer);
}

TEST(StripeEventTest, ACheckoutTiesOurAccountToTheCustomer) {
  const Digest two =
      ReadPatched("checkout.session.completed", R"({"data":{"object":{"client_reference_id":"ref-7"}}})");
  ASSERT_EQ(two.aliases.size(), 2U);
  EXPECT_EQ(two.aliases[0].alias, "acct-redwing");
  EXPECT_EQ(two.aliases[1].alias, "ref-7");
  EXPECT_EQ(two.ask->second, kSubscription);
  const Digest payment =
      ReadPatched("checkout.session.completed", R"({"data":{"object":{"subscription":null,"customer":null}}})");
  EXPECT_FALSE(payment.acted_on);
  EXPECT_TRUE(payment.aliases.empty());
}

// ---- Thin events -------------------------------------------------------------------------------------------------

TEST(StripeEventTest, AThinEventAsksForItsObject) {
  const Digest paid = Read(Fixture("thin/v1.invoice.paid"));
  EXPECT_EQ(paid.type, "invoice.paid");
  EXPECT_EQ(paid.created, At("2026-11-04T11:30:00.330Z"));
  EXPECT_EQ(paid.idempotency_key, "dunlin-redwing/32/0");
  EXPECT_EQ(paid.ask, (std::pair<std::string, std::string>{"invoice", kNovember}));
  EXPECT_TRUE(paid.acted_on);
  EXPECT_FALSE(paid.invoice);
  EXPECT_EQ(Read(Fixture("thin/v1.customer.subscription.updated")).ask,
            (std::pair<std::string, std::string>{"subscription", kSubscription}));
  const Digest dotted = ReadPatched("thin/v1.invoice.paid", R"({"related_object":{"type":"billing.invoice"}})");
  EXPECT_EQ(dotted.ask->first, "invoice");
  const std::pair<std::string, std::string> list{"events", ""};
  EXPECT_EQ(Read(Fixture("thin/v1.customer.created")).ask, list);
  EXPECT_EQ(ReadPatched("thin/v1.customer.created", R"({"type":"v1.customer.updated"})").ask,
            (std::pair<std::string, std::string>{"customer", "cus_TBnRedwing0Q4f"}));
  for (const char* type : {"payment_method.automatically_updated", "checkout.session.completed", "invoice_payment.paid",
                           "payment_intent.payment_failed", "charge.failed"}) {
    const Digest digest = ReadPatched("thin/v1.customer.created", R"({"type":"v1.)" + std::string(type) + R"("})");
    EXPECT_EQ(digest.ask, list) << type;
    EXPECT_TRUE(digest.acted_on) << type;
  }
  EXPECT_EQ(ReadPatched("thin/v1.invoice.paid", R"({"related_object":null})").ask, list);
  const Digest other = ReadPatched("thin/v1.customer.created", R"({"type":"v1.product.created"})");
  EXPECT_FALSE(other.ask);
  EXPECT_FALSE(other.acted_on);
}

TEST(StripeEventTest, AThinEventNeedsAReadableTime) {
  Json event = Json::parse(Fixture("thin/v1.invoice.paid"));
  event["created"] = "yesterday";
  const Result<Digest> digest = ReadStripeEvent(event.dump());
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().detail, HasSubstr("created"));
}

// ---- Broken bodies -----------------------------------------------------------------------------------------------

TEST(StripeEventTest, AnEssentialFieldThatIsMissingIsNamed) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"invoice.paid", R"({"id":null})", "event: `id`"},
      {"invoice.paid", R"({"id":7})", "event: `id`"},
      {"invoice.paid", R"({"id":""})", "event: `id`"},
      {"invoice.paid", R"({"type":null})", "event: `type`"},
      {"invoice.paid", R"({"created":null})", "event: `created`"},
      {"invoice.paid", R"({"created":-1})", "event: `created`"},
      {"invoice.paid", R"({"created":1.5})", "event: `created`"},
      {"invoice.paid", R"({"created":18446744073709551615})", "event: `created`"},
      {"invoice.paid", R"({"created":99999999999999})", "event: `created`"},
      {"invoice.paid", R"({"created":"2026-11-04"})", "event: `created`"},
      {"invoice.paid", R"({"data":null})", "data.object"},
      {"invoice.paid", R"({"data":[]})", "data.object"},
      {"invoice.paid", R"({"data":{"object":"in_1"}})", "data.object"},
      {"invoice.paid", R"({"data":{"object":{"id":null}}})", "invoice: `id`"},
      {"invoice.paid", R"({"data":{"object":{"created":null}}})", "invoice: `created`"},
      {"invoice.paid", R"({"data":{"object":{"status":true}}})", "invoice: `status`"},
      {"customer.subscription.updated", R"({"data":{"object":{"id":[]}}})", "subscription: `id`"},
      {"customer.subscription.updated", R"({"data":{"object":{"status":null}}})", "subscription: `status`"},
      {"customer.subscription.updated", R"({"data":{"object":{"status":3}}})", "subscription: `status`"},
      {"customer.updated", R"({"data":{"object":{"id":null}}})", "customer: `id`"},
      {"payment_intent.payment_failed", R"({"data":{"object":{"id":null}}})", "payment intent: `id`"},
  };
  for (const auto& [type, patch, named] : cases) {
    Json event = Json::parse(Fixture(type));
    event.merge_patch(Json::parse(patch));
    const Result<Digest> digest = ReadStripeEvent(event.dump());
    ASSERT_FALSE(digest) << type << patch;
    EXPECT_EQ(digest.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(digest.error().detail, HasSubstr(named)) << type << patch;
  }
}

// Every field of every fixture, at any depth, replaced by something of another type: read or refused, never a crash.
void ReadWithEachFieldBroken(const Json& event) {
  const Json flat = event.flatten();
  const std::vector<Json> wrong = {
      nullptr, true, -1, 1e300, "text", Json::array(), Json::object(), Json::array({nullptr})};
  std::size_t next = 0;
  for (const auto& [pointer, value] : flat.items()) {
    for (Json::json_pointer at(pointer); !at.empty(); at.pop_back()) {
      Json copy = event;
      copy[at] = wrong[next++ % wrong.size()];
      const Result<Digest> digest = ReadStripeEvent(copy.dump());
      EXPECT_TRUE(digest || digest.error().code == Errc::kInvalidArgument) << at.to_string();
    }
  }
}

TEST(StripeEventTest, AnyFieldMayBeOfTheWrongType) {
  for (const std::string type :
       {"customer.subscription.updated", "2020-08-27/customer.subscription.updated", "invoice.payment_failed",
        "2020-08-27/invoice.payment_failed", "payment_intent.payment_failed", "charge.failed", "customer.updated",
        "checkout.session.completed", "invoice_payment.paid", "payment_method.updated", "thin/v1.invoice.paid"}) {
    SCOPED_TRACE(type);
    ReadWithEachFieldBroken(Json::parse(Fixture(type)));
  }
}

TEST(StripeEventTest, ATruncatedBodyIsNoEvent) {
  const std::string whole = Fixture("invoice.payment_failed");
  const std::size_t end = whole.rfind('}');
  for (std::size_t length = 0; length <= end; length += 37) {
    const Result<Digest> digest = ReadStripeEvent(std::string_view(whole).substr(0, length));
    ASSERT_FALSE(digest) << length;
    EXPECT_THAT(digest.error().detail, HasSubstr("not JSON"));
  }
}

TEST(StripeEventTest, WhatIsNoJsonObjectIsRefusedByName) {
  for (const std::string body :
       {"", " ", "null", "[]", "7", "\"evt\"", "{", "}", "{}x", "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":1e999}",
        "{\"a\":-}", "{'a':1}", "{\"a\":\"\xff\"}", "\xef\xbb\xbf", "{\"a\":\"\\ud800\"}"}) {
    const Result<Digest> digest = ReadStripeEvent(body);
    ASSERT_FALSE(digest) << body;
    EXPECT_EQ(digest.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(digest.error().detail, HasSubstr("JSON")) << body;
  }
}

TEST(StripeEventTest, ADeeplyNestedBodyIsRefusedBeforeItIsBuilt) {
  constexpr std::size_t kLevels = 2'000'000;
  for (const std::string opening : {"[", "{\"a\":"}) {
    std::string body = R"({"id":"evt_1","x":)";
    for (std::size_t i = 0; i < kLevels; ++i) body += opening;
    const Result<Digest> digest = ReadStripeEvent(body);
    ASSERT_FALSE(digest);
    EXPECT_THAT(digest.error().detail, HasSubstr("nested"));
  }
  const std::string brackets_in_text =
      R"({"id":"evt_1","type":"x","created":1,"t":")" + std::string(1000, '[') + R"(\"[[[["})";
  EXPECT_TRUE(ReadStripeEvent(brackets_in_text)) << "brackets inside of a text do not nest";
}

TEST(StripeEventTest, NumbersOutOfRangeCountAsAbsent) {
  const InvoiceFact i = *ReadPatched("invoice.payment_failed",
                                     R"({"data":{"object":{"amount_due":1e30,"attempt_count":9223372036854775807,
      "next_payment_attempt":-5,"amount_remaining":18446744073709551615}}})")
                             .invoice;
  EXPECT_EQ(i.amount_due.minor, 0);
  EXPECT_EQ(i.attempt_count, 1'000'000);
  EXPECT_FALSE(i.next_payment_attempt);
  EXPECT_EQ(i.amount_remaining, 0);
}

// ---- Stripe's own examples ---------------------------------------------------------------------------------------

TEST(StripeEventTest, TheOfficialExamplesAreRead) {
  const fs::path file = fs::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures/stripe-openapi/fixtures3.json";
  if (!fs::exists(file)) GTEST_SKIP() << "no official examples at " << file;
  const Json resources = Json::parse(Load(file)).at("resources");
  EXPECT_TRUE(Read(resources.at("event").dump()).created == FromUnixSeconds(1'234'567'890));
  const Result<SubscriptionAnswer> subscription = stripe::ReadSubscription(resources.at("subscription"));
  ASSERT_TRUE(subscription) << subscription.error().detail;
  EXPECT_EQ(subscription->snapshot.status, ProviderStatus::kActive);
  EXPECT_EQ(subscription->snapshot.prices.size(), 1U);
  EXPECT_EQ(subscription->snapshot.period_end, FromUnixSeconds(976'287'773));
  const Result<InvoiceAnswer> invoice = stripe::ReadInvoice(resources.at("invoice"));
  ASSERT_TRUE(invoice) << invoice.error().detail;
  EXPECT_EQ(invoice->invoice.status, InvoiceStatus::kDraft);
  EXPECT_EQ(invoice->subscription.str(), "subscription");
  EXPECT_EQ(invoice->invoice.amount_due, (Money{1000, "usd"}));
  const std::vector<std::pair<std::string, std::string>> events = {{"customer.subscription.updated", "subscription"},
                                                                   {"invoice.payment_failed", "invoice"},
                                                                   {"payment_intent.payment_failed", "payment_intent"},
                                                                   {"charge.failed", "charge"},
                                                                   {"customer.updated", "customer"},
                                                                   {"payment_method.updated", "payment_method"},
                                                                   {"checkout.session.completed", "checkout.session"},
                                                                   {"invoice_payment.paid", "invoice_payment"}};
  for (const auto& [type, object] : events) {
    const Json event = {{"id", "evt_1"},
                        {"object", "event"},
                        {"type", type},
                        {"created", 1},
                        {"data", {{"object", resources.at(object)}}}};
    const Result<Digest> digest = ReadStripeEvent(event.dump());
    EXPECT_TRUE(digest) << type << ": " << digest.error().detail;
  }
}

}  // namespace
}  // namespace dunlin
