// Leaves nothing of what was deleted in a ledger's files.
#pragma once

#include <string_view>

#include "state/result.h"

namespace dunlin {

// Writes the ledger's file anew and empties its log, so that no byte of a deleted or overwritten value is left in
// either. What the file system, a disk's spare blocks or backups still hold is out of reach. Others may go on reading;
// their commits wait, and after some seconds fail with kUnavailable. Needs as much free disk as the ledger is large,
// twice. Errors: kNotFound (no such ledger), kInvalidArgument (not a location of a file), kUnavailable (also: others
// read without a pause, so that the log could not be emptied), kCorrupt.
Status CompactLedger(std::string_view location);

}  // namespace dunlin
