#include <nlohmann/json.hpp>

#include "app/commands/commands.h"
#include "app/commands/output.h"

namespace dunlin {

int RunVersion(bool json) {
  if (json) {
    PrintJson({{"version", DUNLIN_VERSION}});
  } else {
    Print("dunlin " DUNLIN_VERSION "\n");
  }
  return kExitOk;
}

}  // namespace dunlin
