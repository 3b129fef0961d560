// The part of a Unit that is about usage.
#pragma once

#include "state/ledger.h"
#include "state/ledger/db.h"

namespace dunlin::db {

// Holds its statements, prepared at first use for its connection, which must outlive it.
class UsageWriter {
 public:
  explicit UsageWriter(Connection& connection);

  Status Book(const UsageBooking& booking);
  Status Shift(const UsageShift& shift);
  Status Freeze(const UsageHour& hour);
  Status Settle(const UsageResult& result);

 private:
  // Adds to an open hour, which is made when it is not there; its number.
  Result<std::int64_t> AddTo(const UsageHour& hour);
  Status Insert(const UsageHour& hour);

  Statement version_, add_, insert_entry_;
  Statement open_, shift_entries_, remove_;
  Statement insert_frozen_, freeze_, settle_;
};

}  // namespace dunlin::db
