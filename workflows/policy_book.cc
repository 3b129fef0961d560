#include "workflows/policy_book.h"

namespace dunlin {

Result<PolicyBook> PolicyBook::Open(Ledger& ledger, Policy current, std::string_view text) {
  if (current.version > 0) {
    if (const Status kept = ledger.KeepPolicy(current.version, text); !kept) {
      if (kept.error().code != Errc::kConflict) return tl::unexpected(kept.error());
      return Fail(Errc::kConflict, "policy version " + std::to_string(current.version) +
                                       " was in force before with another text; raise `version`");
    }
  }
  PolicyBook book(std::move(current));
  const auto stored = ledger.Policies();
  if (!stored) return tl::unexpected(stored.error());
  for (const auto& [version, policy_text] : *stored) {
    Result<Policy> policy = ParsePolicy(policy_text, "policy version " + std::to_string(version));
    // A later version of this program may be stricter than the one that accepted it; its recoveries go by today's
    // rules.
    if (policy) book.earlier_.emplace(version, std::move(*policy));
  }
  return book;
}

const CollectionPolicy& PolicyBook::Pinned(std::string_view name, int version) const {
  const auto policy = version == current_.version ? earlier_.end() : earlier_.find(version);
  const Policy& of_version = policy == earlier_.end() ? current_ : policy->second;
  const auto rules = of_version.collections.find(name);
  if (rules != of_version.collections.end()) return rules->second;
  return current_.collections.find("default")->second;
}

}  // namespace dunlin
