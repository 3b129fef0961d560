#include "webhooks/stripe/signature.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace dunlin {

void PrintTo(SignatureVerdict verdict, std::ostream* out) { *out << ReasonName(verdict); }

namespace {

using enum SignatureVerdict;

constexpr Timestamp kNow = FromUnixSeconds(1'800'000'000);
const std::string kSecret = "whsec_test_secret";
const std::string kBody = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";

// The signature part alone: 64 hex digits.
std::string Hex(std::string_view body, std::string_view secret, Timestamp t) {
  const std::string header = SignStripePayload(body, secret, t);
  return header.substr(header.find("v1=") + 3);
}

std::string T(Timestamp t) { return "t=" + std::to_string(ToUnixSeconds(t)); }

// One row: everything right unless the row says otherwise.
struct Row {
  const char* number;  // of the table of cases that the provider's own libraries test
  const char* about;
  SignatureVerdict verdict;
  std::optional<std::string> header = SignStripePayload(kBody, kSecret, kNow);
  std::string body = kBody;
  std::vector<std::string> secrets = {kSecret};
  Timestamp now = kNow;
  Seconds tolerance = kStripeToleranceDefault;
};

SignatureVerdict Verify(const Row& row) {
  std::optional<std::string_view> header;
  if (row.header) header = *row.header;
  return VerifyStripeSignature(header, row.body, row.secrets, row.now, row.tolerance);
}

void ExpectAll(const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(Verify(row), row.verdict) << "row " << row.number << ": " << row.about;
}

std::string Good() { return SignStripePayload(kBody, kSecret, kNow); }

TEST(SignatureTest, WhatIsRightlySignedPassesWhateverItsBytesMean) {
  const auto signed_body = [](const char* about, const std::string& body, const char* number) {
    return Row{.number = number,
               .about = about,
               .verdict = kValid,
               .header = SignStripePayload(body, kSecret, kNow),
               .body = body};
  };
  ExpectAll({
      {.number = "1", .about = "valid body and header", .verdict = kValid},
      signed_body("bytes that are no text", std::string("\x00\xff\xfe{}\r\n", 7), "2"),
      signed_body("not JSON", "} I am not valid JSON; 123][", "3"),
      signed_body("not JSON either", "this is not valid JSON", "3"),
      signed_body("JSON and something behind it", kBody + "[", "3"),
      signed_body("a thin event", R"({"object":"v2.core.event"})", "27"),
      signed_body("a snapshot event", R"({"object":"event"})", "28"),
      signed_body("a lone surrogate in UTF-8 is only bytes", "\xed\xa0\x82", "26"),
  });
}

TEST(SignatureTest, AHeaderThatCannotBeReadIsMalformed) {
  const auto malformed = [](const char* number, const std::string& header) {
    return Row{.number = number, .about = "cannot be read", .verdict = kHeaderMalformed, .header = header};
  };
  const std::string v1 = ",v1=" + Hex(kBody, kSecret, kNow);
  for (const Row& row : {
           malformed("4", "bad_header"),
           malformed("4", "I'm not even a real signature header"),
           malformed("9", "v1,t=1"),
           malformed("9", "t="),
           malformed("10", "t=,v1=" + Hex(kBody, kSecret, kNow) + ",v0=" + Hex(kBody, kSecret, kNow)),
           malformed("10", "t,v1=,v0="),
           malformed("10", "t,v1=,v0"),
           malformed("10", "t,v1=,"),
           malformed("10", "t,,"),
           malformed("10", ",,"),
           malformed("10", "t"),
           malformed("11", "t=not_a_number,v1=somesignature"),
           malformed("rule", T(kNow) + "," + T(kNow) + v1),
           malformed("rule", T(kNow) + v1 + ",t=12"),
           malformed("rule", "v1=" + Hex(kBody, kSecret, kNow)),
           malformed("rule", "t=0" + v1),
           malformed("rule", "t=-1800000000" + v1),
           malformed("rule", "t=+1800000000" + v1),
           malformed("rule", "t=01800000000" + v1),
           malformed("rule", "t=1800000000.0" + v1),
           malformed("rule", "t= 1800000000" + v1),
           malformed("rule", "t=1800000000 " + v1),
           malformed("rule", "t=0x6b49d200" + v1),
           malformed("rule", "t=253402300800" + v1),
           malformed("rule", "t=99999999999999999999999999" + v1),
           malformed("rule", " " + Good()),
           malformed("rule", Good() + ","),
           malformed("rule", "," + Good()),
           malformed("rule", Good() + ",v2"),
       }) {
    EXPECT_EQ(Verify(row), row.verdict) << "row " << row.number << ": " << *row.header;
  }
}

TEST(SignatureTest, WhatIsMissingIsNamed) {
  ExpectAll({
      {.number = "5", .about = "no header", .verdict = kHeaderMissing, .header = std::nullopt},
      {.number = "5", .about = "empty header", .verdict = kHeaderMissing, .header = ""},
      {.number = "7",
       .about = "empty body, rightly signed",
       .verdict = kPayloadEmpty,
       .header = SignStripePayload("", kSecret, kNow),
       .body = ""},
      {.number = "25",
       .about = "empty secret",
       .verdict = kSecretBlank,
       .header = SignStripePayload(kBody, "", kNow),
       .secrets = {""}},
      {.number = "25",
       .about = "whitespace secret",
       .verdict = kSecretBlank,
       .header = SignStripePayload(kBody, " \t\r\n\f\v", kNow),
       .secrets = {" \t\r\n\f\v"}},
      {.number = "25",
       .about = "several blank secrets",
       .verdict = kSecretBlank,
       .header = SignStripePayload(kBody, " ", kNow),
       .secrets = {"", " "}},
      {.number = "25", .about = "no secret at all", .verdict = kSecretBlank, .secrets = {}},
      {.number = "25",
       .about = "a blank secret opens nothing beside a real one",
       .verdict = kNoMatchingSignature,
       .header = SignStripePayload(kBody, "", kNow),
       .secrets = {"", kSecret}},
      {.number = "25",
       .about = "a blank secret does not stop a real one",
       .verdict = kValid,
       .secrets = {" ", kSecret}},
  });
}

TEST(SignatureTest, OnlyVersionOneCounts) {
  const std::string hex = Hex(kBody, kSecret, kNow);
  ExpectAll({
      {.number = "12", .about = "only v0", .verdict = kNoV1Signature, .header = T(kNow) + ",v0=" + hex},
      {.number = "12", .about = "only t", .verdict = kNoV1Signature, .header = T(kNow)},
      {.number = "12", .about = "space before v1", .verdict = kNoV1Signature, .header = T(kNow) + ", v1=" + hex},
      {.number = "12", .about = "V1", .verdict = kNoV1Signature, .header = T(kNow) + ",V1=" + hex},
      {.number = "1",
       .about = "other schemes beside it",
       .verdict = kValid,
       .header = "v0=x,x=a=b," + Good() + ",v2=" + hex},
      {.number = "1", .about = "any order", .verdict = kValid, .header = "v1=" + hex + "," + T(kNow)},
  });
}

TEST(SignatureTest, AWrongSignatureIsRefusedAndAGoodOneBesideItIsTaken) {
  const std::string hex = Hex(kBody, kSecret, kNow);
  std::string upper = hex;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  ASSERT_NE(upper, hex);
  const auto with = [](const std::string& v1) { return T(kNow) + ",v1=" + v1; };
  ExpectAll({
      {.number = "13", .about = "not hex", .verdict = kNoMatchingSignature, .header = with("bad_signature")},
      {.number = "13", .about = "hex of deadbeef", .verdict = kNoMatchingSignature, .header = with("6465616462656566")},
      {.number = "13", .about = "empty", .verdict = kNoMatchingSignature, .header = with("")},
      {.number = "13",
       .about = "64 other digits",
       .verdict = kNoMatchingSignature,
       .header = with(std::string(64, '0'))},
      {.number = "13", .about = "cut", .verdict = kNoMatchingSignature, .header = with(hex.substr(0, 62))},
      {.number = "13", .about = "longer", .verdict = kNoMatchingSignature, .header = with(hex + "00")},
      {.number = "13", .about = "space behind", .verdict = kNoMatchingSignature, .header = with(hex + " ")},
      {.number = "rule", .about = "upper case", .verdict = kNoMatchingSignature, .header = with(upper)},
      {.number = "rule",
       .about = "what stands before the digits",
       .verdict = kNoMatchingSignature,
       .header = with(std::string(64, '/'))},
      {.number = "rule",
       .about = "what stands behind them",
       .verdict = kNoMatchingSignature,
       .header = with(std::string(64, ':'))},
      {.number = "rule",
       .about = "the letter behind f",
       .verdict = kNoMatchingSignature,
       .header = with(std::string(64, 'g'))},
      {.number = "14", .about = "bad one behind", .verdict = kValid, .header = Good() + ",v1=bad_signature"},
      {.number = "14", .about = "potato behind", .verdict = kValid, .header = Good() + ",v1=potato"},
      {.number = "14", .about = "bad one before", .verdict = kValid, .header = T(kNow) + ",v1=potato,v1=" + hex},
      {.number = "16", .about = "body changed", .verdict = kNoMatchingSignature, .body = kBody + " "},
      {.number = "rule",
       .about = "t is signed",
       .verdict = kNoMatchingSignature,
       .header = T(kNow + 1s) + ",v1=" + hex},
  });
}

TEST(SignatureTest, EveryByteOfTheSignatureCounts) {
  const std::string hex = Hex(kBody, kSecret, kNow);
  for (std::size_t i = 0; i < hex.size(); ++i) {
    std::string other = hex;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_EQ(Verify({.header = T(kNow) + ",v1=" + other}), kNoMatchingSignature) << i;
  }
}

TEST(SignatureTest, AnyOfSeveralSecretsOpensWhileOneIsRolled) {
  const std::string both = T(kNow) + ",v1=" + Hex(kBody, "whsec_old", kNow) + ",v1=" + Hex(kBody, "whsec_new", kNow);
  const std::string old_only = SignStripePayload(kBody, "whsec_old", kNow);
  ExpectAll({
      {.number = "15", .about = "both, old", .verdict = kValid, .header = both, .secrets = {"whsec_old"}},
      {.number = "15", .about = "both, new", .verdict = kValid, .header = both, .secrets = {"whsec_new"}},
      {.number = "15",
       .about = "old, new first",
       .verdict = kValid,
       .header = old_only,
       .secrets = {"whsec_new", "whsec_old"}},
      {.number = "15",
       .about = "old, old first",
       .verdict = kValid,
       .header = old_only,
       .secrets = {"whsec_old", "whsec_new"}},
      {.number = "15",
       .about = "old is gone",
       .verdict = kNoMatchingSignature,
       .header = old_only,
       .secrets = {"whsec_new"}},
      {.number = "24",
       .about = "trailing whitespace in the secret",
       .verdict = kNoMatchingSignature,
       .secrets = {kSecret + "\n"}},
      {.number = "26",
       .about = "a secret that is no UTF-8",
       .verdict = kNoMatchingSignature,
       .secrets = {"\xed\xa0\x82"}},
  });
}

TEST(SignatureTest, ManySecretsInTurnNeverMixUp) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) {
      const std::string secret = "whsec_" + std::to_string(i);
      const std::string header = SignStripePayload(kBody, secret, kNow);
      EXPECT_EQ(Verify({.header = header, .secrets = {secret}}), kValid) << i;
      EXPECT_EQ(Verify({.header = header, .secrets = {secret + "x"}}), kNoMatchingSignature) << i;
    }
  }
}

