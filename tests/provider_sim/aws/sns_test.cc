// Amazon SNS's side: what is signed, when it is sent, and when it is sent again.
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fixtures/provider_sim/aws/sns_message.h"
#include "tests/provider_sim/aws/aws_fixture.h"

namespace dunlin::sim {
namespace {

const Timestamp kStart = *ParseRfc3339("2026-01-10T10:30:00Z");

// The key list of the documentation, read from the message itself.
std::string SignedText(const Json& message) {
  std::string text;
  for (const char* key :
       {"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}) {
    if (message.contains(key)) text += std::string(key) + "\n" + std::string(message[key]) + "\n";
  }
  return text;
}

bool Verifies(const Json& message, const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  EVP_PKEY* key = X509_get_pubkey(certificate);
  const std::string base64 = message["Signature"];
  std::vector<unsigned char> signature(base64.size());
  const int size = EVP_DecodeBlock(signature.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                                   static_cast<int>(base64.size()));
  const std::string text = SignedText(message);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = message["SignatureVersion"] == "1" ? EVP_sha1() : EVP_sha256();
  EVP_DigestVerifyInit(context, nullptr, digest, nullptr, key);
  // 256 bytes; decoding counts the padding as bytes too.
  const bool good =
      size >= 256 && EVP_DigestVerify(context, signature.data(), 256,
                                      reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  X509_free(certificate);
  BIO_free(bio);
  return good;
}

class SnsTest : public AwsFixture {
 protected:
  std::string Certificate(const Json& message) {
    const std::string url = message["SigningCertURL"];
    httplib::Client client("127.0.0.1", sim_->port());
    const auto answer = client.Get(url.substr(url.rfind('/')));
    return answer && answer->status == 200 ? answer->body : "";
  }
  httplib::Result Visit(const std::string& subscribe_url) {
    httplib::Client client("127.0.0.1", sim_->port());
    return client.Get(subscribe_url.substr(subscribe_url.find("/?")));
  }
  void MakeUnconfirmedProduct() { MakeProduct(false, {{"confirmed", false}}); }
};

TEST_F(SnsTest, BothVersionsOfTheSignatureVerifyWithTheServedCertificate) {
  MakeProduct();
  Subscribed("legacy");
  sns_.WaitFor(1);
  Aws("settings", {{"signature_version", "2"}, {"subject", "Grüße"}});
  Subscribed("legacy");
  ASSERT_EQ(sns_.WaitFor(2).size(), 2U);
  for (const Hook& hook : sns_.hooks()) {
    const Json message = hook.json();
    const std::string pem = Certificate(message);
    EXPECT_TRUE(Verifies(message, pem)) << message.dump(2);
    for (const char* key : {"Message", "MessageId", "Timestamp", "TopicArn"}) {
      Json altered = message;
      altered[key] = std::string(altered[key]) + "x";
      EXPECT_FALSE(Verifies(altered, pem)) << key;
    }
  }
  EXPECT_EQ(sns_.hooks()[0].json()["SignatureVersion"], "1");
  EXPECT_FALSE(sns_.hooks()[0].json().contains("Subject"));
  EXPECT_EQ(sns_.hooks()[1].json()["SignatureVersion"], "2");
}

TEST_F(SnsTest, TheCertificateIsForSnsAndIsWrittenUnderItsOwnName) {
  const auto signer = aws::SnsSigner::Make(kStart);
  ASSERT_TRUE(signer);
  BIO* bio = BIO_new_mem_buf((*signer)->pem().data(), static_cast<int>((*signer)->pem().size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "sns.amazonaws.com", 0, 0, nullptr), 1);
  std::time_t at = ToUnixSeconds(kStart);
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(certificate), &at), 0);
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(certificate), &at), 0);
  X509_free(certificate);
  BIO_free(bio);
  EXPECT_TRUE((*signer)->cert_url().ends_with("/" + (*signer)->file_name()));
  EXPECT_FALSE((*signer)->WriteTo("/proc/no/such/folder"));
}

