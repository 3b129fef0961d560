#include "state/json_text.h"

#include <array>
#include <charconv>

namespace dunlin {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

bool NeedsEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

}  // namespace

void JsonAppender::Comma() {
  if (comma_) out_ += ',';
  comma_ = true;
}

void JsonAppender::Open(char bracket) {
  Comma();
  out_ += bracket;
  comma_ = false;
}

void JsonAppender::Close(char bracket) {
  out_ += bracket;
  comma_ = true;
}

void JsonAppender::Key(std::string_view key) {
  Comma();
  out_ += '"';
  out_ += key;
  out_ += "\":";
  comma_ = false;
}

void JsonAppender::Text(std::string_view value) {
  Comma();
  out_ += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (!NeedsEscape(c)) continue;
    out_ += value.substr(from, i - from);
    from = i + 1;
    if (c == '"' || c == '\\') {
      out_ += '\\';
      out_ += c;
    } else {
      out_ += "\\u00";
      out_ += kHex[static_cast<unsigned char>(c) >> 4U];
      out_ += kHex[static_cast<unsigned char>(c) & 15U];
    }
  }
  out_ += value.substr(from);
  out_ += '"';
}

void JsonAppender::Int(std::int64_t value) {
  Comma();
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out_.append(digits.data(), end.ptr);
}

void JsonAppender::Null() {
  Comma();
  out_ += "null";
}

bool JsonCursor::Expect(char c) {
  if (failed_ || at_ >= text_.size() || text_[at_] != c) {
    failed_ = true;
    return false;
  }
  ++at_;
  return true;
}

void JsonCursor::Open(char bracket) { first_ = Expect(bracket); }

bool JsonCursor::More(char closing) {
  if (failed_) return false;
  const bool first = first_;
  first_ = false;
  if (at_ < text_.size() && text_[at_] == closing) {
    ++at_;
    return false;
  }
  return first || Expect(',');
}

bool JsonCursor::NextKey(std::string_view& key) {
  if (!More('}') || !Expect('"')) return false;
  const std::size_t end = text_.find('"', at_);
  if (end == std::string_view::npos) {
    failed_ = true;
    return false;
  }
  key = text_.substr(at_, end - at_);
  at_ = end + 1;
  return Expect(':');
}

// After a backslash: only what JsonAppender writes.
void JsonCursor::AppendEscape(std::string& out) {
  if (at_ >= text_.size()) return Fail();
  const char c = text_[at_++];
  if (c == '"' || c == '\\') {
    out += c;
    return;
  }
  unsigned value = 0;
  const std::string_view digits = text_.substr(at_, 4);
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (c != 'u' || digits.size() != 4 || end.ptr != digits.data() + 4 || value >= 0x20) return Fail();
  at_ += 4;
  out += static_cast<char>(value);
}

std::string JsonCursor::Text() {
  std::string out;
  if (!Expect('"')) return out;
  while (!failed_) {
    const std::size_t stop = text_.find_first_of("\"\\", at_);
    if (stop == std::string_view::npos) {
      failed_ = true;
      break;
    }
    out += text_.substr(at_, stop - at_);
    at_ = stop + 1;
    if (text_[stop] == '"') break;
    AppendEscape(out);
  }
  return out;
}

std::int64_t JsonCursor::Int() {
  std::int64_t value = 0;
  if (failed_) return value;
  const char* begin = text_.data() + at_;
  const auto end = std::from_chars(begin, text_.data() + text_.size(), value);
  if (end.ec != std::errc{}) failed_ = true;
  at_ += static_cast<std::size_t>(end.ptr - begin);
  return value;
}

bool JsonCursor::TakeNull() {
  if (failed_ || text_.substr(at_, 4) != "null") return false;
  at_ += 4;
  return true;
}

}  // namespace dunlin
