#include "workflows/providers/stripe/json.h"

#include <nlohmann/json.hpp>

namespace dunlin::stripe {

std::string IdOf(const Json& id_or_object) {
  return id_or_object.is_string() ? id_or_object.get<std::string>() : Text(id_or_object, "id");
}

std::string IdIn(const Json& object, std::string_view key) {
  const Json* value = Find(object, key);
  return value == nullptr ? std::string() : IdOf(*value);
}

std::vector<const Json*> ListIn(const Json& object, std::string_view key) {
  const Json* list = Find(object, key);
  return list == nullptr ? std::vector<const Json*>() : RowsOf(*list);
}

std::vector<const Json*> RowsOf(const Json& list) {
  std::vector<const Json*> rows;
  const Json* data = Find(list, "data");
  if (data == nullptr || !data->is_array()) return rows;
  for (const Json& row : *data) {
    if (row.is_object()) rows.push_back(&row);
  }
  return rows;
}

}  // namespace dunlin::stripe
