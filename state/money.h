// Money is integer minor units (cents) with a currency; never a floating-point number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace dunlin {

struct Money {
  std::int64_t minor = 0;  // cents for usd; whole yen for jpy
  std::string currency;    // ISO 4217, lower case as the providers write it: "usd"; empty when unknown
  auto operator<=>(const Money&) const = default;
};

// "40.00 USD", "4000 JPY" (currencies without minor units are known by name).
std::string FormatMoney(const Money& money);

}  // namespace dunlin
