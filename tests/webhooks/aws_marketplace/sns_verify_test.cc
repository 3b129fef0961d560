// Each case names the condition that the validators of other languages test, and what they test is what is expected.
#include "webhooks/aws_marketplace/sns_verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>

#include "tests/support/scratch.h"
#include "tests/support/sns_sender.h"
#include "webhooks/aws_marketplace/sns_signature.h"

namespace dunlin {

void PrintTo(SnsReason reason, std::ostream* out) { *out << ReasonName(reason); }

namespace {

using nlohmann::json;
using testing::Base64;
using testing::KeyPair;
using testing::SnsConfirmation;
using testing::SnsNotification;
using testing::SnsSigned;

const Timestamp kNow = *ParseRfc3339(testing::kSentAt) + 10s;

// Counts how often it was asked.
class MapOfCertificates final : public CertificateSource {
 public:
  void Put(const std::string& url, const std::string& pem) {
    certificates_.emplace(url, ReadCertificates(pem)->front());
  }
  Result<Certificate> At(const std::string& url) override {
    ++asked;
    const auto found = certificates_.find(url);
    if (found == certificates_.end()) return Fail(Errc::kUnavailable, "the certificate: it was answered with 404");
    return found->second;
  }
  int asked = 0;

 private:
  std::map<std::string, Certificate> certificates_;
};

class SnsVerifyTest : public ::testing::Test {
 protected:
  SnsVerifyTest() { certificates_.Put(testing::kCertUrl, testing::Issue({}, key_).Pem()); }

  SnsResult<SnsMessage> Verify(const std::string& body, Timestamp now = kNow) {
    return VerifySnsMessage(body, now, options_, certificates_);
  }
  // "valid" or the reason's word.
  std::string Verdict(const std::string& body, Timestamp now = kNow) {
    const SnsResult<SnsMessage> verified = Verify(body, now);
    return verified ? "valid" : std::string(ReasonName(verified.error().reason));
  }
  std::string Verdict(const json& message, Timestamp now = kNow) { return Verdict(message.dump(), now); }
  json Signed(json message, const std::string& version = "2") { return SnsSigned(std::move(message), key_, version); }
  // A signed Notification, changed after signing.
  json Altered(const std::string& key, const json& value, const std::string& version = "2") {
    json message = Signed(SnsNotification(), version);
    message[key] = value;
    return message;
  }

