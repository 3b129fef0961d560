// Structured logs: one JSON object a line, on stderr. Never a secret, a token, card data or a full e-mail address
// (I10).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace dunlin {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// "debug", "info", "warn" or "error"; any other is info. Thread-safe, as everything here.
void SetLogLevel(std::string_view name);
bool LogEnabled(LogLevel level);

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;
void Log(LogLevel level, std::string_view message, LogFields fields);

}  // namespace dunlin
