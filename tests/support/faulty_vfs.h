// A disk that fails when it is told to, under SQLite's own code: a VFS of this process between SQLite and its files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace dunlin::testing {

// While it lives, every database that this process opens lies on it. One at a time; close all databases before it
// goes. SQLite must have been used before. Thread-safe.
class FaultyVfs {
 public:
  enum class Fault : std::uint8_t {
    kIo,    // EIO: half of a write is done, a flush is not
    kFull,  // ENOSPC: nothing of a write is done
  };

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // The `nth` call from now on that opens, writes, cuts, flushes, deletes or maps (from 1) fails, and, when it `lasts`,
  // every one after it until Heal.
  void FailFrom(int nth, Fault fault, bool lasts);
  void Heal();
  int calls() const;    // that could have failed, since FailFrom
  bool failed() const;  // whether one has, since FailFrom

  // What the disk would hold if power failed now: for each file below `folder`, what its last flush has seen, written
  // into the folder `to`.
  void CopyFlushed(const std::string& folder, const std::string& to) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dunlin::testing
