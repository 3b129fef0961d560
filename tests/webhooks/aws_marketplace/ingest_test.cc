// The doors for AWS Marketplace on a real server and a real ledger.
#include "webhooks/aws_marketplace/ingest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>
#include <optional>

#include "tests/support/faulty_ledger.h"
#include "tests/support/http_client.h"
#include "tests/support/scratch.h"
#include "tests/support/sns_sender.h"
#include "tests/support/tls_server.h"
#include "webhooks/http/server.h"

namespace dunlin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;
using Answered = testing_support::HttpAnswer;
using testing_support::Headers;

const Timestamp kNow = *ParseRfc3339("2026-11-21T10:05:00Z");
constexpr const char* kSecret = "a-secret-of-ours-0123456789";

Json Bridged(const std::string& id = "e-1") {
  return {{"version", "0"},
          {"id", id},
          {"detail-type", "License Updated - Manufacturer"},
          {"source", "aws.agreement-marketplace"},
          {"time", "2026-11-21T10:00:00Z"},
          {"detail",
           {{"agreement", {{"id", "agmt-1"}}},
            {"license", {{"arn", "arn:aws:license-manager::294406891311:license:l-01"}}},
            {"product", {{"code", "prod1"}}}}}};
}

class MarketplaceIngestTest : public ::testing::Test {
 protected:
  MarketplaceIngestTest()
      : key_(testing::KeyPair::Rsa()),
        clock_(kNow),
        base_(std::move(*OpenLedger("sqlite::memory:"))),
        ledger_(*base_),
        certificates_(scratch_.File("certs")) {
    std::filesystem::create_directory(scratch_.File("certs"));
    const std::string url = testing::kCertUrl;
    std::ofstream(scratch_.File("certs") + url.substr(url.rfind('/'))) << testing::Issue({}, key_).Pem();
    Open({});
  }
  ~MarketplaceIngestTest() override { server_->Stop(Millis{2000}); }

  // Every question leads to `sns`, which is nobody unless a test says otherwise.
  void Open(const std::string& sns) {
    MarketplaceIngest::Options options;
    options.sns.topics = {testing::kTopic};
    options.confirm.endpoint = sns.empty() ? "" : "http://" + sns;
    options.confirm.timeout = 500ms;
    options.eventbridge_secrets = {"an-older-secret", kSecret};
    options.too_many = [this](std::string_view peer) -> std::optional<std::chrono::seconds> {
      EXPECT_EQ(peer, "127.0.0.1");
      return ++failures_ > 3 ? std::optional(std::chrono::seconds{17}) : std::nullopt;
    };
    options.on_verdict = [this](std::string_view door, std::string_view verdict, std::chrono::nanoseconds) {
      const std::lock_guard lock(mutex_);
      verdicts_.push_back(std::string(door) + " " + std::string(verdict));
    };
    ingest_.emplace(ledger_, clock_, certificates_, std::move(options));
    server_.emplace(HttpServer::Options{});
    server_->RouteLater("POST", "/sns",
                        [this](const HttpRequest& r, const HttpResponder& to) { ingest_->HandleSns(r, to); });
    server_->RouteLater("POST", "/eventbridge",
                        [this](const HttpRequest& r, const HttpResponder& to) { ingest_->HandleEventBridge(r, to); });
    port_ = server_->Listen().value();
    server_->Start();
  }

  Answered PostSns(const std::string& body, Headers more = {}) {
    more.emplace_back("Content-Type", "text/plain; charset=UTF-8");
    return testing_support::HttpSend(port_, "POST", "/sns", more, body);
  }
  Answered PostSns(const Json& message) { return PostSns(testing::SnsSigned(message, key_).dump()); }
  Answered PostEventBridge(const std::string& body, const Headers& headers) {
    return testing_support::HttpSend(port_, "POST", "/eventbridge", headers, body);
  }
  Answered PostEventBridge(const Json& body) { return PostEventBridge(body.dump(), {{"X-Api-Key", kSecret}}); }
  static std::string CodeOf(const Answered& answer) { return Json::parse(answer.body).value("code", ""); }

