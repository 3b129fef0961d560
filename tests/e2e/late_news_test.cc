// What a customer does while the service is away, or while deliveries are lost, is seen before anything irrevocable is
// done about it: nobody who cancelled is charged (R17), nobody who paid is cancelled (R4).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <thread>

#include "tests/support/world.h"
#include "workflows/simulate/truth.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// A subscription whose renewal is about to fail.
struct Subscriber {
  std::string customer, subscription;
};

// A world at the moment where the renewals have failed and the service has taken the invoices over.
class LateNews {
 public:
  explicit LateNews(int seed) : world({.seed = seed}) {}

  // `times`: how often the card declines; 0: always.
  Subscriber Subscribe(const std::string& decline_code, int times) {
    const Json customer =
        world.Provider("/v1/customers", {{"email", "late@example.com"},
                                         {"payment_method", "pm_card_visa"},
                                         {"invoice_settings[default_payment_method]", "pm_card_visa"}});
    const Json made = world.Provider("/v1/subscriptions",
                                     {{"customer", customer.at("id")}, {"items[0][price]", world.prices().at("pro")}});
    Json behaves = {{"customer", customer.at("id")}, {"behavior", "decline"}, {"decline_code", decline_code}};
    if (times > 0) behaves["times"] = times;
    world.Sim("/_sim/cards", behaves);
    return {customer.at("id"), made.at("id")};
  }

  void FailRenewals() {
    for (const char* leap : {"31d", "2h"}) Advance(leap);
  }
  void Advance(const std::string& by) {
    world.Sim("/_sim/clock", {{"advance", by}});
    ASSERT_TRUE(world.Settle(20));
  }
  void GoTo(Timestamp moment) {
    world.Sim("/_sim/clock", {{"to", FormatRfc3339(std::chrono::ceil<Seconds>(moment))}});
    ASSERT_TRUE(world.Settle(20));
  }

  void LoseDeliveries(bool lose) { world.Sim("/_sim/faults", {{"webhooks", {{"lose", lose ? 1.0 : 0.0}}}}); }
  void StopService() {
    world.service().Signal(SIGTERM);
    ASSERT_EQ(world.service().Wait(), 0);
  }

  void PayByHand(const Subscriber& who) {
    const Json card = world.Provider("/v1/payment_methods/pm_card_visa/attach", {{"customer", who.customer}});
    world.Provider("/v1/invoices/" + TruthOf(who).at("latest_invoice").get<std::string>() + "/pay",
                   {{"payment_method", card.at("id")}});
  }
  void AddCard(const Subscriber& who) {
    const Json card = world.Provider("/v1/payment_methods/pm_card_visa/attach", {{"customer", who.customer}});
    world.Provider("/v1/customers/" + who.customer, {{"invoice_settings[default_payment_method]", card.at("id")}});
  }
  void Cancel(const Subscriber& who) { world.DeleteAtProvider("/v1/subscriptions/" + who.subscription); }
  void CancelAtPeriodEnd(const Subscriber& who) {
    world.Provider("/v1/subscriptions/" + who.subscription, {{"cancel_at_period_end", "true"}});
  }

  // Until it is true, at most 20 s. The service follows the simulated time a little behind.
  static bool Comes(const std::function<bool()>& fact) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (!fact() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(20ms);
    return fact();
  }
  bool Becomes(const Subscriber& who, const std::string& status) {
    return Comes([&] { return Status(who) == status; });
  }
  bool BecomesAtProvider(const Subscriber& who, const std::string& status) {
    return Comes([&] { return StatusAtProvider(who) == status; });
  }

  // When the charge job of the subscription is due: the next attempt, or the end of the wait for another card.
  Timestamp DueOf(const Subscriber& who) {
    auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
    const auto jobs = (*ledger)->Jobs({.kind = JobKind::kCharge, .subject = who.subscription}, {});
    EXPECT_EQ(jobs->items.size(), 1U);
    return jobs->items.empty() ? Timestamp{} : jobs->items.front().due;
  }
  std::string StatusAtProvider(const Subscriber& who) { return TruthOf(who).at("status"); }
  std::string Status(const Subscriber& who) {
    return world.Api("/v1/subscriptions/" + who.subscription).second.value("status", "");
  }
  Json Collection(const Subscriber& who) {
    return world.Api("/v1/subscriptions/" + who.subscription).second.at("collection");
  }
  // How often the service had the subscription's invoices charged.
  int ChargesOfOurs(const Subscriber& who) {
    const Json answer = world.SimGet("/_sim/charges");
    const Json& charges = answer.at("charges");
    return static_cast<int>(std::count_if(charges.begin(), charges.end(), [&](const Json& charge) {
      return charge.at("subscription") == who.subscription && charge.at("idempotency_key").is_string();
    }));
  }

  World world;

 private:
  Json TruthOf(const Subscriber& who) {
    const Json truth = world.SimGet("/_sim/truth");
    for (const Json& one : truth.at("subscriptions")) {
      if (one.at("id") == who.subscription) return one;
    }
    throw std::runtime_error("no such subscription");
  }
};

