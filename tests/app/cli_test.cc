// The program's exact words and exit codes: other tools read them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/app/program.h"
#include "tests/support/scratch.h"

namespace dunlin {
namespace {

using testing::Ran;
using testing::RunDunlin;

// A vector computed with the openssl tool.
constexpr const char* kBody = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
constexpr const char* kSecret = "whsec_test_secret";
constexpr const char* kHeader = "t=12345,v1=2672d138c9a412830f3bfe2ecc5bfb3277cf6f5b49d0119d77dd6cb64da1257e";

Ran Verify(std::vector<std::string> arguments, const std::string& body = kBody) {
  arguments.insert(arguments.begin(), {"verify", "stripe"});
  return RunDunlin(arguments, body);
}

TEST(VerifyTest, AGoodSignatureIsValid) {
  const Ran ran = Verify({"--secret", kSecret, "--header", kHeader, "--now", "12345"});
  EXPECT_EQ(ran.out, "valid\n");
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.exit_code, 0);
}

TEST(VerifyTest, TheBodyCanBeAFile) {
  const testing::ScratchDir scratch;
  testing::WriteFile(scratch.File("body"), kBody);
  EXPECT_EQ(Verify({"--secret", kSecret, "--header", kHeader, "--now", "12345", scratch.File("body")}, "").out,
            "valid\n");
  EXPECT_EQ(Verify({"--secret", kSecret, "--header", kHeader, "--now", "12345", "-"}).out, "valid\n");
  EXPECT_EQ(Verify({"--secret", kSecret, "--header", kHeader, scratch.File("none")}).exit_code, 2);
}

TEST(VerifyTest, AnyOfSeveralSecretsMayMatch) {
  EXPECT_EQ(Verify({"--secret", "whsec_new", "--secret", kSecret, "--header", kHeader, "--now", "12345"}).out,
            "valid\n");
}

TEST(VerifyTest, TheSecretNeedNotStandInTheListOfProcesses) {
  const std::vector<std::string> words = {"verify", "stripe", "--header", kHeader, "--now", "12345"};
  EXPECT_EQ(RunDunlin(words, kBody, {"DUNLIN_STRIPE_WEBHOOK_SECRETS=whsec_new," + std::string(kSecret)}).out,
            "valid\n");
  const testing::ScratchDir scratch;
  testing::WriteFile(scratch.File("secret"), std::string(kSecret) + "\n");
  EXPECT_EQ(RunDunlin(words, kBody, {"DUNLIN_STRIPE_WEBHOOK_SECRETS_FILE=" + scratch.File("secret")}).out, "valid\n");
  const Ran without = RunDunlin(words, kBody);
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("DUNLIN_STRIPE_WEBHOOK_SECRETS_FILE"), std::string::npos) << without.err;
}

TEST(VerifyTest, EveryReasonIsSaidInItsWord) {
  const std::string header = kHeader;
  const struct {
    std::vector<std::string> arguments;
    std::string body, out;
  } cases[] = {
      {{"--secret", kSecret, "--header", ""}, kBody, "invalid: header_missing\n"},
      {{"--secret", kSecret, "--header="}, kBody, "invalid: header_missing\n"},
      {{"--secret", kSecret, "--header", "bad_header"}, kBody, "invalid: header_malformed\n"},
      {{"--secret", kSecret, "--header", header, "--now", "12646"}, kBody, "invalid: timestamp_outside_tolerance\n"},
      {{"--secret", kSecret, "--header", header, "--now", "12044"}, kBody, "invalid: timestamp_outside_tolerance\n"},
      {{"--secret", kSecret, "--header", header, "--now", "12355", "--tolerance", "9"},
       kBody,
       "invalid: timestamp_outside_tolerance\n"},
      {{"--secret", kSecret, "--header", "t=12345,v0=" + header.substr(11)}, kBody, "invalid: no_v1_signature\n"},
      {{"--secret", "whsec_other", "--header", header, "--now", "12345"}, kBody, "invalid: no_matching_signature\n"},
      {{"--secret", kSecret, "--header", header, "--now", "12345"}, "{}", "invalid: no_matching_signature\n"},
      {{"--secret", " ", "--header", header}, kBody, "invalid: secret_blank\n"},
      {{"--secret", "", "--header", header}, kBody, "invalid: secret_blank\n"},
      {{"--secret", kSecret, "--header", header}, "", "invalid: payload_empty\n"},
  };
  for (const auto& c : cases) {
    const Ran ran = Verify(c.arguments, c.body);
    EXPECT_EQ(ran.out, c.out);
    EXPECT_EQ(ran.exit_code, 1) << c.out;
  }
}

TEST(VerifyTest, JsonSaysTheSame) {
  const Ran good = Verify({"--secret", kSecret, "--header", kHeader, "--now", "12345", "--json"});
  EXPECT_EQ(nlohmann::json::parse(good.out), (nlohmann::json{{"valid", true}, {"reason", nullptr}}));
  EXPECT_EQ(good.exit_code, 0);
  const Ran bad = Verify({"--secret", kSecret, "--header", "", "--json"});
  EXPECT_EQ(nlohmann::json::parse(bad.out), (nlohmann::json{{"valid", false}, {"reason", "header_missing"}}));
  EXPECT_EQ(bad.exit_code, 1);
}

