// What only looks like a message of AWS: refused by the running service with a reason and a count, nothing stored, and
// nobody asked about anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "state/ledger.h"
#include "tests/support/served.h"
#include "tests/support/sns_sender.h"
#include "tests/support/tls_server.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::json;

class MarketplaceDoorTest : public ::testing::Test {
 protected:
  MarketplaceDoorTest()
      : key_(KeyPair::Rsa()),
        elsewhere_([](const std::string&) { return ""; }),
        ledger_("sqlite:" + scratch_.File("l")) {
    const std::string url = kCertUrl;
    std::ofstream(scratch_.File(url.substr(url.rfind('/') + 1))) << Issue({}, key_).Pem();
    served_.emplace(
        0, std::map<std::string, std::string>{{"DUNLIN_AWS_MARKETPLACE_TOPICS", kTopic},
                                              {"DUNLIN_AWS_MARKETPLACE_CERTIFICATES", scratch_.File("")},
                                              {"DUNLIN_AWS_MARKETPLACE_EVENTBRIDGE_SECRETS", "bridge-0123456789"},
                                              {"DUNLIN_AWS_MARKETPLACE_LANDING_PAGE", "https://product.example/"},
                                              {"DUNLIN_AWS_API_BASE", "http://" + elsewhere_.address()},
                                              {"DUNLIN_AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                              {"DUNLIN_AWS_SECRET_ACCESS_KEY", "secret"}});
  }

  Json Signed(Json message) { return SnsSigned(std::move(message), key_); }
  // The present moment: the service keeps the machine's time.
  static Json Fresh(Json message) {
    message["Timestamp"] = FormatRfc3339(SystemClock().Now());
    return message;
  }
  testing_support::HttpAnswer Post(const std::string& body) {
    return testing_support::HttpSend(served_->port(), "POST", "/webhooks/aws-marketplace",
                                     {{"Content-Type", "text/plain; charset=UTF-8"}}, body);
  }
  std::string Metrics() { return testing_support::HttpSend(served_->port(), "GET", "/metrics").body; }
  bool Counted(const std::string& verdict, const std::string& door = "aws-marketplace") {
    return Metrics().find("dunlin_webhooks_total{provider=\"" + door + "\",verdict=\"" + verdict + "\"}") !=
           std::string::npos;
  }

  ScratchDir scratch_;
  const KeyPair key_;
  TlsServer elsewhere_;  // where AWS would be
  const std::string ledger_;
  std::optional<Served> served_;
};

TEST_F(MarketplaceDoorTest, WhatIsForgedAlteredReplayedOversizedOrNoJsonIsRefused) {
  const Json good = Signed(SnsNotification());
  Json altered = good, forged = SnsSigned(SnsNotification(), KeyPair::Rsa()), lookalike = good, foreign = good;
  altered["Message"] = R"({"action":"subscribe-success","customer-identifier":"me"})";
  lookalike["SigningCertURL"] = "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem";
  foreign["TopicArn"] = "arn:aws:sns:us-east-1:666666666666:mine";
  Json replayed = Signed(SnsConfirmation());  // months old
  Json astray = Fresh(SnsConfirmation());
  astray["SubscribeURL"] = "https://sns.us-east-1.amazonaws.com.evil.example/?Action=ConfirmSubscription";
  const std::pair<std::string, std::string> cases[] = {{altered.dump(), "signature_mismatch"},
                                                       {forged.dump(), "signature_mismatch"},
                                                       {lookalike.dump(), "cert_url_refused"},
                                                       {foreign.dump(), "topic_refused"},
                                                       {replayed.dump(), "confirmation_too_old"},
                                                       {Signed(astray).dump(), "topic_refused"},
                                                       {"this is no JSON", "not_json"},
                                                       {"[]", "not_json"},
                                                       {R"({"action":"subscribe-success"})", "missing_keys"}};
  for (const auto& [body, reason] : cases) {
    const auto answer = Post(body);
    EXPECT_EQ(answer.status, 400) << reason;
    EXPECT_THAT(answer.body, HasSubstr("\"" + reason + "\"")) << body;
    EXPECT_TRUE(Counted(reason)) << reason;
  }
  EXPECT_EQ(Post(std::string(2 << 20, ' ')).status, 413);
  EXPECT_THAT(elsewhere_.requests(), IsEmpty());
  EXPECT_FALSE(Counted("stored"));
}

TEST_F(MarketplaceDoorTest, TheGenuineOneIsTakenOnce) {
  const std::string body = Signed(SnsNotification()).dump();
  EXPECT_EQ(Post(body).status, 200);
  EXPECT_TRUE(Counted("stored"));
  EXPECT_EQ(Post(body).status, 200);
  EXPECT_TRUE(Counted("duplicate"));
}

TEST_F(MarketplaceDoorTest, WithoutTheSecretNothingOfEventBridgeIsTaken) {
  const std::string body =
      R"({"id":"e-1","detail-type":"License Updated - Manufacturer","time":"2026-11-21T10:00:00Z"})";
  const auto post = [&](const testing_support::Headers& headers) {
    return testing_support::HttpSend(served_->port(), "POST", "/webhooks/aws-eventbridge", headers, body).status;
  };
  EXPECT_EQ(post({}), 401);
  EXPECT_EQ(post({{"x-api-key", "bridge"}}), 401);
  EXPECT_TRUE(Counted("secret_missing", "aws-eventbridge"));
  EXPECT_TRUE(Counted("secret_wrong", "aws-eventbridge"));
  EXPECT_FALSE(Counted("stored", "aws-eventbridge"));
  EXPECT_EQ(post({{"x-api-key", "bridge-0123456789"}}), 200);
  EXPECT_TRUE(Counted("stored", "aws-eventbridge"));
}

}  // namespace
}  // namespace dunlin::testing
