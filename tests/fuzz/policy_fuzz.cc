// Policies: each is taken, or refused with lines that name the file.
#include "tests/fuzz/fuzz.h"
#include "workflows/policy.h"

DUNLIN_FUZZ_TARGET(bytes) {
  using namespace dunlin;
  const Result<Policy> policy = ParsePolicy(bytes, "fuzz.toml");
  if (!policy) {
    DUNLIN_CHECK(policy.error().detail.starts_with("fuzz.toml"));
    return;
  }
  DUNLIN_CHECK(policy->version >= 1 && policy->collections.contains("default"));
  for (const auto& [name, plan] : policy->plans) DUNLIN_CHECK(!policy->CollectionFor(name).name.empty());
}