TEST(UsageTest, WrongUsageIsTwo) {
  const std::vector<std::vector<std::string>> calls = {
      {},
      {"nonsense"},
      {"verify"},
      {"verify", "stripe"},
      {"verify", "stripe", "--secret", "s"},
      {"verify", "stripe", "--secret", "s", "--header", "h", "--now", "soon"},
      {"verify", "stripe", "--secret", "s", "--header", "h", "--tolerance", "1h"},
      {"verify", "stripe", "--secret", "s", "--header", "h", "--nonsense"},
      {"policy", "check"},
      {"replay"},
      {"replay", "x"},
      {"replay", "x", "--to", "http://127.0.0.1:1"},
      {"replay", "--offline", "x", "--to", "http://127.0.0.1:1"},
      {"subscriptions"},
      {"subscriptions", "show"},
      {"subscriptions", "retry", "sub_1"},
      {"subscriptions", "list", "--limit", "0"},
      {"events", "list", "--limit", "x"},
      {"jobs", "show", "jub_1"},
      {"token", "create", "--role", "support"},
      {"token", "create", "--role", "king", "--name", "x"},
      {"serve", "extra"},
      {"alerts", "list", "--ledger", "postgresql://h/d"},
      {"alerts", "list", "--ledger", "l.db"}};
  for (const auto& call : calls) {
    const Ran ran = RunDunlin(call);
    std::string words;
    for (const std::string& word : call) words += " " + word;
    EXPECT_EQ(ran.exit_code, 2) << "dunlin" << words << "\n" << ran.out << ran.err;
    EXPECT_EQ(ran.out, "") << words;
    EXPECT_NE(ran.err, "") << words;
  }
}

TEST(UsageTest, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(RunDunlin({"--help"}).exit_code, 0);
  EXPECT_EQ(RunDunlin({"subscriptions", "retry", "--help"}).exit_code, 0);
  const Ran version = RunDunlin({"version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out.rfind("dunlin ", 0), 0U) << version.out;
  EXPECT_EQ(
      "dunlin " + nlohmann::json::parse(RunDunlin({"version", "--json"}).out).at("version").get<std::string>() + "\n",
      version.out);
}

TEST(PolicyCheckTest, ASoundPolicyIsExplained) {
  const Ran ran = RunDunlin({"policy", "check", testing::FixturePath("policy.toml")});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.out.find("version 1 holds together"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("  3      5d                  9d to 9d 21h 36m\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("pro_plus  Pro+      3     40.00 USD / month"), std::string::npos) << ran.out;
  const auto json =
      nlohmann::json::parse(RunDunlin({"policy", "check", testing::FixturePath("policy.toml"), "--json"}).out);
  EXPECT_EQ(json.at("valid"), true);
  EXPECT_EQ(json.at("collections").at(0).at("retries").size(), 4U);
}

TEST(PolicyCheckTest, EachMistakeIsALine) {
  const testing::ScratchDir scratch;
  const std::string file = scratch.File("p.toml");
  testing::WriteFile(file,
                     "version = 1\n[collection.default]\nowner = \"service\"\ngraze = \"1d\"\njitter = \"80%\"\n");
  const Ran ran = RunDunlin({"policy", "check", file});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out.rfind(file + ":4: ", 0), 0U) << ran.out;
  EXPECT_NE(ran.out.find("\n" + file + ":5: "), std::string::npos) << ran.out;
  const auto json = nlohmann::json::parse(RunDunlin({"policy", "check", file, "--json"}).out);
  EXPECT_EQ(json.at("valid"), false);
  EXPECT_EQ(json.at("errors").size(), 2U);
  EXPECT_EQ(RunDunlin({"policy", "check", scratch.File("none")}).exit_code, 1);
}

// The words after "dunlin simulate" in the script that runs every test, for no time at all.
std::vector<std::string> SimulateOfTheTestScript() {
  const std::string script = testing::ReadFile(std::string(DUNLIN_SOURCE_DIR) + "/test");
  const std::string command = "dunlin simulate ";
  const std::size_t begin = script.find(command);
  if (begin == std::string::npos) return {};
  std::istringstream line(script.substr(begin + command.size(), script.find('\n', begin) - begin - command.size()));
  std::vector<std::string> words = {"simulate"};
  for (std::string word; line >> word;) words.push_back(word == "\"${third}s\"" ? "0s" : word);
  return words;
}

TEST(SimulateTest, WhatTheTestScriptAsksForPlaysAtLeastOneSeedAndSaysWhich) {
  std::vector<std::string> words = SimulateOfTheTestScript();
  ASSERT_EQ(words, (std::vector<std::string>{"simulate", "--duration", "0s"}));
  const Ran ran = RunDunlin(words);
  // The clock chose the seed; whether what it plays holds is not the question here, but that the exit says so.
  const bool holds = ran.out.find("; 0 failed;") != std::string::npos;
  EXPECT_EQ(ran.exit_code, holds ? 0 : 1) << ran.out << ran.err;
  EXPECT_NE(ran.out.find("1 seeds from "), std::string::npos) << ran.out << ran.err;
  EXPECT_EQ(ran.out.find("1 seeds from 1 on"), std::string::npos) << "as ./test does: " << ran.out;
  words.push_back("--json");
  EXPECT_EQ(nlohmann::json::parse(RunDunlin(words).out).at("seeds"), 1);
}

TEST(SimulateTest, WithoutADurationASeedIsNeeded) {
  EXPECT_EQ(RunDunlin({"simulate", "--runs", "1"}).exit_code, 2);
  EXPECT_EQ(RunDunlin({"simulate"}).exit_code, 2);
}

TEST(ServeTest, AWrongConfigurationIsTwoAndNamesEachMistake) {
  const testing::ScratchDir scratch;
  testing::WriteFile(scratch.File("d.toml"), "listen = 5\nnonsense = 1\n");
  const Ran ran = RunDunlin({"serve", "--config", scratch.File("d.toml")});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_NE(ran.err.find("d.toml:1: listen: "), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("d.toml:2: nonsense: "), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace dunlin
