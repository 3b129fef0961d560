// The part of a Unit that lets go of what is kept (state/keeping.h).
#pragma once

#include "state/keeping.h"
#include "state/ledger/db.h"

namespace dunlin::db {

// Holds its statements, prepared at first use for its connection, which must outlive it. Each function adds to
// `dropped`.
class Dropper {
 public:
  explicit Dropper(Connection& connection);

  Status DropBodies(const BodyDrop& drop, Dropped& dropped);
  Status Expire(const Expiry& expiry, Dropped& dropped);
  Status Erase(const AccountId& account, Dropped& dropped);

 private:
  Statement look_, drop_bodies_, drop_replies_, drop_alerts_;
  Statement erase_messages_, erase_claims_, erase_aliases_, erase_alerts_, erase_attempts_, erase_wishes_,
      erase_timeline_, erase_users_;
};

}  // namespace dunlin::db
