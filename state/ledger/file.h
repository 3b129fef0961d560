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

// Says that a service works on the file, for as long as it lives; the system lets go of it when the process ends.
// SQLite's own locks are of another kind. They would be lost with any descriptor of the file that is closed, so this
// must outlive the connections.
class ServiceLock {
 public:
  // Makes the file if it may and must. Errors: kConflict, while another process has it; those of OpenLedger.
  static Result<std::unique_ptr<ServiceLock>> Take(const std::string& path, LedgerOptions::Mode mode);
  ~ServiceLock();
  ServiceLock(const ServiceLock&) = delete;
  ServiceLock& operator=(const ServiceLock&) = delete;

 private:
  explicit ServiceLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Makes the file if it may and must, migrates it, and refuses what is not a sound ledger. Errors: those of OpenLedger.
Result<std::unique_ptr<Connection>> OpenFirst(const Location& location, const LedgerOptions& options);

// Further connections to a file that OpenFirst has accepted.
Result<std::unique_ptr<Connection>> OpenToWrite(const std::string& path);
Result<std::unique_ptr<Connection>> OpenToRead(const std::string& path);

}  // namespace dunlin::db
