#include "tests/e2e/strike.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>

#include "state/clock.h"
#include "tests/support/http_client.h"
#include "webhooks/stripe/signature.h"
#include "workflows/simulate/truth.h"

namespace dunlin::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kScheduleSteps = 4;  // of fixtures/policy.toml
constexpr int kStepsBetweenBlows = 6;
constexpr int kBlowsMax = 10;  // times as many as were asked for
constexpr Millis kLongestStep = 12h;

// Posts signed events of its own, one after the other, and remembers which were acknowledged: of a type that
// nothing is done about, and the birth of subscriptions that the provider has never heard of.
class Sender {
 public:
  Sender(World& world, int number, std::chrono::microseconds pause)
      : world_(world),
        pause_(pause),
        port_(world.port()),
        name_("sender" + std::to_string(number) + "_"),
        birth_(Fixture("customer.subscription.created")),
        thread_([this] { Run(); }) {}
  ~Sender() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  const std::set<std::string>& acknowledged() const { return acknowledged_; }            // after Stop
  const std::set<std::string>& subscriptions() const { return made_up_subscriptions_; }  // those of acknowledged births
  std::size_t put_off() const { return put_off_; }                                       // events answered 503

 private:
  static nlohmann::json Fixture(const std::string& type) {
    return nlohmann::json::parse(std::ifstream(std::string(DUNLIN_SOURCE_DIR) + "/fixtures/stripe/" + type + ".json"));
  }

  void Run() {
    for (int n = 0; !stop_; ++n, std::this_thread::sleep_for(pause_)) {
      const std::string id = "evt_" + name_ + std::to_string(n);
      const std::string subscription = "sub_" + name_ + std::to_string(n);
      const bool birth = n % kBirthEvery == 0;
      nlohmann::json event = birth ? birth_ : Other();
      event["id"] = id;
      if (birth) {
        event["data"]["object"]["id"] = subscription;
        event["data"]["object"]["customer"] = "cus_" + name_ + std::to_string(n);
      }
      const int status = Post(event.dump());
      if (status == 503) ++put_off_;
      if (status != 200) continue;
      acknowledged_.insert(id);
      if (birth) made_up_subscriptions_.insert(subscription);
    }
  }

  // 0: no answer, as the service was killed.
  int Post(const std::string& body) {
    if (!connection_) connection_.emplace(port_);
    connection_->Send(testing_support::RequestBytes(
        "POST", "/webhooks/stripe", {{"Stripe-Signature", SignStripePayload(body, World::kSecret, now_)}}, body));
    const int status = connection_->Receive().status;
    if (status == 0) {
      connection_.reset();
      std::this_thread::sleep_for(1ms);  // until there is a service again
    }
    if (status == 400) now_ = world_.Now();  // the clock was moved
    return status;
  }

  static nlohmann::json Other() {
    return {{"object", "event"},
            {"type", "customer.created"},
            {"created", 1767225600},
            {"livemode", false},
            {"data", {{"object", {{"id", "cus_s"}, {"object", "customer"}}}}}};
  }

  static constexpr int kBirthEvery = 8;
  World& world_;
  const std::chrono::microseconds pause_;
  const int port_;
  const std::string name_;
  const nlohmann::json birth_;
  Timestamp now_{};
  std::optional<testing_support::HttpConnection> connection_;
  std::atomic<bool> stop_{false};
  std::set<std::string> acknowledged_;
  std::set<std::string> made_up_subscriptions_;
  std::size_t put_off_ = 0;
  std::thread thread_;
};

// What customers do while nobody listens.
class Customers {
 public:
  Customers(World& world, std::vector<Subscriber> all) : world_(world), all_(std::move(all)) {}

  void Act(std::mt19937& chance) {
    const Subscriber& who = all_[chance() % all_.size()];
    const nlohmann::json standing = Standing(who);
    const bool over = standing.at("status") == "canceled" || cancelled_.contains(who.subscription);
    switch (over ? 3 : chance() % 4) {
      case 0: return Cancel(who);
      case 1: return CancelAtPeriodEnd(who);
      case 2:
        if (standing.at("latest_invoice_status") == "open") return PayByHand(standing.at("latest_invoice"));
        return AddCard(who);
      default: return AddCard(who);
    }
  }
  const std::map<std::string, Timestamp>& cancelled() const { return cancelled_; }
  int acts() const { return acts_; }

