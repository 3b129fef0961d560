// What a provider is told about an event that it sent.
#pragma once

#include <string_view>

#include "webhooks/http/message.h"

namespace dunlin {

// 200: it is durable, or was already. `verdict` is one of a few words.
HttpResponse Received(std::string_view verdict);

// 503: it could not be stored, and nothing was promised.
HttpResponse NotStored();

// 503 with that detail, and when to try again.
HttpResponse NotNow(std::string_view detail);

}  // namespace dunlin
