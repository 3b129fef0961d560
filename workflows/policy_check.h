// The two halves of checking a policy: notes of where everything was written and what is wrong with it, and the rules
// that look at more than one value. Reading TOML itself is policy_read.cc's.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workflows/policy.h"

namespace dunlin {

// Collects everything that is wrong, with its line, so that a person mends the file once and not once per mistake.
// A section is what stands in [brackets] ("collection.default"), "" the top of the file; a key is the name in it.
class PolicyNotes {
 public:
  // `key` "" is the section itself.
  void Wrote(std::string_view section, std::string_view key, int line);
  bool HasWritten(std::string_view section, std::string_view key) const { return FindLine(section, key) != 0; }
  int LineOf(std::string_view section, std::string_view key) const;  // of its section when the key is not there

  void Refuse(std::string_view section, std::string_view key, std::string why);
  void RefuseAt(int line, std::string_view section, std::string_view key, std::string why);
  bool HasRefused(std::string_view section, std::string_view key) const;
  bool empty() const { return problems_.empty(); }

  // One line for each problem, in the order of the file: "policy.toml:14: [collection.default] grace: …".
  std::string Text(std::string_view file) const;

 private:
  using Place = std::pair<std::string, std::string>;
  struct Problem {
    int line;
    std::string text;
  };
  int FindLine(std::string_view section, std::string_view key) const;  // 0: not written

  std::map<Place, int> lines_;
  std::set<Place> refused_;
  std::vector<Problem> problems_;
};

std::string PlanSection(std::string_view plan);              // "plan.pro"
std::string CollectionSection(std::string_view collection);  // "collection.default"

// The rules between values. A value that was refused while it was read is left alone: one mistake, one message.
void CheckCollection(const CollectionPolicy& collection, PolicyNotes& notes);
// `plans` in the order of the file, so that the second of two is the one refused.
void CheckPlans(const std::vector<PlanPolicy>& plans, const Policy& policy, PolicyNotes& notes);

}  // namespace dunlin
