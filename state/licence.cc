#include "state/licence.h"

#include <algorithm>
#include <string_view>

namespace dunlin {

std::optional<LicenceId> LicenceIdOf(const LicenceArn& arn) {
  constexpr std::string_view kPrefix = "l-";
  const std::string_view text = arn.str();
  const std::string_view last = text.substr(text.rfind(':') + 1);  // npos + 1 is 0: all of it
  const std::string_view id = last.starts_with(kPrefix) ? last.substr(kPrefix.size()) : std::string_view();
  const bool plain =
      std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
  if (id.empty() || !plain) return std::nullopt;
  return LicenceId{std::string(last)};
}

}  // namespace dunlin
