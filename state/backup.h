// Copies of a ledger: one taken while a service runs, and one brought back.
#pragma once

#include <string>
#include <string_view>

#include "state/result.h"

namespace dunlin {

// Writes a whole, consistent and compact copy of the ledger to the new file `to`, readable by its owner alone, while
// others go on reading and writing. On return it is durable; after an error there is no file at `to`.
// Errors: kConflict (`to` exists), kNotFound (no such ledger), kInvalidArgument (not a location that can be copied),
// kCorrupt, kUnavailable.
Status BackUpLedger(std::string_view location, const std::string& to);

// Makes a ledger at `location` from a backup, every page of which is checked first. A ledger that is there already is
// never touched. The new one gets an instance of its own: the backup's numbers for jobs may have been used since, and
// the provider must not take a new charge for an old one. Schema steps that are missing are made.
// Errors: kConflict (there is a ledger at `location`), kNotFound (no such backup), kInvalidArgument (a schema newer
// than this program), kCorrupt (not a ledger, or damaged), kUnavailable.
Status RestoreLedger(const std::string& from, std::string_view location);

}  // namespace dunlin
