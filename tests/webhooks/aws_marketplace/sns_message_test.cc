#include "webhooks/aws_marketplace/sns_message.h"

#include <gtest/gtest.h>

#include "tests/support/sns_sender.h"

namespace dunlin {
namespace {

using nlohmann::json;

json Notification() {
  json message = testing::SnsNotification();
  message["SignatureVersion"] = "1";
  message["Signature"] = "AAAA";
  return message;
}

json Confirmation(const std::string& type) {
  json message = testing::SnsConfirmation(type);
  message["SignatureVersion"] = "1";
  message["Signature"] = "AAAA";
  return message;
}

std::string_view ReasonOf(const std::string& body) {
  const SnsResult<SnsMessage> read = ReadSnsMessage(body);
  return read ? "readable" : ReasonName(read.error().reason);
}
std::string_view ReasonOf(const json& message) { return ReasonOf(message.dump()); }

TEST(SnsMessageTest, ANotificationIsReadUnescaped) {
  json sent = Notification();
  sent["Subject"] = "caf\u00e9";
  const SnsResult<SnsMessage> read = ReadSnsMessage(sent.dump(2, ' ', true));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->type, SnsType::kNotification);
  EXPECT_EQ(read->message_id, "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324");
  EXPECT_EQ(read->topic_arn, testing::kTopic);
  EXPECT_EQ(read->subject, "caf\u00e9");
  EXPECT_EQ(read->message, sent["Message"]);
  EXPECT_EQ(read->timestamp_text, testing::kSentAt);
  EXPECT_EQ(read->timestamp, *ParseRfc3339(testing::kSentAt));
  EXPECT_EQ(read->unsubscribe_url, sent["UnsubscribeURL"]);
  EXPECT_EQ(read->signature_version, "1");
  EXPECT_EQ(read->signature, "AAAA");
  EXPECT_EQ(read->signing_cert_url, testing::kCertUrl);
}

TEST(SnsMessageTest, BothConfirmationsCarryTheirTokenAndUrl) {
  for (const SnsType type : {SnsType::kSubscriptionConfirmation, SnsType::kUnsubscribeConfirmation}) {
    const json sent = Confirmation(std::string(SnsTypeName(type)));
    const SnsResult<SnsMessage> read = ReadSnsMessage(sent.dump());
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->type, type);
    EXPECT_EQ(read->token, sent["Token"]);
    EXPECT_EQ(read->subscribe_url, sent["SubscribeURL"]);
  }
}

TEST(SnsMessageTest, LambdasSpellingOfTheUrlsIsTheSame) {
  json sent = Confirmation("SubscriptionConfirmation");
  sent["SigningCertUrl"] = sent["SigningCertURL"];
  sent["SubscribeUrl"] = sent["SubscribeURL"];
  sent.erase("SigningCertURL");
  sent.erase("SubscribeURL");
  const SnsResult<SnsMessage> read = ReadSnsMessage(sent.dump());
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->signing_cert_url, testing::kCertUrl);
  EXPECT_EQ(read->subscribe_url, sent["SubscribeUrl"]);
}

TEST(SnsMessageTest, ANullSubjectIsNoneAndAnEmptyOneIsOne) {
  json sent = Notification();
  EXPECT_EQ(ReadSnsMessage(sent.dump())->subject, std::nullopt);
  sent["Subject"] = nullptr;
  EXPECT_EQ(ReadSnsMessage(sent.dump())->subject, std::nullopt);
  sent["Subject"] = "";
  EXPECT_EQ(ReadSnsMessage(sent.dump())->subject, "");
}

TEST(SnsMessageTest, WhatIsNoJsonObjectIsNotJson) {
  const std::string good = Notification().dump();
  for (const std::string& body :
       {std::string(), std::string(" "), std::string("hello"), std::string("[]"), std::string("\"text\""),
        std::string("5"), std::string("null"), good + "x", good + good, good.substr(0, good.size() - 1), "\xff" + good,
        std::string("{\"Message\":\"\xed\xa0\x82\"}")}) {
    EXPECT_EQ(ReasonOf(body), "not_json") << body;
  }
  EXPECT_EQ(ReasonOf(good + std::string(1, '\0') + "{}"), "not_json");
  EXPECT_EQ(ReasonOf("{\"x\":" + std::string(100, '[') + std::string(100, ']') + "}"), "not_json");
  EXPECT_EQ(ReasonOf("{\"x\":\"" + std::string(kSnsBodyBytesMax, 'x') + "\"}"), "not_json");
}