TEST(SignatureTest, AgeIsHeldAgainstTheToleranceBothWays) {
  const std::string very_old = SignStripePayload(kBody, kSecret, FromUnixSeconds(12345));
  const Seconds forever{std::numeric_limits<std::int64_t>::max()};
  ExpectAll({
      {.number = "17",
       .about = "15 s, tolerance 10",
       .verdict = kTimestampOutsideTolerance,
       .now = kNow + 15s,
       .tolerance = 10s},
      {.number = "17", .about = "400 s ahead", .verdict = kTimestampOutsideTolerance, .now = kNow - 400s},
      {.number = "18", .about = "9 s, tolerance 10", .verdict = kValid, .now = kNow + 9s, .tolerance = 10s},
      {.number = "18", .about = "15 s, tolerance 20", .verdict = kValid, .now = kNow + 15s, .tolerance = 20s},
      {.number = "18", .about = "100 s ahead", .verdict = kValid, .now = kNow - 100s},
      {.number = "19", .about = "400 s", .verdict = kTimestampOutsideTolerance, .now = kNow + 400s},
      {.number = "20", .about = "299 s", .verdict = kValid, .now = kNow + 299s},
      {.number = "20", .about = "300 s", .verdict = kValid, .now = kNow + 300s},
      {.number = "20", .about = "300 s + 1 ms", .verdict = kTimestampOutsideTolerance, .now = kNow + 300s + 1ms},
      {.number = "20", .about = "300 s ahead", .verdict = kValid, .now = kNow - 300s},
      {.number = "20", .about = "300 s + 1 ms ahead", .verdict = kTimestampOutsideTolerance, .now = kNow - 300s - 1ms},
      {.number = "21", .about = "12345", .verdict = kTimestampOutsideTolerance, .header = very_old},
      {.number = "22",
       .about = "15 s ahead, tolerance 10",
       .verdict = kTimestampOutsideTolerance,
       .now = kNow - 15s,
       .tolerance = 10s},
      {.number = "23", .about = "12345, tolerance max", .verdict = kValid, .header = very_old, .tolerance = forever},
      {.number = "23",
       .about = "year 9999, tolerance max",
       .verdict = kValid,
       .header = SignStripePayload(kBody, kSecret, FromUnixSeconds(253402300799)),
       .tolerance = forever},
  });
}

