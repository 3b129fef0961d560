// The policy in force and every earlier version that a running recovery may be pinned to (R20).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "state/ledger.h"
#include "workflows/policy.h"

namespace dunlin {

class PolicyBook {
 public:
  explicit PolicyBook(Policy current) : current_(std::move(current)) { earlier_.emplace(0, BuiltInPolicy()); }

  // Keeps the text of `current` in the ledger and loads the earlier versions.
  // Errors: kConflict when this version was in force before with another text ("raise `version`"); the ledger's.
  static Result<PolicyBook> Open(Ledger& ledger, Policy current, std::string_view text);

  const Policy& current() const { return current_; }

  // The collection rules that a recovery is pinned to; those of today for a version or name that is no more, which
  // only a ledger edited by hand can have.
  const CollectionPolicy& Pinned(std::string_view name, int version) const;

 private:
  Policy current_;
  std::map<int, Policy> earlier_;
};

}  // namespace dunlin
