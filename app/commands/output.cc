#include "app/commands/output.h"

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace dunlin {
namespace {

// Characters, not bytes: every byte of UTF-8 but the continuations begins one.
std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string CleanLine(std::string_view text) {
  std::string clean(text);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return clean;
}

std::string Table::Text() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += CleanLine(row[i]);
      if (i + 1 < row.size()) line.append(widths[i] - WidthOf(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string TimeCell(std::optional<Timestamp> t) {
  if (!t) return "-";
  std::string text = FormatRfc3339(std::chrono::floor<Seconds>(*t));
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text;
}

std::string Cell(const nlohmann::json& object, std::string_view key) {
  const auto field = object.is_object() ? object.find(key) : object.end();
  if (field == object.end() || field->is_null()) return "-";
  if (!field->is_string()) return field->dump();
  const std::string& text = field->get_ref<const std::string&>();
  if (text.empty()) return "-";
  if (text.size() < 20 || text[10] != 'T' || text.back() != 'Z') return text;
  const Result<Timestamp> time = ParseRfc3339(text);
  return time ? TimeCell(*time) : text;
}

void Print(std::string_view text) { std::cout << text << std::flush; }

void PrintJson(const nlohmann::json& value) {
  Print(value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

int Complain(std::string_view text, int exit_code) {
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) std::cerr << "dunlin: " << CleanLine(line) << "\n";
  return exit_code;
}

int Complain(const Error& error) {
  return Complain(error.detail, error.code == Errc::kInvalidArgument ? kExitUsage : kExitNo);
}

}  // namespace dunlin
