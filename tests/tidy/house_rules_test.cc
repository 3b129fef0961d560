// The house rules that a machine can check. Each of them fails if it saw no file.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "state/transitions.h"

namespace dunlin {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = DUNLIN_SOURCE_DIR;

std::string ReadAll(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> Lines(const fs::path& file) {
  std::vector<std::string> lines;
  std::istringstream in(ReadAll(file));
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<fs::path> SourcesUnder(std::initializer_list<const char*> folders) {
  std::vector<fs::path> files;
  for (const char* folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      const std::string extension = entry.path().extension();
      if (entry.is_regular_file() && (extension == ".h" || extension == ".cc")) files.push_back(entry.path());
    }
  }
  return files;
}

std::string Name(const fs::path& file) { return fs::relative(file, kRoot).string(); }

struct Layer {
  const char* folder;
  std::vector<std::string> must_not_include;
};

// Nothing includes what stands to its right: state, workflows, webhooks, app. Heavy libraries stay where they are
// wrapped.
const std::vector<Layer> kLayers = {
    {"state", {"workflows/", "webhooks/", "app/", "tests/", "fixtures/", "httplib.h", "hiredis", "curl/", "CLI/"}},
    {"workflows", {"webhooks/", "app/", "tests/", "fixtures/", "httplib.h", "soci", "CLI/"}},
    {"webhooks", {"app/", "tests/", "fixtures/", "hiredis", "soci", "CLI/"}},
    {"app", {"tests/", "fixtures/", "httplib.h", "hiredis", "soci"}},
    {"fixtures", {"workflows/", "webhooks/", "app/", "tests/"}},
};

TEST(HouseRulesTest, FoldersPointOneWay) {
  const std::regex include(R"re(^\s*#\s*include\s*["<]([^">]+)[">])re");
  for (const Layer& layer : kLayers) {
    const std::vector<fs::path> files = SourcesUnder({layer.folder});
    ASSERT_FALSE(files.empty()) << layer.folder;
    for (const fs::path& file : files) {
      for (const std::string& line : Lines(file)) {
        std::smatch found;
        if (!std::regex_search(line, found, include)) continue;
        // A simulation is the program and a provider in one; nothing else of the program knows a provider's inside.
        const bool simulates = Name(file).starts_with("app/simulate/");
        for (const std::string& banned : layer.must_not_include) {
          if (simulates && banned == "fixtures/") continue;
          EXPECT_FALSE(found[1].str().starts_with(banned)) << Name(file) << " includes " << found[1];
        }
      }
    }
  }
}

TEST(HouseRulesTest, OnlyOneFileOfTheEdgeKnowsCurl) {
  const std::vector<fs::path> files = SourcesUnder({"webhooks"});
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    const bool includes = ReadAll(file).find("#include <curl/") != std::string::npos;
    EXPECT_EQ(includes, Name(file) == "webhooks/aws_marketplace/http_get.cc") << Name(file);
  }
}

TEST(HouseRulesTest, OnlyOneFileAsksTheMachineForTimeOrChance) {
  const std::regex banned(R"(system_clock::now|random_device|\btime\(nullptr\)|\brand\(\)|gettimeofday)");
  const std::vector<fs::path> files = SourcesUnder({"state", "workflows", "webhooks", "app"});
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    if (Name(file) == "state/clock.cc") continue;
    for (const std::string& line : Lines(file))
      EXPECT_FALSE(std::regex_search(line, banned)) << Name(file) << ": " << line;
  }
}

// The schedule's jitter and the reconnect's need no machine's chance in the core; what must be random is a contract.
TEST(HouseRulesTest, TheCoreDoesNoInputOrOutput) {
  const std::array pure = {"state/derive.cc",
                           "state/merge.cc",
                           "state/order.cc",
                           "workflows/decide.cc",
                           "workflows/recovery.cc",
                           "workflows/schedule.cc",
                           "workflows/messages.cc",
                           "workflows/decline.cc",
                           "workflows/attempt_outcome.cc",
                           "workflows/retry_refusal.cc",
                           "workflows/usage_batch.cc"};
  const std::regex banned(R"(std::(cout|cerr|thread|mutex|ifstream|ofstream)|\bsocket\(|\bcurl_|Clock&|Ledger&)");
  for (const char* file : pure) {
    const std::vector<std::string> lines = Lines(kRoot / file);
    ASSERT_FALSE(lines.empty()) << file;
    for (const std::string& line : lines) EXPECT_FALSE(std::regex_search(line, banned)) << file << ": " << line;
  }
}

