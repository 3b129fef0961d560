#include "state/licence.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

std::optional<LicenceId> IdIn(std::string arn) { return LicenceIdOf(LicenceArn{std::move(arn)}); }

TEST(LicenceTest, BothSpellingsOfALicenceHaveOneId) {
  const LicenceId id{"l-0f3a5b7c9d1e2f3a4b5c6d7e8f90a1b2"};
  EXPECT_EQ(IdIn("arn:aws:license-manager::294406891311:license:l-0f3a5b7c9d1e2f3a4b5c6d7e8f90a1b2"), id);
  EXPECT_EQ(IdIn("aws:license-manager:us-east-1:123456789012:l-0f3a5b7c9d1e2f3a4b5c6d7e8f90a1b2"), id);
  EXPECT_EQ(IdIn("l-0f3a5b7c9d1e2f3a4b5c6d7e8f90a1b2"), id);
}

TEST(LicenceTest, TheDocumentationsExampleIsALicence) {
  EXPECT_EQ(IdIn("aws:license-manager:us-east-1:123456789012:l-e52ca6f38bf84d0fafb8802ca15ac11x"),
            LicenceId{"l-e52ca6f38bf84d0fafb8802ca15ac11x"});
}

TEST(LicenceTest, WhatNamesNoLicenceHasNoId) {
  for (const char* arn : {"", ":", "l-", "l", "arn:aws:license-manager::294406891311:license:",
                          "arn:aws:license-manager::294406891311:license:l-", "arn:aws:x:l-0f3a:", "arn:aws:x:l-0F3A",
                          "arn:aws:x:l-0f3a/1", "arn:aws:x:l-0f3a~", "arn:aws:x:xl-0f3a", "arn:aws:x:l-0f3a "}) {
    EXPECT_EQ(IdIn(arn), std::nullopt) << arn;
  }
}

}  // namespace
}  // namespace dunlin
