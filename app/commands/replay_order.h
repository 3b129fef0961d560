// In which order events are sent, and which of them twice.
#pragma once

#include <cstdint>
#include <vector>

namespace dunlin {

struct SendOrder {
  bool shuffle = false;
  std::uint64_t duplicate = 0;  // how many are drawn to be sent once more, later than the first time unless shuffled
  std::uint64_t seed = 1;
};

// The places in a list of `count` events, in the order of sending. The same on every machine for the same seed.
std::vector<std::size_t> OrderToSend(std::size_t count, const SendOrder& order);

}  // namespace dunlin
