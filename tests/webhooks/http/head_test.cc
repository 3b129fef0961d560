#include "webhooks/http/head.h"

#include <gtest/gtest.h>

#include <string>

namespace dunlin {
namespace {

constexpr std::size_t kBodyMax = 1000;

// The status a head with these lines is refused with; 0 if it is taken. Lines end in CRLF.
int StatusOf(const std::string& lines) {
  const std::string head = lines + "\r\n";
  EXPECT_EQ(FindHeadEnd(head), head.size()) << lines;
  const auto read = ParseRequestHead(head, kBodyMax);
  return read ? 0 : read.error().status;
}

int StatusOfLine(const std::string& line) { return StatusOf(line + "\r\nHost: h\r\n"); }
int StatusOfField(const std::string& field) { return StatusOf("GET / HTTP/1.1\r\nHost: h\r\n" + field + "\r\n"); }
int StatusOfPost(const std::string& fields) { return StatusOf("POST / HTTP/1.1\r\nHost: h\r\n" + fields); }

TEST(HeadTest, AUsualRequestIsRead) {
  const auto head = ParseRequestHead(
      "POST /webhooks/stripe?a=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nstripe-SIGNATURE: \t t=1,v1=a%41 \t\r\n"
      "X-Two: 1\r\nx-two: 2\r\nEmpty:\r\n\r\n",
      kBodyMax);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->target, "/webhooks/stripe?a=1");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_TRUE(head->keep_alive);
  EXPECT_FALSE(head->expects_continue);
  ASSERT_NE(head->headers.Find("Stripe-Signature"), nullptr);
  EXPECT_EQ(*head->headers.Find("Stripe-Signature"), "t=1,v1=a%41");
  EXPECT_EQ(head->headers.Count("X-TWO"), 2U);
  EXPECT_EQ(*head->headers.Find("Empty"), "");
  EXPECT_EQ(head->headers.Find("REMOTE_ADDR"), nullptr);
}

TEST(HeadTest, TheEndIsFoundOnlyWhenItIsThere) {
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\n\r\nrest"), 18U);
  EXPECT_EQ(FindHeadEnd("GET / HTTP/1.1\r\n\r"), std::string_view::npos);
  EXPECT_EQ(FindHeadEnd("\r\n\r\n"), 4U);
  const std::string whole = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t from = 0; from < whole.size(); ++from) EXPECT_EQ(FindHeadEnd(whole, from), whole.size()) << from;
}

TEST(HeadTest, ALineThatDoesNotEndInCrLfIsRefusedAtOnce) {
  for (const char* begun : {"GET / HTTP/1.1\n", "\n", "GET / HTTP/1.1\r\nHost: h\n", "GET / HTTP/1.1\r\n\n"}) {
    const std::string bytes = begun;
    ASSERT_EQ(FindHeadEnd(bytes + "more"), bytes.size()) << bytes;
    const auto read = ParseRequestHead(bytes, kBodyMax);
    ASSERT_FALSE(read) << bytes;
    EXPECT_EQ(read.error().status, 400) << bytes;
  }
}

TEST(HeadTest, ARequestLineIsRefusedWhateverFollows) {
  for (const char* line : {"GET /", "PRI * HTTP/2.0", "BREW / HTTP/1.1", "GET /% HTTP/1.1"}) {
    const auto refusal = RefuseRequestLine(line);
    ASSERT_TRUE(refusal) << line;
    EXPECT_EQ(refusal->status, StatusOfLine(line)) << line;
  }
  EXPECT_FALSE(RefuseRequestLine("GET / HTTP/1.1"));
  const auto both = ParseRequestHead("BREW / HTTP/1.1\r\nHost: h\n", kBodyMax);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().status, 501);
}

TEST(HeadTest, ARefusalSaysWhatWasAskedForAsFarAsItIsKnown) {
  const auto refused =
      ParseRequestHead("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n", kBodyMax).error();
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.method, "POST");
  EXPECT_EQ(refused.target, "/a?b");
  EXPECT_EQ(RefuseBegun(408, "", "PUT /c HTTP/1.1\r\nHo").target, "/c");
  EXPECT_EQ(RefuseBegun(408, "", "PUT /c HTTP/1.1").target, "");
  EXPECT_EQ(ParseRequestHead("nonsense\r\n\r\n", kBodyMax).error().method, "");
}

