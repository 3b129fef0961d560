#include "state/money.h"

#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace dunlin {
namespace {

// Stripe's zero-decimal currencies (docs.stripe.com/currencies): their minor unit is the whole unit.
constexpr std::array<std::string_view, 16> kWithoutMinorUnit = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga",
                                                                "pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"};

bool HasMinorUnit(std::string_view currency) {
  for (const std::string_view name : kWithoutMinorUnit) {
    if (name == currency) return false;
  }
  return true;
}

}  // namespace

std::string FormatMoney(const Money& money) {
  std::string currency = money.currency;
  for (char& c : currency) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (!HasMinorUnit(money.currency)) return std::to_string(money.minor) + " " + currency;
  const bool negative = money.minor < 0;
  const std::uint64_t size =
      negative ? 0 - static_cast<std::uint64_t>(money.minor) : static_cast<std::uint64_t>(money.minor);
  char out[40];
  const int n = std::snprintf(out, sizeof out, "%s%llu.%02llu ", negative ? "-" : "",
                              static_cast<unsigned long long>(size / 100), static_cast<unsigned long long>(size % 100));
  return std::string(out, static_cast<std::size_t>(n)) + currency;
}

}  // namespace dunlin
