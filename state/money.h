// Money is integer minor units (cents) with a currency; never a floating-point number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "state/result.h"

namespace dunlin {

struct Money {
  std::int64_t minor = 0;  // cents for usd; whole yen for jpy
  std::string currency;    // ISO 4217, lower case as the providers write it: "usd"; empty when unknown
  auto operator<=>(const Money&) const = default;
};

// "40.00 USD", "4000 JPY" (currencies without minor units are known by name).
std::string FormatMoney(const Money& money);

// An amount as decimal text, "-100.00" or "12", in a currency of three letters in either case. Errors:
// kInvalidArgument (not such a number, a fraction of a minor unit, more than 10^15 minor units, not such a currency).
Result<Money> ParseMoney(std::string_view amount, std::string_view currency);

}  // namespace dunlin
