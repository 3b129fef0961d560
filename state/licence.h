// A licence of AWS Marketplace is spelt in two ways. Only the `l-…` at the end is the same in both.
#pragma once

#include <optional>

#include "state/id.h"

namespace dunlin {

// "arn:aws:license-manager::294406891311:license:l-0f3a" (answers, live events) and
// "aws:license-manager:us-east-1:123456789012:l-0f3a" (documentation) are the licence "l-0f3a". So is a bare "l-0f3a".
// Live ids are hexadecimal; the documentation's are not, so every lower-case letter is let through.
// nullopt: there is no such part.
std::optional<LicenceId> LicenceIdOf(const LicenceArn& arn);

}  // namespace dunlin
