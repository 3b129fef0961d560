// What a sender of webhooks is answered by the running service, and what is then in its ledger.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "state/clock.h"
#include "state/ledger/db.h"
#include "tests/support/http_client.h"
#include "tests/support/world.h"
#include "webhooks/stripe/signature.h"

namespace dunlin::testing {
namespace {

using Json = nlohmann::json;
using testing_support::Headers;
using testing_support::HttpAnswer;
using testing_support::HttpSend;

constexpr const char* kSignature = "Stripe-Signature";

class DoorTest : public ::testing::Test {
 protected:
  DoorTest() : world_({.seed = 7}) {}

  HttpAnswer Post(const std::string& body, const Headers& headers) {
    return HttpSend(world_.port(), "POST", "/webhooks/stripe", headers, body);
  }
  HttpAnswer PostSigned(const std::string& body) {
    return Post(body, {{kSignature, SignStripePayload(body, World::kSecret, world_.Now())}});
  }
  std::unique_ptr<Ledger> Open() {
    auto ledger = OpenLedger(world_.ledger(), {LedgerOptions::Mode::kOpenExisting});
    EXPECT_TRUE(ledger) << ledger.error().detail;
    return std::move(*ledger);
  }
  std::optional<StoredEvent> Find(const std::string& id) {
    const auto event = Open()->FindEvent(Provider::kStripe, EventId{id});
    EXPECT_TRUE(event) << event.error().detail;
    return event ? *event : std::nullopt;
  }
  // An event of a type that nothing is done about.
  static std::string Event(const std::string& id, const std::string& type = "customer.created", bool live = false) {
    return Json{{"id", id},         {"object", "event"},
                {"type", type},     {"created", 1767225600},
                {"livemode", live}, {"data", {{"object", {{"id", "cus_door"}, {"object", "customer"}}}}}}
        .dump();
  }

  World world_;
};

TEST_F(DoorTest, EveryBadSignatureIsRefusedWithItsReasonAndNothingIsStored) {
  const std::string body = Event("evt_refused");
  const Timestamp now = world_.Now();
  const std::string good = SignStripePayload(body, World::kSecret, now);
  std::string old_scheme = good;
  old_scheme.replace(old_scheme.find("v1="), 3, "v0=");
  struct Case {
    const char* reason;
    Headers headers;
    std::string body;
  };
  const std::vector<Case> cases = {
      {"header_missing", {}, body},
      {"header_missing", {{kSignature, ""}}, body},
      {"header_malformed", {{kSignature, "whatever"}}, body},
      {"header_malformed", {{kSignature, good}, {kSignature, good}}, body},
      {"timestamp_outside_tolerance", {{kSignature, SignStripePayload(body, World::kSecret, now - 10min)}}, body},
      {"timestamp_outside_tolerance", {{kSignature, SignStripePayload(body, World::kSecret, now + 10min)}}, body},
      {"no_v1_signature", {{kSignature, old_scheme}}, body},
      {"no_matching_signature", {{kSignature, SignStripePayload(body, "whsec_another", now)}}, body},
      {"no_matching_signature", {{kSignature, good}}, body + " "},
      {"payload_empty", {{kSignature, SignStripePayload("", World::kSecret, now)}}, ""},
  };
  std::map<std::string, int> refused;
  for (const Case& one : cases) {
    const HttpAnswer answer = Post(one.body, one.headers);
    ASSERT_EQ(answer.status, 400) << one.reason << ": " << answer.body;
    EXPECT_EQ(Json::parse(answer.body).at("code"), one.reason);
    ++refused[one.reason];
  }
  EXPECT_FALSE(Find("evt_refused"));
  const std::string metrics = HttpSend(world_.port(), "GET", "/metrics").body;
  for (const auto& [reason, times] : refused) {
    const std::string line = "dunlin_webhooks_total{provider=\"stripe\",verdict=\"" + reason + "\"} ";
    EXPECT_NE(metrics.find("\n" + line + std::to_string(times) + "\n"), std::string::npos) << reason;
  }
}

TEST_F(DoorTest, RightlySignedNonsenseIsRefused) {
  for (const auto& [body, reason] : {std::pair<std::string, std::string>{R"({"id":"evt_torn",)", "not_json"},
                                     {R"(["evt_list"])", "not_event"},
                                     {R"({"id":"cus_1","object":"customer"})", "not_event"}}) {
    const HttpAnswer answer = PostSigned(body);
    ASSERT_EQ(answer.status, 400) << body << answer.body;
    EXPECT_EQ(Json::parse(answer.body).at("code"), reason) << body;
  }
  EXPECT_FALSE(Find("evt_torn"));
}

TEST_F(DoorTest, AnEventIsStoredOnceAndItsRepetitionAnswered200) {
  EXPECT_EQ(Json::parse(PostSigned(Event("evt_twice")).body).at("verdict"), "stored");
  const HttpAnswer again = PostSigned(Event("evt_twice"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(Json::parse(again.body).at("verdict"), "duplicate");
  EXPECT_EQ(Find("evt_twice")->body, Event("evt_twice"));
}

TEST_F(DoorTest, AnUnknownTypeIsKept) {
  ASSERT_EQ(PostSigned(Event("evt_unknown", "weather.changed")).status, 200);
  ASSERT_TRUE(world_.Settle(10));
  EXPECT_EQ(Find("evt_unknown")->outcome, EventOutcome::kKept);
}

TEST_F(DoorTest, AnEventOfTheOtherModeIsKeptAndIgnored) {
  const HttpAnswer answer = PostSigned(Event("evt_live", "customer.created", true));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body).at("verdict"), "ignored_mode");
  EXPECT_EQ(Find("evt_live")->outcome, EventOutcome::kKept);
}

TEST_F(DoorTest, ABodyOverTheLimitIsRefused) {
  const std::string body = Event("evt_huge") + std::string(1024 * 1024, ' ');
  EXPECT_EQ(PostSigned(body).status, 413);
  EXPECT_FALSE(Find("evt_huge"));
  EXPECT_EQ(PostSigned(Event("evt_small")).status, 200);
}

TEST_F(DoorTest, NothingIsPromisedWhileTheLedgerCannotCommit) {
  {
    auto other = db::Connection::Open(world_.folder() + "/ledger.db", 1000);
    ASSERT_TRUE(other);
    ASSERT_TRUE((*other)->Run("BEGIN IMMEDIATE"));
    const HttpAnswer answer = PostSigned(Event("evt_locked"));
    EXPECT_EQ(answer.status, 503) << answer.body;
    EXPECT_FALSE(answer.Header("Retry-After").empty());
    EXPECT_FALSE(Find("evt_locked"));
    ASSERT_TRUE((*other)->Run("ROLLBACK"));
  }
  const HttpAnswer answer = PostSigned(Event("evt_locked"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body).at("verdict"), "stored");
  ASSERT_TRUE(world_.Settle(15));
  EXPECT_EQ(HttpSend(world_.port(), "GET", "/readyz").status, 200);
}

}  // namespace
}  // namespace dunlin::testing
