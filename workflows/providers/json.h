// Reading JSON that somebody else wrote. Nothing here throws: a field of the wrong type counts as absent.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "state/result.h"
#include "state/time.h"

namespace dunlin::json {

using Json = nlohmann::json;

// No provider nests half as deep. Code that walks or prints a value recursively is safe up to here.
inline constexpr int kNestingMax = 64;

// The object that `text` is. Errors: kInvalidArgument (not JSON, not an object, nested too deep).
Result<Json> ParseObject(std::string_view text);

// The field, or nullptr when it is absent or null, or `object` is no object.
const Json* Find(const Json& object, std::string_view key);
const Json* Find(const Json& object, std::initializer_list<std::string_view> path);
bool Has(const Json& object, std::string_view key);  // null counts too

std::string Text(const Json& object, std::string_view key);  // empty: absent
std::optional<std::int64_t> Integer(const Json& object, std::string_view key);
bool Flag(const Json& object, std::string_view key);  // false: absent
// Unix seconds from 1970 to the year 9999.
std::optional<Timestamp> Time(const Json& object, std::string_view key);

// What an object cannot do without. Errors: kInvalidArgument, naming `what` and the key.
Result<std::string> NeedText(const Json& object, std::string_view key, std::string_view what);
Result<Timestamp> NeedTime(const Json& object, std::string_view key, std::string_view what);

}  // namespace dunlin::json
