#include "app/log.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

namespace dunlin {
namespace {

using nlohmann::json;

// What was written to stderr meanwhile, each line read as JSON.
std::vector<json> LinesOf(const std::function<void()>& act) {
  ::testing::internal::CaptureStderr();
  act();
  std::istringstream text(::testing::internal::GetCapturedStderr());
  std::vector<json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line, nullptr, false));
  return lines;
}

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override { SetLogLevel("debug"); }
  void TearDown() override { SetLogLevel("info"); }
};

TEST_F(LogTest, IsOneObjectALine) {
  const std::vector<json> lines = LinesOf([] {
    Log(LogLevel::kInfo, "serving", {{"listen", "127.0.0.1:1"}});
    Log(LogLevel::kError, "gone", {});
  });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["msg"], "serving");
  EXPECT_EQ(lines[0]["listen"], "127.0.0.1:1");
  EXPECT_GE(lines[0]["ts"].get<std::string>().size(), 20u);
  EXPECT_EQ(lines[1]["level"], "error");
}

TEST_F(LogTest, WhatIsLoggedCannotMakeALineOrBreakOne) {
  const std::string nasty = std::string("a\"b\\c\nd{}%v%n\x01\xff") + '\0' + "end";
  const std::vector<json> lines = LinesOf([&] { Log(LogLevel::kWarn, nasty, {{"field", nasty}}); });
  ASSERT_EQ(lines.size(), 1u);
  ASSERT_TRUE(lines[0].is_object());
  const std::string read = lines[0]["field"];
  EXPECT_TRUE(read.starts_with("a\"b\\c\nd{}%v%n\x01")) << read;
  EXPECT_TRUE(read.ends_with("end")) << read;
  EXPECT_EQ(lines[0]["msg"], read);
}

TEST_F(LogTest, TheLevelHoldsBackWhatIsBelowIt) {
  SetLogLevel("warn");
  EXPECT_FALSE(LogEnabled(LogLevel::kInfo));
  EXPECT_TRUE(LogEnabled(LogLevel::kWarn));
  const std::vector<json> lines = LinesOf([] {
    Log(LogLevel::kDebug, "1", {});
    Log(LogLevel::kInfo, "2", {});
    Log(LogLevel::kWarn, "3", {});
    Log(LogLevel::kError, "4", {});
  });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["msg"], "3");
}

TEST_F(LogTest, LinesOfSeveralThreadsDoNotMix) {
  const std::vector<json> lines = LinesOf([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) Log(LogLevel::kInfo, std::string(100, 'x'), {{"n", std::to_string(i)}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  EXPECT_EQ(lines.size(), 800u);
  for (const json& line : lines) EXPECT_TRUE(line.is_object());
}

}  // namespace
}  // namespace dunlin
