// AWS Marketplace's events as they are stored, and what each comes to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "workflows/providers/aws_marketplace/news.h"
#include "workflows/providers/aws_marketplace/stored_event.h"

namespace dunlin {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(DUNLIN_SOURCE_DIR) / "fixtures/aws_marketplace";
const Timestamp kNow = *ParseRfc3339("2026-11-21T12:00:00Z");
constexpr const char* kMessageId = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";

std::string Load(const fs::path& file) {
  std::ifstream in(file);
  EXPECT_TRUE(in) << file;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string Notification(const std::string& message, const std::string& type = "Notification") {
  return Json{{"Type", type},
              {"MessageId", kMessageId},
              {"TopicArn", "arn:aws:sns:us-east-1:1:topic"},
              {"Message", message},
              {"Timestamp", "2026-11-21T10:00:00.000Z"}}
      .dump();
}
std::string Action(const std::string& name) { return Notification(Load(kFixtures / "actions" / (name + ".json"))); }

NewEvent EventOf(const std::string& body) {
  Result<NewEvent> event = MarketplaceEventOf(body, kNow);
  EXPECT_TRUE(event) << event.error().detail;
  return event ? std::move(*event) : NewEvent{};
}
Digest DigestOf(const std::string& body) {
  Result<Digest> digest = ReadMarketplaceEvent(body);
  EXPECT_TRUE(digest) << digest.error().detail;
  return digest ? std::move(*digest) : Digest{};
}

TEST(MarketplaceStoredTest, AnActionGoesByItsMessageIdAndIsAFactOfItsCustomer) {
  const std::string body = Action("subscribe-success");
  const NewEvent event = EventOf(body);
  EXPECT_EQ(event.provider, Provider::kAwsMarketplace);
  EXPECT_EQ(event.id.str(), kMessageId);
  EXPECT_EQ(event.type, "sns.subscribe-success");
  EXPECT_EQ(FormatRfc3339(event.created), "2026-11-21T10:00:00Z");
  EXPECT_EQ(event.received_at, kNow);
  EXPECT_EQ(event.body, body);
  EXPECT_EQ(event.outcome, EventOutcome::kWaiting);
  const Digest digest = DigestOf(body);
  ASSERT_TRUE(digest.market);
  ASSERT_THAT(digest.market->facts.notices, SizeIs(1));
  EXPECT_EQ(digest.market->facts.notices[0].kind, MarketNotice::Kind::kSubscribed);
  EXPECT_EQ(digest.market->facts.notices[0].source, event.id);
}

TEST(MarketplaceStoredTest, AnEventBridgeEventGoesByItsOwnIdWhicheverWayItCame) {
  const std::string body = Load(kFixtures / "eventbridge/license-updated-manufacturer.json");
  const NewEvent direct = EventOf(body), wrapped = EventOf(Notification(body));
  EXPECT_EQ(direct.id.str(), "eb/" + Json::parse(body)["id"].get<std::string>());
  EXPECT_EQ(direct.type, "License Updated - Manufacturer");
  EXPECT_EQ(wrapped.id, direct.id);
  EXPECT_EQ(wrapped.type, direct.type);
  EXPECT_EQ(wrapped.created, direct.created);
  EXPECT_EQ(DigestOf(Notification(body)).market->facts, DigestOf(body).market->facts);
}

TEST(MarketplaceStoredTest, EveryFixtureIsAFactAndOnlyHintsAskForEntitlements) {
  int files = 0;
  for (const char* folder : {"actions", "eventbridge"}) {
    for (const auto& entry : fs::directory_iterator(kFixtures / folder)) {
      const std::string text = Load(entry.path()), name = entry.path().stem();
      const Digest digest = DigestOf(folder == std::string("actions") ? Notification(text) : text);
      ASSERT_TRUE(digest.market) << name;
      EXPECT_THAT(KeysOf(digest.market->facts), Not(IsEmpty())) << name;
      const bool hint = name == "entitlement-updated" || name.starts_with("license-updated") ||
                        name.starts_with("purchase-agreement-created") ||
                        name.starts_with("purchase-agreement-amended");
      EXPECT_EQ(digest.market->ask_entitlements, hint) << name;
      ++files;
    }
  }
  EXPECT_GE(files, 25);
}

TEST(MarketplaceStoredTest, AnAgreementWithoutAnEndHasNone) {
  Json event = Json::parse(Load(kFixtures / "eventbridge/purchase-agreement-created-proposer.json"));
  event["detail"]["agreement"]["endTime"] = "9999-01-01T00:00:00Z";
  EXPECT_FALSE(DigestOf(event.dump()).market->facts.notices[0].ends_at);
  event["detail"]["agreement"]["endTime"] = "2027-01-01T00:00:00Z";
  EXPECT_TRUE(DigestOf(event.dump()).market->facts.notices[0].ends_at);
}

TEST(MarketplaceStoredTest, ARegistrationSaysWhoAndNeverTheToken) {
  const ResolvedCustomer buyer{.customer = CustomerIdentifier{"c1"},
                               .product = ProductCode{"prod1"},
                               .account = AwsAccountId{"123"},
                               .licence = LicenceArn{"arn:aws:license-manager::1:license:l-01"}};
  const std::string body = RegistrationBody(buyer, "abc123", kNow);
  const NewEvent event = EventOf(body);
  EXPECT_EQ(event.id.str(), "registration/abc123");
  EXPECT_EQ(event.type, "registration.resolved");
  const Digest digest = DigestOf(body);
  ASSERT_THAT(digest.market->facts.registrations, SizeIs(1));
  const MarketRegistration& r = digest.market->facts.registrations[0];
  EXPECT_EQ(r.product, buyer.product);
  EXPECT_EQ(r.customer, buyer.customer);
  EXPECT_EQ(r.account, buyer.account);
  EXPECT_EQ(r.licence, buyer.licence);
  EXPECT_EQ(r.at, kNow);
  EXPECT_TRUE(digest.market->ask_entitlements);
  EXPECT_FALSE(ReadMarketplaceEvent(R"({"type":"registration.resolved","id":"eb/1","product_code":"p","at":)"
                                    R"("2026-11-21T10:00:00Z","aws_account_id":"1"})"));
}

TEST(MarketplaceStoredTest, ARegistrationHoldsOnlyWhatIsKnownOfTheBuyer) {
  const std::vector<std::pair<ResolvedCustomer, std::vector<std::string>>> cases = {
      {{.customer = CustomerIdentifier{"c1"}, .product = ProductCode{"p"}}, {"customer_identifier"}},
      {{.product = ProductCode{"p"}, .account = AwsAccountId{"123"}}, {"aws_account_id"}},
      {{.product = ProductCode{"p"}, .account = AwsAccountId{"123"}, .licence = LicenceArn{"l-1"}},
       {"aws_account_id", "licence_arn"}},
  };
  for (const auto& [buyer, known] : cases) {
    const std::string text = RegistrationBody(buyer, "abc", kNow);
    const Json body = Json::parse(text);
    EXPECT_EQ(body.size(), 4 + known.size()) << text;
    for (const std::string& key : known) EXPECT_TRUE(body.contains(key)) << text;
    const Digest digest = DigestOf(text);
    ASSERT_THAT(digest.market->facts.registrations, SizeIs(1));
    EXPECT_EQ(digest.market->facts.registrations[0].account, buyer.account);
    EXPECT_EQ(digest.market->facts.registrations[0].customer, buyer.customer);
  }
}

TEST(MarketplaceStoredTest, WhatARegistrationLacksIsNamed) {
  const Json good = {{"type", "registration.resolved"},
                     {"id", "registration/abc"},
                     {"product_code", "p"},
                     {"at", "2026-11-21T10:00:00Z"},
                     {"aws_account_id", "123"}};
  ASSERT_TRUE(ReadMarketplaceEvent(good.dump()));
  const std::vector<std::tuple<std::string, Json, std::string>> cases = {
      {"id", nullptr, "registration: `id` is missing"},
      {"id", 7, "registration: `id` is not a text"},
      {"id", "eb/1", "registration: `id` is not one of ours"},
      {"product_code", nullptr, "registration: `product_code` is missing"},
      {"at", nullptr, "registration: `at`"},
      {"at", "yesterday", "registration: `at`"},
      {"aws_account_id", nullptr, "neither `aws_account_id` nor `customer_identifier`"},
  };
  for (const auto& [key, value, named] : cases) {
    Json body = good;
    body[key] = value;
    const Result<Digest> digest = ReadMarketplaceEvent(body.dump());
    ASSERT_FALSE(digest) << body;
    EXPECT_EQ(digest.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(digest.error().detail, HasSubstr(named));
  }
}

TEST(MarketplaceStoredTest, ConfirmationsAreAboutATopic) {
  const Digest asks = DigestOf(Notification("You have chosen …", "SubscriptionConfirmation"));
  ASSERT_TRUE(asks.topic);
  EXPECT_TRUE(asks.topic->asks);
  EXPECT_EQ(asks.topic->arn, "arn:aws:sns:us-east-1:1:topic");
  EXPECT_EQ(asks.type, "sns.SubscriptionConfirmation");
  const Digest left = DigestOf(Notification("You have left …", "UnsubscribeConfirmation"));
  ASSERT_TRUE(left.topic);
  EXPECT_FALSE(left.topic->asks);
}

TEST(MarketplaceStoredTest, UnknownWordsAreKeptAndNotActedOn) {
  const std::string body = Notification(R"({"action":"dance"})");
  EXPECT_EQ(EventOf(body).type, "sns.dance");
  const Digest digest = DigestOf(body);
  EXPECT_FALSE(digest.acted_on);
  EXPECT_FALSE(digest.market);
}

TEST(MarketplaceStoredTest, AnEventThatCannotBeReadIsStoredUnderItsEnvelope) {
  const std::string lacking = Notification(R"({"action":"subscribe-success"})");
  EXPECT_EQ(EventOf(lacking).type, "sns.unreadable");
  EXPECT_EQ(EventOf(lacking).id.str(), kMessageId);
  const Result<Digest> digest = ReadMarketplaceEvent(lacking);
  ASSERT_FALSE(digest);
  EXPECT_THAT(digest.error().detail, HasSubstr("product-code"));

  Json event = Json::parse(Load(kFixtures / "eventbridge/license-updated-manufacturer.json"));
  const std::string id = "eb/" + event["id"].get<std::string>();
  event["detail"].erase("license");
  EXPECT_EQ(EventOf(event.dump()).id.str(), id);
  EXPECT_EQ(EventOf(Notification(event.dump())).id.str(), id);
  EXPECT_FALSE(MarketplaceEventOf("no JSON", kNow));
  EXPECT_FALSE(MarketplaceEventOf("{}", kNow));
}

// Without an id or a time there is nothing to store it under.
TEST(MarketplaceStoredTest, WhatAnEnvelopeLacksIsNamed) {
  const Json notification = Json::parse(Action("subscribe-success"));
  const Json unreadable = Json::parse(Notification("no JSON"));
  const Json bridged = Json::parse(Load(kFixtures / "eventbridge/license-updated-manufacturer.json"));
  const std::vector<std::tuple<Json, std::string, Json, std::string>> cases = {
      {notification, "MessageId", 7, "notification: `MessageId` is not a text"},
      {notification, "Timestamp", "yesterday", "notification: `Timestamp`"},
      {unreadable, "MessageId", "", "notification: `MessageId` is not a text"},
      {unreadable, "Timestamp", nullptr, "notification: `Timestamp`"},
      {bridged, "id", nullptr, "event: `id` is missing"},
      {bridged, "detail-type", nullptr, "event: `detail-type` is missing"},
      {bridged, "detail-type", 7, "event: `detail-type` is not a text"},
      {bridged, "time", "yesterday", "event: `time`"},
  };
  for (const auto& [good, key, value, named] : cases) {
    Json body = good;
    body[key] = value;
    const Result<NewEvent> event = MarketplaceEventOf(body.dump(), kNow);
    ASSERT_FALSE(event) << body;
    EXPECT_EQ(event.error().code, Errc::kInvalidArgument);
    EXPECT_THAT(event.error().detail, HasSubstr(named));
    EXPECT_FALSE(ReadMarketplaceEvent(body.dump()));
  }
}

TEST(MarketplaceStoredTest, AConfirmationOfNoTopicIsStoredAsUnreadable) {
  Json body = Json::parse(Notification("You …", "SubscriptionConfirmation"));
  body.erase("TopicArn");
  EXPECT_EQ(EventOf(body.dump()).type, "sns.unreadable");
  const Result<Digest> digest = ReadMarketplaceEvent(body.dump());
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().detail, "confirmation: `TopicArn` is missing");
}

TEST(MarketplaceStoredTest, AnApiDestinationPostsEventsOfEventBridgeAndNothingElse) {
  const std::string bridged = Load(kFixtures / "eventbridge/license-updated-manufacturer.json");
  EXPECT_TRUE(EventBridgeEventOf(bridged, kNow));
  for (const char* key : {"MessageId", "TopicArn", "Type"}) {
    Json body = Json::parse(bridged);
    body[key] = "x";
    const Result<NewEvent> event = EventBridgeEventOf(body.dump(), kNow);
    ASSERT_FALSE(event) << key;
    EXPECT_THAT(event.error().detail, HasSubstr("the shape of another message"));
  }
  EXPECT_FALSE(EventBridgeEventOf(RegistrationBody({.product = ProductCode{"p"}}, "abc", kNow), kNow));
  EXPECT_FALSE(EventBridgeEventOf("no JSON", kNow));
}

// ---- What the timeline says --------------------------------------------------------------------------------------

std::string NoteOf(MarketplaceKind kind, std::optional<std::int64_t> days,
                   std::optional<BillingAdjustment> adjustment) {
  MarketplaceEvent event;
  event.kind = kind;
  event.agreement = AgreementId{"agmt-1"};
  event.days_before_end = days;
  event.adjustment = std::move(adjustment);
  return NewsOf(event).value_or(MarketNews{}).note;
}

TEST(MarketplaceStoredTest, ANoteTellsWhatIsToldAndNoMore) {
  using enum MarketplaceKind;
  EXPECT_EQ(NoteOf(kAgreementEnding, 30, {}), "AWS says that agreement agmt-1 ends in 30 days.");
  EXPECT_EQ(NoteOf(kAgreementEnding, {}, {}), "AWS says that agreement agmt-1 ends soon.");
  EXPECT_EQ(NoteOf(kAdjustmentFailed, {}, {}), "AWS could not make an adjustment for agreement agmt-1.");
  EXPECT_EQ(NoteOf(kAdjustmentCompleted, {}, BillingAdjustment{"adj-1", {-1250, "usd"}}),
            "AWS has made an adjustment of " + FormatMoney({-1250, "usd"}) + " for agreement agmt-1.");
  EXPECT_FALSE(NewsOf(MarketplaceEvent{})) << "a kind that we do not know";
}

}  // namespace
}  // namespace dunlin
