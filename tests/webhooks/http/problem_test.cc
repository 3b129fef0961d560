#include "webhooks/http/problem.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dunlin {
namespace {

TEST(ProblemTest, ItIsAProblemDocument) {
  const HttpResponse response = Problem(409, "Retry refused", "the invoice is \"paid\"", "nothing_to_collect");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body, (nlohmann::json{{"type", "about:blank"},
                                  {"title", "Retry refused"},
                                  {"status", 409},
                                  {"detail", "the invoice is \"paid\""},
                                  {"code", "nothing_to_collect"}}));
}

TEST(ProblemTest, WhatIsEmptyIsLeftOutAndTheTitleIsTheUsualOne) {
  EXPECT_EQ(nlohmann::json::parse(Problem(404, "").body),
            (nlohmann::json{{"type", "about:blank"}, {"title", "Not found"}, {"status", 404}}));
}

TEST(ProblemTest, BytesThatAreNoTextDoNotBreakIt) {
  EXPECT_TRUE(nlohmann::json::accept(Problem(400, "\xff\xfe\n\x01").body));
}

}  // namespace
}  // namespace dunlin
