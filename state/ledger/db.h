// The one place that knows SOCI and SQLite's own interface: a connection, and a statement that is prepared once and
// used again. No exception leaves it.
//
// Not thread-safe: a connection and its statements belong to one thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "state/result.h"

namespace dunlin::db {

// Error codes of everything here: kUnavailable (busy, full, failing disk, no permission), kCorrupt (not a database, or
// damaged), kConflict (a uniqueness rule), kInvalidArgument (another rule of the schema).
class Connection {
 public:
  // Opens, and makes the file when it is not there. `busy`: how long to wait for another process's transaction.
  static Result<std::unique_ptr<Connection>> Open(const std::string& path, int busy_ms);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Status Run(const std::string& sql);                   // one statement or several, without parameters
  Result<std::int64_t> Number(const std::string& sql);  // the first column of its only row
  Result<std::string> Text(const std::string& sql);

  std::int64_t LastId() const;
  bool InTransaction() const;
  // A failure after which SQLite's state cannot be trusted: the disk, a full disk, damage. Open another one.
  bool broken() const;
  void SetBusyTimeout(int busy_ms);
  // Ends what runs on it, with an error. From any thread.
  void Interrupt();

  // From now on no commit checkpoints by itself; each stores in `frames` how long the write-ahead log is.
  void CountWalFrames(std::atomic<std::int64_t>* frames);

 private:
  friend class Statement;
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Parameters are given in the order of their first appearance in the text, columns taken in order. `in` and `out` hold
// one letter for each: i an integer, I an integer or null, t a text, T a text or null. A mismatch is a bug and CHECKed.
// Prepared at the first run, and again after a failure. The connection must outlive it.
class Statement {
 public:
  Statement(Connection& connection, std::string sql, std::string_view in, std::string_view out = "");
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement(const Statement&) = delete;

  Statement& Int(std::int64_t value);
  Statement& MaybeInt(std::optional<std::int64_t> value);
  Statement& Text(std::string_view value);
  Statement& MaybeText(std::optional<std::string_view> value);

  // Runs a statement that returns no rows; how many rows it changed.
  Result<std::int64_t> Run();
  // Runs a query of at most one row; whether there is one, to be taken before the next run.
  Result<bool> One();
  // Runs a query and calls `each` for every row; stops at its first error. Whatever happens, the query is closed.
  template <class F>
  Status Each(F&& each) {
    Result<bool> row = First();
    while (row && *row) {
      if (Status taken = each(*this); !taken) {
        Close();
        return taken;
      }
      row = Next();
    }
    if (!row) return tl::unexpected(row.error());
    return {};
  }

  std::int64_t TakeInt();
  std::optional<std::int64_t> TakeMaybeInt();
  std::string TakeText();
  std::optional<std::string> TakeMaybeText();

 private:
  struct Impl;
  Result<bool> First();
  Result<bool> Next();
  void Close();
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::db
