// SQLite that fails when it is told to, whatever the disk does: a database that cannot be opened, or a statement that
// is refused when it is prepared, as where memory runs out.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace dunlin::testing {

// While it lives, it counts what this process asks of SQLite: each database opened (also in memory), and each statement
// prepared, one with several parts several times. Those opened before it are not seen. One at a time; close all
// databases before it goes. Thread-safe.
class FaultySqlite {
 public:
  FaultySqlite();
  ~FaultySqlite();
  FaultySqlite(const FaultySqlite&) = delete;
  FaultySqlite& operator=(const FaultySqlite&) = delete;

  // The `nth` call from now on (from 1) fails, and, when it `lasts`, every one after it until Heal.
  void FailFrom(int nth, bool lasts);
  void Heal();
  int calls() const;    // since FailFrom or Heal
  bool failed() const;  // whether one has, since FailFrom or Heal

  // Called by each call before it goes on, on its thread, with what it is about: a table, a pragma, "BEGIN" …; empty
  // for an opening and a SELECT. It may block, and may ask SQLite for something itself.
  using Watcher = std::function<void(std::string_view about)>;
  void OnCall(Watcher watcher);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::testing
