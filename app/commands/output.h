// How every command speaks: answers on stdout for people or as JSON, complaints on stderr, three exit codes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/result.h"
#include "state/time.h"

namespace dunlin {

inline constexpr int kExitOk = 0;
inline constexpr int kExitNo = 1;     // the answer is no, or it failed
inline constexpr int kExitUsage = 2;  // called wrongly

// Columns as wide as their widest cell, two spaces apart; the last is not padded. Cells are UTF-8; control characters
// in them are shown as spaces, so that no text from outside can steer the terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }
  std::string Text() const;  // each line ends with '\n'

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string CleanLine(std::string_view text);  // control characters become spaces

// "2026-11-21 12:00:00Z": UTC, without fractions; "-" for none.
std::string TimeCell(std::optional<Timestamp> t);
// Of a view's field: the text, "-" where it is null or absent; times lose their T for people.
std::string Cell(const nlohmann::json& object, std::string_view key);

void Print(std::string_view text);            // stdout
void PrintJson(const nlohmann::json& value);  // one value, indented by two, a newline after it

// Says what went wrong on stderr, each line after "dunlin: ". kExitUsage for kInvalidArgument, else kExitNo.
int Complain(const Error& error);
int Complain(std::string_view text, int exit_code);

}  // namespace dunlin
