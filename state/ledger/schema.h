// The schema's versions, and what a file must be before it is used.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "state/ledger/db.h"

namespace dunlin::db {

// One step of the schema. Numbers count from 1 without a gap; a step that was released is never changed.
struct Migration {
  int number = 0;
  std::string_view name;
  std::string_view sql;
};

// The files of state/ledger/schema/, embedded.
std::span<const Migration> Migrations();

// Says in SQLite's header that a file is ours: "dnln".
inline constexpr std::int64_t kApplicationId = 0x646e6c6e;

// Brings the schema from whatever version the file has (none: an empty file) to the newest; each step is one
// transaction. Several processes may do so at once. Writes nothing when the file is not ours or is newer.
// Errors: kCorrupt (another program's file, or its tables are not what its version says), kInvalidArgument (newer,
// naming both versions), kUnavailable.
Status Migrate(Connection& connection, std::span<const Migration> migrations);

// Compares what is stored of the schema with what `migrations` make in a fresh database. Errors: kCorrupt, naming the
// first table or index that differs.
Status CheckSchema(Connection& connection, std::span<const Migration> migrations);

}  // namespace dunlin::db
