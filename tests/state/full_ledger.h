// A ledger with a row in every table: every kind of write that puts something there, and every way to read it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "state/ledger.h"

namespace dunlin::testing {

struct NamedWrite {
  std::string name;
  std::function<Status(Ledger&)> write;
};
// In an order in which each can be written once those before it are.
std::vector<NamedWrite> WritesOfEveryKind();

struct NamedRead {
  std::string name;
  std::function<Result<std::size_t>(Ledger&)> read;  // how much it finds
};
// Each finds something once all of the above are written.
std::vector<NamedRead> ReadsOfEveryKind();

// Writes all of the above.
void Fill(Ledger& ledger);

// Every row of every table of a ledger's file as text.
std::string Dump(const std::string& path);

}  // namespace dunlin::testing
