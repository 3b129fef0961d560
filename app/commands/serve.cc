#include "app/commands/commands.h"
#include "app/commands/output.h"
#include "app/config.h"
#include "app/service.h"

namespace dunlin {

int RunServe(const ServeArguments& arguments) {
  Result<Config> config = LoadConfig(arguments.config);
  if (!config) return Complain(config.error().detail, kExitUsage);
  const auto take = [](const std::string& given, std::string& to) {
    if (!given.empty()) to = given;
  };
  take(arguments.listen, config->listen);
  take(arguments.ledger, config->ledger);
  take(arguments.queue, config->queue);
  take(arguments.policy, config->policy);
  take(arguments.clock, config->clock);
  return Serve(*config);
}

}  // namespace dunlin
