#include "app/tokens.h"

#include <gtest/gtest.h>

#include <set>

#include "app/sha256.h"
#include "tests/support/ledger_values.h"

namespace dunlin {
namespace {

using testing::kNoon;

class TokensTest : public ::testing::Test {
 protected:
  std::unique_ptr<Ledger> ledger_ = std::move(*OpenLedger("sqlite::memory:"));

  Result<Token> Try(std::string header) { return Authenticate(*ledger_, &header, kNoon); }
};

TEST_F(TokensTest, TheSecretIsKeptNowhere) {
  const Result<std::string> secret = CreateToken(*ledger_, Role::kSupport, "Kim", kNoon + 24h, kNoon);
  ASSERT_TRUE(secret) << secret.error().detail;
  EXPECT_TRUE(secret->starts_with("dnl_"));
  EXPECT_GE(secret->size(), 47u) << "256 bits";
  const std::vector<Token> tokens = *ledger_->Tokens();
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(tokens[0].hash, Sha256Hex(*secret));
  EXPECT_EQ(tokens[0].name, "Kim");
  EXPECT_EQ(tokens[0].created_at, kNoon);
  EXPECT_EQ(tokens[0].expires_at, kNoon + 24h);
  EXPECT_EQ(secret->find(tokens[0].id.substr(4)), std::string::npos) << "the id tells nothing of the secret";
}

TEST_F(TokensTest, NoTwoAreAlike) {
  std::set<std::string> secrets;
  for (int i = 0; i < 50; ++i) secrets.insert(*CreateToken(*ledger_, Role::kViewer, "n", {}, kNoon));
  EXPECT_EQ(secrets.size(), 50u);
  EXPECT_EQ(ledger_->Tokens()->size(), 50u);
}

TEST_F(TokensTest, TheRightSecretTellsWhoItIs) {
  const std::string secret = *CreateToken(*ledger_, Role::kAdmin, "Kim", {}, kNoon);
  const Result<Token> token = Try("Bearer " + secret);
  ASSERT_TRUE(token) << token.error().detail;
  EXPECT_EQ(token->name, "Kim");
  EXPECT_EQ(token->role, Role::kAdmin);
  EXPECT_EQ(Try("Bearer " + token->hash).error().code, Errc::kUnauthenticated) << "the hash is not the secret";
  EXPECT_EQ(Authenticate(*ledger_, nullptr, kNoon).error().code, Errc::kUnauthenticated);
}

TEST_F(TokensTest, ANameMustSayWho) {
  for (const std::string& name : {std::string(), std::string("  \t"), std::string("a\nb"), std::string(101, 'n')}) {
    EXPECT_EQ(CreateToken(*ledger_, Role::kViewer, name, {}, kNoon).error().code, Errc::kInvalidArgument) << name;
  }
}

TEST_F(TokensTest, RevokingTwiceKeepsTheFirstTime) {
  ASSERT_TRUE(CreateToken(*ledger_, Role::kViewer, "Kim", {}, kNoon));
  const std::string id = ledger_->Tokens()->front().id;
  ASSERT_TRUE(RevokeToken(*ledger_, id, kNoon + 1h));
  ASSERT_TRUE(RevokeToken(*ledger_, id, kNoon + 2h));
  EXPECT_EQ(ledger_->Tokens()->front().revoked_at, kNoon + 1h);
  EXPECT_EQ(RevokeToken(*ledger_, "tok_none", kNoon).error().code, Errc::kNotFound);
}

TEST(Sha256Test, IsTheStandards) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace dunlin