  const KeyPair key_ = KeyPair::Rsa();
  MapOfCertificates certificates_;
  SnsVerifyOptions options_{std::vector<std::string>{testing::kTopic}, {}};
};

// ---- Accepted ----

TEST_F(SnsVerifyTest, ValidNotificationOfVersion1AndVersion2) {
  for (const char* version : {"1", "2"}) {
    EXPECT_EQ(Verdict(Signed(SnsNotification(), version)), "valid") << version;
    json with_subject = SnsNotification();
    with_subject["Subject"] = "My First Message";
    EXPECT_EQ(Verdict(Signed(with_subject, version)), "valid") << version;
  }
}

// Whose signatures end in none, one and two signs of padding.
TEST_F(SnsVerifyTest, KeysOfAnySize) {
  for (const unsigned bits : {1536U, 1024U, 2048U}) {
    const KeyPair key = KeyPair::Rsa(bits);
    const std::string url =
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-" + std::to_string(bits) + ".pem";
    certificates_.Put(url, testing::Issue({}, key).Pem());
    json message = SnsNotification();
    message["SigningCertURL"] = url;
    message = SnsSigned(message, key);
    EXPECT_EQ(Verdict(message), "valid") << bits;
    std::string signature = message["Signature"];
    const std::size_t padding = signature.size() - signature.find_last_not_of('=') - 1;
    EXPECT_EQ(padding, bits == 1536 ? 0U : bits == 1024 ? 1U : 2U);
    if (padding > 0) signature.pop_back();
    message["Signature"] = signature + (padding > 0 ? "" : "=");
    EXPECT_EQ(Verdict(message), "signature_mismatch") << bits;
  }
}

TEST_F(SnsVerifyTest, ValidMessageAsJsonTextInAnyLayout) {
  const json message = Signed(SnsNotification());
  EXPECT_EQ(Verdict(message.dump()), "valid");
  EXPECT_EQ(Verdict(message.dump(4)), "valid");
  EXPECT_EQ(Verdict("\r\n\t " + message.dump() + "\n"), "valid");
  EXPECT_EQ(Verdict(message.dump(-1, ' ', true)), "valid");
}

TEST_F(SnsVerifyTest, ValidSubscriptionConfirmationWithTokenAndSubscribeUrl) {
  for (const char* version : {"1", "2"}) {
    const SnsResult<SnsMessage> verified = Verify(Signed(SnsConfirmation(), version).dump());
    ASSERT_TRUE(verified) << verified.error().detail;
    EXPECT_EQ(verified->type, SnsType::kSubscriptionConfirmation);
    EXPECT_EQ(verified->token, SnsConfirmation().at("Token"));
  }
}

TEST_F(SnsVerifyTest, UnsubscribeConfirmationIsSignedWithItsToken) {
  json message = Signed(SnsConfirmation("UnsubscribeConfirmation"));
  EXPECT_EQ(Verdict(message), "valid");
  message["Token"] = "another";
  EXPECT_EQ(Verdict(message), "signature_mismatch");
}

TEST_F(SnsVerifyTest, Utf8FullWidthMessage) {
  json message = SnsNotification();
  message["Message"] = "\uff28\uff45\uff4c\uff4c\uff4f \u4e16\u754c \U0001f426\ta \"quote\" \\ / \u2028";
  message["Message"] = message["Message"].get<std::string>() + '\0' + "behind a NUL";
  EXPECT_EQ(Verdict(Signed(message)), "valid");
  EXPECT_EQ(Verdict(Signed(message, "1").dump(-1, ' ', true)), "valid") << "as escapes";
}

TEST_F(SnsVerifyTest, LambdaSpellingAndNullSubjectWhichIsLeftOutOfTheString) {
  json message = Signed(SnsNotification());
  message["SigningCertUrl"] = message["SigningCertURL"];
  message["UnsubscribeUrl"] = message["UnsubscribeURL"];
  message.erase("SigningCertURL");
  message.erase("UnsubscribeURL");
  message["Subject"] = nullptr;
  EXPECT_EQ(Verdict(message), "valid");
}

TEST_F(SnsVerifyTest, ComAndComCnCertificateHosts) {
  const std::string china =
      "https://sns.cn-north-1.amazonaws.com.cn/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem";
  certificates_.Put(china, testing::Issue({}, key_).Pem());
  json message = SnsNotification();
  EXPECT_EQ(Verdict(Signed(message)), "valid");
  message["SigningCertURL"] = china;
  EXPECT_EQ(Verdict(Signed(message)), "valid");
}

TEST_F(SnsVerifyTest, CustomHostWhenItIsNamed) {
  const std::string url = "https://sns.eusc-de-east-1.amazonaws.eu/SimpleNotificationService-0123.pem";
  certificates_.Put(url, testing::Issue({}, key_).Pem());
  json message = SnsNotification();
  message["SigningCertURL"] = url;
  EXPECT_EQ(Verdict(Signed(message)), "cert_url_refused");
  options_.more_hosts = {"sns.eusc-de-east-1.amazonaws.eu"};
  EXPECT_EQ(Verdict(Signed(message)), "valid");
}

TEST_F(SnsVerifyTest, UnsignedAttributesAndUnknownKeysAreNoMatter) {
  json message = Signed(SnsNotification());
  message["MessageAttributes"] = {{"k", {{"Type", "String"}, {"Value", "v"}}}};
  message["NewKey"] = 5;
  message["UnsubscribeURL"] = "https://elsewhere.example/";
  EXPECT_EQ(Verdict(message), "valid");
}

// ---- Refused before anything is asked ----

TEST_F(SnsVerifyTest, MissingRequiredKeys) {
  EXPECT_EQ(Verdict(std::string(R"({"foo":"bar","fizz":"buzz"})")), "missing_keys");
  for (const char* key :
       {"Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SigningCertURL", "SignatureVersion"}) {
    json message = Signed(SnsNotification());
    message.erase(key);
    EXPECT_EQ(Verdict(message), "missing_keys") << key;
  }
  for (const char* type : {"SubscriptionConfirmation", "UnsubscribeConfirmation"}) {
    for (const char* key : {"SubscribeURL", "Token"}) {
      json message = Signed(SnsConfirmation(type));
      message.erase(key);
      EXPECT_EQ(Verdict(message), "missing_keys") << key << " of " << type;
    }
  }
  EXPECT_EQ(certificates_.asked, 0);
}

TEST_F(SnsVerifyTest, SignatureVersion3And99AndMissing) {
  for (const char* version : {"3", "99", "", "0", "01", "1 ", "v1"}) {
    EXPECT_EQ(Verdict(Altered("SignatureVersion", version)), "unsupported_signature_version") << version;
  }
  json message = Signed(SnsNotification());
  message.erase("SignatureVersion");
  EXPECT_EQ(Verdict(message), "missing_keys");
  EXPECT_EQ(certificates_.asked, 0);
}

TEST_F(SnsVerifyTest, CertificateHostLocalhostFooExampleAndS3) {
  for (const char* url :
       {"https://localhost/SimpleNotificationService-01.pem",
        "https://foo.amazonaws.com/SimpleNotificationService-01.pem",
        "https://example.com/SimpleNotificationService-01.pem", "https://s3.us-east-1.amazonaws.com/evil/cert.pem",
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-01.pem"}) {
    EXPECT_EQ(Verdict(Altered("SigningCertURL", url)), "cert_url_refused") << url;
  }
  EXPECT_EQ(certificates_.asked, 0);
}

TEST_F(SnsVerifyTest, CertificateUrlNotEndingInPem) {
  for (const char* ending : {"", ".txt", ".pem.txt", ".pem?x", ".PEM"}) {
    const std::string url = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01" + std::string(ending);
    EXPECT_EQ(Verdict(Altered("SigningCertURL", url)), "cert_url_refused") << url;
  }
}

TEST_F(SnsVerifyTest, CertificateUrlMissingOrNoText) {
  EXPECT_EQ(Verdict(Altered("SigningCertURL", nullptr)), "missing_keys");
  EXPECT_EQ(Verdict(Altered("SigningCertURL", 5)), "missing_keys");
  EXPECT_EQ(Verdict(Altered("SigningCertURL", "")), "cert_url_refused");
}

TEST_F(SnsVerifyTest, BodyNotJsonOrNotAnObject) {
  for (const char* body : {"not JSON", "[]", "\"text\"", "5", "null", "{", "{} {}"}) {
    EXPECT_EQ(Verdict(std::string(body)), "not_json") << body;
  }
}

// The header that others ask for is not signed and not looked at; without a body there is nothing to judge.
TEST_F(SnsVerifyTest, EmptyBody) { EXPECT_EQ(Verdict(std::string()), "not_json"); }

TEST_F(SnsVerifyTest, RawDeliveryHasNoSignatureAndIsRefused) {
  EXPECT_EQ(Verdict(SnsNotification().at("Message").get<std::string>()), "missing_keys");
}

TEST_F(SnsVerifyTest, ConfirmationExactlyAnHourOldIsTakenAndOneSecondMoreIsNot) {
  const Timestamp sent = *ParseRfc3339(testing::kSentAt);
  for (const char* type : {"SubscriptionConfirmation", "UnsubscribeConfirmation"}) {
    const json message = Signed(SnsConfirmation(type));
    EXPECT_EQ(Verdict(message, sent + 1h), "valid");
    EXPECT_EQ(Verdict(message, sent + 1h + 1s), "confirmation_too_old");
    EXPECT_EQ(Verdict(message, sent + 1h + 1ms), "confirmation_too_old");
    EXPECT_EQ(Verdict(message, sent - 5min), "valid");
    EXPECT_EQ(Verdict(message, sent - 5min - 1ms), "confirmation_too_old");
  }
  EXPECT_EQ(certificates_.asked, 4) << "for the valid ones only";
}

TEST_F(SnsVerifyTest, TimestampMissingNoTextOrNoTime) {
  for (json message : {SnsNotification(), SnsConfirmation()}) {
    message["Timestamp"] = "January 5 2015";
    EXPECT_EQ(Verdict(Signed(message)), "missing_keys");
    json altered = Signed(message);
    altered["Timestamp"] = 1420416000;
    EXPECT_EQ(Verdict(altered), "missing_keys");
    altered.erase("Timestamp");
    EXPECT_EQ(Verdict(altered), "missing_keys");
  }
}

TEST_F(SnsVerifyTest, AnOldNotificationIsTaken) {
  EXPECT_EQ(Verdict(Signed(SnsNotification()), kNow + 24h * 400), "valid");
  EXPECT_EQ(Verdict(Signed(SnsNotification()), kNow - 24h * 400), "valid");
}

TEST_F(SnsVerifyTest, SubscribeUrlAtAHostThatIsNotSns) {
  json message = SnsConfirmation();
  for (const char* url :
       {"http://bucket.s3.amazonaws.com", "https://bucket.s3.amazonaws.com/?Action=ConfirmSubscription",
        "https://sns.us-east-1.amazonaws.com/?Action=DeleteTopic&TopicArn=x&Token=y"}) {
    message["SubscribeURL"] = url;
    EXPECT_EQ(Verdict(Signed(message)), "topic_refused") << url;
  }
  EXPECT_EQ(certificates_.asked, 0);
  json unsubscribed = SnsConfirmation("UnsubscribeConfirmation");
  unsubscribed["SubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?Action=Other";
  EXPECT_EQ(Verdict(Signed(unsubscribed)), "valid") << "its URL is never followed";
}

TEST_F(SnsVerifyTest, OnlyTopicsOnTheListPass) {
  options_.topics = {"arn:aws:sns:us-east-1:123456789012:a", "arn:aws:sns:us-east-1:123456789012:b"};
  EXPECT_EQ(Verdict(Signed(SnsNotification())), "topic_refused");
  options_.topics->push_back(testing::kTopic);
  EXPECT_EQ(Verdict(Signed(SnsNotification())), "valid");
  options_.topics = {std::string(testing::kTopic) + "2"};
  EXPECT_EQ(Verdict(Signed(SnsNotification())), "topic_refused");
  options_ = {};
  EXPECT_EQ(Verdict(Signed(SnsNotification())), "topic_refused") << "without a list none is ours";
  options_.topics = std::nullopt;
  EXPECT_EQ(Verdict(Signed(SnsNotification())), "valid");
}

// ---- Refused with the certificate ----

TEST_F(SnsVerifyTest, CertificateDownloadFails) {
  const std::string url = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-404.pem";
  const SnsResult<SnsMessage> verified = Verify(Altered("SigningCertURL", url).dump());
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().reason, SnsReason::kCertUnavailable);
  EXPECT_TRUE(IsTemporary(verified.error().reason)) << "or SNS would never send it again";
}

TEST_F(SnsVerifyTest, BodyOfTheDownloadIsNotACertificate) {
  const testing::ScratchDir scratch;
  PinnedCertificates pinned(scratch.File(""));
  std::ofstream(scratch.File("SimpleNotificationService-01.pem")) << "<html>not found</html>";
  const json message =
      Altered("SigningCertURL", "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01.pem");
  EXPECT_EQ(VerifySnsMessage(message.dump(), kNow, options_, pinned).error().reason, SnsReason::kCertUnavailable);
}

TEST_F(SnsVerifyTest, SignatureNotValid) {
  for (const char* version : {"1", "2"}) {
    const std::string good = Signed(SnsNotification(), version).at("Signature");
    std::string swapped = good;
    for (char& c : swapped) c = static_cast<char>(std::islower(c) ? std::toupper(c) : std::tolower(c));
    const std::string other_text = Base64(key_.Sign("another text", version[0] == '1' ? "SHA1" : "SHA256"));
    for (const std::string& bad :
         {Base64("garbage"), Base64(std::string(256, 'x')), other_text, swapped, std::string("not base64!"),
          std::string(), std::string("===="), std::string("A"), std::string("AAA{"), std::string("AAA@"), good + "AAAA",
          good.substr(4), good + "\n", " " + good, std::string(8192, 'A')}) {
      EXPECT_EQ(Verdict(Altered("Signature", bad, version)), "signature_mismatch") << bad;
    }
    EXPECT_EQ(Verdict(Altered("Signature", nullptr, version)), "missing_keys");
    EXPECT_EQ(Verdict(Altered("Signature", 5, version)), "missing_keys");
  }
}

TEST_F(SnsVerifyTest, Version2SignedWithSha1) {
  json message = Signed(SnsNotification(), "1");
  message["SignatureVersion"] = "2";
  EXPECT_EQ(Verdict(message), "signature_mismatch");
  message = Signed(SnsNotification(), "2");
  message["SignatureVersion"] = "1";
  EXPECT_EQ(Verdict(message), "signature_mismatch");
}

TEST_F(SnsVerifyTest, NothingIsSignedUnderAVersionThatIsNotKnown) {
  SnsMessage message = *ReadSnsMessage(Signed(SnsNotification()).dump());
  const Certificate certificate = *certificates_.At(testing::kCertUrl);
  ASSERT_TRUE(IsSignedBy(certificate, message));
  for (const char* version : {"", "0", "3", "02", "2 "}) {
    message.signature_version = version;
    EXPECT_FALSE(IsSignedBy(certificate, message)) << version;
  }
}

TEST_F(SnsVerifyTest, TopicArnChangedAfterSigning) {
  const std::string other = std::string(testing::kTopic) + "2";
  options_.topics->push_back(other);
  EXPECT_EQ(Verdict(Altered("TopicArn", other)), "signature_mismatch");
  json confirmation = Signed(SnsConfirmation());
  confirmation["TopicArn"] = other;
  EXPECT_EQ(Verdict(confirmation), "topic_refused") << "the SubscribeURL still names the first";
  confirmation["SubscribeURL"] = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + other +
                                 "&Token=" + confirmation["Token"].get<std::string>();
  EXPECT_EQ(Verdict(confirmation), "signature_mismatch");
}

TEST_F(SnsVerifyTest, EverySignedValueCounts) {
  for (const char* version : {"1", "2"}) {
    EXPECT_EQ(Verdict(Altered("Message", "other", version)), "signature_mismatch");
    EXPECT_EQ(Verdict(Altered("MessageId", "other", version)), "signature_mismatch");
  }
  EXPECT_EQ(Verdict(Altered("Timestamp", "2026-11-21T10:00:00Z")), "signature_mismatch")
      << "the same time, other bytes";
  EXPECT_EQ(Verdict(Altered("Subject", "added")), "signature_mismatch");
  EXPECT_EQ(Verdict(Altered("Subject", "")), "signature_mismatch");
}

TEST_F(SnsVerifyTest, SignedByAnotherCertificate) {
  EXPECT_EQ(Verdict(SnsSigned(SnsNotification(), KeyPair::Rsa())), "signature_mismatch");
}

TEST_F(SnsVerifyTest, AKeyThatCannotVerifyIsAMismatchAndNoCrash) {
  const KeyPair ec = KeyPair::Ec();
  const std::string url = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-ec.pem";
  certificates_.Put(url, testing::Issue({}, ec).Pem());
  json message = SnsNotification();
  message["SigningCertURL"] = url;
  EXPECT_EQ(Verdict(SnsSigned(message, ec)), "signature_mismatch");
}

// The signed text of a message with a subject is also that of one without, whose id holds the subject: a repeat under a
// new id, if ids could have line ends.
TEST_F(SnsVerifyTest, ASubjectCannotBeMovedIntoTheMessageId) {
  json with_subject = SnsNotification();
  with_subject["Subject"] = "S";
  with_subject = Signed(with_subject);
  ASSERT_EQ(Verdict(with_subject), "valid");
  json moved = with_subject;
  moved["MessageId"] = with_subject["MessageId"].get<std::string>() + "\nSubject\nS";
  moved.erase("Subject");
  ASSERT_EQ(testing::SnsSignedText(moved), testing::SnsSignedText(with_subject));
  EXPECT_EQ(Verdict(moved), "missing_keys");
}

TEST_F(SnsVerifyTest, ATypeCannotBeExchanged) {
  json message = Signed(SnsConfirmation("UnsubscribeConfirmation"));
  message["Type"] = "SubscriptionConfirmation";
  EXPECT_EQ(Verdict(message), "signature_mismatch");
  message["Type"] = "Notification";
  EXPECT_EQ(Verdict(message), "signature_mismatch");
}

TEST(SnsReasonTest, ReasonsAreTheWordsOfTheCommandLine) {
  std::vector<std::string> words;
  for (int i = 0; i < 8; ++i) words.emplace_back(ReasonName(static_cast<SnsReason>(i)));
  std::ranges::sort(words);
  EXPECT_EQ(words, (std::vector<std::string>{"cert_unavailable", "cert_url_refused", "confirmation_too_old",
                                             "missing_keys", "not_json", "signature_mismatch", "topic_refused",
                                             "unsupported_signature_version"}));
}

// ---- Made by others ----

TEST(SnsStringToSignTest, IsWhatTheGuideShows) {
  SnsMessage message;
  message.message = "My Test Message";
  message.message_id = "4d4dc071-ddbf-465d-bba8-08f81c89da64";
  message.subject = "My subject";
  message.timestamp_text = "2019-01-31T04:37:04.321Z";
  message.topic_arn = "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P";
  EXPECT_EQ(SnsStringToSign(message),
            "Message\nMy Test Message\nMessageId\n4d4dc071-ddbf-465d-bba8-08f81c89da64\nSubject\nMy subject\n"
            "Timestamp\n2019-01-31T04:37:04.321Z\nTopicArn\n"
            "arn:aws:sns:us-east-2:123456789012:s4-MySNSTopic-1G1WEFCOXTC0P\nType\nNotification\n");
}

// Signed by another program, so that one mistake in signing and verifying alike is seen.
TEST_F(SnsVerifyTest, TheOpensslToolAgrees) {
  const testing::ScratchDir scratch;
  std::ofstream(scratch.File("key.pem")) << key_.PrivatePem();
  const auto signed_by_tool = [&](json message, const std::string& digest, const std::string& version) {
    std::ofstream(scratch.File("text"), std::ios::binary) << testing::SnsSignedText(message);
    const std::string command = "openssl dgst -" + digest + " -sign '" + scratch.File("key.pem") + "' -out '" +
                                scratch.File("sig") + "' '" + scratch.File("text") + "'";
    EXPECT_EQ(std::system(command.c_str()), 0) << "is the openssl program installed?";
    std::ifstream in(scratch.File("sig"), std::ios::binary);
    message["Signature"] = Base64({std::istreambuf_iterator<char>(in), {}});
    message["SignatureVersion"] = version;
    return message;
  };
  EXPECT_EQ(Verdict(signed_by_tool(SnsNotification(), "sha1", "1")), "valid");
  EXPECT_EQ(Verdict(signed_by_tool(SnsConfirmation(), "sha256", "2")), "valid");
}

// Four messages as they came over HTTP and six as Lambda hands them on, with the certificate that signed them.
TEST(GenuineSnsTest, MessagesOfSnsVerify) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(DUNLIN_SOURCE_DIR) / "../shared/fixtures/aws-php-sns-message-validator";
  if (!fs::exists(folder)) GTEST_SKIP() << "no genuine messages at " << folder;
  const json certificate = json::parse(std::ifstream(folder / "_certificate.json"));
  MapOfCertificates certificates;
  certificates.Put(certificate.at("url"), certificate.at("pem"));
  int seen = 0;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().filename() == "_certificate.json") continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string body((std::istreambuf_iterator<char>(in)), {});
    const SnsResult<SnsMessage> verified =
        VerifySnsMessage(body, kNow, {std::vector<std::string>{json::parse(body).at("TopicArn")}, {}}, certificates);
    EXPECT_TRUE(verified) << file.path() << ": " << verified.error().detail;
    json altered = json::parse(body);
    altered["Message"] = "Hello worlds";
    EXPECT_FALSE(VerifySnsMessage(altered.dump(), kNow, {std::nullopt, {}}, certificates)) << file.path();
    ++seen;
  }
  EXPECT_EQ(seen, 10);
}

}  // namespace
}  // namespace dunlin
