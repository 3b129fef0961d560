#include "webhooks/aws_marketplace/sns_confirm.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch.h"
#include "tests/support/sns_sender.h"
#include "tests/support/tls_server.h"

namespace dunlin {
namespace {

using testing::CertificateSpec;
using testing::HttpAnswer;
using testing::Issue;
using testing::Issued;
using testing::KeyPair;
using testing::TlsServer;

constexpr const char* kHost = "sns.us-east-1.amazonaws.com";
const std::string kSubscription = std::string(testing::kTopic) + ":2bcfbf39-05c3-41de-beaa-fcfcc21c8f55";

std::string Xml(const std::string& arn) {
  return "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\n"
         "  <ConfirmSubscriptionResult>\n    <SubscriptionArn>" +
         arn +
         "</SubscriptionArn>\n  </ConfirmSubscriptionResult>\n  <ResponseMetadata>\n"
         "    <RequestId>075ecce8-8dac-11e1-bf80-f781d96e9307</RequestId>\n  </ResponseMetadata>\n"
         "</ConfirmSubscriptionResponse>\n";
}

class SnsConfirmTest : public ::testing::Test {
 protected:
  SnsConfirmTest() {
    CertificateSpec ca;
    ca.common_name = "Test Root";
    ca.is_ca = true;
    const Issued root = Issue(ca, KeyPair::Ec());
    std::ofstream(scratch_.File("ca.pem")) << root.Pem();
    CertificateSpec host;
    host.common_name = kHost;
    host.dns_names = {kHost};
    host_ = std::make_unique<Issued>(Issue(host, KeyPair::Ec(), &root));
  }

  static SnsMessage Message(const std::string& type = "SubscriptionConfirmation") {
    nlohmann::json sent = testing::SnsConfirmation(type);
    sent["SignatureVersion"] = "2";
    sent["Signature"] = "AAAA";
    return *ReadSnsMessage(sent.dump());
  }
  // At a server with this answer, over TLS and under the SubscribeURL's own host.
  Result<std::string> ConfirmAt(const std::string& answer, const SnsMessage& message = Message()) {
    TlsServer server([&](const std::string&) { return answer; }, host_.get());
    SnsConfirmOptions options;
    options.ca_file = scratch_.File("ca.pem");
    options.connect_to = {server.InsteadOf(kHost, 443)};
    options.timeout = 500ms;
    Result<std::string> confirmed = ConfirmSubscription(message, options);
    requests_ = server.requests();
    return confirmed;
  }

  testing::ScratchDir scratch_;
  std::unique_ptr<Issued> host_;
  std::vector<std::string> requests_;
};

TEST_F(SnsConfirmTest, TheSubscriptionsArnComesBackFromOneRequest) {
  const Result<std::string> arn = ConfirmAt(HttpAnswer(200, Xml(kSubscription)));
  ASSERT_TRUE(arn) << arn.error().detail;
  EXPECT_EQ(*arn, kSubscription);
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_EQ(requests_.front().substr(0, requests_.front().find(" HTTP")),
            "GET " + Message().subscribe_url.substr(std::string("https://").size() + std::string(kHost).size()));
}

TEST_F(SnsConfirmTest, NothingElseIsEverAsked) {
  EXPECT_EQ(ConfirmAt(HttpAnswer(200, Xml(kSubscription)), Message("UnsubscribeConfirmation")).error().code,
            Errc::kInvalidArgument);
  EXPECT_EQ(requests_.size(), 0U);
  for (const char* url : {"https://evil.example/?Action=ConfirmSubscription", "http://bucket.s3.amazonaws.com/",
                          "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic"}) {
    SnsMessage message = Message();
    message.subscribe_url = url;
    EXPECT_EQ(ConfirmAt(HttpAnswer(200, Xml(kSubscription)), message).error().code, Errc::kInvalidArgument) << url;
    EXPECT_EQ(requests_.size(), 0U);
  }
}

TEST_F(SnsConfirmTest, ARefusalOfSnsIsFinalAndTroubleIsNot) {
  EXPECT_EQ(ConfirmAt(HttpAnswer(400, "<ErrorResponse/>")).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(ConfirmAt(HttpAnswer(403, "<ErrorResponse/>")).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(ConfirmAt(HttpAnswer(429, "")).error().code, Errc::kUnavailable);
  EXPECT_EQ(ConfirmAt(HttpAnswer(500, "")).error().code, Errc::kUnavailable);
  EXPECT_EQ(ConfirmAt("").error().code, Errc::kUnavailable) << "no answer at all";
  EXPECT_EQ(
      ConfirmAt("HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n").error().code,
      Errc::kInvalidArgument);
  EXPECT_EQ(requests_.size(), 1U);
}

TEST_F(SnsConfirmTest, AnIdOfLettersDigitsAndDashesIsTakenAsItIs) {
  for (const std::string id : {"0189-azAZ", "A", "-"}) {
    const std::string arn = std::string(testing::kTopic) + ":" + id;
    EXPECT_EQ(ConfirmAt(HttpAnswer(200, Xml(arn))), arn);
  }
}

TEST_F(SnsConfirmTest, AnAnswerWithoutTheArnOfThatTopicConfirmsNothing) {
  const std::string topic = testing::kTopic;
  for (const std::string& body :
       {std::string(), std::string("<html/>"), std::string("<SubscriptionArn>"), Xml(""), Xml("pending confirmation"),
        Xml(topic), Xml(topic + ":"), Xml(topic + "2:abc"), Xml(topic + ":a b"), Xml(topic + ":a{b"),
        Xml(topic + ":a_b"), Xml(topic + ":a:b"), Xml(topic + ":a@b"), Xml(topic + ":" + std::string(65, 'a')),
        std::string("<SubscriptionArn>" + kSubscription)}) {
    const Result<std::string> arn = ConfirmAt(HttpAnswer(200, body));
    ASSERT_FALSE(arn) << body;
    EXPECT_EQ(arn.error().code, Errc::kUnavailable) << body;
  }
}

TEST_F(SnsConfirmTest, ASimulatorsEndpointTakesTheRequestAndTheUrlIsJudgedAllTheSame) {
  TlsServer simulator([](const std::string&) { return HttpAnswer(200, Xml(kSubscription)); });
  SnsConfirmOptions options;
  options.endpoint = "http://" + simulator.address();
  const Result<std::string> arn = ConfirmSubscription(Message(), options);
  ASSERT_TRUE(arn) << arn.error().detail;
  EXPECT_EQ(*arn, kSubscription);
  EXPECT_TRUE(simulator.requests().front().starts_with("GET /?Action=ConfirmSubscription&TopicArn="));
  SnsMessage elsewhere = Message();
  elsewhere.subscribe_url = "http://" + simulator.address() + "/?Action=ConfirmSubscription";
  EXPECT_EQ(ConfirmSubscription(elsewhere, options).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(simulator.requests().size(), 1U);
}

}  // namespace
}  // namespace dunlin
