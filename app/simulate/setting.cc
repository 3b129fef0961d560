#include "app/simulate/setting.h"

#include <algorithm>
#include <array>

namespace dunlin::simulate {
namespace {

struct Interval {
  std::string_view name;
  Millis period;
  int periods;  // how many a simulation spans
};
constexpr auto kIntervals =
    std::to_array<Interval>({{"day", Millis{24h}, 6}, {"week", Millis{24h} * 7, 4}, {"month", Millis{24h} * 30, 2}});

struct Schedule {
  std::string_view toml;
  int steps;
};
constexpr auto kSchedules = std::to_array<Schedule>(
    {{R"(["1h", "6h"])", 2}, {R"(["6h", "1d", "1d"])", 3}, {R"(["1d", "3d", "5d", "7d"])", 4}, {R"(["2h"])", 1}});
constexpr auto kCatchUps = std::to_array<Millis>({Millis{24h} * 2, Millis{24h} * 4, Millis{24h} * 7});

template <std::size_t N, class T>
const T& Pick(Chance& chance, const std::array<T, N>& from) {
  return from[chance.Below(N)];
}

}  // namespace

Setting ChooseSetting(std::uint64_t seed) {
  Chance chance(seed, "setting");
  Setting setting;
  const Interval& interval = Pick(chance, kIntervals);
  setting.interval = interval.name;
  setting.period = interval.period;
  setting.length = interval.period * interval.periods + chance.UpTo(interval.period);
  setting.catch_up_every = Pick(chance, kCatchUps);
  setting.thin_events = chance.Roll(0.15);
  setting.all_types = chance.Roll(0.25);
  setting.owner = chance.Roll(0.75) ? "service" : "provider";
  const Schedule& first = Pick(chance, kSchedules);
  const Schedule& next = Pick(chance, kSchedules);
  setting.schedule = first.toml;
  setting.next_schedule = next.toml;
  setting.schedule_steps = std::max(first.steps, next.steps);
  setting.grace = chance.Roll(0.3) ? Millis{2h} : Millis{0};
  setting.exhausted = chance.Roll(0.6) && setting.owner == "service" ? "cancel" : "stay_past_due";
  constexpr auto kProviderEnds =
      std::to_array<sim::Exhausted>({sim::Exhausted::kCancel, sim::Exhausted::kUnpaid, sim::Exhausted::kPastDue});
  setting.provider_exhausted = Pick(chance, kProviderEnds);
  if (chance.Roll(0.4)) setting.card_limit = setting.schedule_steps + 1;
  return setting;
}

std::string PolicyText(const Setting& setting, const Catalog& catalog, int version) {
  std::string text = "version = " + std::to_string(version) + "\n";
  int rank = 0;
  for (const std::string_view plan : kPlans) {
    const std::string amount = std::to_string(1000 * (rank + 1));
    text += "[plan." + std::string(plan) + "]\ntitle = \"" + std::string(plan) +
            "\"\nrank = " + std::to_string(rank + 1) + "\nprice = { amount = " + amount +
            ", currency = \"usd\", per = \"month\" }\ncredits = 100\nstripe_prices = [\"" +
            catalog.prices[static_cast<std::size_t>(rank)] + "\"]\n";
    ++rank;
  }
  text += "[collection.default]\nowner = \"" + setting.owner + "\"\n";
  if (setting.owner == "service")
    text += "retry_after = " + (version == 1 ? setting.schedule : setting.next_schedule) +
            "\nnetwork_limit = { attempts = " + std::to_string(setting.card_limit) + ", per = \"30d\" }\n";
  text +=
      "grace = \"" + std::to_string(setting.grace / Millis{1s}) + "s\"\nexhausted = \"" + setting.exhausted + "\"\n";
  return text;
}

}  // namespace dunlin::simulate
