// Which page of a list is asked for.
#pragma once

#include "state/ledger.h"
#include "webhooks/http/message.h"

namespace dunlin::api {

// From the parameters `limit` and `cursor`. Errors: kInvalidArgument.
Result<Page> PageOf(const HttpRequest& request);

}  // namespace dunlin::api
