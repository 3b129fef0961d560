#include "app/commands/input.h"

#include <cerrno>
#include <charconv>
#include <fstream>
#include <iostream>
#include <system_error>

namespace dunlin {

Result<std::string> ReadInput(const std::string& path) {
  std::ifstream file;
  errno = 0;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  std::string content;
  // read() and not the stream's buffer: opening a folder succeeds, and reading it through the buffer throws.
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) content.append(block, static_cast<std::size_t>(in.gcount()));
  if (in.eof() && !in.bad()) return content;
  const std::string why = errno != 0 ? std::generic_category().message(errno) : "it cannot be read";
  return Fail(Errc::kNotFound, path + ": " + why);
}

Result<std::int64_t> ParseWholeNumber(std::string_view option, std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return number;
  return Fail(Errc::kInvalidArgument, std::string(option) + " takes a whole number, not \"" + std::string(text) + "\"");
}

}  // namespace dunlin
