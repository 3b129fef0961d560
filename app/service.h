// The service: everything wired together, from the configuration to a running process.
#pragma once

#include "app/config.h"

namespace dunlin {

// Runs until SIGTERM or SIGINT, then stops gracefully: no new connection, at most 8 s for what is under way; a charge
// that is still open then stays `sending` in the ledger and is resolved at the next start. Prints "listening on
// http://ADDR:PORT" on stdout once requests are served. Returns the process's exit code: 0 stopped, 1 could not start
// (why is on stderr), 2 wrong configuration.
int Serve(const Config& config);

}  // namespace dunlin