 private:
  nlohmann::json Standing(const Subscriber& who) {
    const nlohmann::json truth = world_.SimGet("/_sim/truth");
    for (const nlohmann::json& one : truth.at("subscriptions")) {
      if (one.at("id") == who.subscription) return one;
    }
    throw std::runtime_error("no such subscription");
  }
  void Cancel(const Subscriber& who) {
    world_.DeleteAtProvider("/v1/subscriptions/" + who.subscription);
    Cancelled(who);
  }
  void CancelAtPeriodEnd(const Subscriber& who) {
    world_.Provider("/v1/subscriptions/" + who.subscription, {{"cancel_at_period_end", "true"}});
    Cancelled(who);
  }
  void Cancelled(const Subscriber& who) {
    cancelled_.emplace(who.subscription, world_.Now());
    ++acts_;
  }
  void PayByHand(const std::string& invoice) {  // by a transfer, which no card can decline
    world_.Provider("/v1/invoices/" + invoice + "/pay", {{"paid_out_of_band", "true"}});
    ++acts_;
  }
  void AddCard(const Subscriber& who) {
    const nlohmann::json card =
        world_.Provider("/v1/payment_methods/pm_card_visa/attach", {{"customer", who.customer}});
    world_.Provider("/v1/customers/" + who.customer, {{"invoice_settings[default_payment_method]", card.at("id")}});
    ++acts_;
  }

  World& world_;
  const std::vector<Subscriber> all_;
  std::map<std::string, Timestamp> cancelled_;
  int acts_ = 0;
};

// Of fixtures/policy.toml.
simulate::ChargeRules Rules(std::map<std::string, Timestamp> cancelled = {}) {
  return {.leap = kLongestStep * kStepsBetweenBlows,
          .min_gap = Millis{1h},
          .card_limit = 15,
          .card_window = Millis{24h} * 30,
          .cancelled = std::move(cancelled)};
}

void TurnFaults(World& world, bool on) {
  if (!on)
    return static_cast<void>(
        world.Sim("/_sim/faults", {{"webhooks", nlohmann::json::object()}, {"api", nlohmann::json::object()}}));
  world.Sim("/_sim/faults", {{"webhooks", {{"duplicate", 0.2}, {"reorder", 0.3}}},
                             {"api", {{"drop_answer", 0.05}, {"status_500", 0.03}, {"status_429", 0.05}}}});
}

// The provider's faults are for the service; what a test does itself must not fail.
template <class Act>
void WithoutFaults(World& world, Act act) {
  TurnFaults(world, false);
  act();
  TurnFaults(world, true);
}

// Time goes on until every recovery has come to its end, so that all that was put off has happened.
bool LetTimeHeal(World& world, int patience = 20) {
  TurnFaults(world, false);
  for (int day = 0; day < 25; ++day) {
    world.Sim("/_sim/clock", {{"advance", "1d"}});
    if (!world.Settle(patience)) return false;
  }
  world.Sim("/_sim/clock", {{"advance", "10m"}});
  return world.Settle(patience);
}

void ExpectNone(const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) ADD_FAILURE() << problem;
}

int ChargesOfOurs(const nlohmann::json& charges) {
  int ours = 0;
  for (const nlohmann::json& charge : charges.at("charges")) ours += charge.at("idempotency_key").is_null() ? 0 : 1;
  return ours;
}

// With sanitizers, which look for something else here, the service hardly comes to charge anything between the blows.
constexpr int kChargesToProveIt = kInstrumented ? 0 : 6;

// A subscription whose birth was all that was heard of it: one change, told by one row.
void ExpectBornOnce(Ledger& ledger, const std::string& id) {
  const auto record = ledger.LoadSubscription(SubscriptionId{id});
  ASSERT_TRUE(record && *record) << id << " was acknowledged and is not there (I1)";
  ExpectNone(simulate::BrokenSubscription(ledger, **record, 0));
  EXPECT_EQ((*record)->subscription.values.status, SubscriptionStatus::kTrialing) << id;
  EXPECT_EQ((*record)->subscription.values.access, Access::kGranted) << id;
  const auto timeline = ledger.Timeline(SubscriptionId{id});
  ASSERT_TRUE(timeline) << id;
  const auto changes = std::count_if(timeline->begin(), timeline->end(),
                                     [](const TimelineRow& row) { return row.status_to || row.access_to; });
  EXPECT_EQ(changes, 1) << id << ": its birth took effect more than once (I2)";
}