TEST(HouseRulesTest, LinesFitInto120ColumnsAndHaveNoTabs) {
  const std::vector<fs::path> files = SourcesUnder({"state", "workflows", "webhooks", "app", "fixtures", "tests"});
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    int number = 0;
    for (const std::string& line : Lines(file)) {
      ++number;
      // Columns, not bytes: continuation bytes of UTF-8 take none.
      const auto columns = std::count_if(line.begin(), line.end(),
                                         [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
      const bool table = Name(file) == "state/transitions.h";
      const bool literal = line.find("R\"") != std::string::npos || line.find("\\\"") != std::string::npos;
      EXPECT_TRUE(columns <= 120 || table || literal)
          << Name(file) << ":" << number << " has " << columns << " columns";
      EXPECT_EQ(line.find('\t'), std::string::npos) << Name(file) << ":" << number;
    }
  }
}

TEST(HouseRulesTest, FunctionsHaveAtMost70Lines) {
  const std::vector<fs::path> files = SourcesUnder({"state", "workflows", "webhooks", "app", "fixtures"});
  ASSERT_FALSE(files.empty());
  const std::regex opens(R"(^(  )?[A-Za-z].*\)( const)?( noexcept)?( override)?( final)? \{$)");
  for (const fs::path& file : files) {
    if (file.extension() != ".cc") continue;
    const std::vector<std::string> lines = Lines(file);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch found;
      if (!std::regex_match(lines[i], found, opens)) continue;
      const std::string closing = found[1].str() + "}";
      std::size_t end = i;
      while (end < lines.size() && lines[end] != closing) ++end;
      EXPECT_LE(end - i, 70U) << Name(file) << ":" << i + 1 << " is too long a function";
    }
  }
}

TEST(HouseRulesTest, NothingIsLeftToDo) {
  const std::regex left_over(std::string("\\b(TO") + "DO|FIX" + "ME|XX" + "X|HA" + "CK)\\b");
  const std::vector<fs::path> files = SourcesUnder({"state", "workflows", "webhooks", "app", "fixtures", "tests"});
  ASSERT_FALSE(files.empty());
  for (const fs::path& file : files) {
    for (const std::string& line : Lines(file))
      EXPECT_FALSE(std::regex_search(line, left_over)) << Name(file) << ": " << line;
  }
}

// A switch over our own words names them all, so that the compiler finds every place when one is added.
TEST(HouseRulesTest, SwitchesOverOurOwnWordsHaveNoDefault) {
  const std::vector<fs::path> files = SourcesUnder({"state", "workflows", "webhooks", "app"});
  ASSERT_FALSE(files.empty());
  const std::regex other_case(R"(^\s*default:)");
  const std::regex our_case(R"(case [A-Za-z:]*::k)");
  for (const fs::path& file : files) {
    const std::vector<std::string> lines = Lines(file);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (!std::regex_search(lines[i], other_case)) continue;
      bool ours = false;
      for (std::size_t j = i; j > 0 && lines[j].find("switch (") == std::string::npos; --j) {
        ours = ours || (lines[j].find("case ") != std::string::npos && std::regex_search(lines[j], our_case));
      }
      EXPECT_FALSE(ours) << Name(file) << ":" << i + 1;
    }
  }
}

// A page that says what a test shows is believed.
TEST(HouseRulesTest, EveryTestThatAPageNamesExists) {
  std::set<std::string> tests;
  const std::regex test(R"(\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\))");
  for (const fs::path& file : SourcesUnder({"tests"})) {
    const std::string text = ReadAll(file);
    for (std::sregex_iterator found(text.begin(), text.end(), test), end; found != end; ++found) {
      tests.insert((*found)[1].str() + "." + (*found)[2].str());
    }
  }
  const std::regex command(R"(add_test\(NAME (\w+\.\w+))");  // what ctest runs by itself
  for (const auto& entry : fs::recursive_directory_iterator(kRoot / "tests")) {
    if (entry.path().filename() != "CMakeLists.txt") continue;
    const std::string text = ReadAll(entry.path());
    for (std::sregex_iterator found(text.begin(), text.end(), command), end; found != end; ++found)
      tests.insert((*found)[1].str());
  }
  const std::regex name(R"(`([A-Z]\w+\.[A-Z]\w+)`)");
  for (const char* page : {"docs/security.md", "docs/reliability.md"}) {
    if (!fs::exists(kRoot / page)) continue;
    const std::string text = ReadAll(kRoot / page);
    int named = 0;
    for (std::sregex_iterator found(text.begin(), text.end(), name), end; found != end; ++found) {
      ++named;
      EXPECT_TRUE(tests.contains((*found)[1].str()))
          << page << " names " << (*found)[1] << ", and there is no such test";
    }
    EXPECT_GT(named, 0) << page;
  }
}

TEST(HouseRulesTest, EveryFixtureIsReadByATest) {
  std::string tests;
  for (const fs::path& file : SourcesUnder({"tests"})) tests += ReadAll(file);
  for (const char* folder : {"stripe", "aws_marketplace/actions", "aws_marketplace/eventbridge"}) {
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(kRoot / "fixtures" / folder)) {
      if (entry.path().extension() != ".json") continue;
      ++seen;
      EXPECT_NE(tests.find(entry.path().stem().string()), std::string::npos)
          << Name(entry.path()) << " is named by no test";
    }
    EXPECT_GT(seen, 0) << folder;
  }
}

}  // namespace
}  // namespace dunlin
