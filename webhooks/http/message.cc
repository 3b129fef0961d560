#include "webhooks/http/message.h"

#include <algorithm>

#include "state/check.h"

namespace dunlin {
namespace {

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

const std::string* FindNamed(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  const auto found = std::ranges::find(pairs, name, [](const auto& pair) { return std::string_view(pair.first); });
  return found == pairs.end() ? nullptr : &found->second;
}

}  // namespace

bool EqualIgnoringCase(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, Lower, Lower); }

const std::string* HttpHeaders::Find(std::string_view name) const {
  for (const auto& [field_name, value] : fields_) {
    if (EqualIgnoringCase(field_name, name)) return &value;
  }
  return nullptr;
}

std::size_t HttpHeaders::Count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [name](const auto& field) { return EqualIgnoringCase(field.first, name); }));
}

std::vector<const std::string*> HttpHeaders::All(std::string_view name) const {
  std::vector<const std::string*> values;
  for (const auto& [field_name, value] : fields_) {
    if (EqualIgnoringCase(field_name, name)) values.push_back(&value);
  }
  return values;
}

const std::string* HttpRequest::Query(std::string_view name) const { return FindNamed(query, name); }

const std::string& HttpRequest::Param(std::string_view name) const {
  const std::string* value = FindNamed(params, name);
  DUNLIN_CHECK(value != nullptr);
  return *value;
}

}  // namespace dunlin
