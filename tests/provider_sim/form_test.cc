#include "fixtures/provider_sim/form.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dunlin::sim {
namespace {

using Json = nlohmann::json;

TEST(FormTest, NestedNamesBecomeObjectsAndArrays) {
  const auto parsed = ParseForm("items[0][price]=p%201&items[1][price]=p2&expand[]=a&expand[]=b.c&m[k]=v+w&plain=");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, Json::parse(R"({"items":[{"price":"p 1"},{"price":"p2"}],"expand":["a","b.c"],
                                     "m":{"k":"v w"},"plain":""})"));
}

TEST(FormTest, IndexesOrderAnArrayWhateverTheOrderOfArrival) {
  const auto parsed = ParseForm("a[10]=k&a[2]=c&a[1]=b");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["a"], Json({"b", "c", "k"}));
}

TEST(FormTest, EncodedBracketsAreBrackets) {
  const auto parsed = ParseForm("payment%5Btype%5D=payment_intent");
  ASSERT_TRUE(parsed);
  EXPECT_EQ((*parsed)["payment"]["type"], "payment_intent");
}

TEST(FormTest, WhatCannotBeUnderstoodIsRefused) {
  for (const char* text :
       {"a=%zz", "a=%4", "a[b=1", "[b]=1", "a=1&a[b]=2", "a[b]=2&a=1", "a[b][c][d][e][f][g][h][i][j]=1", "a[b]c=1"}) {
    EXPECT_FALSE(ParseForm(text)) << text;
  }
}

}  // namespace
}  // namespace dunlin::sim
