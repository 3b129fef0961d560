// Where a configuration's values come from: the TOML file and the environment behind one face. Only config.cc and
// config_source.cc include this: toml++ is slow to compile.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "state/time.h"

namespace dunlin {

// Reads each key from both places, the environment winning, and collects everything that is wrong. A message names
// where a value stands and never quotes it when it is a secret (I10).
class ConfigSource {
 public:
  // `file` names the table in messages. An environment variable that is set but empty counts as not set.
  ConfigSource(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  // `key` is "listen" or "stripe.api_base"; its variable is DUNLIN_LISTEN, DUNLIN_STRIPE_API_BASE. A value that is
  // absent leaves `to` as it is, and so does a wrong one.
  void Text(std::string_view key, std::string& to);
  // Checks too: one of `words`.
  void Word(std::string_view key, std::initializer_list<std::string_view> words, std::string& to);
  // A text that must begin with one of `starts`.
  void Url(std::string_view key, std::initializer_list<std::string_view> starts, std::string& to);
  template <class Integer>
  void Number(std::string_view key, std::int64_t min, std::int64_t max, Integer& to) {
    if (const auto number = ReadNumber(key, min, max)) to = static_cast<Integer>(*number);
  }
  void Flag(std::string_view key, bool& to);
  // A number of seconds, or a text such as "5m".
  void Length(std::string_view key, Seconds& to);
  // One or more texts; in the variable separated by commas.
  void List(std::string_view key, std::vector<std::string>& to);
  // One or more secrets: from `key`, or from the file that `key`_file names, one a line. The environment's wins over
  // the file's as a whole; both of one place is a mistake.
  void Secrets(std::string_view key, std::vector<std::string>& to, std::string& to_file);

  void Refuse(std::string_view key, std::string_view why);  // at the place where the key's value stands
  void RefuseAt(int line, std::string text);
  // Keys of the table that nobody has asked for are mistakes too. Call it last.
  void RefuseUnknownKeys();

  // Variables that are named like ours and that nobody has asked for. They are no mistake: an orchestrator makes some
  // up for a service of that name. Call it last.
  std::vector<std::string> UnknownVariables() const;

  // One line for each mistake: those of the file in its order, then those of the environment. Empty: there is none.
  std::string Mistakes() const;

 private:
  struct Mistake {
    int line = 0;  // 0: the environment
    std::string text;
  };

  static std::optional<std::string> FromEnvironment(std::string_view key);
  const toml::node* Find(std::string_view key);
  std::optional<std::int64_t> ReadNumber(std::string_view key, std::int64_t min, std::int64_t max);
  std::vector<std::string> ListAt(const toml::node& node, std::string_view key);
  std::vector<std::string> ReadSecretsFile(std::string_view key, const std::string& path);

  const toml::table& table_;
  const std::string file_;
  std::vector<std::string> known_;
  std::vector<Mistake> mistakes_;
};

}  // namespace dunlin