void ExpectKept(Ledger& ledger, const Sender& sender) {
  for (const std::string& id : sender.acknowledged()) {
    const auto event = ledger.FindEvent(Provider::kStripe, EventId{id});
    ASSERT_TRUE(event && *event) << id << " was acknowledged and is lost (I1)";
    EXPECT_NE((*event)->outcome, EventOutcome::kWaiting) << id;
    EXPECT_NE((*event)->outcome, EventOutcome::kUnreadable) << id;
  }
  for (const std::string& id : sender.subscriptions()) ExpectBornOnce(ledger, id);
}

// Each event that the provider saw answered 2xx, by its id.
void ExpectKept(Ledger& ledger, const nlohmann::json& acknowledged) {
  for (const nlohmann::json& id : acknowledged.at("events")) {
    const auto event = ledger.FindEvent(Provider::kStripe, EventId{id.get<std::string>()});
    ASSERT_TRUE(event && *event) << id << " was acknowledged and is lost (I1)";
    EXPECT_NE((*event)->outcome, EventOutcome::kWaiting) << id;
    EXPECT_NE((*event)->outcome, EventOutcome::kUnreadable) << id;
  }
}

// What left the service: each message once, though it may have been delivered again after a crash, with the same words;
// nobody is told the same twice; and what the product heard last of a subscription is how it stands.
void ExpectTold(Ledger& ledger, const std::string& outbox) {
  std::map<std::string, std::string> by_job;
  std::map<std::string, nlohmann::json> last;
  std::map<std::string, int> mails;
  std::ifstream file(outbox);
  ASSERT_TRUE(file) << outbox;
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json message = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(message.is_object()) << "a torn line: " << line;
    const auto [known, first] = by_job.emplace(message.at("id"), line);
    EXPECT_EQ(known->second, line) << "another message under the same id";
    if (!first) continue;
    const std::string kind = message.at("kind");
    if (kind == "notification") last[message.at("subscription")] = message;
    if (kind == "mail") {
      const std::string what = message.at("subscription").get<std::string>() + " " +
                               message.at("template").get<std::string>() + " " + message.value("invoice", "") + " " +
                               message.at("text").get<std::string>();
      EXPECT_EQ(++mails[what], 1) << what << ": told twice";
    }
  }
  EXPECT_FALSE(last.empty());
  for (const auto& [id, message] : last) {
    const auto record = ledger.LoadSubscription(SubscriptionId{id});
    ASSERT_TRUE(record && *record) << id;
    EXPECT_EQ(message.at("access"), AccessName((*record)->subscription.values.access)) << id;
    EXPECT_EQ(message.at("status"), StatusName((*record)->subscription.values.status)) << id;
  }
}

void ExpectTruth(Ledger& ledger, const nlohmann::json& truth, const nlohmann::json& charges, Timestamp now,
                 std::map<std::string, Timestamp> cancelled) {
  ExpectNone(simulate::DoubleCaptures(charges));
  ExpectNone(simulate::BrokenCharges(ledger, charges, Rules(std::move(cancelled))));
  ExpectNone(simulate::DifferencesFromTruth(ledger, truth, now));
  ExpectNone(simulate::BrokenInvariants(ledger, truth, kScheduleSteps));
}

}  // namespace

std::vector<Subscriber> MakeSubscribers(World& world, int count) {
  std::vector<Subscriber> all;
  for (int i = 0; i < count; ++i) {
    const nlohmann::json customer =
        world.Provider("/v1/customers", {{"email", "crash" + std::to_string(i) + "@example.com"},
                                         {"payment_method", "pm_card_visa"},
                                         {"invoice_settings[default_payment_method]", "pm_card_visa"}});
    const std::string plan = i % 3 == 0 ? "pro" : "pro_plus";
    const nlohmann::json made = world.Provider(
        "/v1/subscriptions", {{"customer", customer.at("id")}, {"items[0][price]", world.prices().at(plan)}});
    all.push_back({customer.at("id"), made.at("id")});
    // Some cards fail for a while, some for good, one kind must not be tried again.
    nlohmann::json behaves = {{"customer", customer.at("id")}, {"behavior", "decline"}};
    if (i % 5 == 1) behaves.update({{"decline_code", "insufficient_funds"}, {"times", 2}});
    if (i % 5 == 2) behaves.update({{"decline_code", "generic_decline"}});
    if (i % 10 == 3) behaves.update({{"decline_code", "lost_card"}});
    if (behaves.contains("decline_code")) world.Sim("/_sim/cards", behaves);
  }
  return all;
}