  std::vector<std::string> Stored() {
    std::vector<std::string> stored;
    const auto events = base_->Events({}, {});
    for (const StoredEvent& e : events->items) stored.push_back(e.type + " " + e.id.str());
    return stored;
  }
  std::vector<std::string> verdicts() {
    const std::lock_guard lock(mutex_);
    return verdicts_;
  }

  testing::ScratchDir scratch_;
  const testing::KeyPair key_;
  testing::FixedClock clock_;
  const std::unique_ptr<Ledger> base_;
  testing::FaultyLedger ledger_;
  PinnedCertificates certificates_;
  std::optional<MarketplaceIngest> ingest_;
  std::optional<HttpServer> server_;
  int port_ = 0;

 private:
  int failures_ = 0;
  std::mutex mutex_;
  std::vector<std::string> verdicts_;
};

Json Notification(const std::string& message) {
  Json notification = testing::SnsNotification();
  notification["Message"] = message;
  return notification;
}
const std::string kAction = R"({"action":"subscribe-success","customer-identifier":"c1","product-code":"prod1"})";

// ---- Amazon SNS --------------------------------------------------------------------------------------------------

TEST_F(MarketplaceIngestTest, ASignedMessageIsStoredOnceAsItCame) {
  const std::string body = testing::SnsSigned(Notification(kAction), key_, "1").dump(2);
  EXPECT_EQ(PostSns(body).status, 200);
  EXPECT_EQ(PostSns(body).status, 200);
  EXPECT_THAT(Stored(),
              ElementsAre("sns.subscribe-success " + testing::SnsNotification()["MessageId"].get<std::string>()));
  const EventId id{testing::SnsNotification()["MessageId"].get<std::string>()};
  const StoredEvent event = base_->FindEvent(Provider::kAwsMarketplace, id).value().value();
  EXPECT_EQ(event.body, body);
  EXPECT_EQ(event.created, *ParseRfc3339(testing::kSentAt));
  EXPECT_EQ(event.received_at, kNow);
  EXPECT_THAT(verdicts(), ElementsAre("aws-marketplace stored", "aws-marketplace duplicate"));
  EXPECT_THAT(base_->Jobs({.kind = JobKind::kApply}, {}).value().items, SizeIs(1));
}

TEST_F(MarketplaceIngestTest, AnEventBridgeEventIsTheSameWhicheverWayItComes) {
  EXPECT_EQ(PostSns(Notification(Bridged("e-9").dump())).status, 200);
  EXPECT_EQ(PostEventBridge(Bridged("e-9")).status, 200);
  EXPECT_THAT(Stored(), ElementsAre("License Updated - Manufacturer eb/e-9"));
  EXPECT_THAT(verdicts(), ElementsAre("aws-marketplace stored", "aws-eventbridge duplicate"));
}

