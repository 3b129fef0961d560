#include "workflows/providers/hide_words.h"

#include <algorithm>

namespace dunlin {

std::string HideWords(std::string_view text, bool (*is_secret)(std::string_view word)) {
  constexpr std::size_t kBytesMax = 200;
  std::string out;
  while (!text.empty() && out.size() < kBytesMax) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>,;()"), text.size());
    out += is_secret(text.substr(0, end)) ? std::string_view("[hidden]") : text.substr(0, end);
    if (end == text.size()) break;
    out += static_cast<unsigned char>(text[end]) < 0x20 ? ' ' : text[end];
    text.remove_prefix(end + 1);
  }
  if (out.size() > kBytesMax) out.resize(kBytesMax);
  return out;
}

}  // namespace dunlin
