// The database file of a ledger: finding it, making it, refusing it, and opening connections to it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "state/ledger.h"
#include "state/ledger/db.h"

namespace dunlin::db {

struct Location {
  std::string path;
  bool memory = false;
};

// "sqlite:FILE", "sqlite::memory:". Errors: kInvalidArgument, naming what is not supported.
Result<Location> ParseLocation(std::string_view location);

// How long a write waits for another process's transaction.
inline constexpr int kBusyMs = 3000;

// Makes the file if it may and must, migrates it, and refuses what is not a sound ledger. Errors: those of OpenLedger.
Result<std::unique_ptr<Connection>> OpenFirst(const Location& location, LedgerOptions::Mode mode);

// Further connections to a file that OpenFirst has accepted.
Result<std::unique_ptr<Connection>> OpenToWrite(const std::string& path);
Result<std::unique_ptr<Connection>> OpenToRead(const std::string& path);

}  // namespace dunlin::db
