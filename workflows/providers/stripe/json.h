// Reading Stripe's JSON: an id or the object it names, and lists.
#pragma once

#include <string>
#include <vector>

#include "workflows/providers/json.h"

namespace dunlin::stripe {

using json::Find;
using json::Flag;
using json::Has;
using json::Integer;
using json::Json;
using json::NeedText;
using json::NeedTime;
using json::ParseObject;
using json::Text;
using json::Time;

// The id in a field that holds an id or, where it is expanded, the object itself. Empty: neither.
std::string IdIn(const Json& object, std::string_view key);
std::string IdOf(const Json& id_or_object);
// The `data` of a list object, as far as they are objects. They point into it.
std::vector<const Json*> RowsOf(const Json& list);
std::vector<const Json*> ListIn(const Json& object, std::string_view key);

}  // namespace dunlin::stripe