TEST(HeadTest, RequestLinesAreReadStrictly) {
  EXPECT_EQ(StatusOfLine("GET / HTTP/1.1"), 0);
  EXPECT_EQ(StatusOfLine("GET /a%20b?c=%2f HTTP/1.1"), 0);
  for (const char* line : {"GET",
                           "GET /",
                           "",
                           " ",
                           "GET  / HTTP/1.1",
                           "GET / / HTTP/1.1",
                           "G\"T / HTTP/1.1",
                           "GET a HTTP/1.1",
                           "GET http://h/ HTTP/1.1",
                           "OPTIONS * HTTP/1.1",
                           "GET /#x HTTP/1.1",
                           "GET /\x7f HTTP/1.1",
                           "GET /\xc3\xa9 HTTP/1.1",
                           "GET /% HTTP/1.1",
                           "GET /%4 HTTP/1.1",
                           "GET /%zz HTTP/1.1",
                           "GET /\t HTTP/1.1",
                           "GET\t/ HTTP/1.1",
                           "GET / ",
                           "GET / http/1.1",
                           "GET / HTTP/1.1x",
                           "GET / HTTP/11",
                           "GET / \tHTTP/1.1"}) {
    EXPECT_EQ(StatusOfLine(line), 400) << line;
  }
  for (const char* line : {"GET / HTTP/2.0", "PRI * HTTP/2.0", "GET / HTTP/1.2", "GET / HTTP/0.9"}) {
    EXPECT_EQ(StatusOfLine(line), 505) << line;
  }
  for (const char* line : {"get / HTTP/1.1", "CONNECT /h HTTP/1.1", "TRACE / HTTP/1.1", "PRI / HTTP/1.1"}) {
    EXPECT_EQ(StatusOfLine(line), 501) << line;
  }
  EXPECT_EQ(StatusOfLine("GET /" + std::string(kTargetBytesMax - 1, 'a') + " HTTP/1.1"), 0);
  EXPECT_EQ(StatusOfLine("GET /" + std::string(kTargetBytesMax, 'a') + " HTTP/1.1"), 414);
}

TEST(HeadTest, HeaderFieldsAreReadStrictly) {
  EXPECT_EQ(StatusOfField("A:b"), 0);
  EXPECT_EQ(StatusOfField("A: \xff b\tc"), 0);
  for (const std::string& field :
       {std::string("A : b"), std::string(" A: b"), std::string("\tfolded"), std::string("A"), std::string(": b"),
        std::string("A b: c"), std::string("REMOTE_ADDR: 6.6.6.6"), std::string("local_port: 1"),
        std::string("Remote_Port: 1"), std::string("LOCAL_ADDR:"), std::string("A: b\rC: d"), std::string("A: \0", 4),
        std::string("A: \x7f"), std::string("A\xc3: b")}) {
    EXPECT_EQ(StatusOfField(field), 400) << field;
  }
}

TEST(HeadTest, TheNumberOfFieldsIsBounded) {
  std::string fields = "Host: h\r\n";
  for (std::size_t i = 1; i < kHeaderFieldsMax; ++i) fields += "A: b\r\n";
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n" + fields), 0);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n" + fields + "A: b\r\n"), 431);
}

TEST(HeadTest, ThereIsOneHost) {
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n"), 0);
}

TEST(HeadTest, TheLengthOfABodyIsNeverInDoubt) {
  EXPECT_EQ(StatusOfPost("Content-Length: 0\r\n"), 0);
  EXPECT_EQ(StatusOfPost("Content-Length: 1000\r\n"), 0);
  EXPECT_EQ(StatusOfPost("Content-Length: 1001\r\n"), 413);
  EXPECT_EQ(StatusOfPost("Content-Length: 99999999999999999999999999\r\n"), 400);
  EXPECT_EQ(StatusOfPost(""), 411);
  EXPECT_EQ(StatusOf("DELETE / HTTP/1.1\r\nHost: h\r\n"), 0);
  for (const char* value : {"abc", "+5", "-1", "5, 5", "5,3", "0x5", "5 5", "", "5a", "1e2", "5;"}) {
    EXPECT_EQ(StatusOfPost("Content-Length: " + std::string(value) + "\r\n"), 400) << value;
  }
  EXPECT_EQ(StatusOfPost("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(StatusOfPost("Content-Length: 5\r\ncontent-length: 6\r\n"), 400);
  for (const char* coding : {"chunked", "identity", "gzip, chunked", "x", ""}) {
    EXPECT_EQ(StatusOfPost("Transfer-Encoding: " + std::string(coding) + "\r\n"), 411) << coding;
    EXPECT_EQ(StatusOfPost("Content-Length: 5\r\nTransfer-Encoding: " + std::string(coding) + "\r\n"), 411) << coding;
  }
}

TEST(HeadTest, EncodedBodiesAreRefused) {
  for (const char* coding : {"gzip", "br", "deflate", "identity", "identity, gzip", "x", ""}) {
    EXPECT_EQ(StatusOfPost("Content-Length: 5\r\nContent-Encoding: " + std::string(coding) + "\r\n"), 415) << coding;
  }
  EXPECT_EQ(StatusOfPost("Content-Length: 5\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\n"), 415);
}

TEST(HeadTest, ExpectationsAndConnectionsAreUnderstood) {
  const auto read = [](const std::string& lines) { return *ParseRequestHead(lines + "\r\n", kBodyMax); };
  EXPECT_TRUE(read("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n").expects_continue);
  EXPECT_EQ(StatusOfField("Expect: 200-ok"), 417);
  EXPECT_TRUE(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, close\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n").keep_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n").keep_alive);
}

}  // namespace
}  // namespace dunlin
