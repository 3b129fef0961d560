#include "state/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace dunlin {
namespace {

struct Unit {
  std::string_view name;
  Millis length;
};
// Largest first, so that FormatDuration finds the largest that divides.
constexpr std::array<Unit, 6> kUnits = {{{"w", Millis{7 * 24h}},
                                         {"d", Millis{24h}},
                                         {"h", Millis{1h}},
                                         {"m", Millis{1min}},
                                         {"s", Millis{1s}},
                                         {"ms", Millis{1}}}};
constexpr Millis kLongest = Millis{24h} * 3653;  // ten years

// Reads exactly `width` digits at `pos` and moves past them.
bool ReadDigits(std::string_view text, std::size_t& pos, std::size_t width, int& out) {
  if (pos + width > text.size()) return false;
  out = 0;
  for (std::size_t i = pos; i < pos + width; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  pos += width;
  return true;
}

bool ReadChar(std::string_view text, std::size_t& pos, std::string_view any_of) {
  if (pos >= text.size() || any_of.find(text[pos]) == std::string_view::npos) return false;
  ++pos;
  return true;
}

// Milliseconds of an optional ".123456"; digits past the third are cut.
bool ReadFraction(std::string_view text, std::size_t& pos, int& millis) {
  millis = 0;
  if (pos >= text.size() || text[pos] != '.') return true;
  ++pos;
  const std::size_t start = pos;
  int scale = 100;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9') {
    millis += (text[pos] - '0') * scale;
    scale /= 10;
    ++pos;
  }
  return pos > start;
}

bool ReadOffset(std::string_view text, std::size_t& pos, std::chrono::minutes& offset) {
  offset = 0min;
  if (ReadChar(text, pos, "Zz")) return true;
  if (pos >= text.size()) return false;
  const int sign = text[pos] == '-' ? -1 : 1;
  int hours = 0;
  int minutes = 0;
  if (!ReadChar(text, pos, "+-") || !ReadDigits(text, pos, 2, hours) || !ReadChar(text, pos, ":") ||
      !ReadDigits(text, pos, 2, minutes) || hours > 23 || minutes > 59) {
    return false;
  }
  offset = std::chrono::minutes{sign * (hours * 60 + minutes)};
  return true;
}

}  // namespace

std::string FormatRfc3339(Timestamp t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{t - day};
  char out[48];
  int n = std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()),
                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                        static_cast<int>(time.seconds().count()));
  std::string text(out, static_cast<std::size_t>(n));
  if (time.subseconds().count() != 0) {
    n = std::snprintf(out, sizeof out, ".%03d", static_cast<int>(time.subseconds().count()));
    text.append(out, static_cast<std::size_t>(n));
  }
  return text + "Z";
}

Result<Timestamp> ParseRfc3339(std::string_view text) {
  std::size_t pos = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, millis = 0;
  std::chrono::minutes offset{};
  const bool read = ReadDigits(text, pos, 4, year) && ReadChar(text, pos, "-") && ReadDigits(text, pos, 2, month) &&
                    ReadChar(text, pos, "-") && ReadDigits(text, pos, 2, day) && ReadChar(text, pos, "Tt ") &&
                    ReadDigits(text, pos, 2, hour) && ReadChar(text, pos, ":") && ReadDigits(text, pos, 2, minute) &&
                    ReadChar(text, pos, ":") && ReadDigits(text, pos, 2, second) && ReadFraction(text, pos, millis) &&
                    ReadOffset(text, pos, offset) && pos == text.size();
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!read || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return Fail(Errc::kInvalidArgument,
                "'" + std::string(text.substr(0, 40)) + "' is not a time; write it as 2026-11-21T10:00:00Z");
  }
  return Timestamp{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
         Seconds{second} + Millis{millis} - offset;
}

Result<Millis> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit_name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc{} && count >= 0) {
    for (const Unit& unit : kUnits) {
      if (unit.name == unit_name && count <= kLongest / unit.length) return unit.length * count;
    }
  }
  return Fail(Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) +
                                          "' is not a length of time; write a whole number and one of ms, s, m, h, d, "
                                          "w (at most ten years), for example 90m or 3d");
}

std::string FormatDuration(Millis d) {
  if (d == Millis{0}) return "0s";
  const auto unit = std::ranges::find_if(kUnits, [&](const Unit& u) { return d % u.length == Millis{0}; });
  return std::to_string(d / unit->length) + std::string(unit->name);  // the last of them divides all
}

}  // namespace dunlin
