#include "state/compact.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

#include "state/ledger/file.h"

namespace dunlin {
namespace {

constexpr std::chrono::seconds kPatience{10};

Result<bool> EmptyLog(db::Connection& connection) {
  db::Statement checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)", "", "iii");
  const Result<bool> row = checkpoint.One();
  if (!row) return tl::unexpected(row.error());
  return *row && checkpoint.TakeInt() == 0;  // 1: somebody still reads from the log
}

}  // namespace

Status CompactLedger(std::string_view location) {
  const Result<db::Location> at = db::ParseLocation(location);
  if (!at) return tl::unexpected(at.error());
  if (at->memory) return Fail(Errc::kInvalidArgument, "a ledger in memory has no file to compact");
  if (::access(at->path.c_str(), F_OK) != 0) return Fail(Errc::kNotFound, "there is no ledger at " + at->path);
  const Result<std::unique_ptr<db::Connection>> connection = db::OpenToWrite(at->path);
  if (!connection) return tl::unexpected(connection.error());
  if (Status written = (*connection)->Run("VACUUM"); !written) return written;
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    const Result<bool> emptied = EmptyLog(**connection);
    if (!emptied && (*connection)->broken()) return tl::unexpected(emptied.error());
    if (emptied && *emptied) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Fail(Errc::kUnavailable, "the ledger's log could not be emptied, because others read it without a pause");
}

}  // namespace dunlin
