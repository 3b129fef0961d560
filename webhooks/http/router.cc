#include "webhooks/http/router.h"

#include <algorithm>
#include <optional>

#include "state/check.h"

namespace dunlin {
namespace {

// Takes the next segment off `path`, which starts with '/' or is empty.
std::string_view NextSegment(std::string_view& path) {
  path.remove_prefix(1);
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool IsName(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

bool Matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = NextSegment(pattern);
    const std::string_view given = NextSegment(path);
    if (IsName(wanted) ? given.empty() : wanted != given) return false;
  }
  return pattern.empty() && path.empty();
}

// Compared so, a literal segment comes before a name in the same place.
std::string OrderOf(std::string_view pattern) {
  std::string order;
  while (!pattern.empty()) order += IsName(NextSegment(pattern)) ? '1' : '0';
  return order;
}

// std::nullopt if a control character comes out. `text` is well-formed percent-encoding.
std::optional<std::string> PercentDecode(std::string_view text) {
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size()) {
      c = static_cast<char>(nibble(text[i + 1]) * 16 + nibble(text[i + 2]));
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return std::nullopt;
    decoded += c;
  }
  return decoded;
}

bool Answers(std::string_view route_method, std::string_view method) {
  return route_method == method || (route_method == "GET" && method == "HEAD");
}

}  // namespace

void Router::Add(std::string method, std::string pattern, HttpAnyHandler handler) {
  DUNLIN_CHECK(pattern.starts_with('/'));
  DUNLIN_CHECK(std::visit([](const auto& one) { return one != nullptr; }, handler));
  for (const Route& route : routes_) DUNLIN_CHECK(route.method != method || route.pattern != pattern);
  routes_.push_back({std::move(method), std::move(pattern), std::move(handler)});
  std::ranges::stable_sort(routes_, {}, [](const Route& route) { return OrderOf(route.pattern); });
}

Router::Found Router::Find(std::string_view method, std::string_view path) const {
  Found found{.status = 404};
  for (const Route& route : routes_) {
    if (!Matches(route.pattern, path)) continue;
    found.pattern = route.pattern;
    if (!Answers(route.method, method)) {
      found.status = 405;
      found.allow += (found.allow.empty() ? "" : ", ") + route.method;
      continue;
    }
    found.status = 200;
    std::string_view pattern = route.pattern;
    while (!pattern.empty()) {
      const std::string_view wanted = NextSegment(pattern);
      const std::string_view given = NextSegment(path);
      if (!IsName(wanted)) continue;
      std::optional<std::string> value = PercentDecode(given);
      if (!value) return {.pattern = route.pattern, .status = 400};
      found.params.emplace_back(wanted.substr(1, wanted.size() - 2), *std::move(value));
    }
    found.handler = &route.handler;
    return found;
  }
  return found;
}

}  // namespace dunlin