TEST_F(MarketplaceIngestTest, WhatIsNotFromSnsIsRefusedWithItsReasonAndNothingIsStored) {
  const Json good = testing::SnsSigned(Notification(kAction), key_);
  const auto changed = [&](const char* key, const std::string& value) {
    Json message = good;
    message[key] = value;
    return message.dump();
  };
  const std::pair<std::string, std::string> cases[] = {
      {"no JSON", "not_json"},
      {"{}", "missing_keys"},
      {changed("SignatureVersion", "3"), "unsupported_signature_version"},
      {changed("SigningCertURL", "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem"),
       "cert_url_refused"},
      {changed("TopicArn", "arn:aws:sns:us-east-1:1:other"), "topic_refused"},
      {changed("Message", R"({"action":"unsubscribe-success"})"), "signature_mismatch"},
  };
  std::vector<std::string> wanted;
  for (const auto& [body, reason] : cases) {
    const Answered answer = PostSns(body);
    EXPECT_EQ(answer.status, 400) << reason;
    EXPECT_EQ(CodeOf(answer), reason);
    wanted.push_back("aws-marketplace " + reason);
  }
  EXPECT_EQ(verdicts(), wanted);
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(MarketplaceIngestTest, ASignedMessageTakesOnNoOtherMeaningByWhatIsAddedToIt) {
  Json message = testing::SnsSigned(Notification(kAction), key_);
  message["type"] = "registration.resolved";
  message["id"] = "registration/forged";
  message["product_code"] = "prod1";
  message["aws_account_id"] = "666";
  message["at"] = "2026-11-21T10:00:00Z";
  message["detail-type"] = "License Updated - Manufacturer";
  EXPECT_EQ(PostSns(message.dump()).status, 200);
  EXPECT_THAT(Stored(), ElementsAre(HasSubstr("sns.subscribe-success")));
}

TEST_F(MarketplaceIngestTest, TroubleThatMayPassIsNotAFinalAnswer) {
  Json elsewhere = Notification(kAction);
  elsewhere["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-abcdef.pem";
  EXPECT_EQ(PostSns(elsewhere).status, 503);
  ledger_.LoseCommit(1, testing::FaultyLedger::Fault::kBeforeWrite);
  const Answered answer = PostSns(Notification(kAction));
  EXPECT_EQ(answer.status, 503);
  EXPECT_NE(answer.Header("Retry-After"), "");
  EXPECT_THAT(verdicts(), ElementsAre("aws-marketplace cert_unavailable", "aws-marketplace unavailable"));
  EXPECT_EQ(PostSns(Notification(kAction)).status, 200);
}

TEST_F(MarketplaceIngestTest, RawDeliveryIsRefusedByName) {
  const Answered answer = PostSns(kAction, {{"x-amz-sns-rawdelivery", "true"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(CodeOf(answer), "raw_delivery");
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(MarketplaceIngestTest, SignedWordsThatAreNotKnownOrCannotBeReadAreKept) {
  const auto sent = [&](const std::string& id, const std::string& message) {
    Json notification = Notification(message);
    notification["MessageId"] = id;
    return PostSns(notification).status;
  };
  EXPECT_EQ(sent("m-1", R"({"action":"dance","customer-identifier":"c1"})"), 200);
  EXPECT_EQ(sent("m-2", "Hello"), 200);
  EXPECT_EQ(sent("m-3", R"({"action":"subscribe-success"})"), 200);
  EXPECT_THAT(Stored(), ElementsAre("sns.unreadable m-3", "sns.unreadable m-2", "sns.dance m-1"));
}

TEST_F(MarketplaceIngestTest, ARequestToConfirmIsStoredAndThenConfirmed) {
  testing::TlsServer sns([](const std::string&) {
    const std::string xml = "<a><SubscriptionArn>" + std::string(testing::kTopic) + ":s-1</SubscriptionArn></a>";
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(xml.size()) + "\r\n\r\n" + xml;
  });
  Open(sns.address());
  const std::string body = testing::SnsSigned(testing::SnsConfirmation(), key_).dump();
  EXPECT_EQ(PostSns(body).status, 200);
  EXPECT_THAT(sns.requests(), IsEmpty());
  EXPECT_THAT(Stored(), ElementsAre(HasSubstr("sns.SubscriptionConfirmation")));
  const Result<std::string> confirmed = ingest_->ConfirmTopic(body);
  ASSERT_TRUE(confirmed) << confirmed.error().detail;
  EXPECT_EQ(*confirmed, std::string(testing::kTopic) + ":s-1");
  ASSERT_THAT(sns.requests(), SizeIs(1));
  EXPECT_THAT(sns.requests()[0], HasSubstr("GET /?Action=ConfirmSubscription"));
}

TEST_F(MarketplaceIngestTest, AConfirmationThatLeadsElsewhereOrComesTooLateAsksNobody) {
  testing::TlsServer sns([](const std::string&) { return ""; });
  Open(sns.address());
  Json elsewhere = testing::SnsConfirmation();
  elsewhere["SubscribeURL"] = "https://bucket.s3.amazonaws.com/?Action=ConfirmSubscription";
  EXPECT_EQ(CodeOf(PostSns(elsewhere)), "topic_refused");
  clock_.Set(kNow + 2h);
  EXPECT_EQ(CodeOf(PostSns(testing::SnsConfirmation())), "confirmation_too_old");
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_THAT(sns.requests(), IsEmpty());
}

// ---- EventBridge -------------------------------------------------------------------------------------------------

TEST_F(MarketplaceIngestTest, EachOfOurSecretsOpensTheDoorForEventBridgeAndNothingElseDoes) {
  const std::string body = Bridged().dump();
  const std::pair<Headers, std::string> refused[] = {
      {{}, "secret_missing"},
      {{{"X-Api-Key", "wrong"}}, "secret_wrong"},
      {{{"X-Api-Key", kSecret}, {"x-api-key", kSecret}}, "secret_missing"},
  };
  for (const auto& [headers, reason] : refused) {
    const Answered answer = PostEventBridge(body, headers);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(CodeOf(answer), reason);
    EXPECT_THAT(answer.body, Not(HasSubstr(kSecret)));
  }
  EXPECT_THAT(Stored(), IsEmpty());
  EXPECT_EQ(PostEventBridge(body, {{"x-api-key", "an-older-secret"}}).status, 200);
  EXPECT_EQ(PostEventBridge(Bridged("e-2")).status, 200);
  EXPECT_THAT(Stored(), SizeIs(2));
}

TEST_F(MarketplaceIngestTest, AfterTooManyWrongSecretsTheAnswerIs429AndAGoodOnePasses) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(PostEventBridge("{}", {{"X-Api-Key", "wrong"}}).status, 401);
  const Answered answer = PostEventBridge("{}", {{"X-Api-Key", "wrong"}});
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.Header("Retry-After"), "17");
  EXPECT_EQ(verdicts().back(), "aws-eventbridge too_many");
  EXPECT_EQ(PostEventBridge(Bridged()).status, 200);
}

TEST_F(MarketplaceIngestTest, OnlyEventsOfEventBridgeComeThroughItsDoor) {
  const Json registration = {{"type", "registration.resolved"},
                             {"id", "registration/1"},
                             {"product_code", "prod1"},
                             {"aws_account_id", "1"},
                             {"at", "2026-11-21T10:00:00Z"}};
  // Its own ids of EventBridge make none of these an event.
  Json notification = Notification(kAction), confirmation = testing::SnsConfirmation(), both = Bridged("e-9");
  notification["MessageId"] = confirmation["MessageId"] = "eb/x";
  both.update(registration);
  Json both_sns = Bridged("e-9");
  both_sns.update(confirmation);
  const std::pair<std::string, std::string> cases[] = {{"no JSON", "not_json"},
                                                       {"{}", "not_event"},
                                                       {Notification(kAction).dump(), "not_event"},
                                                       {notification.dump(), "not_event"},
                                                       {confirmation.dump(), "not_event"},
                                                       {Notification(Bridged().dump()).dump(), "not_event"},
                                                       {registration.dump(), "not_event"},
                                                       {both.dump(), "not_event"},
                                                       {both_sns.dump(), "not_event"}};
  for (const auto& [body, verdict] : cases) {
    EXPECT_EQ(PostEventBridge(body, {{"X-Api-Key", kSecret}}).status, 400);
    EXPECT_EQ(verdicts().back(), "aws-eventbridge " + verdict);
  }
  EXPECT_THAT(Stored(), IsEmpty());
  Json strange = Bridged();
  strange["detail-type"] = "Something New - Proposer";
  EXPECT_EQ(PostEventBridge(strange).status, 200);
  Json lacking = Bridged("e-2");
  lacking["detail"].erase("license");
  EXPECT_EQ(PostEventBridge(lacking).status, 200);
  EXPECT_THAT(Stored(), SizeIs(2));
}

}  // namespace
}  // namespace dunlin
