// `dunlin verify sns`: its exact words and exit codes.
#include <gtest/gtest.h>

#include "tests/app/program.h"
#include "tests/support/scratch.h"
#include "tests/support/sns_sender.h"

namespace dunlin {
namespace {

using nlohmann::json;
using testing::KeyPair;
using testing::Ran;
using testing::RunDunlin;
using testing::SnsConfirmation;
using testing::SnsNotification;
using testing::SnsSigned;

class VerifySnsTest : public ::testing::Test {
 protected:
  VerifySnsTest() { testing::WriteFile(cert_, testing::Issue({}, key_).Pem()); }

  Ran Verify(std::vector<std::string> arguments, const std::string& body) {
    arguments.insert(arguments.begin(), {"verify", "sns"});
    return RunDunlin(arguments, body);
  }
  json Signed(json message, const std::string& version = "2") { return SnsSigned(std::move(message), key_, version); }

  const KeyPair key_ = KeyPair::Rsa();
  const testing::ScratchDir scratch_;
  const std::string cert_ = scratch_.File("cert.pem");
};

TEST_F(VerifySnsTest, AGoodMessageIsValid) {
  for (const char* version : {"1", "2"}) {
    const Ran ran = Verify({"--cert", cert_}, Signed(SnsNotification(), version).dump());
    EXPECT_EQ(ran.out, "valid\n");
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(ran.exit_code, 0);
  }
}

TEST_F(VerifySnsTest, TheMessageCanBeAFile) {
  const std::string body = Signed(SnsNotification()).dump();
  testing::WriteFile(scratch_.File("body"), body);
  EXPECT_EQ(Verify({"--cert", cert_, scratch_.File("body")}, "").out, "valid\n");
  EXPECT_EQ(Verify({"--cert", cert_, "-"}, body).out, "valid\n");
  EXPECT_EQ(Verify({"--cert", cert_, scratch_.File("none")}, body).exit_code, 2);
  EXPECT_EQ(Verify({"--cert", scratch_.File("none")}, body).exit_code, 2);
}

TEST_F(VerifySnsTest, EveryReasonIsSaidInItsWord) {
  const auto with = [this](const char* key, const json& value) {
    json message = Signed(SnsNotification());
    message[key] = value;
    return message.dump();
  };
  const std::string good = Signed(SnsNotification()).dump();
  const std::string confirmation = Signed(SnsConfirmation()).dump();
  testing::WriteFile(scratch_.File("no.pem"), "no certificate");
  const struct {
    std::vector<std::string> arguments;
    std::string body, reason;
  } cases[] = {
      {{"--cert", cert_}, "no JSON", "not_json"},
      {{"--cert", cert_}, "", "not_json"},
      {{"--cert", cert_}, "{}", "missing_keys"},
      {{"--cert", cert_}, with("SignatureVersion", "3"), "unsupported_signature_version"},
      {{"--cert", cert_}, with("SigningCertURL", "https://evil.example/cert.pem"), "cert_url_refused"},
      {{}, with("SigningCertURL", "https://sns.us-east-1.amazonaws.com@evil.example/c.pem"), "cert_url_refused"},
      {{"--cert", scratch_.File("no.pem")}, good, "cert_unavailable"},
      {{"--cert", cert_}, with("Message", "altered"), "signature_mismatch"},
      {{"--cert", cert_, "--now", "2026-11-21T11:00:01Z"}, confirmation, "confirmation_too_old"},
      {{"--cert", cert_, "--now", "2026-11-21T09:54:59Z"}, confirmation, "confirmation_too_old"},
      {{"--cert", cert_, "--topic", "arn:aws:sns:us-east-1:123456789012:other"}, good, "topic_refused"},
  };
  for (const auto& c : cases) {
    const Ran ran = Verify(c.arguments, c.body);
    EXPECT_EQ(ran.out, "invalid: " + c.reason + "\n");
    EXPECT_EQ(ran.err.rfind("dunlin: ", 0), 0U) << "says what is wrong: " << ran.err;
    EXPECT_EQ(ran.exit_code, 1) << c.reason;
  }
}

TEST_F(VerifySnsTest, AnyOfSeveralTopicsMayMatch) {
  EXPECT_EQ(Verify({"--cert", cert_, "--topic", "arn:other", "--topic", testing::kTopic, "-"},
                   Signed(SnsNotification()).dump())
                .out,
            "valid\n");
}

TEST_F(VerifySnsTest, JsonSaysTheSame) {
  const Ran good = Verify({"--cert", cert_, "--json"}, Signed(SnsNotification()).dump());
  EXPECT_EQ(json::parse(good.out), (json{{"valid", true}, {"reason", nullptr}}));
  EXPECT_EQ(good.exit_code, 0);
  const Ran bad = Verify({"--cert", cert_, "--json"}, "{}");
  EXPECT_EQ(json::parse(bad.out), (json{{"valid", false}, {"reason", "missing_keys"}}));
  EXPECT_EQ(bad.exit_code, 1);
}

TEST_F(VerifySnsTest, WrongUsageIsTwo) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--now", "soon"}, {"--now", "1800000000"}, {"--cert"}, {"--nonsense"}, {"a", "b"}}) {
    const Ran ran = Verify(arguments, "{}");
    EXPECT_EQ(ran.exit_code, 2) << arguments.front();
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err, "");
  }
}

}  // namespace
}  // namespace dunlin
