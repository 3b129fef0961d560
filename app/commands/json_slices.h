// Cuts a text into the JSON values that stand in it, byte for byte, without changing or judging what is inside them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace dunlin {

struct JsonSlice {
  std::string_view text;  // from its first byte to its last
  std::size_t line = 0;   // in the whole text, from 1
};

struct JsonSlices {
  std::vector<JsonSlice> values;
  // Where a value ends too early or something stands that begins none; the values before it are given.
  std::optional<std::size_t> broken_line;
};

// The values that follow one another with only space between them: one value, or JSON lines.
JsonSlices SplitValues(std::string_view text);
// The elements of `array`, which begins with '['.
JsonSlices SplitArray(const JsonSlice& array);
// The value of that key directly in `object`, which begins with '{'. When it stands twice, the last one.
std::optional<JsonSlice> FindMember(const JsonSlice& object, std::string_view key);

}  // namespace dunlin
