#include "app/config_source.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace dunlin {
namespace {

std::string VariableOf(std::string_view key) {
  std::string name = "DUNLIN_";
  for (const char c : key) {
    if (c == '.') {
      name += '_';
    } else {
      name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return name;
}

std::optional<std::int64_t> WholeNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string Quoted(std::initializer_list<std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  return text;
}

}  // namespace

std::optional<std::string> ConfigSource::FromEnvironment(std::string_view key) {
  const char* value = std::getenv(VariableOf(key).c_str());
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

const toml::node* ConfigSource::Find(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos) return table_.get(key);
  const toml::table* section = table_.get_as<toml::table>(key.substr(0, dot));
  return section == nullptr ? nullptr : section->get(key.substr(dot + 1));
}

void ConfigSource::RefuseAt(int line, std::string text) { mistakes_.push_back({line, std::move(text)}); }

void ConfigSource::Refuse(std::string_view key, std::string_view why) {
  const toml::node* node = Find(key);
  if (FromEnvironment(key) || node == nullptr) return RefuseAt(0, VariableOf(key) + ": " + std::string(why));
  RefuseAt(LineOf(*node), std::string(key) + ": " + std::string(why));
}

void ConfigSource::Text(std::string_view key, std::string& to) {
  const toml::node* node = Find(key);
  if (auto text = FromEnvironment(key)) {
    to = std::move(*text);
  } else if (node != nullptr) {
    const auto value = node->value_exact<std::string>();
    if (!value) return Refuse(key, "must be text in quotes");
    to = *value;
  }
}

void ConfigSource::Word(std::string_view key, std::initializer_list<std::string_view> words, std::string& to) {
  std::string given = to;
  Text(key, given);
  if (std::find(words.begin(), words.end(), given) == words.end())
    return Refuse(key, "must be one of " + Quoted(words));
  to = std::move(given);
}

void ConfigSource::Url(std::string_view key, std::initializer_list<std::string_view> starts, std::string& to) {
  std::string given = to;
  Text(key, given);
  const bool known = given == to || std::any_of(starts.begin(), starts.end(), [&](std::string_view start) {
                       return given.starts_with(start) && given.size() > start.size();
                     });
  if (!known) return Refuse(key, "must begin with one of " + Quoted(starts) + " and go on from there");
  to = std::move(given);
}

std::optional<std::int64_t> ConfigSource::ReadNumber(std::string_view key, std::int64_t min, std::int64_t max) {
  const toml::node* node = Find(key);
  std::optional<std::int64_t> number;
  if (const auto text = FromEnvironment(key)) {
    number = WholeNumber(*text);
  } else if (node != nullptr) {
    number = node->value_exact<std::int64_t>();
  } else {
    return std::nullopt;
  }
  const std::string range = "from " + std::to_string(min) + " to " + std::to_string(max);
  if (!number || *number < min || *number > max) {
    Refuse(key, "must be a whole number " + range);
    return std::nullopt;
  }
  return number;
}

void ConfigSource::Flag(std::string_view key, bool& to) {
  const toml::node* node = Find(key);
  if (const auto text = FromEnvironment(key)) {
    if (*text != "true" && *text != "false") return Refuse(key, "must be true or false");
    to = *text == "true";
  } else if (node != nullptr) {
    const auto flag = node->value_exact<bool>();
    if (!flag) return Refuse(key, "must be true or false, without quotes");
    to = *flag;
  }
}

void ConfigSource::Length(std::string_view key, Seconds& to) {
  const toml::node* node = Find(key);
  std::optional<std::string> text = FromEnvironment(key);
  if (!text && node == nullptr) return;
  if (!text) {
    text = node->value_exact<std::string>();
    if (const auto number = node->value_exact<std::int64_t>()) text = std::to_string(*number);
  }
  if (!text) return Refuse(key, "must be a number of seconds or a length of time such as \"5m\"");
  const bool bare = WholeNumber(*text).has_value();
  const Result<Millis> length = ParseDuration(bare ? *text + "s" : *text);
  if (!length) return Refuse(key, length.error().detail);
  if (*length % Seconds{1} != Millis{0}) return Refuse(key, "must be whole seconds");
  to = std::chrono::duration_cast<Seconds>(*length);
}

std::vector<std::string> ConfigSource::ListAt(const toml::node& node, std::string_view key) {
  if (const auto text = node.value_exact<std::string>()) return {*text};
  std::vector<std::string> values;
  const toml::array* array = node.as_array();
  bool texts = array != nullptr;
  for (std::size_t i = 0; texts && i < array->size(); ++i) {
    const auto text = (*array)[i].value_exact<std::string>();
    texts = text.has_value();
    if (texts) values.push_back(*text);
  }
  if (!texts) RefuseAt(LineOf(node), std::string(key) + ": must be text in quotes, or a list of such in [ ]");
  return values;
}

void ConfigSource::List(std::string_view key, std::vector<std::string>& to) {
  const toml::node* node = Find(key);
  if (const auto text = FromEnvironment(key)) {
    to = SplitAtCommas(*text);
  } else if (node != nullptr) {
    to = ListAt(*node, key);
  }
}

std::vector<std::string> ConfigSource::ReadSecretsFile(std::string_view key, const std::string& path) {
  std::vector<std::string> secrets;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) secrets.push_back(line);  // spaces stay: CheckForServing names them
  }
  if (in.bad() || !in.eof()) {
    Refuse(key, "the file " + path + " cannot be read; check that it exists and who may read it");
  } else if (secrets.empty()) {
    Refuse(key, "the file " + path + " holds nothing; put one secret on each line");
  }
  return secrets;
}

