#include "workflows/providers/http_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/workflows/providers/scripted_http.h"
#include "workflows/providers/hide_words.h"

namespace dunlin {
namespace {

using testing::Answer;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Reply;
using testing::ScriptedHttp;
using End = HttpAnswer::End;

HttpAnswer Get(HttpCaller& caller, const std::string& url, std::vector<HttpHeader> headers = {}, Millis timeout = 10s) {
  return caller.Send({.method = "GET", .url = url, .headers = std::move(headers), .body = ""}, timeout);
}

TEST(HttpCallTest, AHeaderIsReadWithoutTheSpaceAroundItAndTheLastOfSeveralCounts) {
  HttpAnswer answer;
  answer.head =
      "HTTP/1.1 200 OK\r\nRequest-Id: req_1\r\nRequest-Identity: other\r\nEmpty:\r\nBlank: \t \r\n"
      "REQUEST-ID: \t req_2 \r\n\r\n";
  EXPECT_EQ(answer.Header("request-id"), "req_2");
  EXPECT_EQ(answer.Header("Empty"), "");
  EXPECT_EQ(answer.Header("Blank"), "");
  EXPECT_EQ(answer.Header("Request"), "");
  answer.head = "Cut: off";
  EXPECT_EQ(answer.Header("cut"), "off");
}

TEST(HttpCallTest, OnlyAWholeAnswerOf2xxIsASuccess) {
  const auto success = [](End end, int status) {
    HttpAnswer answer;
    answer.end = end;
    answer.status = status;
    return answer.success();
  };
  for (const int status : {200, 201, 204, 299}) EXPECT_TRUE(success(End::kAnswered, status)) << status;
  for (const int status : {0, 101, 199, 300, 302, 404, 500}) EXPECT_FALSE(success(End::kAnswered, status)) << status;
  for (const End end : {End::kNotSent, End::kNoAnswer, End::kTooLarge}) EXPECT_FALSE(success(end, 200));
}

TEST(HttpCallTest, ALongHeadIsKeptOnlyInPartAndTheBodyWhole) {
  std::string lines = "X-First: 1\r\n";
  for (int i = 0; i < 40; ++i) lines += "X-Line-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n";
  ScriptedHttp server({Answer(200, "the body", lines + "X-Last: 1\r\n")});
  HttpCaller caller({.answer_bytes_max = 1000});
  const HttpAnswer answer = Get(caller, server.url());
  EXPECT_TRUE(answer.success()) << answer.trouble;
  EXPECT_EQ(answer.body, "the body");
  EXPECT_EQ(answer.Header("X-First"), "1");
  EXPECT_LE(answer.head.size(), 32U * 1024);
  EXPECT_GT(answer.head.size(), 31U * 1024);
}

TEST(HttpCallTest, AHeaderThatCouldStartAnotherIsNotSent) {
  ScriptedHttp server({});
  HttpCaller caller({.answer_bytes_max = 1000});
  for (const std::string& value : {std::string("a\r\nEvil: 1"), std::string("a\nEvil: 1"), std::string("a\0b", 3),
                                   std::string("a\x7f"), std::string("a\tb")}) {
    const HttpAnswer answer = Get(caller, server.url(), {{"Plain", "fine"}, {"Idempotency-Key", value}});
    EXPECT_EQ(answer.end, End::kNotSent);
    EXPECT_EQ(answer.trouble, "the request could not be built");
    EXPECT_THAT(answer.trouble, Not(HasSubstr("Evil")));
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpCallTest, WithoutTimeLeftNothingIsSent) {
  ScriptedHttp server({});
  HttpCaller caller({.answer_bytes_max = 1000});
  for (const Millis timeout : {Millis{0}, Millis{-5}}) {
    const HttpAnswer answer = Get(caller, server.url(), {}, timeout);
    EXPECT_EQ(answer.end, End::kNotSent);
    EXPECT_EQ(answer.trouble, "no time was left");
  }
  EXPECT_EQ(server.connections(), 0);
}

// 20 calls under way at once, and all of them once more: 16 of the connections are there for them.
TEST(HttpCallTest, SixteenConnectionsAreKeptBetweenCalls) {
  constexpr std::size_t kCalls = 20;
  std::deque<Reply> replies(2 * kCalls, Answer(200, "{}"));
  for (std::size_t i = 0; i < replies.size(); ++i) replies[i].after_requests = i < kCalls ? kCalls : 2 * kCalls;
  ScriptedHttp server(std::move(replies));
  HttpCaller caller({.answer_bytes_max = 1000});
  for (const int connections : {20, 24}) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kCalls; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(Get(caller, server.url()).success()); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(server.connections(), connections);
  }
}

TEST(HttpCallTest, OnlyLettersDigitsAndFourSignsStandInAUrlAsTheyAre) {
  EXPECT_EQ(UrlEncode("azAZ09-._~"), "azAZ09-._~");
  EXPECT_EQ(UrlEncode("`{@[/:"), "%60%7B%40%5B%2F%3A");
  EXPECT_EQ(UrlEncode("a b%&=+\xc3\xa9"), "a%20b%25%26%3D%2B%C3%A9");
  EXPECT_EQ(UrlEncode(std::string_view("\0\x7f", 2)), "%00%7F");
}

TEST(HttpCallTest, ABaseUrlHasAHostAndNothingThatHidesOrEndsIt) {
  for (const char* url : {"https://h", "http://h", "https://h:8443/path", "http://[::1]:80"}) {
    EXPECT_TRUE(IsBaseUrl(url)) << url;
  }
  for (const char* url : {"", "h", "https://", "http://", "https:/h", "ftp://h", "https://u@h", "https://h?q",
                          "https://h#f", "https://h\\x", "https://h x", "https://h\n", "https://h\x7f"}) {
    EXPECT_FALSE(IsBaseUrl(url)) << url;
  }
}

bool IsSecret(std::string_view word) { return word.starts_with("sk_"); }

TEST(HideWordsTest, SecretWordsAreHiddenAndEverythingStandsOnOneLine) {
  EXPECT_EQ(HideWords("key sk_1, (sk_2)\r\n\"sk_3\" is\tno sk", &IsSecret),
            "key [hidden], ([hidden])  \"[hidden]\" is no sk");
  EXPECT_EQ(HideWords("", &IsSecret), "");
}

TEST(HideWordsTest, NoMoreThan200BytesAreTold) {
  std::string words;
  for (int i = 0; i < 100; ++i) words += "word ";
  EXPECT_EQ(HideWords(words, &IsSecret), words.substr(0, 200));
  EXPECT_EQ(HideWords(std::string(300, 'x'), &IsSecret), std::string(200, 'x'));
  EXPECT_EQ(HideWords(std::string(195, 'x') + " sk_1 more", &IsSecret), std::string(195, 'x') + " [hid")
      << "a secret at the edge is not told in part";
}

}  // namespace
}  // namespace dunlin
