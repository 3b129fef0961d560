#include "fixtures/provider_sim/signature.h"

#include <gtest/gtest.h>

#include <vector>

namespace dunlin::sim {
namespace {

constexpr std::string_view kBody = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
constexpr std::string_view kExpected = "2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e";

TEST(SignatureTest, MatchesThePublishedSchemeOnAKnownVector) {
  EXPECT_EQ(SignV1("whsec_test_secret", 12345, kBody), kExpected);
}

TEST(SignatureTest, EachSecretGivesAV1OfItsOwn) {
  const std::vector<std::string> secrets = {"whsec_other", "whsec_test_secret"};
  const std::string header = SignatureHeader(secrets, 12345, kBody);
  EXPECT_EQ(header, "t=12345,v1=" + SignV1("whsec_other", 12345, kBody) + ",v1=" + std::string(kExpected));
  EXPECT_NE(SignV1("whsec_other", 12345, kBody), kExpected);
}

}  // namespace
}  // namespace dunlin::sim