TEST(SignatureTest, ToleranceZeroIsACheckAndNotASwitch) {
  ExpectAll({
      {.number = "rule", .about = "the same instant", .verdict = kValid, .tolerance = 0s},
      {.number = "rule",
       .about = "1 ms late",
       .verdict = kTimestampOutsideTolerance,
       .now = kNow + 1ms,
       .tolerance = 0s},
      {.number = "rule",
       .about = "1 ms early",
       .verdict = kTimestampOutsideTolerance,
       .now = kNow - 1ms,
       .tolerance = 0s},
      {.number = "rule", .about = "below zero", .verdict = kTimestampOutsideTolerance, .tolerance = -1s},
  });
}

TEST(SignatureTest, AForgerLearnsNothingOfTheAge) {
  EXPECT_EQ(Verify({.header = T(kNow - 400s) + ",v1=" + std::string(64, 'a')}), kNoMatchingSignature);
}

TEST(SignatureTest, KnownVectorsHold) {
  EXPECT_EQ(SignStripePayload(kBody, "whsec_test_secret", FromUnixSeconds(12345)),
            "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e");
  const std::string customer_created =
      "{\n  \"id\": \"evt_123\",\n  \"object\": \"event\",\n  \"account\": \"acct_123\",\n"
      "  \"api_version\": \"2017-05-25\",\n  \"created\": 1533204620,\n  \"data\": {\n    \"object\": {\n"
      "      \"id\": \"cus_123\",\n      \"object\": \"customer\",\n      \"created\": 123456789,\n"
      "      \"email\": \"test@stripe.com\",\n      \"livemode\": false,\n      \"metadata\": {}\n    }\n  },\n"
      "  \"livemode\": false,\n  \"pending_webhooks\": 1,\n  \"request\": {\n    \"id\": \"req_123\",\n"
      "    \"idempotency_key\": \"idempotency-key-123\"\n  },\n  \"type\": \"customer.created\"\n}\n";
  ASSERT_EQ(customer_created.size(), 484U);
  EXPECT_EQ(Verify({.header = "t=1533204620,v1=2220f87ef101a04665f11cdf770523143f875572008577fa0f20882ddb9cc3c7",
                    .body = customer_created,
                    .secrets = {"webhook_secret"},
                    .now = FromUnixSeconds(1533204620)}),
            kValid);
}

