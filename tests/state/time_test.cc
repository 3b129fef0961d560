#include "state/time.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

TEST(TimeTest, Rfc3339GoesThereAndBack) {
  for (const char* text : {"1970-01-01T00:00:00Z", "2026-11-21T10:00:00Z", "2024-02-29T23:59:59.250Z"}) {
    const Result<Timestamp> t = ParseRfc3339(text);
    ASSERT_TRUE(t) << text;
    EXPECT_EQ(FormatRfc3339(*t), text);
  }
}

TEST(TimeTest, OffsetsAndLongFractionsAreRead) {
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-21T11:30:00+01:30")), "2026-11-21T10:00:00Z");
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-21T10:00:00.123456789Z")), "2026-11-21T10:00:00.123Z");
}

TEST(TimeTest, AnOffsetMayBeBehindUtcToo) {
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2026-11-21T06:30:00-03:30")), "2026-11-21T10:00:00Z");
}

TEST(TimeTest, ALeapSecondIsTheFirstSecondOfTheNextDay) {
  EXPECT_EQ(FormatRfc3339(*ParseRfc3339("2016-12-31T23:59:60Z")), "2017-01-01T00:00:00Z");
}

TEST(TimeTest, ATimeIsRefusedWhereverACharacterIsWrongOrItIsCutOff) {
  const std::string whole = "2026-11-21T10:00:00.25+01:30";
  ASSERT_TRUE(ParseRfc3339(whole));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    EXPECT_FALSE(ParseRfc3339(whole.substr(0, at))) << at;
    for (const char wrong : {'!', 'x'}) {
      std::string changed = whole;
      changed[at] = wrong;
      EXPECT_FALSE(ParseRfc3339(changed)) << changed;
    }
  }
}

TEST(TimeTest, WhatIsNotATimeIsRefusedByName) {
  for (const char* text :
       {"", "now", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T10:00:00", "2026-11-21T10:00:00Zx",
        "2026-11-21T10:00:00.Z", "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:61Z",
        "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00+01:60"}) {
    const Result<Timestamp> t = ParseRfc3339(text);
    ASSERT_FALSE(t) << text;
    EXPECT_NE(t.error().detail.find("is not a time"), std::string::npos);
  }
}

TEST(TimeTest, DurationsTakeEveryUnit) {
  EXPECT_EQ(*ParseDuration("250ms"), 250ms);
  EXPECT_EQ(*ParseDuration("10s"), 10s);
  EXPECT_EQ(*ParseDuration("90m"), 90min);
  EXPECT_EQ(*ParseDuration("12h"), 12h);
  EXPECT_EQ(*ParseDuration("3d"), 72h);
  EXPECT_EQ(*ParseDuration("2w"), 336h);
  EXPECT_EQ(FormatDuration(*ParseDuration("90m")), "90m");
  EXPECT_EQ(FormatDuration(*ParseDuration("24h")), "1d");
  EXPECT_EQ(FormatDuration(0ms), "0s");
}

TEST(TimeTest, WhatIsNoDurationIsRefused) {
  for (const char* text : {"", "d", "3", "-1d", "1.5h", "3 d", "3x", "99999999999d", "9223372036854775807w"}) {
    EXPECT_FALSE(ParseDuration(text)) << text;
  }
}

}  // namespace
}  // namespace dunlin
