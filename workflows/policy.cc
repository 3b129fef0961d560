#include "workflows/policy.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "state/check.h"

namespace dunlin {

std::string_view OwnerName(Owner owner) {
  switch (owner) {
    case Owner::kProvider: return "provider";
    case Owner::kService: return "service";
    case Owner::kMarketplace: return "marketplace";
  }
  return "provider";
}

std::string_view ExhaustedName(Exhausted exhausted) {
  switch (exhausted) {
    case Exhausted::kCancel: return "cancel";
    case Exhausted::kStayPastDue: return "stay_past_due";
  }
  return "cancel";
}

const CollectionPolicy& Policy::CollectionFor(std::string_view plan) const {
  const auto found = plans.find(plan);
  auto collection = found == plans.end() ? collections.end() : collections.find(found->second.collection);
  if (collection == collections.end()) collection = collections.find("default");
  DUNLIN_CHECK(collection != collections.end());
  return collection->second;
}

Policy BuiltInPolicy() {
  Policy policy;
  policy.collections.emplace("default", CollectionPolicy{});
  return policy;
}

Result<Policy> LoadPolicy(const std::string& path, std::string* text) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string content;
  // read() and not the stream's buffer: opening a folder succeeds, and reading it through the buffer throws.
  std::array<char, 4096> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    content.append(block.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (!in.eof() || in.bad()) {
    const std::string why = errno != 0 ? std::generic_category().message(errno) : "it cannot be read";
    return Fail(Errc::kNotFound, "policy " + path + ": " + why);
  }
  Result<Policy> policy = ParsePolicy(content, path);
  if (policy && text != nullptr) *text = std::move(content);
  return policy;
}

}  // namespace dunlin