void ConfigSource::Secrets(std::string_view key, std::vector<std::string>& to, std::string& to_file) {
  const std::string file_key = std::string(key) + "_file";
  const toml::node* node = Find(key);
  const toml::node* file_node = Find(file_key);
  const auto from_environment = FromEnvironment(key);
  const auto file_from_environment = FromEnvironment(file_key);
  if (from_environment && file_from_environment) {
    return RefuseAt(0, VariableOf(key) + ": set either it or " + VariableOf(file_key) + ", not both");
  }
  if (from_environment) {
    to = SplitAtCommas(*from_environment);
    return;
  }
  if (node != nullptr && file_node != nullptr) {
    return RefuseAt(LineOf(*file_node), file_key + ": give either it or " + std::string(key) + ", not both");
  }
  Text(file_key, to_file);
  if (!to_file.empty()) {
    to = ReadSecretsFile(file_key, to_file);
  } else if (node != nullptr) {
    to = ListAt(*node, key);
  }
}

void ConfigSource::RefuseUnknownKeys() {
  const auto knows = [&](const std::string& key) {
    return std::find(known_.begin(), known_.end(), key) != known_.end();
  };
  const auto is_section = [&](const std::string& key) {
    return std::any_of(known_.begin(), known_.end(), [&](const std::string& k) { return k.starts_with(key + "."); });
  };
  const auto refuse = [&](const toml::key& key, const std::string& name) {
    RefuseAt(static_cast<int>(key.source().begin.line), name + ": unknown key; docs/cli.md lists those there are");
  };
  for (const auto& [key, node] : table_) {
    const std::string name(key.str());
    const toml::table* section = node.as_table();
    if (section == nullptr || !is_section(name)) {
      if (is_section(name))
        RefuseAt(LineOf(node), name + ": must be a section, [" + name + "]");
      else if (!knows(name))
        refuse(key, name);
      continue;
    }
    for (const auto& [inner, value] : *section) {
      const std::string full = name + "." + std::string(inner.str());
      if (!knows(full)) refuse(inner, full);
    }
  }
}

std::vector<std::string> ConfigSource::UnknownVariables() const {
  std::vector<std::string> unknown;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    const std::string name(line.substr(0, line.find('=')));
    const auto is_it = [&](const std::string& key) { return VariableOf(key) == name; };
    if (name.starts_with(VariableOf("")) && std::none_of(known_.begin(), known_.end(), is_it)) unknown.push_back(name);
  }
  return unknown;
}

std::string ConfigSource::Mistakes() const {
  std::vector<Mistake> sorted = mistakes_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Mistake& a, const Mistake& b) {
    return (a.line == 0) != (b.line == 0) ? b.line == 0 : a.line < b.line;
  });
  std::string text;
  for (const Mistake& mistake : sorted) {
    if (!text.empty()) text += '\n';
    if (mistake.line > 0) text += file_ + ":" + std::to_string(mistake.line) + ": ";
    text += mistake.text;
  }
  return text;
}

}  // namespace dunlin