void StrikeAgainAndAgain(World& world, const Blows& blows, Figures& figures) {
  std::mt19937 chance(blows.seed);
  Customers customers(world, MakeSubscribers(world, blows.subscribers));
  ASSERT_TRUE(world.Settle(30));
  TurnFaults(world, true);
  std::vector<std::unique_ptr<Sender>> senders;
  for (int i = 0; i < blows.senders; ++i) senders.push_back(std::make_unique<Sender>(world, i, blows.sender_pause));
  // More follow, further apart, until the trouble was what it should be, and on a machine so busy that hardly anything
  // is charged between the blows.
  const auto proved = [&] { return ChargesOfOurs(world.SimGet("/_sim/charges")) >= kChargesToProveIt; };
  int blow = 0;
  const auto goes_on = [&] {
    if (blow < blows.count) return true;
    return (blow < 2 * blows.count && !proved()) || (blow < kBlowsMax * blows.count && !blows.enough());
  };
  for (; goes_on(); ++blow) {
    // About 55 hours in small steps, and the blow falls somewhere among or after them.
    const auto patience = std::chrono::milliseconds(50 + chance() % 350) * blows.pace * (blow < blows.count ? 1 : 6);
    const auto moment = std::chrono::steady_clock::now() + patience;
    for (int step = 0; step < kStepsBetweenBlows; ++step) {
      world.Sim("/_sim/clock", {{"advance", std::to_string(7 + chance() % 5) + "h"}});
    }
    std::this_thread::sleep_until(moment);
    blows.trouble(blow);
    const bool kills = blow % blows.kill_every == 0;
    if (kills) world.service().KillNow();
    WithoutFaults(world, [&] { customers.Act(chance); });
    blows.relief(blow);
    if (kills) world.StartService();
  }
  EXPECT_TRUE(blows.enough()) << "the trouble was not what it should be";
  blows.end();
  for (const auto& sender : senders) sender->Stop();
  ASSERT_TRUE(LetTimeHeal(world, blows.settle_seconds));
  const nlohmann::json truth = world.SimGet("/_sim/truth");
  const Timestamp now = world.Now();
  const nlohmann::json charges = world.SimGet("/_sim/charges");
  const nlohmann::json acknowledged = world.SimGet("/_sim/acknowledged");
  world.service().Signal(SIGTERM);
  ASSERT_EQ(world.service().Wait(), 0) << world.service().Err();

  auto ledger = OpenLedger(world.ledger(), {LedgerOptions::Mode::kOpenExisting});
  ASSERT_TRUE(ledger) << ledger.error().detail;
  for (const auto& sender : senders) ExpectKept(**ledger, *sender);
  ExpectKept(**ledger, acknowledged);
  EXPECT_EQ(acknowledged.at("events").size(), truth.at("webhooks").at("acknowledged"));
  ExpectTold(**ledger, world.outbox());
  ExpectTruth(**ledger, truth, charges, now, customers.cancelled());
  figures = {.blows = blow,
             .webhooks = truth.at("webhooks").at("acknowledged").get<std::size_t>(),
             .charges = charges.at("charges").size(),
             .ours = ChargesOfOurs(charges)};
  for (const auto& sender : senders) {
    figures.acknowledged += sender->acknowledged().size();
    figures.put_off += sender->put_off();
  }
  EXPECT_GT(figures.acknowledged, 20U);
  EXPECT_GE(figures.ours, kChargesToProveIt) << "too little happened to prove anything";
  EXPECT_EQ(customers.acts(), blow);
  EXPECT_FALSE(customers.cancelled().empty());
}

void Print(const std::string& what, const Figures& f) {
  std::printf(
      "[ figures  ] %s: %d blows, %zu events of the senders and %zu webhooks of the provider acknowledged, %zu put "
      "off, "
      "%zu charges, %d of them ours\n",
      what.c_str(), f.blows, f.acknowledged, f.webhooks, f.put_off, f.charges, f.ours);
  std::fflush(stdout);
}

void ExpectTruth(Ledger& ledger, World& world) {
  ExpectTruth(ledger, world.SimGet("/_sim/truth"), world.SimGet("/_sim/charges"), world.Now(), {});
}

}  // namespace dunlin::testing
