#include "state/ledger/schema.h"

#include <map>
#include <string>

namespace dunlin::db {
namespace {

Status NotOurs(std::string_view why) {
  return Fail(Errc::kCorrupt, "this file is not a Dunlin ledger: " + std::string(why));
}

struct Header {
  std::int64_t application = 0;
  std::int64_t version = 0;
  std::int64_t objects = 0;  // tables and indexes
};

// Inside a transaction: the three belong together.
Result<Header> ReadHeader(Connection& connection) {
  Header header;
  Result<std::int64_t> value = connection.Number("PRAGMA application_id");
  if (value) {
    header.application = *value;
    value = connection.Number("PRAGMA user_version");
  }
  if (value) {
    header.version = *value;
    value = connection.Number("SELECT count(*) FROM sqlite_schema");
  }
  if (!value) return tl::unexpected(value.error());
  header.objects = *value;
  return header;
}

// Begins a transaction and reads the header in it. After an error none is open.
Result<Header> BeginWithHeader(Connection& connection, const char* begin) {
  if (Status begun = connection.Run(begin); !begun) return tl::unexpected(begun.error());
  Result<Header> header = ReadHeader(connection);
  if (!header) (void)connection.Run("ROLLBACK");  // the error at hand says more than this one's
  return header;
}

Status CheckHeader(const Header& header, int newest) {
  if (header.application == 0 && header.version == 0 && header.objects == 0) return {};  // empty
  if (header.application != kApplicationId) return NotOurs("another program's SQLite database");
  if (header.version > newest) {
    return Fail(Errc::kInvalidArgument, "the ledger has schema version " + std::to_string(header.version) +
                                            " and this program knows versions up to " + std::to_string(newest) +
                                            "; use the program that wrote it, or a newer one");
  }
  if (header.version < 1) return NotOurs("it has no schema version");
  return {};
}

// Inside a transaction that the caller has begun.
Status Step(Connection& connection, const Migration& migration) {
  Status done = connection.Run(std::string(migration.sql));
  if (done) done = connection.Run("PRAGMA application_id = " + std::to_string(kApplicationId));
  if (done) done = connection.Run("PRAGMA user_version = " + std::to_string(migration.number));
  if (done) done = connection.Run("COMMIT");
  if (done) return {};
  return Fail(done.error().code, "schema version " + std::to_string(migration.number) + " (" +
                                     std::string(migration.name) + ") could not be applied: " + done.error().detail);
}

using Schema = std::map<std::string, std::string>;

Result<Schema> ReadSchema(Connection& connection) {
  Schema schema;
  Statement objects(connection,
                    "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'",
                    "", "tt");
  Status read = objects.Each([&](Statement& row) -> Status {
    std::string name = row.TakeText();
    schema[std::move(name)] = row.TakeText();
    return {};
  });
  if (!read) return tl::unexpected(read.error());
  return schema;
}

}  // namespace

Status Migrate(Connection& connection, std::span<const Migration> migrations) {
  const int newest = static_cast<int>(migrations.size());
  for (int applied = 0; applied <= newest; ++applied) {
    Result<Header> header = BeginWithHeader(connection, "BEGIN");
    if (!header) return tl::unexpected(header.error());
    if (Status ended = connection.Run("ROLLBACK"); !ended) return ended;
    if (Status ours = CheckHeader(*header, newest); !ours) return ours;
    if (header->version == newest) return {};

    // Once more in a transaction that writes: another process may have been quicker.
    header = BeginWithHeader(connection, "BEGIN IMMEDIATE");
    if (!header) return tl::unexpected(header.error());
    Status step = CheckHeader(*header, newest);
    if (step && header->version < newest) {
      step = Step(connection, migrations[static_cast<std::size_t>(header->version)]);
    }
    if (connection.InTransaction()) {
      const Status back = connection.Run("ROLLBACK");
      if (step && !back) return back;
    }
    if (!step) return step;
  }
  return Fail(Errc::kUnavailable, "another process is changing the schema");
}

Status CheckSchema(Connection& connection, std::span<const Migration> migrations) {
  Result<std::unique_ptr<Connection>> fresh = Connection::Open(":memory:", 0);
  if (!fresh) return tl::unexpected(fresh.error());
  if (Status made = Migrate(**fresh, migrations); !made) return made;
  const Result<Schema> wanted = ReadSchema(**fresh);
  if (!wanted) return tl::unexpected(wanted.error());
  const Result<Schema> found = ReadSchema(connection);
  if (!found) return tl::unexpected(found.error());
  for (const auto& [name, sql] : *wanted) {
    const auto here = found->find(name);
    if (here == found->end() || here->second != sql) {
      return Fail(Errc::kCorrupt, "the ledger's schema is damaged: " + name +
                                      (here == found->end() ? " is missing" : " is not what it should be"));
    }
  }
  return {};
}

}  // namespace dunlin::db