// Two readers must not see two messages in the same bytes.
TEST(SnsMessageTest, AKeyThatCountsMustStandOnce) {
  const std::string good = Notification().dump();
  const std::string rest = good.substr(1);
  for (const std::string twice : {"\"Message\":\"other\"", "\"MessageId\":null", "\"Type\":\"Notification\"",
                                  "\"SigningCertUrl\":\"https://elsewhere\"", "\"Message\":{}"}) {
    std::string body = "{";
    body += twice + "," + rest;
    EXPECT_EQ(ReasonOf(body), "not_json") << body;
    body = good.substr(0, good.size() - 1) + "," + twice + "}";
    EXPECT_EQ(ReasonOf(body), "not_json") << body;
  }
  EXPECT_TRUE(
      ReadSnsMessage("{\"MessageAttributes\":{\"Message\":1,\"Type\":{\"Message\":[]}},\"x\":1,\"x\":2," + rest));
}

TEST(SnsMessageTest, EachRequiredKeyMustBeThereAndBeAText) {
  for (const char* key :
       {"Type", "MessageId", "TopicArn", "Message", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"}) {
    for (const json& instead : {json(), json(1), json(true), json(1.5), json::array({"x"}), json::object()}) {
      json sent = Notification();
      sent[key] = instead;
      EXPECT_EQ(ReasonOf(sent), "missing_keys") << key << " " << instead;
    }
    json sent = Notification();
    sent.erase(key);
    EXPECT_EQ(ReasonOf(sent), "missing_keys") << key;
    EXPECT_EQ(ReadSnsMessage(sent.dump()).error().detail, std::string(key) + " is missing");
  }
  for (const char* key : {"Token", "SubscribeURL"}) {
    for (const char* type : {"SubscriptionConfirmation", "UnsubscribeConfirmation"}) {
      json sent = Confirmation(type);
      sent.erase(key);
      EXPECT_EQ(ReasonOf(sent), "missing_keys") << key << " of " << type;
    }
  }
  EXPECT_EQ(ReasonOf(std::string(R"({"foo":"bar","fizz":"buzz"})")), "missing_keys");
}

TEST(SnsMessageTest, ValuesHaveToBeOfTheirForm) {
  const std::pair<const char*, json> wrong[] = {{"Type", "notification"},
                                                {"Type", ""},
                                                {"MessageId", ""},
                                                {"MessageId", "a b"},
                                                {"MessageId", "caf\u00e9"},
                                                {"MessageId", "del\x7f"},
                                                {"MessageId", std::string(256, 'x')},
                                                {"TopicArn", ""},
                                                {"TopicArn", std::string(513, 'x')},
                                                {"Subject", 5},
                                                {"Subject", "two\nlines"},
                                                {"Subject", "del\x7f"},
                                                {"Timestamp", "January 5 2015"},
                                                {"Timestamp", ""},
                                                {"Timestamp", "2026-13-21T10:00:00.000Z"}};
  for (const auto& [key, value] : wrong) {
    json sent = Notification();
    sent[key] = value;
    EXPECT_EQ(ReasonOf(sent), "missing_keys") << key << " " << value;
  }
  json sent = Confirmation("SubscriptionConfirmation");
  sent["Token"] = std::string(1025, 'x');
  EXPECT_EQ(ReasonOf(sent), "missing_keys");
}

TEST(SnsMessageTest, NoRefusalTellsWhatTheMessageHolds) {
  json sent = Confirmation("SubscriptionConfirmation");
  sent["Token"] = "secret token";
  sent["Message"] = "secret message";
  EXPECT_EQ(ReadSnsMessage(sent.dump()).error().detail.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace dunlin
