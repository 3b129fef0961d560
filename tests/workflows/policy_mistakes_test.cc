// Mistakes in a policy's names and lists, and that each mistake is told once.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "workflows/policy.h"

namespace dunlin {
namespace {

// What is wrong with a policy, one line each; "" when nothing is.
std::string Wrong(const std::string& toml) {
  const Result<Policy> policy = ParsePolicy(toml, "p.toml");
  return policy ? "" : policy.error().detail;
}
std::string WrongCollection(const std::string& keys) { return Wrong("version = 1\n[collection.default]\n" + keys); }
std::string Plan(const std::string& name, const std::string& prices = "[\"price_1\"]") {
  return "version = 1\n[plan." + name + "]\nrank = 1\nprice = { amount = 1, currency = \"usd\", per = \"year\" }\n" +
         "stripe_prices = " + prices + "\n";
}

TEST(PolicyMistakesTest, ANameIsLettersOfEitherCaseDigitsAndDashes) {
  for (const char* name : {"pro", "Pro", "PRO_2-x", "\"9\""}) EXPECT_EQ(Wrong(Plan(name)), "") << name;
  for (const char* name : {"", "a~b", "a{", "a b", "a.b", "[", "@"}) {
    EXPECT_EQ(Wrong(Plan('"' + std::string(name) + '"')),
              "p.toml:2: [plan." + std::string(name) + "]: a name is letters, digits, _ and -");
  }
}

TEST(PolicyMistakesTest, AnEmptyIdBuysNothing) {
  EXPECT_EQ(Wrong(Plan("pro", "[\"price_1\", \"\"]")),
            "p.toml:5: [plan.pro] stripe_prices[1]: must be a price's id in quotes, as \"price_…\"");
  EXPECT_EQ(Wrong("version = 1\n[marketplace.p1]\nmetered = [\"\"]\n"),
            "p.toml:3: [marketplace.p1] metered[0]: must be a dimension in quotes, as \"tokens\"");
}

TEST(PolicyMistakesTest, WhatIsNoListIsNotCalledAnEmptyOneToo) {
  EXPECT_EQ(Wrong(Plan("pro", "\"price_1\"")), "p.toml:5: [plan.pro] stripe_prices: must be a list in [ ]");
}

TEST(PolicyMistakesTest, WhatDependsOnAValueThatIsWrongIsNotToldBesideIt) {
  const std::string service = "owner = \"service\"\n";
  EXPECT_EQ(WrongCollection(service + "min_gap = 3\nretry_after = [\"1s\", \"1d\"]\n"),
            "p.toml:4: [collection.default] min_gap: must be a length of time in quotes, as \"3d\"");
  EXPECT_EQ(WrongCollection(service + "exhausted = \"give_up\"\ngrace = \"17d\"\n"),
            "p.toml:4: [collection.default] exhausted: must be one of \"cancel\", \"stay_past_due\"");
  EXPECT_EQ(WrongCollection(service + "retry_after = []\ngrace = \"soon\"\n").find("longer than the whole schedule"),
            std::string::npos);
}

TEST(PolicyMistakesTest, AFileOfAnyLengthIsReadWhole) {
  const std::string path = testing::TempDir() + "dunlin_policy_mistakes_test.toml";
  const std::string written = "version = 1\n" + std::string(10'000, '#') + "\n[plan.pro]\n";
  std::ofstream(path) << written;
  const Result<Policy> policy = LoadPolicy(path);
  std::remove(path.c_str());
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().detail.substr(0, path.size() + 3), path + ":3:") << policy.error().detail;
}

}  // namespace
}  // namespace dunlin
