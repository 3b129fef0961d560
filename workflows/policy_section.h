// Reading one table of the policy's TOML. Only policy_read.cc includes this: toml++ is slow to compile.
#pragma once

#include <toml++/toml.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "state/time.h"
#include "workflows/policy_check.h"

namespace dunlin {

inline int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// One table of the file. Reading a key that is missing gives nothing; reading a wrong one refuses it, and gives
// nothing.
class Section {
 public:
  // `in_key` is set for an inline table: `price = { amount = … }` is named "price.amount" of its section.
  Section(const toml::table& table, std::string name, PolicyNotes& notes, std::string in_key = "")
      : table_(table), name_(std::move(name)), prefix_(in_key.empty() ? "" : in_key + "."), notes_(notes) {
    if (in_key.empty()) notes_.Wrote(name_, "", LineOf(table));
    for (const auto& [key, node] : table) {
      notes_.Wrote(name_, prefix_ + std::string(key.str()), static_cast<int>(key.source().begin.line));
    }
  }

  const std::string& name() const { return name_; }
  const toml::table& table() const { return table_; }
  PolicyNotes& notes() const { return notes_; }
  std::string Key(std::string_view key) const { return prefix_ + std::string(key); }
  void Refuse(std::string_view key, std::string why) const { notes_.Refuse(name_, Key(key), std::move(why)); }

  void AllowOnly(std::initializer_list<std::string_view> keys) const {
    std::string known;
    for (const std::string_view key : keys) known += (known.empty() ? "" : ", ") + std::string(key);
    for (const auto& [key, node] : table_) {
      if (std::find(keys.begin(), keys.end(), key.str()) == keys.end()) {
        Refuse(key.str(), "unknown key; the keys here are " + known);
      }
    }
  }
  void Require(std::initializer_list<std::string_view> keys) const {
    for (const std::string_view key : keys) {
      if (table_.get(key) == nullptr) notes_.RefuseAt(WhereMissing(), name_, Key(key), "missing");
    }
  }

  void Read(std::string_view key, std::string& to) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const auto text = node->value_exact<std::string>();
    if (!text) return Refuse(key, "must be text in quotes");
    if (text->empty()) return Refuse(key, "must not be empty");
    to = *text;
  }
  void Read(std::string_view key, bool& to) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const auto flag = node->value_exact<bool>();
    if (!flag) return Refuse(key, "must be true or false");
    to = *flag;
  }
  template <class Integer>
  void Read(std::string_view key, Integer& to, std::int64_t min, std::int64_t max) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const auto number = node->value_exact<std::int64_t>();
    if (!number) return Refuse(key, "must be a whole number");
    if (*number < min)
      return Refuse(key, "must be at least " + std::to_string(min) + ", not " + std::to_string(*number));
    if (*number > max)
      return Refuse(key, "must be at most " + std::to_string(max) + ", not " + std::to_string(*number));
    to = static_cast<Integer>(*number);
  }
  void Read(std::string_view key, Millis& to) const {
    if (const toml::node* node = table_.get(key); node != nullptr) {
      if (const auto length = ToDuration(*node, key)) to = *length;
    }
  }
  // `word` gives the value of a word, or nothing.
  template <class Value>
  void ReadWord(std::string_view key, std::initializer_list<std::pair<std::string_view, Value>> words,
                Value& to) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    std::string known;
    const std::string given = node->value_exact<std::string>().value_or("");
    for (const auto& [word, value] : words) {
      if (given == word) {
        to = value;
        return;
      }
      known += (known.empty() ? "\"" : ", \"") + std::string(word) + "\"";
    }
    Refuse(key, "must be one of " + known);
  }
  // Calls `each` with every element and its name, "retry_after[0]". False: it is no list.
  bool ForEach(std::string_view key, const std::function<void(const toml::node&, const std::string&)>& each) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return true;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      Refuse(key, "must be a list in [ ]");
      return false;
    }
    for (std::size_t i = 0; i < array->size(); ++i) {
      const std::string name = std::string(key) + "[" + std::to_string(i) + "]";
      notes_.Wrote(name_, Key(name), LineOf((*array)[i]));
      each((*array)[i], name);
    }
    return true;
  }
  // The table of that key, or nullptr; what is there and no table is refused.
  const toml::table* Table(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return nullptr;
    if (node->as_table() == nullptr) Refuse(key, "must be a table");
    return node->as_table();
  }

  std::optional<Millis> ToDuration(const toml::node& node, std::string_view key) const {
    const auto text = node.value_exact<std::string>();
    if (!text) {
      Refuse(key, "must be a length of time in quotes, as \"3d\"");
      return std::nullopt;
    }
    const Result<Millis> length = ParseDuration(*text);
    if (!length) Refuse(key, length.error().detail);
    return length ? std::optional(*length) : std::nullopt;
  }

 private:
  int WhereMissing() const {
    return prefix_.empty() ? notes_.LineOf(name_, "") : notes_.LineOf(name_, prefix_.substr(0, prefix_.size() - 1));
  }

  const toml::table& table_;
  std::string name_;
  std::string prefix_;
  PolicyNotes& notes_;
};

}  // namespace dunlin
