#include "workflows/simulate/world.h"

#include <utility>

namespace dunlin::simulate {

void Trace::Add(Timestamp at, std::string text) {
  const auto mix = [this](unsigned char byte) { fingerprint_ = (fingerprint_ ^ byte) * 0x100000001b3ULL; };  // FNV-1a
  for (std::int64_t ms = ToUnixMillis(at); ms != 0; ms /= 256) mix(static_cast<unsigned char>(ms & 0xff));
  for (const char c : text) mix(static_cast<unsigned char>(c));
  if (keep_) lines_.push_back(FormatRfc3339(at) + "  " + std::move(text));
}

}  // namespace dunlin::simulate
