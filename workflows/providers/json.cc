#include "workflows/providers/json.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace dunlin::json {
namespace {

constexpr std::size_t kIdBytesMax = 255;
constexpr std::int64_t kEndOf9999 = 253402300799;

// Brackets outside of strings, counted before anything is built. Malformed text is the parser's to refuse.
bool NestsTooDeep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kNestingMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

std::string Named(std::string_view what, std::string_view key, std::string_view trouble) {
  return std::string(what) + ": `" + std::string(key) + "` " + std::string(trouble);
}

}  // namespace

Result<Json> ParseObject(std::string_view text) {
  if (NestsTooDeep(text)) return Fail(Errc::kInvalidArgument, "JSON nested deeper than " + std::to_string(kNestingMax));
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return Fail(Errc::kInvalidArgument, "not JSON");
  if (!value.is_object()) return Fail(Errc::kInvalidArgument, "not a JSON object");
  return value;
}

const Json* Find(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

const Json* Find(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* at = &object;
  for (const std::string_view key : path) {
    at = Find(*at, key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

bool Has(const Json& object, std::string_view key) { return object.is_object() && object.contains(key); }

std::string Text(const Json& object, std::string_view key) {
  const Json* value = Find(object, key);
  return value != nullptr && value->is_string() ? value->get_ref<const std::string&>() : std::string();
}

std::optional<std::int64_t> Integer(const Json& object, std::string_view key) {
  const Json* value = Find(object, key);
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (value->is_number_unsigned() && value->get<std::uint64_t>() > kLargest) return std::nullopt;
  return value->get<std::int64_t>();
}

bool Flag(const Json& object, std::string_view key) {
  const Json* value = Find(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::optional<Timestamp> Time(const Json& object, std::string_view key) {
  const std::optional<std::int64_t> seconds = Integer(object, key);
  if (!seconds || *seconds < 0 || *seconds > kEndOf9999) return std::nullopt;
  return FromUnixSeconds(*seconds);
}

Result<std::string> NeedText(const Json& object, std::string_view key, std::string_view what) {
  if (Find(object, key) == nullptr) return Fail(Errc::kInvalidArgument, Named(what, key, "is missing"));
  std::string text = Text(object, key);
  if (text.empty() || text.size() > kIdBytesMax) {
    return Fail(Errc::kInvalidArgument, Named(what, key, "is not a text of 1 to 255 bytes"));
  }
  return text;
}

Result<Timestamp> NeedTime(const Json& object, std::string_view key, std::string_view what) {
  if (Find(object, key) == nullptr) return Fail(Errc::kInvalidArgument, Named(what, key, "is missing"));
  const std::optional<Timestamp> time = Time(object, key);
  if (!time) return Fail(Errc::kInvalidArgument, Named(what, key, "is not a time in Unix seconds"));
  return *time;
}

}  // namespace dunlin::json