TEST_F(SnsTest, NothingFlowsBeforeTheSubscriptionIsConfirmed) {
  MakeUnconfirmedProduct();
  ASSERT_EQ(sns_.WaitFor(1).size(), 1U);
  const Hook hook = sns_.hooks()[0];
  const Json confirmation = hook.json();
  EXPECT_EQ(confirmation["Type"], "SubscriptionConfirmation");
  EXPECT_TRUE(Verifies(confirmation, Certificate(confirmation)));
  EXPECT_EQ(hook.Header("x-amz-sns-message-type"), "SubscriptionConfirmation");
  EXPECT_EQ(hook.Header("x-amz-sns-subscription-arn"), "");

  Subscribed("legacy");
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(sns_.hooks().size(), 1U);
  EXPECT_EQ(Read("/_sim/aws/messages")["messages"][1]["state"], "not_confirmed");

  const std::string url = confirmation["SubscribeURL"];
  EXPECT_TRUE(url.starts_with("https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" +
                              std::string(kSubscriptionTopic) + "&Token="));
  EXPECT_EQ(Visit(url + "0")->status, 400);
  EXPECT_EQ(Visit("https://x/?Action=ConfirmSubscription&TopicArn=arn:none&Token=1")->status, 404);
  const auto confirmed = Visit(url);
  EXPECT_EQ(confirmed->status, 200);
  const std::string arn = Read("/_sim/aws/topics")["topics"][0]["subscription_arn"];
  EXPECT_NE(confirmed->body.find("<SubscriptionArn>" + arn + "</SubscriptionArn>"), std::string::npos);
  Subscribed("legacy");
  ASSERT_EQ(sns_.WaitFor(2).size(), 2U);
  EXPECT_EQ(sns_.hooks()[1].Header("x-amz-sns-subscription-arn"), arn);
}

TEST_F(SnsTest, ANotificationHasTheHeadersOfSns) {
  MakeProduct();
  Subscribed("legacy");
  const Hook hook = sns_.WaitFor(1).at(0);
  EXPECT_EQ(hook.Header("Content-Type"), "text/plain; charset=UTF-8");
  EXPECT_EQ(hook.Header("User-Agent"), "Amazon Simple Notification Service Agent");
  EXPECT_EQ(hook.Header("x-amz-sns-message-type"), "Notification");
  EXPECT_EQ(hook.Header("x-amz-sns-message-id"), hook.json()["MessageId"]);
  EXPECT_EQ(hook.Header("x-amz-sns-topic-arn"), kSubscriptionTopic);
  EXPECT_EQ(hook.Header("x-amz-sns-rawdelivery"), "");
}

TEST_F(SnsTest, RawDeliveryIsTheBareMessage) {
  MakeProduct();
  Aws("settings", {{"raw_delivery", true}});
  Subscribed("legacy");
  const Hook hook = sns_.WaitFor(1).at(0);
  EXPECT_EQ(hook.Header("x-amz-sns-rawdelivery"), "true");
  EXPECT_EQ(hook.json()["action"], "subscribe-success");
}

TEST_F(SnsTest, AServerErrorIsFollowedByThreeMoreAttempts20SecondsApart) {
  MakeProduct();
  sns_.Answer(503);
  Subscribed("legacy");
  for (std::size_t attempts = 1; attempts < 4; ++attempts) {
    EXPECT_EQ(sns_.WaitFor(attempts).size(), attempts);
    Advance("19s");
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(sns_.hooks().size(), attempts);
    EXPECT_TRUE(Arrive(sns_, attempts + 1, "2s"));
  }
  Advance("1h");
  EXPECT_TRUE(Quiet());
  ASSERT_EQ(sns_.hooks().size(), 4U);
  for (const Hook& hook : sns_.hooks()) EXPECT_EQ(hook.body, sns_.hooks()[0].body);
  EXPECT_EQ(Truth()["sns"]["failed"], 1);
}

TEST_F(SnsTest, AClientErrorIsFinal) {
  MakeProduct();
  sns_.Answer(400);
  Subscribed("legacy");
  sns_.WaitFor(1);
  EXPECT_TRUE(Quiet());
  Advance("1h");
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(sns_.hooks().size(), 1U);
  EXPECT_EQ(Truth()["sns"]["failed"], 1);
}

