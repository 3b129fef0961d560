#include "state/json_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace dunlin {
namespace {

TEST(JsonTextTest, WhatIsAppendedIsRead) {
  std::string text;
  JsonAppender out(text);
  out.OpenObject();
  out.Key("t");
  out.Text("a\"b\\c\n\x1f");
  out.Key("n");
  out.Int(std::numeric_limits<std::int64_t>::min());
  out.Key("x");
  out.Null();
  out.CloseObject();
  EXPECT_EQ(text, R"({"t":"a\"b\\c\u000a\u001f","n":-9223372036854775808,"x":null})");
  JsonCursor in(text);
  std::string_view key;
  in.OpenObject();
  ASSERT_TRUE(in.NextKey(key));
  EXPECT_EQ(in.Text(), "a\"b\\c\n\x1f");
  ASSERT_TRUE(in.NextKey(key));
  EXPECT_EQ(in.Int(), std::numeric_limits<std::int64_t>::min());
  ASSERT_TRUE(in.NextKey(key));
  EXPECT_TRUE(in.TakeNull());
  EXPECT_FALSE(in.NextKey(key));
  EXPECT_TRUE(in.AtEnd());
}

TEST(JsonTextTest, OnlyTheEscapesThatAreWrittenAreRead) {
  for (const char* text : {R"("\u00")", R"("\u0041")", R"("\u001g")", R"("\n")", R"("\)", R"("\u0)"}) {
    JsonCursor in(text);
    in.Text();
    EXPECT_TRUE(in.failed()) << text;
  }
}

TEST(JsonTextTest, AfterAMistakeNothingMoreIsRead) {
  JsonCursor in("null[]\"a\"12");
  ASSERT_EQ(in.Text(), "");
  ASSERT_TRUE(in.failed());
  EXPECT_FALSE(in.TakeNull());
  in.OpenArray();
  EXPECT_FALSE(in.NextItem());
  std::string_view key;
  EXPECT_FALSE(in.NextKey(key));
  EXPECT_EQ(in.Text(), "");
  EXPECT_EQ(in.Int(), 0);
  EXPECT_EQ(in.position(), 0U);
  EXPECT_FALSE(in.AtEnd());
}

}  // namespace
}  // namespace dunlin
