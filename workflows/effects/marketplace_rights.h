// What to do when AWS Marketplace does not accept our credentials, or their rights.
#pragma once

#include <string>

#include "workflows/effects/steps.h"

namespace dunlin::effects {

// Tells support (kMarketplaceCredentialsAlert, to be settled once a call was let through) and waits some minutes.
// `what`: what we may not do.
Outcome WaitForRights(Engine& engine, const std::string& what, const std::string& why);

}  // namespace dunlin::effects
