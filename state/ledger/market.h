// The part of a Unit that is about AWS Marketplace.
#pragma once

#include <vector>

#include "state/ledger.h"
#include "state/ledger/db.h"

namespace dunlin::db {

// Holds its statements, prepared at first use for its connection, which must outlive it.
class MarketWriter {
 public:
  explicit MarketWriter(Connection& connection);

  Status Move(const MarketMove& move);
  // The numbers of the events that waited for the key are added to `woken`; each is to get a job.
  Status Link(const MarketLink& link, std::vector<std::int64_t>& woken);
  Status Wait(const MarketOrphan& orphan);
  Status Keep(const RegistrationCode& code);
  Status Claim(const RegistrationClaim& claim);

 private:
  Statement rename_, remove_, other_link_, insert_link_, waiting_, stop_waiting_, bound_, insert_orphan_;
  Statement insert_code_, claim_code_;
  std::vector<Statement> follow_, drop_;  // of a move
};

}  // namespace dunlin::db
