#include "app/random_hex.h"

#include <openssl/rand.h>

#include <array>

#include "app/sha256.h"
#include "state/check.h"

namespace dunlin {

std::string RandomHex(std::size_t size) {
  std::array<unsigned char, 32> bytes{};
  DUNLIN_CHECK(size <= bytes.size());
  DUNLIN_CHECK(RAND_bytes(bytes.data(), static_cast<int>(size)) == 1);
  return HexOf({reinterpret_cast<const char*>(bytes.data()), size});
}

}  // namespace dunlin
