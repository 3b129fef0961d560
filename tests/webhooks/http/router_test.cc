#include "webhooks/http/router.h"

#include <gtest/gtest.h>

namespace dunlin {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    for (const auto& [method, pattern] : {std::pair{"GET", "/v1/subscriptions/{id}"},
                                          {"GET", "/v1/subscriptions/all"},
                                          {"POST", "/v1/subscriptions/{id}/retry"},
                                          {"GET", "/"},
                                          {"DELETE", "/v1/subscriptions/{id}"},
                                          {"GET", "/{a}/x/{b}"}}) {
      router_.Add(method, pattern, [](const HttpRequest&) { return HttpResponse{}; });
    }
  }

  // "STATUS pattern name=value…"
  std::string Find(std::string_view method, std::string_view path) const {
    const Router::Found found = router_.Find(method, path);
    EXPECT_EQ(found.handler != nullptr, found.status == 200);
    std::string text = std::to_string(found.status) + " " + std::string(found.pattern);
    for (const auto& [name, value] : found.params) text += " " + name + "=" + value;
    return text;
  }

  Router router_;
};

TEST_F(RouterTest, NamesTakeOneSegment) {
  EXPECT_EQ(Find("GET", "/v1/subscriptions/sub_1"), "200 /v1/subscriptions/{id} id=sub_1");
  EXPECT_EQ(Find("POST", "/v1/subscriptions/sub_1/retry"), "200 /v1/subscriptions/{id}/retry id=sub_1");
  EXPECT_EQ(Find("GET", "/1/x/2"), "200 /{a}/x/{b} a=1 b=2");
  EXPECT_EQ(Find("GET", "/"), "200 /");
}

TEST_F(RouterTest, LiteralsGoFirstWhateverTheOrder) {
  EXPECT_EQ(Find("GET", "/v1/subscriptions/all"), "200 /v1/subscriptions/all");
  EXPECT_EQ(Find("DELETE", "/v1/subscriptions/all"), "200 /v1/subscriptions/{id} id=all");
}

TEST_F(RouterTest, WhatDoesNotFitIsNotFound) {
  for (const char* path :
       {"/v1", "/v1/", "/v1/subscriptions", "/v1/subscriptions/", "/v1/subscriptions/a/", "/v1/subscriptions//retry",
        "//v1/subscriptions/a", "/v1/subscriptions/a/retry/b", "/V1/subscriptions/a", "/v1%2Fsubscriptions/a"}) {
    EXPECT_EQ(Find("POST", path), "404 ") << path;
  }
}

TEST_F(RouterTest, OtherMethodsAreToldWhatThereIs) {
  EXPECT_EQ(router_.Find("PUT", "/v1/subscriptions/a").status, 405);
  EXPECT_EQ(router_.Find("PUT", "/v1/subscriptions/a").allow, "GET, DELETE");
  EXPECT_EQ(router_.Find("GET", "/v1/subscriptions/a/retry").allow, "POST");
}

TEST_F(RouterTest, HeadIsAnsweredByGet) { EXPECT_EQ(Find("HEAD", "/"), "200 /"); }

TEST_F(RouterTest, ValuesAreDecodedOnceAndOnlyAfterTheSplit) {
  EXPECT_EQ(Find("GET", "/v1/subscriptions/a%2fb%2Fc+d%2541"), "200 /v1/subscriptions/{id} id=a/b/c+d%41");
  EXPECT_EQ(Find("GET", "/v1/subscriptions/a%00b"), "400 /v1/subscriptions/{id}");
  EXPECT_EQ(Find("GET", "/v1/subscriptions/a%0D%0Ab"), "400 /v1/subscriptions/{id}");
}

}  // namespace
}  // namespace dunlin