TEST_F(SnsTest, MessagesAreDuplicatedReorderedAndLostOnCommand) {
  MakeProduct(true);
  Control("/_sim/faults", {{"aws_webhooks", {{"duplicate", 1.0}, {"reorder", 1.0}}}});
  Subscribed("legacy");
  EXPECT_TRUE(Quiet());
  std::multiset<std::string> ids;
  for (const Hook& hook : sns_.hooks()) ids.insert(hook.json()["MessageId"]);
  EXPECT_EQ(ids.size(), 4U);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 2U);
  Control("/_sim/faults", {{"aws_webhooks", {{"lose", 1.0}}}});
  const std::string agreement = Subscribed("legacy")["agreement"];
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(sns_.hooks().size(), 4U);
  EXPECT_EQ(Truth()["sns"]["lost"], 2);
  EXPECT_EQ(Aws("emit", {{"agreement", agreement}})["emitted"], 2);
  EXPECT_EQ(sns_.WaitFor(6).size(), 6U);
}

TEST_F(SnsTest, UnsubscribingIsConfirmedAndCanBeTakenBack) {
  MakeProduct();
  Subscribed("legacy");
  const Json notification = sns_.WaitFor(1).at(0).json();
  EXPECT_EQ(Visit(notification["UnsubscribeURL"])->status, 200);
  const Json farewell = sns_.WaitFor(2).at(1).json();
  EXPECT_EQ(farewell["Type"], "UnsubscribeConfirmation");
  EXPECT_TRUE(Verifies(farewell, Certificate(farewell)));
  Subscribed("legacy");
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(sns_.hooks().size(), 2U);
  EXPECT_EQ(Visit(farewell["SubscribeURL"])->status, 200);
  Subscribed("legacy");
  EXPECT_EQ(sns_.WaitFor(3).size(), 3U);
  EXPECT_EQ(Control("/_sim/aws/topics", {{"topic", kSubscriptionTopic}, {"do", "unsubscribe"}}).status, 200);
  EXPECT_EQ(sns_.WaitFor(4).at(3).json()["Type"], "UnsubscribeConfirmation");
}

TEST_F(SnsTest, AnOldTokenConfirmsNothing) {
  MakeUnconfirmedProduct();
  const std::string old = sns_.WaitFor(1).at(0).json()["SubscribeURL"];
  Aws("topics", {{"topic", kSubscriptionTopic}, {"do", "subscribe"}});
  const std::string newer = sns_.WaitFor(2).at(1).json()["SubscribeURL"];
  EXPECT_EQ(Visit(old)->status, 400);
  Advance("49h");
  EXPECT_EQ(Visit(newer)->status, 400);
}

TEST_F(SnsTest, AWebhookThatIsSetLaterIsAskedToConfirm) {
  Aws("webhook", {{"url", ""}});
  MakeUnconfirmedProduct();
  EXPECT_EQ(Control("/_sim/aws/webhook", {{"url", "ftp://x"}}).status, 400);
  Aws("webhook", {{"url", sns_.url()}});
  EXPECT_EQ(sns_.WaitFor(1).at(0).json()["Type"], "SubscriptionConfirmation");
}

TEST_F(SnsTest, AnythingCanBePublished) {
  MakeProduct();
  Aws("publish", {{"topic", kSubscriptionTopic}, {"message", {{"action", "new-action"}}}});
  Aws("publish", {{"topic", kSubscriptionTopic}, {"message", "not JSON"}});
  EXPECT_EQ(sns_.WaitFor(2).size(), 2U);
  std::set<std::string> texts;
  for (const Hook& hook : sns_.hooks()) texts.insert(std::string(hook.json()["Message"]));
  EXPECT_EQ(texts, (std::set<std::string>{R"({"action":"new-action"})", "not JSON"}));
  EXPECT_EQ(Control("/_sim/aws/publish", {{"topic", "arn:none"}, {"message", ""}}).status, 404);
}

}  // namespace
}  // namespace dunlin::sim
