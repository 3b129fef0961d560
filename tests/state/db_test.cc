// A connection to SQLite: what its failures are called, and after which of them it is not used again.
#include "state/ledger/db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dunlin::db {
namespace {

using ::testing::HasSubstr;

// With a table of one row.
std::unique_ptr<Connection> Open() {
  auto connection = std::move(*Connection::Open(":memory:", 0));
  EXPECT_TRUE(connection->Run(
      "CREATE TABLE a (x INTEGER PRIMARY KEY, y INTEGER UNIQUE CHECK (y > 0)) STRICT; INSERT INTO a VALUES (1, 1)"));
  return connection;
}

struct Failure {
  std::string sql;
  Errc code;
  bool broken;
  std::string says;
};

TEST(ConnectionTest, AFailureIsNamedForWhatToDoNextAndLeavesAConnectionInDoubtOrNot) {
  for (const Failure& failure : std::vector<Failure>{
           {"INSERT INTO a VALUES (1, 2)", Errc::kConflict, false, "a.x"},
           {"INSERT INTO a VALUES (2, 1)", Errc::kConflict, false, "a.y"},
           {"INSERT INTO a VALUES (2, 0)", Errc::kInvalidArgument, false, "CHECK"},
           {"INSERT INTO a VALUES (2, 'x')", Errc::kInvalidArgument, false, "INTEGER"},
           {"PRAGMA query_only = ON; INSERT INTO a VALUES (2, 2)", Errc::kUnavailable, true, "readonly"},
           {"SELECT * FROM nowhere", Errc::kUnavailable, true, "nowhere"}}) {
    const auto connection = Open();
    const Status run = connection->Run(failure.sql);
    ASSERT_FALSE(run) << failure.sql;
    EXPECT_EQ(run.error().code, failure.code) << failure.sql;
    EXPECT_THAT(run.error().detail, HasSubstr(failure.says)) << failure.sql;
    EXPECT_EQ(connection->broken(), failure.broken) << failure.sql;
  }
}

TEST(ConnectionTest, ATableThatIsBeingReadCannotBeDroppedAndTheConnectionGoesOn) {
  const auto connection = Open();
  Statement select(*connection, "SELECT x FROM a", "", "i");
  const Status read = select.Each([&](Statement&) { return connection->Run("DROP TABLE a"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::kUnavailable);
  EXPECT_THAT(read.error().detail, HasSubstr("locked"));
  EXPECT_FALSE(connection->broken());
  EXPECT_TRUE(connection->Run("DROP TABLE a")) << "a read that was ended by an error holds nothing";
}

TEST(ConnectionTest, AValueThatIsNotThereIsCorruptAndOneThatIsIsRead) {
  const auto connection = Open();
  EXPECT_EQ(connection->Number("SELECT y FROM a"), 1);
  EXPECT_EQ(connection->Text("SELECT 'word'"), "word");
  for (const Errc code : {connection->Number("SELECT y FROM a WHERE x = 2").error().code,
                          connection->Text("SELECT 'word' FROM a WHERE x = 2").error().code}) {
    EXPECT_EQ(code, Errc::kCorrupt);
  }
}

TEST(ConnectionTest, AFileNameWithAQuotationMarkIsRefused) {
  const auto opened = Connection::Open("a\"b", 0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::kInvalidArgument);
  EXPECT_THAT(opened.error().detail, HasSubstr("quotation mark"));
}

}  // namespace
}  // namespace dunlin::db
