// The two halves of a small JSON codec: an appender, and a cursor that reads what the appender writes. For text of our
// own making only; what others send is read with a full parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dunlin {

// Appends to one string. Keys are our own and need no escaping.
class JsonAppender {
 public:
  explicit JsonAppender(std::string& out) : out_(out) {}
  void OpenObject() { Open('{'); }
  void CloseObject() { Close('}'); }
  void OpenArray() { Open('['); }
  void CloseArray() { Close(']'); }
  void Key(std::string_view key);
  void Text(std::string_view value);
  void Int(std::int64_t value);
  void Null();

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Comma();
  std::string& out_;
  bool comma_ = false;
};

// Reads forward. After the first thing that is not as expected failed() is true, everything returns its default and
// every loop ends, so that callers test once at the end.
class JsonCursor {
 public:
  explicit JsonCursor(std::string_view text) : text_(text) {}

  // for (cursor.OpenObject(); cursor.NextKey(key);) …read the value…
  void OpenObject() { Open('{'); }
  bool NextKey(std::string_view& key);
  // for (cursor.OpenArray(); cursor.NextItem();) …read the item…
  void OpenArray() { Open('['); }
  bool NextItem() { return More(']'); }

  std::string Text();
  std::int64_t Int();
  bool TakeNull();  // true, and past it, if a null comes next

  void Fail() { failed_ = true; }  // the caller does not know this key or word
  bool failed() const { return failed_; }
  bool AtEnd() const { return !failed_ && at_ == text_.size(); }
  std::size_t position() const { return at_; }

 private:
  void Open(char bracket);
  bool More(char closing);
  bool Expect(char c);
  void AppendEscape(std::string& out);
  std::string_view text_;
  std::size_t at_ = 0;
  bool first_ = false;  // just inside an opening bracket
  bool failed_ = false;
};

}  // namespace dunlin
