// Runs the built program as a user would.
#pragma once

#include <string>
#include <vector>

namespace dunlin::testing {

struct Ran {
  int exit_code = -1;  // -1: it did not end by itself
  std::string out, err;
};

// `dunlin` with these arguments, `in` on its stdin, and of DUNLIN_ variables those of `variables` ("NAME=value").
// Returns when it has ended.
Ran RunDunlin(const std::vector<std::string>& arguments, const std::string& in = "",
              std::vector<std::string> variables = {});

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& text);
std::string FixturePath(const std::string& name);  // below fixtures/

}  // namespace dunlin::testing
