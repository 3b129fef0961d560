#include "app/api/page.h"

#include <algorithm>
#include <charconv>

namespace dunlin::api {
namespace {

constexpr std::size_t kCursorMax = 255;

}  // namespace

Result<Page> PageOf(const HttpRequest& request) {
  Page page;
  if (const std::string* limit = request.Query("limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), page.limit);
    if (error != std::errc{} || end != limit->data() + limit->size() || page.limit < 1 || page.limit > 1000) {
      return Fail(Errc::kInvalidArgument, "limit: a number from 1 to 1000");
    }
  }
  if (const std::string* cursor = request.Query("cursor")) {
    const bool printable = std::all_of(cursor->begin(), cursor->end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (cursor->empty() || cursor->size() > kCursorMax || !printable) {
      return Fail(Errc::kInvalidArgument, "cursor: what the page before gave as \"next\"");
    }
    page.cursor = *cursor;
  }
  return page;
}

}  // namespace dunlin::api
