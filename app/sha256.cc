#include "app/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "state/check.h"

namespace dunlin {

std::string HexOf(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Hex(std::string_view bytes) {
  std::array<unsigned char, 32> hash{};
  unsigned int size = 0;
  DUNLIN_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, EVP_sha256(), nullptr) == 1);
  return HexOf({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace dunlin
