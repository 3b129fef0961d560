#include "app/no_dump.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace dunlin {

void KeepOutOfCoreDumps() {
  // A limit of 0 does not stop a dump that the kernel pipes to a program; the other does.
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace dunlin
