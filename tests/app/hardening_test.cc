// What the running service keeps to itself, and what its systemd unit takes away from it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <regex>

#include "tests/app/program.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

namespace dunlin {
namespace {

using testing::Process;
using testing::ReadFile;
using testing::ScratchDir;

constexpr const char* kProgram = DUNLIN_BINARY_DIR "/app/dunlin";
constexpr const char* kUnit = DUNLIN_SOURCE_DIR "/packaging/dunlin.service";
const std::map<std::string, std::string> kSecrets = {{"DUNLIN_STRIPE_WEBHOOK_SECRETS", "whsec_kept_to_itself"},
                                                     {"DUNLIN_STRIPE_API_KEY", "sk_test_kept_to_itself"}};

std::vector<std::string> InFolder(const std::string& folder, const std::string& command) {
  return {"/bin/sh", "-c", "cd '" + folder + "' && ulimit -S -c \"$(ulimit -H -c)\" && exec " + command};
}

std::string ServeIn(const ScratchDir& scratch) {
  return std::string(kProgram) + " serve --listen 127.0.0.1:0 --ledger sqlite:" + scratch.File("l.db");
}

// Whether the process left a core file in the folder when it was made to crash, by the signal that no sanitizer takes.
bool LeavesCore(Process& process, const std::string& folder) {
  process.Signal(SIGABRT);
  EXPECT_EQ(process.Wait(), -SIGABRT);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("core")) return true;
  }
  return false;
}

TEST(HardeningTest, ACrashOfTheServiceLeavesNoCoreDump) {
  const ScratchDir control, scratch, logs;
  Process other(InFolder(control.File("."), "sleep 60"), {}, logs.File("other"));
  while (ReadFile("/proc/" + std::to_string(other.pid()) + "/comm") != "sleep\n") {
    ASSERT_NE(ReadFile("/proc/" + std::to_string(other.pid()) + "/comm"), "") << "it could not be started";
  }
  if (!LeavesCore(other, control.File("."))) GTEST_SKIP() << "no program leaves a core file in its folder here";
  Process service(InFolder(scratch.File("."), ServeIn(scratch)), kSecrets, logs.File("service"));
  ASSERT_NE(service.WaitForAddress(), "") << service.Err();
  EXPECT_FALSE(LeavesCore(service, scratch.File(".")));
}

TEST(HardeningTest, OnlyRootCanLookIntoTheProcess) {
  const ScratchDir scratch;
  Process service(InFolder(scratch.File("."), ServeIn(scratch)), kSecrets, scratch.File("service"));
  ASSERT_NE(service.WaitForAddress(), "") << service.Err();
  const std::string process = "/proc/" + std::to_string(service.pid());
  EXPECT_TRUE(std::regex_search(ReadFile(process + "/limits"), std::regex("Max core file size +0 +0")));
  struct stat mem {};
  ASSERT_EQ(::stat((process + "/mem").c_str(), &mem), 0);
  EXPECT_EQ(mem.st_uid, 0U);
}

TEST(HardeningTest, NoSecretStandsInTheListOfProcessesOrInTheLog) {
  const ScratchDir scratch;
  Process service(InFolder(scratch.File("."), ServeIn(scratch)), kSecrets, scratch.File("service"));
  ASSERT_NE(service.WaitForAddress(), "") << service.Err();
  const std::string line = ReadFile("/proc/" + std::to_string(service.pid()) + "/cmdline");
  EXPECT_NE(line.find("serve"), std::string::npos);
  EXPECT_EQ(line.find("kept_to_itself"), std::string::npos);
  service.Signal(SIGTERM);
  EXPECT_EQ(service.Wait(), 0);
  EXPECT_EQ((service.Out() + service.Err()).find("kept_to_itself"), std::string::npos);
}

TEST(HardeningTest, ServeHasNoOptionThatTakesASecret) {
  const std::string help = testing::RunDunlin({"serve", "--help"}).out;
  EXPECT_NE(help.find("--listen"), std::string::npos);
  const std::regex takes_secret(R"(--[a-z-]*(secret|key|token|password))");
  EXPECT_FALSE(std::regex_search(help, takes_secret)) << help;
}

class UnitFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("systemd-analyze --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no systemd here";
    std::string unit = ReadFile(kUnit);
    const std::string installed = "/usr/bin/dunlin";
    ASSERT_NE(unit.find(installed), std::string::npos);
    unit.replace(unit.find(installed), installed.size(), kProgram);  // what is to be run must be there
    testing::WriteFile(path_, unit);
  }
  int Analyze(const std::string& what) const {
    const std::string log = scratch_.File("log");
    const int code = std::system(("systemd-analyze " + what + " " + path_ + " >" + log + " 2>&1").c_str());
    if (code != 0) ADD_FAILURE() << ReadFile(log);
    said_ = ReadFile(log);
    return code;
  }

  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("dunlin.service");
  mutable std::string said_;
};

TEST_F(UnitFileTest, SystemdUnderstandsEveryLine) {
  EXPECT_EQ(Analyze("verify --man=no"), 0);
  EXPECT_EQ(said_, "");
}

// Of 100; a unit without hardening has 96.
TEST_F(UnitFileTest, WhatItLeavesExposedIsLittle) { EXPECT_EQ(Analyze("security --offline=true --threshold=20"), 0); }

}  // namespace
}  // namespace dunlin
