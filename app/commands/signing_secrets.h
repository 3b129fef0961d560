// Where a command has the webhook's signing secrets from.
#pragma once

#include <string>
#include <vector>

#include "state/result.h"

namespace dunlin {

// Those given as options, which the list of processes shows; without any, those of DUNLIN_STRIPE_WEBHOOK_SECRETS or of
// the file that DUNLIN_STRIPE_WEBHOOK_SECRETS_FILE names. Never empty. Errors: kInvalidArgument, for people.
Result<std::vector<std::string>> SigningSecrets(const std::vector<std::string>& given);

}  // namespace dunlin
