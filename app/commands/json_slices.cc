#include "app/commands/json_slices.h"

#include <algorithm>

namespace dunlin {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kEndsWord = " \t\r\n,:[]{}\"";

class Scanner {
 public:
  Scanner(std::string_view text, std::size_t line) : text_(text), line_(line) {}

  std::size_t line() const { return line_; }
  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size();
  }
  // Past it, if it comes next.
  bool Take(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The next value, and past it. nullopt: there is none, or it does not end.
  std::optional<JsonSlice> Value() {
    if (AtEnd()) return std::nullopt;
    const std::size_t begin = at_, line = line_;
    if (!SkipValue()) return std::nullopt;
    return JsonSlice{text_.substr(begin, at_ - begin), line};
  }

 private:
  void SkipSpace() {
    while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) Step();
  }
  void Step() {
    if (text_[at_] == '\n') ++line_;
    ++at_;
  }
  bool SkipText() {
    for (Step(); at_ < text_.size(); Step()) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        Step();
      } else if (text_[at_] == '"') {
        Step();
        return true;
      }
    }
    return false;
  }
  // Brackets are only counted: whether they match is for the one who reads the value.
  bool SkipValue() {
    std::size_t depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        if (!SkipText()) return false;
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') {
        if (depth == 0) return false;
        --depth;
      }
      const bool word = depth == 0 && c != '}' && c != ']';
      if (word) return SkipWord();
      Step();
    } while (depth > 0 && at_ < text_.size());
    return depth == 0;
  }
  bool SkipWord() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && kEndsWord.find(text_[at_]) == std::string_view::npos) ++at_;
    return at_ > begin;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_;
};

}  // namespace

JsonSlices SplitValues(std::string_view text) {
  JsonSlices found;
  Scanner scanner(text, 1);
  while (!scanner.AtEnd()) {
    const std::size_t line = scanner.line();
    const std::optional<JsonSlice> value = scanner.Value();
    if (!value) {
      found.broken_line = line;
      break;
    }
    found.values.push_back(*value);
  }
  return found;
}

JsonSlices SplitArray(const JsonSlice& array) {
  JsonSlices found;
  Scanner scanner(array.text, array.line);
  scanner.Take('[');
  if (scanner.Take(']')) return found;
  do {
    scanner.AtEnd();  // so that the line is the value's
    const std::size_t line = scanner.line();
    const std::optional<JsonSlice> value = scanner.Value();
    if (!value) {
      found.broken_line = line;
      return found;
    }
    found.values.push_back(*value);
  } while (scanner.Take(','));
  if (!scanner.Take(']') || !scanner.AtEnd()) found.broken_line = scanner.line();
  return found;
}

std::optional<JsonSlice> FindMember(const JsonSlice& object, std::string_view key) {
  std::optional<JsonSlice> found;
  Scanner scanner(object.text, object.line);
  scanner.Take('{');
  do {
    const std::optional<JsonSlice> name = scanner.Value();
    if (!name || !scanner.Take(':')) return found;
    const std::optional<JsonSlice> value = scanner.Value();
    if (!value) return found;
    const std::string_view text = name->text;
    if (text.size() == key.size() + 2 && text.front() == '"' && text.substr(1, key.size()) == key) found = value;
  } while (scanner.Take(','));
  return found;
}

}  // namespace dunlin
