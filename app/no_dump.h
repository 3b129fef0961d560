// Secrets stay in memory.
#pragma once

namespace dunlin {

// From now on no core dump of this process is written, and of others only root can read its memory or environment.
// What the system refuses is left as it is: a core file's own permissions still guard it then.
void KeepOutOfCoreDumps();

}  // namespace dunlin
