// Reads the Prometheus text format strictly.
#pragma once

#include <map>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

namespace dunlin {

struct Exposition {
  std::map<std::string, std::string> types;  // by family
  std::map<std::string, double> samples;     // by name with labels, as written
  std::string wrong;                         // empty: the text is well formed

  explicit Exposition(const std::string& text) {
    if (!text.ends_with('\n')) wrong = "the last line has no end";
    std::istringstream lines(text);
    for (std::string line; wrong.empty() && std::getline(lines, line);) Read(line);
    CheckHistograms();
  }
  double at(const std::string& sample) const {
    const auto found = samples.find(sample);
    if (found == samples.end()) throw std::out_of_range("no sample " + sample);
    return found->second;
  }

 private:
  void Read(const std::string& line) {
    static const std::regex kHelp(R"(# HELP ([a-z_]+) .+)");
    static const std::regex kType(R"(# TYPE ([a-z_]+) (counter|gauge|histogram))");
    static const std::regex kSample(
        R"re(([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?))re");
    std::smatch m;
    if (std::regex_match(line, m, kHelp)) {
      helped_ = m[1];
    } else if (std::regex_match(line, m, kType)) {
      if (m[1] != helped_) wrong = "no HELP before: " + line;
      if (!types.emplace(m[1], m[2]).second) wrong = "twice: " + line;
      family_ = m[1];
      bucket_ = 0;
    } else if (std::regex_match(line, m, kSample)) {
      ReadSample(m[1], m[2], std::stod(m[3]), line);
    } else {
      wrong = "not a line of the format: " + line;
    }
  }

  void ReadSample(const std::string& name, const std::string& labels, double value, const std::string& line) {
    const bool histogram = types[family_] == "histogram";
    const bool fits = histogram ? name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count"
                                : name == family_;
    if (!fits) wrong = "outside its family: " + line;
    if (!samples.emplace(name + labels, value).second) wrong = "twice: " + line;
    if (name != family_ + "_bucket") return;
    if (value < bucket_) wrong = "a bucket below the one before: " + line;
    bucket_ = value;
  }

  void CheckHistograms() {
    for (const auto& [name, type] : types) {
      if (type != "histogram" || !wrong.empty()) continue;
      if (at(name + "_bucket{le=\"+Inf\"}") != at(name + "_count")) wrong = "the last bucket is not the count: " + name;
    }
  }

  std::string helped_, family_;
  double bucket_ = 0;
};

}  // namespace dunlin
