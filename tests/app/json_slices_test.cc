#include "app/commands/json_slices.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

std::vector<std::string> Texts(const JsonSlices& slices) {
  std::vector<std::string> texts;
  for (const JsonSlice& slice : slices.values) texts.emplace_back(slice.text);
  return texts;
}
using Strings = std::vector<std::string>;

TEST(JsonSlicesTest, ValuesAreCutOutByteForByte) {
  const JsonSlices slices = SplitValues("{\"a\": [1,\n 2]}\n\n  {\"b\":\"}{\\\"]\"}\n");
  EXPECT_EQ(Texts(slices), (Strings{"{\"a\": [1,\n 2]}", "{\"b\":\"}{\\\"]\"}"}));
  EXPECT_EQ(slices.values[0].line, 1U);
  EXPECT_EQ(slices.values[1].line, 4U);
  EXPECT_FALSE(slices.broken_line);
}

TEST(JsonSlicesTest, ElementsKnowTheirLine) {
  const JsonSlices slices = SplitArray({"[\n{\"a\":1},\n [2] , \"x,y\"\n]", 7});
  EXPECT_EQ(Texts(slices), (Strings{"{\"a\":1}", "[2]", "\"x,y\""}));
  EXPECT_EQ(slices.values[0].line, 8U);
  EXPECT_EQ(slices.values[2].line, 9U);
  EXPECT_FALSE(slices.broken_line);
  EXPECT_TRUE(SplitArray({"[ ]", 1}).values.empty());
}

TEST(JsonSlicesTest, WhatDoesNotEndIsNamedByItsLine) {
  EXPECT_EQ(SplitValues("{}\n{\"a\":").broken_line, 2U);
  EXPECT_EQ(SplitValues("{}\n\n\"abc").broken_line, 3U);
  EXPECT_EQ(SplitValues("{}}").broken_line, 1U);
  EXPECT_EQ(SplitArray({"[1,\n]", 1}).broken_line, 2U);
  EXPECT_EQ(SplitArray({"[1 2]", 3}).broken_line, 3U);
}

TEST(JsonSlicesTest, AMemberIsFoundOnlyDirectlyInItsObject) {
  const JsonSlice object{"{\"x\":{\"events\":1}, \"events\" : [2],\"y\":\"events\"}", 1};
  const auto events = FindMember(object, "events");
  ASSERT_TRUE(events);
  EXPECT_EQ(events->text, "[2]");
  EXPECT_FALSE(FindMember({"{\"x\":{\"events\":1}}", 1}, "events"));
  EXPECT_FALSE(FindMember({"{}", 1}, "events"));
  EXPECT_FALSE(FindMember({"{\"events\"", 1}, "events"));
}

}  // namespace
}  // namespace dunlin
