#include "webhooks/aws_marketplace/sns_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sns_sender.h"

namespace dunlin {
namespace {

constexpr const char* kName = "/SimpleNotificationService-0123456789abcdef.pem";

std::string At(const std::string& host) { return "https://" + host + kName; }

TEST(SigningCertUrlTest, EveryRegionsHostPasses) {
  for (const char* host : {"sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn",
                           "sns.us-gov-west-1.amazonaws.com", "sns.abc.amazonaws.com", "sns.US-EAST-1.amazonaws.com"}) {
    EXPECT_TRUE(CheckSigningCertUrl(At(host))) << host;
  }
  EXPECT_TRUE(CheckSigningCertUrl(At("sns." + std::string(63, 'r') + ".amazonaws.com")));
  EXPECT_FALSE(CheckSigningCertUrl(At("sns." + std::string(64, 'r') + ".amazonaws.com"))) << "no host has such a label";
}

TEST(SigningCertUrlTest, WhatOnlyLooksLikeAHostOfSnsIsRefused) {
  for (const char* host : {"localhost",
                           "foo.amazonaws.com",
                           "example.com",
                           "s3.us-east-1.amazonaws.com",
                           "sns.amazonaws.com",
                           "sns.us.amazonaws.com",
                           "sns.us-east-1.amazonaws.com.evil.example",
                           "sns.us-east-1.amazonaws.com.",
                           "sns.us-east-1.amazonaws.org",
                           "sns.us-east-1.evil.amazonaws.com",
                           "sns-us-east-1.amazonaws.com",
                           "evil.sns.us-east-1.amazonaws.com",
                           "snsxus-east-1.amazonaws.com",
                           "sns.us-east-1.amazonaws.com:443",
                           "sns.us-east-1.amazonaws.com:8443",
                           "user@sns.us-east-1.amazonaws.com",
                           "user:pw@sns.us-east-1.amazonaws.com",
                           "sns.us-east-1.amazonaws.com@evil.example",
                           "sns.us-east-1.amazonaws.com%2eevil.example",
                           "sns..amazonaws.com",
                           "sns.us_east_1.amazonaws.com",
                           "sns.us-{east}-1.amazonaws.com",
                           "sns.us-`east`-1.amazonaws.com",
                           "sns.us-[east]-1.amazonaws.com",
                           "SNS.us-east-1.amazonaws.com",
                           "sns.us-east-1.AMAZONAWS.com",
                           "",
                           "sns.us-east-1.amazonaws.com\\@evil.example",
                           "sns.us-east-1.amazonaws.com#.evil.example",
                           "sns.us-east-1.amazonaws.com?.evil.example",
                           " sns.us-east-1.amazonaws.com",
                           "sns.us-east-1.amazonaws.eu",
                           "169.254.169.254",
                           "[::1]"}) {
    EXPECT_FALSE(CheckSigningCertUrl(At(host))) << host;
  }
}

TEST(SigningCertUrlTest, OnlyHttpsAndOnlyTheCertificatesPathPass) {
  const std::string host = "https://sns.us-east-1.amazonaws.com";
  const std::string good = host + kName;
  ASSERT_TRUE(CheckSigningCertUrl(good));
  EXPECT_TRUE(CheckSigningCertUrl(host + "/SimpleNotificationService-ABCDEF.pem"));
  for (const std::string& url : {"http" + good.substr(5),
                                 "HTTPS" + good.substr(5),
                                 "ftp" + good.substr(5),
                                 "//" + good.substr(8),
                                 " " + good,
                                 good + " ",
                                 good + "\n",
                                 good + "?x=1",
                                 good + "?x=.pem",
                                 good + "#.pem",
                                 good + "/",
                                 good + ".pem.txt",
                                 std::string("file:///etc/passwd.pem"),
                                 std::string(),
                                 host,
                                 host + "/",
                                 host + "/evil/cert.pem",
                                 host + "/evil" + kName,
                                 host + "/SimpleNotificationService-.pem",
                                 host + "/SimpleNotificationService-xyz.pem",
                                 host + "/SimpleNotificationService-00/../../evil.pem",
                                 host + "/SimpleNotificationService-0%30.pem",
                                 host + "/SimpleNotificationService-0123456789abcdef",
                                 host + "/SimpleNotificationService.pem",
                                 host + "/simplenotificationservice-0123456789abcdef.pem",
                                 host + "/" + kName,
                                 host + "/SimpleNotificationService-" + std::string(129, '0') + ".pem"}) {
    EXPECT_FALSE(CheckSigningCertUrl(url)) << url;
  }
}

// Another partition's host may be named, whole; the rest of the rule stays.
TEST(SigningCertUrlTest, AnotherHostPassesWhenItIsNamed) {
  const std::vector<std::string> more = {"sns.eusc-de-east-1.amazonaws.eu"};
  EXPECT_TRUE(CheckSigningCertUrl(At("sns.eusc-de-east-1.amazonaws.eu"), more));
  EXPECT_TRUE(CheckSigningCertUrl(At("sns.us-east-1.amazonaws.com"), more));
  EXPECT_FALSE(CheckSigningCertUrl(At("sns.eusc-de-east-1.amazonaws.eu:443"), more));
  EXPECT_FALSE(CheckSigningCertUrl(At("x.sns.eusc-de-east-1.amazonaws.eu"), more));
  EXPECT_FALSE(CheckSigningCertUrl("https://sns.eusc-de-east-1.amazonaws.eu/other.pem", more));
}

TEST(SigningCertUrlTest, ACertificateIsIssuedForItsRegionsName) {
  using ::testing::Contains;
  EXPECT_EQ(SigningCertNames(At("sns.us-east-1.amazonaws.com")).front(), "sns.amazonaws.com");
  EXPECT_THAT(SigningCertNames(At("sns.cn-north-1.amazonaws.com.cn")), Contains("sns-cn-north-1.amazonaws.com.cn"));
  EXPECT_THAT(SigningCertNames(At("sns.af-south-1.amazonaws.com")), Contains("sns-signing.af-south-1.amazonaws.com"));
  EXPECT_THAT(SigningCertNames(At("sns.us-gov-east-1.amazonaws.com")), Contains("sns-us-gov-west-1.amazonaws.com"));
}

SnsMessage Confirming(const std::string& url) {
  SnsMessage message;
  message.type = SnsType::kSubscriptionConfirmation;
  message.topic_arn = "arn:aws:sns:us-east-1:123456789012:topic";
  message.token = "token1";
  message.subscribe_url = url;
  return message;
}

TEST(SubscribeUrlTest, TheConfirmationOfItsOwnTopicPassesInAnyOrder) {
  for (const char* query :
       {"Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:123456789012:topic&Token=token1",
        "Token=token1&TopicArn=arn%3Aaws%3asns%3Aus-east-1%3A123456789012%3Atopic&Action=ConfirmSubscription",
        "Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-east-1:123456789012:topic&Token=token1&Version=2010-03-"
        "31"}) {
    const Status checked = CheckSubscribeUrl(Confirming("https://sns.us-east-1.amazonaws.com/?" + std::string(query)));
    EXPECT_TRUE(checked) << query << ": " << checked.error().detail;
  }
}

TEST(SubscribeUrlTest, WhateverElseItWouldDoIsRefused) {
  const std::string host = "https://sns.us-east-1.amazonaws.com";
  const std::string action = "Action=ConfirmSubscription";
  const std::string topic = "TopicArn=arn:aws:sns:us-east-1:123456789012:topic";
  const std::string token = "Token=token1";
  const std::string good = action + "&" + topic + "&" + token;
  ASSERT_TRUE(CheckSubscribeUrl(Confirming(host + "/?" + good)));
  for (const std::string& url : {"http://sns.us-east-1.amazonaws.com/?" + good,
                                 "http://bucket.s3.amazonaws.com/?" + good,
                                 "https://bucket.s3.amazonaws.com/?" + good,
                                 "https://evil.example/?" + good,
                                 "https://sns.us-east-1.amazonaws.com@evil.example/?" + good,
                                 host + ":443/?" + good,
                                 host + "?" + good,
                                 host + "/x?" + good,
                                 host + "//?" + good,
                                 host + "/?" + good + "#x",
                                 host + "/",
                                 host + "/?",
                                 host + "/?" + topic + "&" + token,
                                 host + "/?" + action + "&" + token,
                                 host + "/?" + action + "&" + topic,
                                 host + "/?Action=DeleteTopic&" + topic + "&" + token,
                                 host + "/?" + good + "&Action=DeleteTopic",
                                 host + "/?" + good + "&" + action,
                                 host + "/?" + good + "&" + topic + "2",
                                 host + "/?" + good + "&%54oken=other",
                                 host + "/?" + action + "&" + topic + "2&" + token,
                                 host + "/?" + action + "&" + topic + "&Token=token2",
                                 host + "/?" + action + "&" + topic + "&Token=token1%",
                                 host + "/?" + action + "&" + topic + "&Token=token%3",
                                 host + "/?" + action + "&" + topic + "&Token=token%3g",
                                 host + "/?" + action + "&" + topic + "&Token=token%g1",
                                 host + "/?" + action + "&" + topic + "&Token=token%G1",
                                 host + "/?" + action + "&" + topic + "&Token=token1%00",
                                 host + "/?action=ConfirmSubscription&" + topic + "&" + token}) {
    EXPECT_FALSE(CheckSubscribeUrl(Confirming(url))) << url;
  }
}

}  // namespace
}  // namespace dunlin
