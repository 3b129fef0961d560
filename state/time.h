// One wall-clock type, UTC, and its text forms. Nothing here reads a clock: see state/clock.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "state/result.h"

namespace dunlin {

using namespace std::chrono_literals;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Timestamp = std::chrono::sys_time<Millis>;  // UTC; what we store and compare

constexpr Timestamp FromUnixSeconds(std::int64_t s) { return Timestamp{Seconds{s}}; }
constexpr Timestamp FromUnixMillis(std::int64_t ms) { return Timestamp{Millis{ms}}; }
constexpr std::int64_t ToUnixSeconds(Timestamp t) { return std::chrono::floor<Seconds>(t).time_since_epoch().count(); }
constexpr std::int64_t ToUnixMillis(Timestamp t) { return t.time_since_epoch().count(); }

// "2026-11-21T10:00:00Z", with ".250" before the Z when there are milliseconds.
std::string FormatRfc3339(Timestamp t);

// Accepts an offset ("+01:00") and fractions of a second (cut to milliseconds). Errors: kInvalidArgument.
Result<Timestamp> ParseRfc3339(std::string_view text);

// A policy's length of time: a whole number and one of ms, s, m (minutes), h, d, w. "90m", "3d", "0s".
// Never negative; at most ten years. Errors: kInvalidArgument, naming the text and the units.
Result<Millis> ParseDuration(std::string_view text);

// The largest unit that divides it: 86,400,000 ms is "1d", 90 minutes is "90m".
std::string FormatDuration(Millis d);

}  // namespace dunlin