TEST(LateNewsTest, WhatHappenedWhileItWasDownIsSeenBeforeAnythingIsChargedOrCancelled) {
  LateNews news(71);
  const Subscriber pays = news.Subscribe("stolen_card", 1);
  const Subscriber new_card = news.Subscribe("stolen_card", 1);
  const Subscriber nothing = news.Subscribe("stolen_card", 0);
  const Subscriber deleted = news.Subscribe("insufficient_funds", 1);
  const Subscriber leaving = news.Subscribe("insufficient_funds", 1);
  const Subscriber stays = news.Subscribe("insufficient_funds", 1);
  const std::vector<Subscriber> all = {pays, new_card, nothing, deleted, leaving, stays};
  news.FailRenewals();
  for (const Subscriber& who : all) ASSERT_NE(news.DueOf(who), Timestamp{});

  news.StopService();
  news.LoseDeliveries(true);
  news.PayByHand(pays);
  news.AddCard(new_card);
  news.Cancel(deleted);
  news.CancelAtPeriodEnd(leaving);
  // Past every due attempt and the end of the schedule.
  news.world.Sim("/_sim/clock", {{"advance", "20d"}});
  news.LoseDeliveries(false);
  news.world.StartService();

  // Those who did nothing show what would have happened to the others.
  EXPECT_TRUE(news.BecomesAtProvider(nothing, "canceled"));
  EXPECT_TRUE(news.BecomesAtProvider(stays, "active"));
  EXPECT_TRUE(news.BecomesAtProvider(new_card, "active"));
  for (const Subscriber& who : {pays, new_card, stays}) EXPECT_TRUE(news.Becomes(who, "active"));
  EXPECT_TRUE(news.Becomes(deleted, "canceled"));
  news.Advance("10m");
  EXPECT_EQ(news.StatusAtProvider(pays), "active");
  EXPECT_EQ(news.ChargesOfOurs(stays), 1);
  EXPECT_EQ(news.ChargesOfOurs(new_card), 1);
  EXPECT_EQ(news.ChargesOfOurs(pays), 0);
  EXPECT_EQ(news.ChargesOfOurs(deleted), 0);
  EXPECT_EQ(news.ChargesOfOurs(leaving), 0);
}

TEST(LateNewsTest, ADeliveryThatIsLostJustBeforeTheMomentIsSeenToo) {
  LateNews news(72);
  const Subscriber cancels = news.Subscribe("insufficient_funds", 1);
  const Subscriber pays = news.Subscribe("stolen_card", 1);
  news.FailRenewals();
  const Timestamp attempt = news.DueOf(cancels);
  const Timestamp end = news.DueOf(pays);
  ASSERT_LT(attempt, end);

  news.GoTo(attempt - 1min);
  news.LoseDeliveries(true);
  news.Cancel(cancels);
  news.GoTo(attempt + 1s);
  EXPECT_TRUE(news.Becomes(cancels, "canceled"));
  EXPECT_EQ(news.ChargesOfOurs(cancels), 0);

  news.LoseDeliveries(false);
  news.GoTo(end - 1min);
  news.LoseDeliveries(true);
  news.PayByHand(pays);
  news.GoTo(end + 1s);
  EXPECT_TRUE(news.Becomes(pays, "active"));
  EXPECT_EQ(news.StatusAtProvider(pays), "active");
}

// The provider takes no cancellation for hours, and the customer brings another card meanwhile.
TEST(LateNewsTest, ANewCardWhileTheCancellationFailsIsChargedInstead) {
  LateNews news(73);
  const Subscriber who = news.Subscribe("stolen_card", 1);
  news.FailRenewals();
  news.world.Sim("/_sim/faults", {{"api", {{"drop_request", 1.0}, {"method", "DELETE"}}}});
  news.GoTo(news.DueOf(who) + 1s);
  EXPECT_TRUE(LateNews::Comes([&] { return news.Collection(who).at("state") == "ending"; }));
  news.AddCard(who);
  for (int hour = 0; hour < 3; ++hour) news.Advance("2h");
  EXPECT_TRUE(news.Becomes(who, "active"));
  EXPECT_EQ(news.StatusAtProvider(who), "active");
  EXPECT_EQ(news.ChargesOfOurs(who), 1);
}

// A bank debit takes longer than any job's patience, after a hiccup at its start, and the provider is busy once more.
TEST(LateNewsTest, APaymentThatTakesLongIsFollowedToItsEnd) {
  LateNews news(74);
  const Subscriber who = news.Subscribe("insufficient_funds", 1);
  news.FailRenewals();
  news.world.Sim("/_sim/cards", {{"customer", who.customer}, {"behavior", "processing"}, {"settles_after", "12d"}});
  news.world.Sim("/_sim/faults", {{"api", {{"status_429_next", 1}, {"paths", "/v1/invoices"}, {"method", "POST"}}}});
  news.GoTo(news.DueOf(who) + 1s);
  EXPECT_TRUE(LateNews::Comes([&] { return news.Collection(who).at("state") == "charging"; }));
  news.Advance("1m");
  EXPECT_TRUE(LateNews::Comes([&] { return news.ChargesOfOurs(who) == 1; }));
  for (int days = 0; days < 5; ++days) news.Advance("2d");
  news.world.Sim("/_sim/faults", {{"api", {{"status_429_next", 2}, {"paths", "/v1/invoices"}, {"method", "GET"}}}});
  news.Advance("2h");
  EXPECT_EQ(news.Collection(who).at("state"), "charging");
  news.LoseDeliveries(true);  // only asking can tell the end
  news.Advance("3d");
  EXPECT_TRUE(news.Becomes(who, "active"));
  EXPECT_TRUE(news.world.Api("/v1/alerts").second.at("items").empty());
}

}  // namespace
}  // namespace dunlin::testing
