// Which files are ledgers, and where they may lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "state/compact.h"
#include "state/ledger.h"
#include "state/ledger/db.h"
#include "tests/support/ledger_values.h"
#include "tests/support/scratch.h"

namespace dunlin::testing {
namespace {

using ::testing::HasSubstr;

class LedgerFileTest : public ::testing::Test {
 protected:
  void Script(const std::string& sql) {
    const auto connection = std::move(*db::Connection::Open(path_, 1000));
    const Status run = connection->Run(sql);
    ASSERT_TRUE(run) << run.error().detail;
  }
  static Error Refused(const std::string& location) {
    auto opened = OpenLedger(location);
    EXPECT_FALSE(opened) << location;
    return opened ? Error{Errc::kConflict, "it was opened"} : opened.error();
  }

  const ScratchDir scratch_;
  const std::string path_ = scratch_.File("ledger.db");
};

TEST_F(LedgerFileTest, AFileWhoseHeaderSaysAnotherProgramOrNoVersionIsRefused) {
  for (const auto& [header, says] : std::vector<std::pair<std::string, std::string>>{
           {"PRAGMA user_version = 5", "another program's SQLite database"},
           {"PRAGMA user_version = 5; PRAGMA application_id = 7", "another program's SQLite database"},
           {"PRAGMA user_version = 0; PRAGMA application_id = 1684958318", "it has no schema version"},
           {"PRAGMA user_version = -1; PRAGMA application_id = 1684958318", "it has no schema version"}}) {
    Script(header);
    const Error error = Refused("sqlite:" + path_);
    EXPECT_EQ(error.code, Errc::kCorrupt) << header;
    EXPECT_THAT(error.detail, HasSubstr(says)) << header;
  }
}

TEST_F(LedgerFileTest, AnIndexThatIsNotWhatItShouldBeIsNamed) {
  EXPECT_TRUE(OpenLedger("sqlite:" + path_));
  Script("DROP INDEX jobs_dead; CREATE INDEX jobs_dead ON jobs (due_ms)");
  const Error error = Refused("sqlite:" + path_);
  EXPECT_EQ(error.code, Errc::kCorrupt);
  EXPECT_THAT(error.detail, HasSubstr("index jobs_dead is not what it should be"));
}

TEST_F(LedgerFileTest, WhatIsNoFileIsRefused) {
  EXPECT_EQ(Refused("sqlite:" + scratch_.File(".")).code, Errc::kUnavailable);
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const Error pipe = Refused("sqlite:" + path_);
  EXPECT_EQ(pipe.code, Errc::kUnavailable);
  EXPECT_THAT(pipe.detail, HasSubstr("cannot read the ledger"));
}

TEST_F(LedgerFileTest, ALocationWithoutAFolderIsInTheWorkingFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(std::filesystem::path(path_).parent_path());
  EXPECT_TRUE(OpenLedger("sqlite:file:here.db"));  // "file:" is part of the name, and no URI
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::exists(scratch_.File("file:here.db")));
}

TEST_F(LedgerFileTest, AServiceMayWorkOnALedgerInMemoryBesideAnother) {
  const auto one = OpenLedger("sqlite::memory:", {.sole_service = true});
  const auto other = OpenLedger("sqlite::memory:", {.sole_service = true});
  ASSERT_TRUE(one && other);
  EXPECT_NE((*one)->instance(), (*other)->instance());
}

TEST_F(LedgerFileTest, WhatCannotBeCompactedIsNamed) {
  EXPECT_EQ(CompactLedger("postgres://localhost/x").error().code, Errc::kInvalidArgument);
  EXPECT_EQ(CompactLedger("sqlite::memory:").error().code, Errc::kInvalidArgument);
  const Status none = CompactLedger("sqlite:" + path_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_)) << "a ledger was made";
}

}  // namespace
}  // namespace dunlin::testing
