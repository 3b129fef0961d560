#include "webhooks/aws_marketplace/eventbridge_secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <vector>

namespace dunlin {

void PrintTo(SecretVerdict verdict, std::ostream* out) { *out << ReasonName(verdict); }

namespace {

using enum SecretVerdict;

SecretVerdict Check(const std::vector<std::pair<std::string, std::string>>& fields,
                    const std::vector<std::string>& secrets, std::string_view name = kEventBridgeHeaderDefault) {
  HttpHeaders headers;
  for (const auto& [field, value] : fields) headers.Add(field, value);
  return CheckEventBridgeSecret(headers, name, secrets);
}

TEST(EventBridgeSecretTest, AnyOfOurSecretsInTheHeaderPasses) {
  EXPECT_EQ(Check({{"x-api-key", "one"}}, {"one"}), kValid);
  EXPECT_EQ(Check({{"X-Api-Key", "two"}}, {"one", "two"}), kValid);
  EXPECT_EQ(Check({{"x-api-key", "two"}}, {"", " ", "two"}), kValid);
  EXPECT_EQ(Check({{"Authorization", "Bearer one"}, {"x-api-key", "wrong"}}, {"Bearer one"}, "authorization"), kValid);
}

TEST(EventBridgeSecretTest, AnythingElseIsWrong) {
  for (const char* given : {"On", "one ", "ONE", "onee", "on", "two", " "}) {
    EXPECT_EQ(Check({{"x-api-key", given}}, {"one", "\t"}), kSecretWrong) << given;
  }
  EXPECT_EQ(Check({{"x-api-key", std::string(100'000, 'x')}}, {"one"}), kSecretWrong);
}

TEST(EventBridgeSecretTest, WithoutOneSuchHeaderItIsMissing) {
  EXPECT_EQ(Check({}, {"one"}), kSecretMissing);
  EXPECT_EQ(Check({{"x-api-key", ""}}, {"one"}), kSecretMissing);
  EXPECT_EQ(Check({{"other", "one"}}, {"one"}), kSecretMissing);
  EXPECT_EQ(Check({{"x-api-key", "one"}, {"x-api-key", "one"}}, {"one"}), kSecretMissing);
}

TEST(EventBridgeSecretTest, WithoutASecretOfOursNobodyPasses) {
  EXPECT_EQ(Check({{"x-api-key", "one"}}, {}), kSecretBlank);
  EXPECT_EQ(Check({{"x-api-key", ""}}, {""}), kSecretBlank);
  EXPECT_EQ(Check({{"x-api-key", " "}}, {" ", "\t\n"}), kSecretBlank);
}

TEST(EventBridgeSecretTest, EveryVerdictHasItsWord) {
  EXPECT_EQ(ReasonName(kValid), "valid");
  EXPECT_EQ(ReasonName(kSecretBlank), "secret_blank");
  EXPECT_EQ(ReasonName(kSecretMissing), "secret_missing");
  EXPECT_EQ(ReasonName(kSecretWrong), "secret_wrong");
}

}  // namespace
}  // namespace dunlin