// Made by another program, so that one mistake in signing and verifying alike is seen.
TEST(SignatureTest, TheOpensslToolAgrees) {
  const std::filesystem::path file =
      std::filesystem::path(::testing::TempDir()) / ("signed_" + std::to_string(::getpid()) + ".bin");
  const std::string body = "{\"id\":\"evt_1\",\"name\":\"Zo\xc3\xab\",\"zero\":\"\\u0000\"}\r\n";
  std::ofstream(file, std::ios::binary) << "1800000000." << body;
  const std::string command = "openssl dgst -sha256 -r -mac HMAC -macopt key:whsec_by_the_tool '" + file.string() + "'";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  ASSERT_NE(pipe, nullptr);
  char hex[65] = {};
  ASSERT_EQ(std::fread(hex, 1, 64, pipe.get()), 64U) << "is the openssl program installed?";
  std::filesystem::remove(file);
  const std::string header = std::string("t=1800000000,v1=") + hex;
  EXPECT_EQ(Verify({.header = header, .body = body, .secrets = {"whsec_by_the_tool"}}), kValid);
  EXPECT_EQ(SignStripePayload(body, "whsec_by_the_tool", kNow), header);
}

TEST(SignatureTest, ReasonsAreTheWordsOfTheCommandLine) {
  const std::vector<std::string_view> words = {
      "valid",           "header_missing",        "header_malformed", "timestamp_outside_tolerance",
      "no_v1_signature", "no_matching_signature", "secret_blank",     "payload_empty"};
  for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(ReasonName(static_cast<SignatureVerdict>(i)), words[i]);
}

}  // namespace
}  // namespace dunlin
