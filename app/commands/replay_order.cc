#include "app/commands/replay_order.h"

#include <numeric>
#include <random>
#include <utility>

namespace dunlin {
namespace {

// std::shuffle and the standard distributions differ between libraries; the generator itself does not. The bias of the
// remainder is of no matter here.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : generator_(seed) {}
  std::size_t Below(std::size_t end) { return static_cast<std::size_t>(generator_() % end); }

 private:
  std::mt19937_64 generator_;
};

}  // namespace

std::vector<std::size_t> OrderToSend(std::size_t count, const SendOrder& order) {
  std::vector<std::size_t> places(count);
  std::iota(places.begin(), places.end(), std::size_t{0});
  if (count == 0) return places;
  Dice dice(order.seed);
  places.reserve(count + order.duplicate);
  for (std::uint64_t i = 0; i < order.duplicate; ++i) {
    const std::size_t first = dice.Below(places.size());
    const std::size_t again = first + 1 + dice.Below(places.size() - first);
    const std::size_t place = places[first];
    places.insert(places.begin() + static_cast<std::ptrdiff_t>(again), place);
  }
  if (!order.shuffle) return places;
  for (std::size_t left = places.size(); left > 1; --left) std::swap(places[left - 1], places[dice.Below(left)]);
  return places;
}

}  // namespace dunlin
