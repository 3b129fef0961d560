#include "app/commands/signing_secrets.h"

#include "app/config.h"

namespace dunlin {

Result<std::vector<std::string>> SigningSecrets(const std::vector<std::string>& given) {
  if (!given.empty()) return given;
  Result<Config> config = LoadConfig("");
  if (!config) return tl::unexpected(std::move(config.error()));
  if (config->stripe_webhook_secrets.empty()) {
    return Fail(Errc::kInvalidArgument,
                "no signing secret: give --secret, or DUNLIN_STRIPE_WEBHOOK_SECRETS or "
                "DUNLIN_STRIPE_WEBHOOK_SECRETS_FILE, which the list of processes does not show");
  }
  return std::move(config->stripe_webhook_secrets);
}

}  // namespace dunlin
