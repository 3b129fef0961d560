#include "webhooks/http/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace dunlin {
namespace {

using State = RequestReader::State;

constexpr std::size_t kBodyMax = 1000;

std::string Post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

// "TARGET BODY" of each request that comes out of `pieces`.
std::vector<std::string> ReadAll(const std::vector<std::string>& pieces) {
  RequestReader reader(kBodyMax);
  std::vector<std::string> requests;
  for (const std::string& piece : pieces) {
    reader.Add(piece);
    while (reader.Look() == State::kWhole) {
      const std::string target = reader.head().target;
      requests.push_back(target + " " + reader.TakeBody());
    }
  }
  EXPECT_EQ(reader.Look(), State::kIdle);
  return requests;
}

TEST(RequestReaderTest, HoweverTheBytesAreCutTheRequestsAreTheSame) {
  const std::string bytes = Post("/a", "one") + "\r\n" + Post("/b", "") + "\r\n\r\n" + Post("/c", "\r\n\r\n");
  const std::vector<std::string> expected = {"/a one", "/b ", "/c \r\n\r\n"};
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += size) pieces.push_back(bytes.substr(at, size));
    EXPECT_EQ(ReadAll(pieces), expected) << "in pieces of " << size;
  }
}

TEST(RequestReaderTest, NothingHasBegunWithBlankLines) {
  RequestReader reader(kBodyMax);
  EXPECT_EQ(reader.Look(), State::kIdle);
  for (int i = 0; i < 10'000; ++i) {
    reader.Add("\r\n");
    ASSERT_EQ(reader.Look(), State::kIdle);
  }
  EXPECT_EQ(reader.buffered(), 0U);
  reader.Add("G");
  EXPECT_EQ(reader.Look(), State::kBegun);
}

TEST(RequestReaderTest, HalfABlankLineBeginsNothing) {
  RequestReader reader(kBodyMax);
  reader.Add("\r");
  EXPECT_EQ(reader.Look(), State::kIdle);
  reader.Add("\n\r");
  EXPECT_EQ(reader.Look(), State::kIdle);
  reader.Add("\n" + Post("/a", ""));
  EXPECT_EQ(reader.Look(), State::kWhole);
  RequestReader wrong(kBodyMax);
  wrong.Add("\r");
  EXPECT_EQ(wrong.Look(), State::kIdle);
  wrong.Add(Post("/a", ""));
  EXPECT_EQ(wrong.Look(), State::kRefused);
}

TEST(RequestReaderTest, HoweverTheBytesAreCutTheRefusalIsTheSame) {
  const auto status = [](const std::string& bytes, std::size_t piece) {
    RequestReader reader(kBodyMax);
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.Add(std::string_view(bytes).substr(at, piece));
      if (reader.Look() == State::kRefused) return reader.refusal().status;
    }
    return 0;
  };
  const std::string long_field = "A: " + std::string(kHeadBytesMax, 'a') + "\r\n\r\n";
  const std::vector<std::pair<std::string, int>> refused = {
      {"GET /\r\n", 400},
      {"PRI * HTTP/2.0\r\n", 505},
      {"GET /" + std::string(kTargetBytesMax, 'a') + " HTTP/1.1\r\n", 414},
      {"GET /" + std::string(kHeadBytesMax, 'a') + " HTTP/1.1\r\n\r\n", 431},
      {"BREW / HTTP/1.1\r\nHost: h\n", 501},
      {"BREW / HTTP/1.1\r\n" + long_field, 501},
      {"GET / HTTP/1.1\r\n" + long_field, 431},
      {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", 400},
  };
  for (const auto& [bytes, expected] : refused) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
      EXPECT_EQ(status(bytes, piece), expected) << bytes.substr(0, 40) << " in pieces of " << piece;
    }
  }
}

TEST(RequestReaderTest, AHeadThatDoesNotEndIsRefusedAtItsBound) {
  RequestReader reader(kBodyMax);
  reader.Add("GET /x HTTP/1.1\r\nA: ");
  EXPECT_EQ(reader.Look(), State::kBegun);
  std::size_t added = 0;
  for (; reader.Look() == State::kBegun && added < 20'000; added += 100) reader.Add(std::string(100, 'a'));
  EXPECT_EQ(reader.Look(), State::kRefused);
  EXPECT_LE(added, kHeadBytesMax + 100);
  EXPECT_EQ(reader.refusal().status, 431);
  EXPECT_EQ(reader.refusal().target, "/x");
}

TEST(RequestReaderTest, ABodyThatIsTooLargeIsRefusedBeforeAnyOfItCame) {
  RequestReader reader(kBodyMax);
  reader.Add("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_EQ(reader.Look(), State::kRefused);
  EXPECT_EQ(reader.refusal().status, 413);
}

TEST(RequestReaderTest, ContinueIsOwedOnceAndOnlyWhileTheBodyIsWaitedFor) {
  const std::string head = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  RequestReader waits(kBodyMax);
  waits.Add(head);
  EXPECT_EQ(waits.Look(), State::kBegun);
  EXPECT_TRUE(waits.TakeContinue());
  EXPECT_FALSE(waits.TakeContinue());
  waits.Add("a");
  EXPECT_EQ(waits.Look(), State::kBegun);
  EXPECT_FALSE(waits.TakeContinue());
  RequestReader has_it(kBodyMax);
  has_it.Add(head + "ab");
  EXPECT_EQ(has_it.Look(), State::kWhole);
  EXPECT_FALSE(has_it.TakeContinue());
}

TEST(RequestReaderTest, WhatIsRefusedFromOutsideSaysWhatItWas) {
  RequestReader reader(kBodyMax);
  reader.Add("POST /x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
  EXPECT_EQ(reader.Look(), State::kBegun);
  const HeadRefusal late = reader.Refuse(408, "late");
  EXPECT_EQ(late.status, 408);
  EXPECT_EQ(late.method, "POST");
  EXPECT_EQ(late.target, "/x?y");
}

}  // namespace
}  // namespace dunlin
