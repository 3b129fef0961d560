#include "webhooks/http/form.h"

#include <charconv>

namespace dunlin {
namespace {

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> FormValues(std::string_view body, std::string_view name) {
  std::vector<std::string> values;
  while (!body.empty()) {
    const std::string_view field = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(field.size() + 1, body.size()));
    const std::size_t equals = std::min(field.find('='), field.size());
    if (Decoded(field.substr(0, equals)) != name) continue;
    values.push_back(Decoded(field.substr(std::min(equals + 1, field.size()))));
  }
  return values;
}

}  // namespace dunlin
